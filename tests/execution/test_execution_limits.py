"""Code that exceeds a limit is stopped, and the logs say why."""

from __future__ import annotations

import os
import sys

import pytest

from assistants_emulator.code_interpreter import Executed, Limits, execute

posix = pytest.mark.skipif(os.name == "nt", reason="setrlimit is not on Windows")


def stopped(code: str, limits: Limits) -> Executed:
    executed = execute(code, {}, limits)
    assert executed.error
    return executed


def test_an_endless_loop_ends_at_the_wall_clock() -> None:
    assert stopped("while True: pass", Limits(wall_seconds=0.5)).logs == "Execution was stopped after 0.5 s.\n"


@posix
def test_an_endless_loop_ends_with_its_cpu_time() -> None:
    executed = stopped("print('begun', end='')\nwhile True: pass", Limits(cpu_seconds=1))
    assert executed.logs == "begun\nExecution was stopped after 1 s of CPU time.\n"


@posix
def test_code_that_closes_its_output_ends_too() -> None:
    code = "import os, signal\nos.close(1)\nos.close(2)\nsignal.pause()"
    assert stopped(code, Limits(wall_seconds=0.5)).logs == "Execution was stopped after 0.5 s.\n"


@posix
def test_processes_that_the_code_started_end_with_it() -> None:
    code = "import os, signal\nif os.fork() == 0: signal.pause()"
    assert stopped(code, Limits(processes=True, wall_seconds=0.5)).logs == "Execution was stopped after 0.5 s.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_too_much_memory_is_an_error_of_the_code() -> None:
    executed = stopped("x = bytearray(300_000_000)", Limits(memory_bytes=250_000_000))
    assert executed.logs.endswith("MemoryError\n")


@posix
def test_a_file_that_grows_too_large_is_an_error_of_the_code() -> None:
    executed = stopped("open('a', 'wb', 0).write(b'12345')\nopen('a', 'ab', 0).write(b'6')", Limits(file_bytes=5))
    assert "File too large" in executed.logs
    assert executed.files == {"a": b"12345"}


@posix
def test_too_many_open_files_are_an_error_of_the_code() -> None:
    executed = stopped("kept = [open('a', 'w') for _ in range(50)]", Limits(open_files=20))
    assert "Too many open files" in executed.logs


def test_output_is_cut_at_the_end_of_a_line() -> None:
    executed = execute("for number in range(100_000): print(number)", {}, Limits(log_bytes=9))
    assert executed.logs == "0\n1\n2\n3\nOutput was cut after 9 bytes.\n"
    assert not executed.error


def test_one_long_line_is_cut_where_the_limit_is() -> None:
    assert execute("print('x' * 100_000)", {}, Limits(log_bytes=5)).logs == "xxxxx\nOutput was cut after 5 bytes.\n"


def test_output_up_to_the_limit_is_whole() -> None:
    assert execute("print('1234')", {}, Limits(log_bytes=5)).logs == "1234\n"
