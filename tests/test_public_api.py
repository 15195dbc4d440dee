"""The names that users import: what they say before the server runs, to a misspelt option, in `help()` and to mypy."""

from __future__ import annotations

import importlib.util
import inspect
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import assistants_emulator
from assistants_emulator import Emulator
from assistants_emulator.config import Config
from assistants_emulator.errors import EmulatorError, StoppedError
from assistants_emulator.sweep import Variant

CALLS: dict[str, Callable[[Emulator], object]] = {
    "base_url": lambda emulator: emulator.base_url,
    "inspector_url": lambda emulator: emulator.inspector_url,
    "clock": lambda emulator: emulator.clock.now(),
    "faults": lambda emulator: emulator.faults.add("POST /threads", status=500),
    "requests": lambda emulator: emulator.requests,
    "failures": lambda emulator: emulator.failures,
    "unmatched": lambda emulator: emulator.unmatched,
    "rule_verdicts": lambda emulator: emulator.rule_verdicts(),
    "leftovers": lambda emulator: emulator.leftovers(),
    "configure": lambda emulator: emulator.configure(seed="1"),
    "in_process": lambda emulator: emulator.in_process,
    "inspector_link": lambda emulator: emulator.inspector_link,
    "client": lambda emulator: emulator.client(),
    "async_client": lambda emulator: emulator.async_client(),
    "environment": lambda emulator: emulator.environment().__enter__(),
    "respond": lambda emulator: emulator.respond("Hi."),
    "load_script": lambda emulator: emulator.load_script({"version": 1, "replies": []}),
    "state": lambda emulator: emulator.state(),
    "load_state": lambda emulator: emulator.load_state({}),
    "add_assistant": lambda emulator: emulator.add_assistant("asst_x"),
    "add_thread": lambda emulator: emulator.add_thread("thread_x"),
    "add_vector_store": lambda emulator: emulator.add_vector_store("vs_x"),
    "add_file": lambda emulator: emulator.add_file(b"text", id="file-x"),
    "resume": lambda emulator: emulator.resume("run_1"),
    "transcript": lambda emulator: emulator.transcript("thread_1"),
    "transcripts": lambda emulator: emulator.transcripts(1),
    "variants": lambda emulator: emulator.variants(),
    "vary": lambda emulator: emulator.vary(Variant("POST /threads", 1, "429")),
    "variant_met": lambda emulator: emulator.variant_met,
    "reset": lambda emulator: emulator.reset(),
    "project": lambda emulator: emulator.project("other"),
    "token": lambda emulator: emulator.token,
    "projects": lambda emulator: emulator.projects(),
    "open_project": lambda emulator: emulator.open_project("other"),
    "replace_script": lambda emulator: emulator.replace_script({"version": 1, "replies": []}),
    "close_project": lambda emulator: emulator.close_project("other"),
}
NEED_NO_SERVER = {"api_key", "config", "left_behind", "name", "repaired", "start", "stop", "token"}


@pytest.mark.parametrize("name", CALLS)
def test_an_emulator_that_was_not_started_says_how_to_start_it(name: str) -> None:
    with pytest.raises(StoppedError, match=r"not running; use it in a `with` block, or call start\(\)"):
        CALLS[name](Emulator())


def test_every_public_member_of_an_emulator_says_so() -> None:
    members = {name for name in (*dir(Emulator), *vars(Emulator())) if not name.startswith("_")}
    assert members == {*CALLS, *NEED_NO_SERVER}


def test_a_stopped_emulator_says_the_same_and_can_be_started_again() -> None:
    with Emulator() as emulator:
        other = emulator.project("other")
    for handle in (emulator, other):
        with pytest.raises(StoppedError):
            handle.client()
    with emulator:
        assert list(other.requests) == list(emulator.requests) == []


@pytest.mark.parametrize("key", ["sk-mine", "sk-emulator-default"])
def test_a_client_of_an_emulator_that_accepts_one_key_has_that_key(key: str) -> None:
    with Emulator(api_key=key) as emulator, emulator.client() as client:
        assert client.beta.threads.create().object == "thread"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda emulator: Emulator(clok="manual"), "Emulator() has no option 'clok'; did you mean 'clock'?"),
        (lambda emulator: emulator.respond("Hi.", time=1), "respond() has no option 'time'; did you mean 'times'?"),
        (
            lambda emulator: emulator.client(max_retry=1),
            "client() has no option 'max_retry'; did you mean 'max_retries'?",
        ),
        (
            lambda emulator: emulator.async_client(base_ulr="x"),
            "async_client() has no option 'base_ulr'; did you mean 'base_url'?",
        ),
        (
            lambda emulator: emulator.faults.add("POST /files", state=1),
            "add() has no option 'state'; did you mean 'status'?",
        ),
    ],
)
def test_a_misspelt_option_is_one_sentence_with_the_right_one(
    emulator: Emulator, call: Callable[[Emulator], object], message: str
) -> None:
    with pytest.raises(TypeError) as caught:
        call(emulator)
    assert str(caught.value) == message


