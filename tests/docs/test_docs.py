"""The documentation: its examples run as printed, and its reference is complete.

A mark in front of a block gives its kind: `<!-- test -->` a test file, `<!-- test: CASSETTE -->` one
with a cassette of fixtures/ beside it, `<!-- run: TEXT -->` a program that prints that text,
`<!-- script -->` a script, `<!-- file: PATH -->` a file of this repository, word for word,
`<!-- project: FOLDER/FILE -->` a file of a project whose tests pass, `<!-- project: FILE -->` one of
each project of the page, `<!-- program: FILE -->` a program that answers runs, in another language,
`<!-- message: NAME -->` a message that test_troubleshooting.py reproduces.
"""

from __future__ import annotations

import gc
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

import assistants_emulator
from assistants_emulator import Emulator
from assistants_emulator.cli.main import cli
from assistants_emulator.config import Config
from assistants_emulator.project.faults import FAULT_FIELDS
from assistants_emulator.responders.rules import KEYS as WHEN_KEYS
from assistants_emulator.responders.scripts.actions import ACTIONS
from assistants_emulator.responders.scripts.load import load_script
from assistants_emulator.web.control_api import CALLS
from pytest_assistants_emulator import MARKER, pytest_addoption
from pytest_assistants_emulator.marker import KEYWORDS

ROOT = Path(__file__).parents[2]
PAGES = {str(path.relative_to(ROOT / "docs")): path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))}
MARKS = ("test", "run", "script", "file", "project", "program", "message")
BLOCK = r"<!-- {mark}(?:: (?P<what>[^\n]*))? -->\n```\w+\n(?P<code>.*?)```"


def blocks(mark: str) -> list[tuple[str, str, str]]:
    """(page, argument of the mark, code) of each block with this mark."""
    pattern = re.compile(BLOCK.format(mark=mark), re.DOTALL)
    return [(page, found["what"], found["code"]) for page, text in PAGES.items() for found in pattern.finditer(text)]


def section(page: str, heading: str) -> str:
    """The text under a heading, up to the next."""
    return re.split(r"^## ", PAGES[page].partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]


def named(text: str) -> list[str]:
    """The names in the first column of its tables."""
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_mark_is_one_that_is_run() -> None:
    marks = [mark for text in PAGES.values() for mark in re.findall(r"<!-- (\w+)", text)]
    assert len(marks) == sum(len(blocks(mark)) for mark in MARKS)


@pytest.mark.usefixtures("clients_are_left_open")
def test_the_tests_pass_as_printed(everything_is_imported: None, pytester: pytest.Pytester) -> None:
    printed = {f"test_{number}_{Path(page).stem.replace('-', '_')}": code for number, (page, _, code) in TESTS}
    pytester.makeini("[pytest]\nassistants_silence_deprecations = true\n")
    pytester.makepyfile(**printed)
    for cassette in {cassette for _, (_, cassette, _) in TESTS if cassette}:
        shutil.copy(ROOT / "fixtures" / "cassettes" / cassette, pytester.path)
    count = sum(len(re.findall(r"^def test_", code, re.MULTILINE)) for code in printed.values())
    gc.collect()  # clients of earlier tests, whose sockets would be errors of the inner session
    pytester.runpytest("-W", "error", "-p", "no:cacheprovider").assert_outcomes(passed=count)


def projects() -> dict[str, dict[str, str]]:
    """The files of each project by its page and folder."""
    files: dict[str, dict[str, str]] = {}
    for page, path, code in blocks("project"):
        folder, _, name = path.rpartition("/")
        files.setdefault(f"{page}:{folder}", {})[name] = code
    shared = {name.partition(":")[0]: code for name, code in files.items() if name.endswith(":")}
    return {name: {**shared.get(name.partition(":")[0], {}), **code} for name, code in files.items() if name[-1] != ":"}


def libraries(files: dict[str, str]) -> set[str]:
    """The frameworks that they import, which the emulator's own tests do not need."""
    return set(re.findall(r"^(?:from|import) (fastapi|django|dotenv)\b", "\n".join(files.values()), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS := projects())
def test_a_project_passes_as_printed(name: str, tmp_path: Path) -> None:
    files = PROJECTS[name]
    if missing := [library for library in libraries(files) if importlib.util.find_spec(library) is None]:
        pytest.skip(f"needs {missing[0]}, of the extra test")
    for file, code in files.items():
        (tmp_path / file).write_text(code)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
    ran = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True)
    assert (ran.returncode, " passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr


@pytest.mark.parametrize(("page", "file", "code"), blocks("program"))
def test_a_program_answers_a_run_as_printed(page: str, file: str, code: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(code)
    with serving(file, tmp_path) as url, Emulator() as emulator, emulator.client() as client:
        rule = {"when": {"message": r"weather in (?P<city>\w+)"}, "call": url}
        emulator.load_script({"version": 1, "replies": [rule]})
        tool: Any = {"type": "function", "function": {"name": "get_weather"}}
        assistant = client.beta.assistants.create(model="gpt-4o", tools=[tool])
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "The weather in Oslo?"}])
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert run.required_action is not None, run.last_error
        (call,) = run.required_action.submit_tool_outputs.tool_calls
        client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "18 degrees"}]
        )
        assert "assistant: Oslo: 18 degrees\nrun completed" in emulator.transcript(thread.id)


