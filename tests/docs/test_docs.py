"""What the documentation says: its examples run as printed, and its reference is whole.

A mark in front of a block says what it is: `<!-- test -->` a test file, `<!-- run: TEXT -->` a program that prints that
text, `<!-- script -->` a script, `<!-- file: PATH -->` a file of this repository, word for word.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import emulator
from emulator.cli import cli, serve
from emulator.responders.scripts import load_script
from emulator.web.control import OPERATIONS
from pytest_plugin.marker import KEYWORDS

ROOT = Path(__file__).parents[2]
PAGES = {str(path.relative_to(ROOT / "docs")): path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))}
BLOCK = r"<!-- {mark}(?:: (?P<what>[^\n]*))? -->\n```\w+\n(?P<code>.*?)```"


def blocks(mark: str) -> list[tuple[str, str, str]]:
    """Page, what the mark says, code."""
    pattern = re.compile(BLOCK.format(mark=mark), re.DOTALL)
    return [(page, found["what"], found["code"]) for page, text in PAGES.items() for found in pattern.finditer(text)]


def test_every_mark_is_one_that_is_run() -> None:
    marks = [mark for text in PAGES.values() for mark in re.findall(r"<!-- (\w+)", text)]
    assert len(marks) == sum(len(blocks(mark)) for mark in ("test", "run", "script", "file"))


def test_the_tests_pass_as_printed(pytester: pytest.Pytester) -> None:
    printed = {f"test_{number}_{Path(page).stem.replace('-', '_')}": code for number, (page, _, code) in TESTS}
    pytester.makeini("[pytest]\nassistants_silence_deprecations = true\n")
    pytester.makepyfile(**printed)
    count = sum(len(re.findall(r"^def test_", code, re.MULTILINE)) for code in printed.values())
    pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider").assert_outcomes(passed=count)


@pytest.mark.parametrize(("page", "told", "code"), blocks("run"))
def test_a_program_runs_as_printed(page: str, told: str, code: str, tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert told in ran.stdout, ran.stderr


@pytest.mark.parametrize(("page", "what", "code"), blocks("script"))
def test_a_script_loads(page: str, what: str, code: str) -> None:
    assert load_script(yaml.safe_load(code)).rules


@pytest.mark.parametrize(("page", "path", "code"), blocks("file"))
def test_a_file_is_printed_as_it_is(page: str, path: str, code: str) -> None:
    assert code == (ROOT / path).read_text()


def test_every_reply_is_in_the_reference() -> None:
    replies = {name for name in emulator.__all__ if name not in ("Emulator", "ProjectHandle", "Turn")}
    assert replies <= set(re.findall(r"`(\w+)\(", PAGES["reference/replies.md"]))


def test_every_command_is_in_the_reference() -> None:
    told = re.findall(r"`(?:assistants-emulator )?(\w+)", PAGES["reference/cli.md"])
    assert set(cli.commands) <= set(told)


def test_every_option_is_in_the_reference() -> None:
    options = {name for option in serve.params for name in option.opts if name.startswith("--")}
    assert options - set(re.findall(r"`(--[\w-]+)`", PAGES["reference/cli.md"])) == set()


def test_every_control_call_is_in_the_reference() -> None:
    calls = {f"{method} {name}" for method, name in OPERATIONS}
    assert calls <= set(re.findall(r"`((?:GET|PUT|POST|DELETE) [\w/]+)`", PAGES["reference/control-api.md"]))


def test_every_keyword_of_the_marker_is_in_the_reference() -> None:
    assert [name for name in KEYWORDS if f"{name}=" not in PAGES["reference/pytest.md"]] == []


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="needs mkdocs-material, of the extra docs")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "fonts.googleapis.com" not in (tmp_path / "index.html").read_text()


TESTS = list(enumerate(blocks("test")))
