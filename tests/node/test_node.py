"""The Node SDK against the server, by the API and the control API alone. Skipped without npm or its registry."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assistants_emulator import Emulator

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script and the npm package, installed once a session where npm can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "drive.mjs", "drive_responses.mjs", "old.mjs"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if installed.returncode and not os.environ.get("CI"):
        pytest.skip(f"npm could not install the openai package: {installed.stderr[-200:]}")
    assert installed.returncode == 0, installed.stderr
    return folder


def seen_by(program: str, folder: Path) -> Any:
    """The JSON that the program prints, driving an emulator."""
    with Emulator() as emulator:
        variables = {"OPENAI_BASE_URL": emulator.base_url, "OPENAI_API_KEY": emulator.project("node").api_key}
        command = ["node", program]
        ran = subprocess.run(command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_responses_and_conversations_are_driven_from_node(node_modules: Path) -> None:
    assert seen_by("drive_responses.mjs", node_modules) == {
        "text": "It is 15 C.",
        "deltas": "Hello there.",
        "final": "Hello there.",
        "items": ["message", "function_call", "function_call_output", "message"],
        "error": "404 Response with id 'resp_x' not found.",
    }


def test_runs_streams_files_and_vector_stores_are_driven_from_node(node_modules: Path) -> None:
    assert seen_by("drive.mjs", node_modules) == {
        "arguments": '{"city":"Oslo"}',
        "answer": "Oslo: 18 degrees",
        "status": "completed",
        "deltas": ["One ", "two ", "three."],
        "final": "One two three.",
        "last": "thread.run.completed",
        "batch": ["completed", 1],
        "found": ["notes.txt"],
        "content": "{}",
        "calls": ["code_interpreter", "file_search"],
        "logs": "2",
        "cited": True,
        "inner": ["thread.run.step.completed", "thread.run.completed"],
        "pages": ["assistant", "user"],
        "gone": True,
        "retried": True,
        "statuses": [429, 200],
    }


def test_an_old_node_client_does_not_double_a_text(node_modules: Path) -> None:
    with Emulator() as emulator:
        variables = {"OPENAI_BASE_URL": emulator.base_url, "OPENAI_API_KEY": emulator.api_key}
        command = ["node", "old.mjs"]
        ran = subprocess.run(command, cwd=node_modules, env={**os.environ, **variables}, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "Echo: one two three four\n"), ran.stderr
