from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assistants_emulator.errors import DirectoryInUse, StoreError
from assistants_emulator.store import DirectoryLock

HOLDER = """
import sys
from pathlib import Path
from assistants_emulator.store import DirectoryLock

lock = DirectoryLock(Path(sys.argv[2]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path):
    lock = DirectoryLock(tmp_path / "data")
    yield lock
    lock.release()


@pytest.fixture
def holder(tmp_path: Path):
    """A process that holds the directory, started as `... serve DIR --api-key secret`."""
    command = [sys.executable, "-c", HOLDER, "serve", str(tmp_path / "data"), "--api-key", "secret"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"held"
        yield process
        process.kill()


def test_acquiring_makes_the_directory(lock: DirectoryLock, tmp_path: Path) -> None:
    lock.acquire()
    assert (tmp_path / "data").is_dir()


def test_a_second_process_gets_the_holder_in_its_error(lock: DirectoryLock, holder: subprocess.Popen[bytes]) -> None:
    with pytest.raises(DirectoryInUse) as refused:
        lock.acquire()
    message = str(refused.value)
    assert f"is in use by process {holder.pid} (" in message
    assert "serve" in message
    assert "secret" not in message
    assert "\n" not in message


def test_a_killed_holder_holds_nothing(lock: DirectoryLock, holder: subprocess.Popen[bytes], tmp_path: Path) -> None:
    holder.kill()
    holder.wait()
    assert (tmp_path / "data" / ".lock-holder").exists()
    lock.acquire()


def test_a_second_lock_in_the_same_process_is_refused_until_release(lock: DirectoryLock, tmp_path: Path) -> None:
    other = DirectoryLock(tmp_path / "data")
    lock.acquire()
    with pytest.raises(DirectoryInUse, match="in use by process"):
        other.acquire()
    lock.release()
    other.acquire()
    other.release()


def test_a_lock_may_be_released_by_another_thread_and_twice(lock: DirectoryLock, tmp_path: Path) -> None:
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    lock.release()
    DirectoryLock(tmp_path / "data").acquire()


def test_a_holder_that_signed_nothing_is_another_process(lock: DirectoryLock, tmp_path: Path) -> None:
    lock.acquire()
    (tmp_path / "data" / ".lock-holder").unlink()
    with pytest.raises(DirectoryInUse, match=r"in use by another process$"):
        DirectoryLock(tmp_path / "data").acquire()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_path_that_is_a_file_is_an_error_of_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file[^\n]*: [nN]ot a directory$"):
        DirectoryLock(tmp_path / name).acquire()


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be deleted there")
def test_a_deleted_lock_file_lets_no_second_process_in(
    lock: DirectoryLock, holder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "data" / ".lock").unlink()
    with pytest.raises(DirectoryInUse, match=f"in use by process {holder.pid}"):
        lock.acquire()
