"""Annotations of responders, as the type checker of a user sees them."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
from assistants_emulator import FunctionCall, ProjectHandle, Replies, Reply, Responder, Text, Turn, Wait

def weather(turn: Turn) -> Replies:
    (output,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
    oslo, rome = yield [FunctionCall("get_weather"), FunctionCall("get_weather")]
    yield Text(output + oslo + rome)

def greet() -> Reply:
    return Text("Hello")

def register(project: ProjectHandle, responder: Responder) -> None:
    project.respond(responder)
    project.respond(weather, times=1)
    project.respond(greet)
    project.respond(["a", Wait(1), [FunctionCall("f"), FunctionCall("g")]])
    project.respond(lambda turn: "a")
    project.respond(4)  # error
    project.respond(None)  # error
    project.respond({"text": "a"})  # error
    project.respond(["a", 4])  # error

    @project.respond(when="hello")
    def hello(turn: Turn) -> Replies:
        yield from weather(turn)
        yield 4  # error
"""


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="needs mypy, of the extra test")
def test_the_type_checker_refuses_what_is_no_responder_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "responders.py"
    path.write_text(CODE)
    command = [sys.executable, "-m", "mypy", "--strict", str(path)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    wrong = [number for number, line in enumerate(CODE.splitlines(), 1) if line.endswith("# error")]
    errors = re.findall(r"^\S*/responders\.py:(\d+): error: ", printed, re.MULTILINE)  # mypy's cache has older paths
    assert [int(number) for number in errors] == wrong, printed
