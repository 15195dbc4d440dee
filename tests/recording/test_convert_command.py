"""`assistants-emulator convert`, and the files that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from command_line import invoke
from convert_helpers import (
    HOSTED,
    call,
    message_object,
    messages_listed,
    run_object,
    run_polled,
    run_started,
)

from assistants_emulator.cli.convert import FORMATS, TARGETS, read_so_far
from assistants_emulator.cli.run_command import ProgressLine
from assistants_emulator.convert import conversion, importers
from assistants_emulator.convert.conversion import Conversion
from assistants_emulator.recording import Cassette
from assistants_emulator.responders.scripts.load import load_script


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    path = tmp_path / "weather.json"
    Cassette([*run_started(), run_polled(), messages_listed(message_object("Sun.\nAnd wind."))]).save(path)
    return path


def converted(*arguments: str | Path) -> Result:
    return invoke("convert", *map(str, arguments))


def test_a_recording_becomes_a_script_that_people_can_read(cassette: Path, tmp_path: Path) -> None:
    result = converted(cassette, "--to", "script", "--output", tmp_path / "out.yaml")
    assert (result.exit_code, result.stdout) == (0, f"wrote {tmp_path / 'out.yaml'}: 1 run of 4 calls\n")
    assert (tmp_path / "out.yaml").read_text() == (
        "version: 1\nreplies:\n  # run_1\n  - when:\n      message: ^Hello\\Z\n    times: 1\n    do:\n"
        "      - text: |-\n          Sun.\n          And wind.\n"
    )


def test_a_script_named_json_is_json(cassette: Path, tmp_path: Path) -> None:
    assert converted(cassette, "--to", "script", "--output", tmp_path / "out.json").exit_code == 0
    assert json.loads((tmp_path / "out.json").read_text())["replies"][0]["times"] == 1


def test_a_cassette_can_be_written_again(cassette: Path, tmp_path: Path) -> None:
    assert converted(cassette, "--to", "cassette", "--output", tmp_path / "out.json").exit_code == 0
    assert (tmp_path / "out.json").read_bytes() == cassette.read_bytes()


def test_a_state_can_be_written(cassette: Path, tmp_path: Path) -> None:
    result = converted(cassette, "--to", "state", "--output", tmp_path / "state.json")
    assert result.stdout.endswith(": 1 threads, 2 messages, 1 runs\n")


def test_several_recordings_are_one_session(tmp_path: Path) -> None:
    Cassette(run_started()[:1]).save(tmp_path / "setup.json")
    Cassette([*run_started()[1:], run_polled(), messages_listed(message_object("Hi."))]).save(tmp_path / "run.json")
    made = Conversion.of(tmp_path / "setup.json", tmp_path / "run.json", to="script")
    assert made.script is not None
    assert made.script.script["replies"][0]["when"] == {"message": r"^Hello\Z"}


def test_missing_and_omitted_calls_are_reported(tmp_path: Path) -> None:
    entries = [
        {"request": {"method": "POST", "url": f"{HOSTED}{path}"}, "response": {"status": 200, "content": content}}
        for path, content in [
            ("/chat/completions", {}),
            ("/chat/completions", {}),
            ("/threads/thread_1/runs", {"mimeType": "application/json", "text": json.dumps(run_object())}),
        ]
    ]
    (tmp_path / "in.har").write_text(json.dumps({"log": {"entries": entries}}))
    result = converted(tmp_path / "in.har", "--to", "script", "--output", tmp_path / "out.yaml")
    assert result.stderr.splitlines() == [
        f"left out: POST {HOSTED}/chat/completions: no call of the Assistants API (2 times)",
        "warning: run_1: its reply is not recorded",
        "warning: run_1: the user's message is not recorded, so its rule takes any run",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"log": {"entries": []}}', "holds no call of the Assistants API"),
        ('{"log": {"entries": [', "is not JSON"),
        ("{}", "is none of the recordings that can be read"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "in.har").write_text(text)
    result = converted(tmp_path / "in.har", "--to", "script", "--output", tmp_path / "out.yaml")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert problem in result.stderr
    assert not (tmp_path / "out.yaml").exists()


def test_a_session_without_runs_makes_no_script(tmp_path: Path) -> None:
    Cassette([call("POST", "/threads", {}, {"id": "thread_1", "object": "thread"})]).save(tmp_path / "in.json")
    result = converted(tmp_path / "in.json", "--to", "script", "--output", tmp_path / "out.yaml")
    assert "no run is recorded" in result.stderr


def test_an_unwritable_output_is_reported(cassette: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = converted(cassette, "--to", "script", "--output", tmp_path / "taken" / "out.yaml")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    "text", ["one\ntwo", " indented\n", "trail \ning", "tab\tbed", "'q' \"d\"", "yes", "1", "#no", "é🙂"]
)
def test_any_text_comes_back_from_the_script_as_it_was(tmp_path: Path, text: str) -> None:
    Cassette([*run_started(text), messages_listed(message_object(text))]).save(tmp_path / "in.json")
    Conversion.of(tmp_path / "in.json", to="script").save(tmp_path / "out.yaml")
    (rule,) = load_script(tmp_path / "out.yaml").raw["replies"]
    assert rule["do"] == [{"text": text}]
    assert yaml.safe_load((tmp_path / "out.yaml").read_text())["version"] == 1


def test_progress_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for on_terminal, told in ((False, ""), (True, "\rread 1.0 of 2.0 MB\r\033[K")):
        monkeypatch.setattr("sys.stderr.isatty", lambda on_terminal=on_terminal: on_terminal)
        progress = ProgressLine(read_so_far)
        progress(1_000_000, 2_000_000)
        progress.end()
        assert capsys.readouterr().err == told


def test_the_command_knows_every_format_and_target() -> None:
    assert (importers.NAMES, conversion.TARGETS) == (FORMATS, TARGETS)


def test_the_documentation_names_every_format() -> None:
    told = (Path(__file__).parents[2] / "docs" / "how-to" / "recording.md").read_text()
    assert [name for name in FORMATS if f"| `{name}` |" not in told] == []
