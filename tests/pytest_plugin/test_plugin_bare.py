"""The plugin with the emulator in another environment: it imports nothing beyond pytest, the SDK and the standard
library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import assistants_emulator

SUITE = Path(__file__).with_name("apart_suite.py")
BARE = """
import builtins, sys

OURS = ("assistants_emulator", "pytest_assistants_emulator")
ALLOWED = {*sys.stdlib_module_names, *OURS, "pytest", "_pytest", "openai"}
real_import = builtins.__import__

def bare_import(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "").partition(".")[0]
    if importer in OURS and name.partition(".")[0] not in ALLOWED:
        raise ModuleNotFoundError(f"there is no {name} here", name=name)
    return real_import(name, globals, locals, fromlist, level)

builtins.__import__ = bare_import
"""


def run_bare(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE + code], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_all_public_names_but_the_emulator_are_there(tmp_path: Path) -> None:
    names = [name for name in assistants_emulator.__all__ if name != "Emulator"]
    result = run_bare(f"from assistants_emulator import {', '.join(names)}", tmp_path)
    assert result.stderr == ""


def test_the_emulator_itself_says_what_it_needs(tmp_path: Path) -> None:
    result = run_bare("from assistants_emulator import Emulator", tmp_path)
    assert result.stderr.splitlines()[-1].startswith(
        "ImportError: Emulator needs the dependencies of this package, and "
    )


@pytest.mark.slow
def test_the_whole_handle_works(tmp_path: Path) -> None:
    command = f"{sys.executable} -m assistants_emulator"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\nassistants_emulator_command = {command}\n")
    (tmp_path / "test_suite.py").write_text(SUITE.read_text())
    result = run_bare("import pytest\nsys.exit(pytest.main(['-p', 'no:cacheprovider']))", tmp_path)
    assert result.returncode == 0, result.stdout


def test_without_a_command_the_error_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(assistants_emulator): pass\n")
    result = run_bare("import pytest\nsys.exit(pytest.main(['-p', 'no:cacheprovider']))", tmp_path)
    assert "the emulator cannot run in this environment, which has no " in result.stdout
    assert "`assistants_emulator_command` in pytest's ini file" in result.stdout