def test_an_option_like_no_other_is_answered_with_all(emulator: Emulator) -> None:
    with pytest.raises(TypeError, match="has no option 'xyz'; there are reply, when, assistant, times, live"):
        emulator.respond("Hi.", xyz=1)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clock": "fast"}, "clock is 'system' or 'manual', not 'fast'"),
        ({"fidelity": "high"}, "fidelity is 'wire' or 'spec', not 'high'"),
        ({"v1": "no"}, "v1 is 'serve' or 'sunset', not 'no'"),
        ({"transport": "pigeon"}, "transport is 'socket' or 'inprocess', not 'pigeon'"),
    ],
)
def test_a_value_that_no_option_has_is_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EmulatorError, match=f"^{message}$"):
        Emulator(**options)


def test_the_emulators_options_are_those_of_its_configuration_with_the_same_defaults() -> None:
    parameters = inspect.signature(Emulator).parameters
    assert {name: parameters[name].default for name in Config.__dataclass_fields__} == {
        name: field.default for name, field in Config.__dataclass_fields__.items()
    }


@pytest.mark.parametrize("name", assistants_emulator.__all__)
def test_help_shows_no_object_by_its_address(name: str) -> None:
    assert " object at 0x" not in pydoc.render_doc(getattr(assistants_emulator, name))


def test_the_package_lists_its_public_names() -> None:
    assert set(dir(assistants_emulator)) == {*assistants_emulator.__all__, "__version__"}


USER_CODE = """
import openai
from assistants_emulator import Emulator, FunctionCall, ProjectHandle, Replies, Reply, Responder, Text, Turn


def answer(turn: Turn) -> Replies:
    outputs = yield FunctionCall("get_weather", {"city": "Oslo"})
    yield Text(f"You said {turn.last_message}, and it is {outputs[0]}")


def farewell() -> Reply:
    return Text("Bye.")


def use(project: ProjectHandle) -> None:
    project.respond("Hi.", when="hello", times=1)
    project.respond([FunctionCall("get_weather", {"city": "Oslo"}), Text("Sunny.")])
    responders: list[Responder] = [answer, farewell, "Hi."]
    for responder in responders:
        project.respond(responder)

    @project.respond(when=lambda turn: "city" in (turn.instructions or ""))
    def by_decorator(turn: Turn) -> str:
        return "Hi."

    client: openai.OpenAI = project.client(max_retries=0)
    async_client: openai.AsyncOpenAI = project.async_client(timeout=5)
    called: str = by_decorator(project)  # error: arg-type
    project.respond(4)  # error: call-overload
    project.respond("Hi.", time=2)  # error: call-overload
    project.client(max_retry=0)  # error: call-arg
    project.faults.add("POST /threads", status="429")  # error: arg-type


with Emulator(clock="manual", models=("gpt-4o",)) as emulator:
    use(emulator)
    use(emulator.project("other"))
Emulator(clok="manual")  # error: call-arg
Emulator(clock="fast")  # error: arg-type
"""
MYPY_INI = """
[mypy]
strict = true
follow_imports = skip
[mypy-assistants_emulator.*]
follow_imports = silent
[mypy-openai]
follow_imports = silent
"""


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="needs mypy, of the extra test")
def test_a_type_checker_finds_the_wrong_calls_of_a_user_and_no_other(tmp_path: Path) -> None:
    """Only our package is followed, and a stub in openai's place: all of its types would take half a minute."""
    user_file, stub = tmp_path / "user.py", tmp_path / "openai.pyi"
    user_file.write_text(USER_CODE)
    stub.write_text("class OpenAI: ...\nclass AsyncOpenAI: ...\n")
    (tmp_path / "mypy.ini").write_text(MYPY_INI)
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--no-error-summary", "user.py"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    found = {(int(line), code) for line, code in re.findall(r"^user.py:(\d+): error: .*\[([\w-]+)\]$", printed, re.M)}
    wanted = {
        (number, line.rpartition("# error: ")[2])
        for number, line in enumerate(USER_CODE.splitlines(), 1)
        if "# error: " in line
    }
    assert found == wanted, printed
