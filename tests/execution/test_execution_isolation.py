"""The parts of the emulator's process that executed code cannot see."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistants_emulator.code_interpreter import Limits, Stopper, execute, isolation

ALL = Limits(processes=True)


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
    assert executed.logs.endswith("socket.connect is refused: the limits allow no network\n")


def test_network_can_be_allowed(port: int) -> None:
    code = f"import socket\nsocket.create_connection(('127.0.0.1', {port})).close()"
    assert execute(code, {}, Limits(network=True)).logs == ""


@pytest.mark.parametrize("call", ["os.system('true')", "os.fork()", "os.kill(os.getppid(), 0)", "os.execv('a', ['a'])"])
def test_other_processes_are_refused(call: str) -> None:
    assert "the limits allow no processes" in execute(f"import os\n{call}", {}).logs


def test_processes_can_be_allowed() -> None:
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)']);"
    assert execute(code, {}, Limits(processes=True)).logs == "1\n"


# Past Python's own modules: the system refuses it, on Linux

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have nothing like it")
C = "import ctypes, os, socket, struct\nlibc = ctypes.CDLL(None)\n"
CONNECT = """
address = struct.pack("=HH4s8x", 2, socket.htons({port}), bytes([127, 0, 0, 1]))
libc.connect(libc.socket(2, 1, 0), address, 16)
"""


@linux
@pytest.mark.parametrize("call", ["libc.fork()", "libc.vfork()", "libc.kill(os.getppid(), 0)"])
def test_compiled_code_starts_and_signals_no_process(call: str) -> None:
    assert execute(f"{C}{call}", {}).logs == "-1\n"


@linux
def test_compiled_code_has_no_network(port: int) -> None:
    assert execute(C + CONNECT.format(port=port), {}).logs == "-1\n"


def test_multiprocessing_starts_no_process() -> None:
    code = "import multiprocessing\nmultiprocessing.get_context('spawn').Process(target=print).start()"
    assert "the limits allow no processes" in execute(code, {}).logs


def has_namespaces() -> bool:
    code = "import os\nos.readlink('/proc/self/ns/user')"
    return sys.platform == "linux" and execute(code, {}).logs != f"'{os.readlink('/proc/self/ns/user')}'\n"


@linux
def test_the_emulators_environment_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_namespaces():
        pytest.skip("this system offers no namespaces")
    executed = execute("import os\nopen(f'/proc/{os.getppid()}/environ').read()", {})
    assert "PermissionError" in executed.logs


@linux
def test_processes_that_it_may_start_have_no_network(port: int) -> None:
    child = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
    executed = execute(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}]).returncode", {}, ALL)
    assert ("1\n" if has_namespaces() else "the limits allow no processes") in executed.logs


@linux
def test_without_namespaces_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    program = list(isolation._program("x86_64", network=False, processes=False))
    assert (isolation.EQUAL, 0, 1, isolation.SYSTEMS["x86_64"][1]["fork"]) in program
    monkeypatch.setattr(isolation, "_call", lambda name, *arguments: name != "unshare")
    filters: list[tuple[bool, bool]] = []
    monkeypatch.setattr(isolation, "_filter_calls", lambda network, processes: filters.append((network, processes)))
    assert isolation.isolate(network=False, processes=True, parent=os.getppid()) is False
    assert filters == [(False, False)]


def test_code_that_fills_the_disk_is_stopped() -> None:
    code = "import time\nfor n in range(40): open(f'{n}', 'wb').write(bytes(100_000))\ntime.sleep(600)"
    executed = execute(code, {}, Limits(disk_bytes=1_000_000))
    assert executed.error
    assert "Execution was stopped: its files took more than 1000000 bytes." in executed.logs


def test_code_can_be_stopped() -> None:
    stopper = Stopper()
    timer = threading.Timer(0.2, stopper.stop)
    timer.start()
    assert "ended by signal 9" in execute("import time\ntime.sleep(600)", {}, stopper=stopper).logs


@linux
def test_code_does_not_outlive_an_emulator_that_was_killed(tmp_path: Path) -> None:
    inner = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}} ')\ntime.sleep(600)"
    outer = f"from assistants_emulator.code_interpreter import execute\nexecute({inner!r}, {{}})"
    with subprocess.Popen([sys.executable, "-c", outer]) as process:
        while not (tmp_path / "pid").exists() or " " not in (tmp_path / "pid").read_text():
            assert process.poll() is None
        process.kill()
    code = int((tmp_path / "pid").read_text())
    for _ in range(1_000):  # until the system has ended it
        try:
            os.kill(code, 0)
        except ProcessLookupError:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"process {code} is still there")
