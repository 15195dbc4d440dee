"""An unusable interpreter is reported to the user in one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from assistants_emulator.code_interpreter import execute
from assistants_emulator.errors import EmulatorError

posix = pytest.mark.skipif(os.name == "nt", reason="shell scripts")


def script(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_a_missing_interpreter_is_named() -> None:
    with pytest.raises(EmulatorError, match=r"^cannot execute code: there is no Python interpreter '/nowhere/python'$"):
        execute("1", {}, python="/nowhere/python")


@posix
def test_a_program_that_is_no_interpreter_is_quoted(tmp_path: Path) -> None:
    python = script(tmp_path / "python", "#!/bin/sh\necho one\necho two\nexit 3\n")
    with pytest.raises(EmulatorError, match=r"python is no working Python interpreter \(status 3: two\)$"):
        execute("1", {}, python=python)


@posix
def test_a_file_that_cannot_be_started_is_reported(tmp_path: Path) -> None:
    python = script(tmp_path / "python", "#!/nowhere/sh\n")
    with pytest.raises(EmulatorError, match=r"^cannot execute code: .*python: No such file or directory$"):
        execute("1", {}, python=python)


def test_a_virtual_environment_stays_one() -> None:
    assert execute("import sys\nprint(sys.prefix)", {}).logs == f"{sys.prefix}\n"


@posix
def test_the_interpreter_may_be_given_relative_to_our_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    assert execute("1", {}, python="./python").logs == "1\n"
