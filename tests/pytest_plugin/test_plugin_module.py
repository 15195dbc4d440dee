"""`assistants_emulator_module`: objects that are made once for a module's tests."""

from __future__ import annotations

import pytest
from plugin_helpers import RunTests

SEEDED = """
    import openai

    made = []

    @pytest.fixture(scope="module")
    def assistant(assistants_emulator_module):
        made.append(1)
        with openai.OpenAI() as client:
            return client.beta.assistants.create(model="gpt-4o", instructions="Hi", name="Desk").id

    @pytest.mark.parametrize("again", [1, 2])
    def test_it(assistant, assistants_emulator, openai_client, again):
        assert openai_client.beta.assistants.retrieve(assistant).name == "Desk"
        openai_client.beta.assistants.update(assistant, name="Other")
        assert len(openai_client.beta.assistants.list().data) == 1
        assert made == [1]
"""


@pytest.mark.parametrize("environment", ["test", "session"])
def test_each_test_starts_from_a_copy_of_the_modules_objects(run_tests: RunTests, environment: str) -> None:
    run_tests(SEEDED, ini=f"assistants_environment = {environment}").assert_outcomes(passed=2)


def test_the_handle_of_the_module_seeds_too_and_a_file_comes_along(run_tests: RunTests) -> None:
    result = run_tests("""
        @pytest.fixture(scope="module", autouse=True)
        def handbook(assistants_emulator_module):
            file = assistants_emulator_module.add_file(b"Parcels at noon", filename="a.txt")
            assistants_emulator_module.add_vector_store("vs_x", files=[file["id"]])

        def test_it(openai_client):
            assert openai_client.vector_stores.search("vs_x", query="parcels").data[0].filename == "a.txt"
    """)
    result.assert_outcomes(passed=1)


def test_a_responder_that_raises_while_objects_are_made_is_an_error(run_tests: RunTests) -> None:
    result = run_tests("""
        @pytest.fixture(scope="module")
        def desk(assistants_emulator_module):
            assistants_emulator_module.respond(lambda: 1 / 0)
            with assistants_emulator_module.client() as client:
                ask(client)

        @pytest.mark.filterwarnings("ignore")
        def test_it(desk):
            pass
    """)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E*ZeroDivisionError*"])