@contextmanager
def serving(file: str, folder: Path) -> Iterator[str]:
    """The URL of the program, which runs until the block ends; skipped where its language is not installed."""
    compiler = {".mjs": "node", ".go": "go"}[Path(file).suffix]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    command = ["node", file]
    if compiler == "go":
        command = [str(folder / "program")]
        subprocess.run(["go", "build", "-o", command[0], file], cwd=folder, check=True)
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PORT": "0"}, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        try:
            yield program.stdout.readline().strip()
        finally:
            program.terminate()


@pytest.mark.usefixtures("clients_are_left_open")
@pytest.mark.parametrize(("page", "told", "code"), blocks("run"))
def test_a_program_runs_as_printed(
    page: str,
    told: str,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, page, "exec"), {"__name__": "__main__"})
    assert told in capsys.readouterr().out


IMPORTS = sorted(
    {line for text in PAGES.values() for line in re.findall(r"^from assistants_emulator.* import .*", text, re.M)}
)


@pytest.mark.parametrize("line", IMPORTS)
def test_every_name_that_an_example_imports_exists(line: str) -> None:
    exec(line, {})


NO_REPLIES = ("Emulator", "ProjectHandle", "Replies", "Reply", "Responder", "Turn")


@pytest.mark.parametrize(("page", "what", "code"), blocks("script"))
def test_a_script_loads(page: str, what: str, code: str) -> None:
    assert load_script(yaml.safe_load(code)).rules


@pytest.mark.parametrize(("page", "path", "code"), blocks("file"))
def test_a_file_is_printed_as_it_is(page: str, path: str, code: str) -> None:
    assert code == (ROOT / path).read_text()


def test_every_reply_is_in_the_reference() -> None:
    replies = {name for name in assistants_emulator.__all__ if name not in NO_REPLIES}
    assert replies <= set(re.findall(r"`(\w+)\(", PAGES["reference/replies.md"]))


def test_every_action_of_a_script_is_in_the_reference() -> None:
    told = dict(re.findall(r"^\|[^|]*\| `(\w+): ([^|]*) \|", PAGES["reference/replies.md"], re.MULTILINE))
    assert set(told) == set(ACTIONS)
    wanted = {(name, key) for name, action in ACTIONS.items() for key in getattr(action, "keys", ())}
    assert {(name, key) for name, key in wanted if key not in told[name] and key != "value"} == set()


def test_every_key_of_when_is_in_the_reference() -> None:
    assert set(named(section("reference/replies.md", "A script's keys"))) == {"do", "call", "times", "when", *WHEN_KEYS}


@pytest.mark.parametrize("command", cli.commands)
def test_a_commands_options_are_those_of_the_reference(command: str) -> None:
    options = {name for option in cli.commands[command].params for name in option.opts if name.startswith("-")}
    assert set(named(section("reference/cli.md", command))) == options


def test_the_control_calls_are_those_of_the_reference() -> None:
    calls = {f"{method} {name}" for method, name in CALLS}
    told = set(re.findall(r"^\| `([A-Z]+ [^`]+)`", PAGES["reference/control-api.md"], re.MULTILINE))
    assert told == calls | {"GET health", "GET openapi.json", "POST runs/RUN_ID/resume", "GET transcripts/ID"}


def test_the_markers_keywords_are_those_of_the_reference() -> None:
    assert {name.rstrip("=") for name in named(section("reference/pytest.md", "The marker"))} == set(KEYWORDS)
    assert [name for name in KEYWORDS if f"{name}=" not in MARKER] == []


def test_the_plugins_options_are_those_of_the_reference() -> None:
    asked = PluginOptions()
    pytest_addoption(cast(pytest.Parser, asked))
    assert set(named(section("reference/pytest.md", "Options"))) == set(asked.names)


def test_every_option_of_the_emulator_is_documented() -> None:
    options = {*inspect.signature(Emulator).parameters, *Config.__dataclass_fields__} - {"options"}
    assert [name for name in options if f"`{name}`" not in PAGES["how-to/unittest.md"]] == []


def test_the_options_of_a_fault_are_those_of_the_page() -> None:
    assert {"route", *named(PAGES["how-to/faults-and-clock.md"])} == set(FAULT_FIELDS)


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_for_contributors_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    names = set(re.findall(r"(?<![\w/.])((?:[\w-]+/)*[\w-]+(?:\.(?:py|md|toml)|/))(?![\w/])", text))
    homes = (ROOT, ROOT / "emulator/assistants_emulator", ROOT / "pytest_plugin/pytest_assistants_emulator")
    missing = {name for name in names if not any((home / name).exists() for home in homes)}
    assert missing <= {"resources/NAME.py", "contract/NAME.py"}


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_name_that_such_a_page_gives_after_a_file_is_in_that_file(page: str) -> None:
    text = (ROOT / page).read_text()
    names = re.findall(r"`((?:[\w-]+/)*[\w-]+\.py)`: (?:a (?:row|case) of )?`(\w+)`", text)
    homes = (ROOT, ROOT / "emulator/assistants_emulator")
    files = [(next((home / file for home in homes if (home / file).exists()), None), name) for file, name in names]
    assert names
    assert [name for file, name in files if file and not re.search(rf"\b{name}\b", file.read_text())] == []


class PluginOptions:
    """Stand-in for pytest's parser that collects the names of options."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def getgroup(self, *about: str) -> PluginOptions:
        return self

    def addoption(self, name: str, *about: Any, **more: Any) -> None:
        self.names.append(name)

    addini = addoption


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="needs mkdocs-material, of the extra docs")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "fonts.googleapis.com" not in (tmp_path / "index.html").read_text()


TESTS = list(enumerate(blocks("test")))
