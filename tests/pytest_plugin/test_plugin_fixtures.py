"""A project for each test: fresh, deterministic, with clients pointed at it."""

from __future__ import annotations

import os

import openai
import pytest
from plugin_helpers import RunTests, ask

from assistants_emulator import ProjectHandle, Text, Wait

RECORD = """
    from pathlib import Path

    def test_recorded(assistants_emulator, openai_client):
        assistants_emulator.respond("hi")
        run = ask(openai_client)
        bodies = openai_client.beta.threads.messages.with_raw_response.list(run.thread_id).text
        with Path("record.txt").open("a") as record:
            record.write(run.to_json() + bodies + assistants_emulator.transcript(run.thread_id))
"""


def test_the_same_test_gives_the_same_bytes_in_every_session(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    record = pytester.path / "record.txt"
    run_tests(RECORD).assert_outcomes(passed=1)
    first = record.read_bytes()
    run_tests(RECORD).assert_outcomes(passed=1)
    assert b"thread_" in first
    assert record.read_bytes() == first + first


def test_a_test_does_not_see_the_thread_of_another(run_tests: RunTests) -> None:
    result = run_tests("""
        import openai
        threads = []

        def test_one(openai_client):
            threads.append(openai_client.beta.threads.create().id)

        def test_two(openai_client):
            with pytest.raises(openai.NotFoundError):
                openai_client.beta.threads.retrieve(threads[0])
    """)
    result.assert_outcomes(passed=2)


def test_a_test_that_is_run_again_in_one_session_finds_an_empty_project(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_again(openai_client, request):
            assert len(openai_client.beta.assistants.list().data) == 0
            openai_client.beta.assistants.create(model="gpt-4o")
    """, "test_inner.py", "test_inner.py", "--keep-duplicates")  # fmt: skip
    result.assert_outcomes(passed=2)


def test_code_under_test_needs_no_configuration(assistants_emulator: ProjectHandle) -> None:
    assert os.environ["OPENAI_BASE_URL"] == assistants_emulator.base_url
    with openai.OpenAI() as client:
        client.beta.threads.create()
    assert [str(call) for call in assistants_emulator.requests] == ["POST /v1/threads 200"]


def test_code_under_test_for_azure_needs_no_configuration(assistants_emulator: ProjectHandle) -> None:
    with openai.AzureOpenAI() as client:
        client.beta.threads.create()
    (call,) = assistants_emulator.requests
    assert str(call) == "POST /openai/threads?api-version=2025-03-01-preview 200"


def test_the_sdks_module_level_client_needs_no_configuration(run_tests: RunTests) -> None:
    result = run_tests("""
        import openai

        def test_it(assistants_emulator, monkeypatch):
            monkeypatch.setattr(openai, "_client", None, raising=False)
            openai.beta.threads.create()
            openai._client.close()
            assert [str(call) for call in assistants_emulator.requests] == ["POST /v1/threads 200"]
    """)
    result.assert_outcomes(passed=1)


def test_the_environment_is_as_before_after_a_test(run_tests: RunTests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    run_tests("def test_it(assistants_emulator): pass").assert_outcomes(passed=1)
    assert os.environ["OPENAI_API_KEY"] == "mine"
    assert "OPENAI_BASE_URL" not in os.environ


def test_a_proxy_does_not_come_between(run_tests: RunTests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    result = run_tests("""
        import openai

        def test_it(assistants_emulator):
            with openai.OpenAI() as client:
                client.beta.threads.create()
    """)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["a b", "é", "x\ny", "[#%]", "w" * 5_000], ids=lambda value: value)
def test_any_node_id_makes_a_key(openai_client: openai.OpenAI, value: str) -> None:
    assert openai_client.beta.threads.create().id.startswith("thread_")
    assert openai_client.api_key.isascii()
    assert len(openai_client.api_key) < 300


def test_time_stands_still_but_for_a_wait(assistants_emulator: ProjectHandle, openai_client: openai.OpenAI) -> None:
    assistants_emulator.respond([Wait(60), Text("done")])
    started = assistants_emulator.clock.now()
    run = ask(openai_client)
    assert run.created_at == started == 1735689600
    assert run.completed_at == assistants_emulator.clock.now() == started + 60


def test_a_reset_in_a_test_leaves_it_deterministic(
    assistants_emulator: ProjectHandle, openai_client: openai.OpenAI
) -> None:
    first = openai_client.beta.threads.create()
    assistants_emulator.reset()
    assert openai_client.beta.threads.create() == first
