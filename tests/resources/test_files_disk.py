"""Files on disk: their bytes while they exist, and nothing else."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistants_emulator import Emulator

SERVER = """
import sys, threading
from assistants_emulator import Emulator
with Emulator(data_dir=sys.argv[1]) as emulator:
    print(emulator.base_url, flush=True)
    threading.Event().wait()
"""
HALF_A_FORM = (
    b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nContent-Length: 1000000\r\n"
    b"Content-Type: multipart/form-data; boundary=B\r\n\r\n"
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1].split("/")[0])
        yield process, port
        process.kill()


def bytes_in(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "default" / "files").glob("*"))


def test_a_kill_during_an_upload_leaves_no_bytes_after_a_restart(
    server: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, port = server
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(HALF_A_FORM + b"x" * 500_000)
        connection.setblocking(False)
        while not bytes_in(tmp_path):
            with pytest.raises(BlockingIOError):  # an answer would mean that the upload was refused
                connection.recv(1)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        assert client.files.list().data == []
    assert bytes_in(tmp_path) == []


def test_bytes_that_no_object_names_are_removed(tmp_path: Path) -> None:
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        client.files.create(file=("a.txt", b"one"), purpose="vision")
    known = bytes_in(tmp_path)
    (tmp_path / "default" / "files" / "00000099").write_bytes(b"an orphan")
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        assert client.files.content(client.files.list().data[0].id).read() == b"one"
    assert bytes_in(tmp_path) == known


def test_deleting_a_file_removes_its_bytes(tmp_path: Path) -> None:
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        file = client.files.create(file=("../../a.txt", b"one"), purpose="vision")
        assert len(bytes_in(tmp_path)) == 1
        client.files.delete(file.id)
        assert bytes_in(tmp_path) == []


def test_without_a_directory_the_bytes_go_with_the_emulator() -> None:
    with Emulator() as emulator, emulator.client() as client:
        client.files.create(file=("a.txt", b"one"), purpose="vision")
        scratch = emulator._do(lambda project: project.context.contents._directory)
        assert scratch is not None
        assert scratch.exists()
    assert not scratch.exists()
