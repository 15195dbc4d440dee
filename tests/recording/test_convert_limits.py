"""Files of strangers: what unfolds, nests or counts without end is one line, not a traceback and not all memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from assistants_emulator.convert.importers import parsing
from assistants_emulator.recording.cassette import FORMAT, VERSION
from assistants_emulator.responders.scripts import yaml_limits
from assistants_emulator.responders.scripts.yaml_limits import LimitedLoader

CommandLine = Callable[..., Result]

LEVELS = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
BOMB = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *LEVELS, "interactions: []", ""])
MERGES = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{f'*a{n - 1}, ' * 10}]}}" for n in range(1, 9)), ""])
CALL = {
    "request": {"method": "GET", "uri": "https://api.example/v1/threads/thread_1", "headers": {}},
    "response": {"status": {"code": 200}, "headers": {}, "body": {"string": "{}"}},
}


def one_line(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = result.output.splitlines()
    return line


@pytest.fixture(params=["convert", "--script", "--state"])
def read(request: pytest.FixtureRequest, command_line: CommandLine, tmp_path: Path) -> Callable[[str], Result]:
    """Read a text as a recording, as a script and as a state."""

    def read(text: str) -> Result:
        path = tmp_path / "hostile.yaml"
        path.write_text(text)
        if request.param == "convert":
            return command_line("convert", str(path), "--to", "script", "--output", str(tmp_path / "out.yaml"))
        return command_line("serve", request.param, str(path), "--port", "0", "--", "true")

    return read


@pytest.mark.parametrize("text", [BOMB, MERGES])
def test_aliases_that_unfold_to_billions_are_refused(read: Callable[[str], Result], text: str) -> None:
    assert "is not YAML: it unfolds to more than" in one_line(read(text))


class Endless:
    """A file that begins with a text, and goes on for ever."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self, size: int = -1) -> bytes:
        text, self._text = self._text, "- x\n" * 1000
        return text.encode()


@pytest.mark.parametrize("loader", [LimitedLoader, parsing._Loader])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- x\n", "it unfolds to more than 5000 values"),
        ("- &a [x, x, x, x, x]\n- &b [*a, *a, *a, *a]\n- [*b, *b]\n", "it unfolds to more than 50 values"),
        ("- " + "[" * 250 + "]" * 250 + "\n", "it has more than 200 levels"),
        (f"- &a {'[' * 150}{']' * 150}\n- {'[' * 60}*a{']' * 60}\n", "it has more than 200 levels"),
    ],
)
def test_a_document_is_refused_before_it_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, loader: Any, text: str, problem: str
) -> None:
    monkeypatch.setattr(yaml_limits, "MOST_NODES", 50 if "&b" in text else 5000)
    with pytest.raises(yaml.YAMLError, match=problem):
        yaml_limits.single_node(loader(Endless(text)))


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "&a {b: *a}\n", "interactions: &i [{request: *i}]\n"])
def test_a_document_that_contains_itself_is_refused(read: Callable[[str], Result], text: str) -> None:
    line = one_line(read(text))
    assert line.startswith("Error: ")
    assert ":1: " in line


def test_too_many_levels_are_refused(read: Callable[[str], Result]) -> None:
    assert "is not YAML: " in one_line(read("a: " + "[" * 300 + "]" * 300 + "\n"))
    assert "is not YAML: " in one_line(read("a: " + "[" * 100_000 + "\n"))


@pytest.mark.parametrize(
    "value", ["1:99:_", "0x_", "-0b_", "9" * 5000, "!!int x", "!!float x", "!!bool x", ":".join(["9"] * 400) + ".5"]
)
def test_a_number_that_is_none_is_one_line(read: Callable[[str], Result], value: str) -> None:
    one_line(read(f"a: {value}\n"))


@pytest.mark.parametrize(
    "change",
    [
        lambda call: call["response"]["status"].update(code=1e999),
        lambda call: call["response"]["status"].update(code="9" * 5000),
        lambda call: call["request"].update(uri="http://[x/v1/threads"),
        lambda call: call["request"].update(method=5),
        lambda call: call["request"].update(headers=[5]),
        lambda call: call["response"].update(headers={"content-type": [None]}, body=[[5]]),
        lambda call: call.update(recorded_at="9999-99-99"),
    ],
)
def test_a_recording_with_odd_values_is_read_or_refused_in_a_line(
    command_line: CommandLine, tmp_path: Path, change: Callable[[object], object]
) -> None:
    call = json.loads(json.dumps(CALL))
    change(call)
    recording = tmp_path / "odd.json"
    recording.write_text(json.dumps({"interactions": [call], "version": 1}))
    result = command_line("convert", str(recording), "--to", "cassette", "--output", str(tmp_path / "out.json"))
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)


@pytest.mark.parametrize("status", ["1e999", '"x"', "null", "[]"])
def test_a_cassette_with_an_odd_status_is_refused_in_a_line(
    command_line: CommandLine, tmp_path: Path, status: str
) -> None:
    exchange = {"request": {"method": "GET", "path": "/models"}, "response": {"status": "STATUS"}}
    content = json.dumps({"format": FORMAT, "version": VERSION, "exchanges": [exchange]})
    cassette = tmp_path / "odd.json"
    cassette.write_text(content.replace('"STATUS"', status))
    line = one_line(command_line("replay", str(cassette), "--port", "0", "--", "true"))
    assert "holds something that is no exchange" in line
