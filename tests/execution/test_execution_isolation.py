"""The parts of the emulator's process that executed code cannot see."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from assistants_emulator.code_interpreter import Limits, execute


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    logs = execute("import os\n'OPENAI_API_KEY' in os.environ, 'PATH' in os.environ", {}).logs
    assert logs == "(False, False)\n"


def test_the_home_directory_is_not_the_users() -> None:
    assert execute("import os\nos.path.expanduser('~')", {}).logs == "'/home/sandbox'\n"


@pytest.mark.skipif(os.name == "nt", reason="descriptors are not inherited there anyway")
def test_open_files_are_not_inherited() -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    assert "Bad file descriptor" in execute(f"import os\nos.fstat({writer})", {}).logs
    os.close(reader)
    os.close(writer)


def test_attached_modules_do_not_replace_those_of_the_library() -> None:
    assert execute("import random\nprint(random.__name__)", {"random.py": b"1 / 0", "json.py": b"1 / 0"}).error is False


def test_the_runner_is_not_in_the_codes_names() -> None:
    assert execute("import sys\nsys.argv, [name for name in dir() if name[0] != '_']", {}).logs == "([''], ['sys'])\n"


def test_network_is_refused(port: int) -> None:
    executed = execute(f"import socket\nsocket.socket().connect(('127.0.0.1', {port}))", {})
    assert executed.logs.endswith("PermissionError: [Errno 1] socket.connect is refused: the limits allow no network\n")


def test_network_can_be_allowed(port: int) -> None:
    code = f"import socket\nsocket.create_connection(('127.0.0.1', {port})).close()"
    assert execute(code, {}, Limits(network=True)).logs == ""


@pytest.mark.parametrize("call", ["os.system('true')", "os.fork()", "os.kill(os.getppid(), 0)", "os.execv('a', ['a'])"])
def test_other_processes_are_refused(call: str) -> None:
    assert "the limits allow no processes" in execute(f"import os\n{call}", {}).logs


def test_processes_can_be_allowed() -> None:
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)']);"
    assert execute(code, {}, Limits(processes=True)).logs == "1\n"
