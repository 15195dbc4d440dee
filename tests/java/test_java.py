"""Java's own HTTP client against the server, by the API and the control API alone. Skipped without a JDK."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from assistants_emulator import Emulator

SOURCES = sorted(map(str, Path(__file__).parent.glob("*.java")))


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled program."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.skip("no JDK is installed")
    folder = tmp_path_factory.mktemp("java")
    subprocess.run(["javac", "-d", str(folder), *SOURCES], check=True)
    return folder


def test_a_scripted_run_is_driven_from_java(classes: Path) -> None:
    with Emulator() as emulator:
        command = ["java", "-cp", str(classes), "Drive"]
        variables = {**os.environ, "OPENAI_BASE_URL": emulator.base_url}
        ran = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (message,) = json.loads(ran.stdout)["data"]
    assert message["content"][0]["text"]["value"] == "It is sunny."
