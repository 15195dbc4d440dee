"""Files in the code's directory, before and after it ran."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from assistants_emulator.code_interpreter import Executed, Limits, execute
from assistants_emulator.errors import EmulatorError

posix = pytest.mark.skipif(os.name == "nt", reason="not on Windows")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parent of all scratch directories of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def worked(code: str, files: dict[str, bytes | Path] | None = None) -> Executed:
    executed = execute(code, files or {})
    assert not executed.error, executed.logs
    return executed


@pytest.mark.parametrize("path", ["'a.txt'", "'/mnt/data/a.txt'", "b'/mnt/data/a.txt'", "f'/mnt/data/{chr(97)}.txt'"])
def test_an_attached_file_is_found(path: str) -> None:
    assert worked(f"print(open({path}).read())", {"a.txt": b"hello"}).logs == "hello\n"


def test_an_attached_file_may_be_a_path(tmp_path: Path) -> None:
    source = tmp_path / "blob"
    source.write_bytes(b"hello")
    worked("open('a.txt', 'w').write('changed')", {"a.txt": source})
    assert source.read_bytes() == b"hello"


def test_the_directory_can_be_listed() -> None:
    files: dict[str, bytes | Path] = {"b.txt": b"", "a.txt": b""}
    assert worked("import os\nsorted(os.listdir('/mnt/data'))", files).logs == "['a.txt', 'b.txt']\n"


def test_files_of_the_same_name_are_all_there() -> None:
    files: dict[str, bytes | Path] = {"a/b.txt": b"", "a_b.txt": b"", "a\\b.txt": b""}
    assert worked("import os\nsorted(os.listdir())", files).logs == "['a_b-2.txt', 'a_b-3.txt', 'a_b.txt']\n"


def test_a_name_with_path_tricks_stays_in_the_directory(temporary: Path) -> None:
    assert worked("import os\nos.listdir()", {"../../x": b""}).logs == "['.._.._x']\n"


def test_the_logs_show_the_path_of_the_hosted_sandbox() -> None:
    code = "import os\nprint(os.getcwd())\nos.path.realpath('a'), 'sandbox:/mnt/data/a'"
    assert worked(code).logs.replace("\\\\", "/") == "/mnt/data\n('/mnt/data/a', 'sandbox:/mnt/data/a')\n"


@pytest.mark.parametrize("text", ["/mnt/database", "/mnt/data-2", "/home/mnt/data", "mnt/data"])
def test_other_paths_stay_as_they_are(text: str) -> None:
    assert worked(f"len('{text}')").logs == f"{len(text)}\n"


def test_new_files_are_collected() -> None:
    code = "import os\nos.makedirs('/mnt/data/sub/dir')\nfor name in ('b', 'sub/dir/a'): open(name, 'w').write(name)"
    assert worked(code).files == {"b": b"b", "sub/dir/a": b"sub/dir/a"}


def test_changed_files_are_collected_and_others_not() -> None:
    files: dict[str, bytes | Path] = {"a": b"same size", "b": b"same size", "c": b""}
    assert worked("open('/mnt/data/b', 'w').write('size same');", files).files == {"b": b"size same"}


def test_files_of_code_that_fails_are_collected() -> None:
    executed = execute("open('a', 'w').write('kept')\n1 / 0", {})
    assert (executed.error, executed.files) == (True, {"a": b"kept"})


def test_files_that_libraries_write_at_home_are_not_collected() -> None:
    code = "import pathlib, tempfile\n(pathlib.Path.home() / 'cache').touch()\ntempfile.mkstemp();"
    assert worked(code).files == {}


@posix
def test_links_and_pipes_are_not_collected() -> None:
    code = "import os\nos.symlink('/etc/passwd', 'link')\nos.symlink('/etc', 'directory')\nos.mkfifo('pipe')"
    assert worked(code).files == {}


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are bytes on Linux only")
def test_a_name_that_is_no_utf_8_is_made_readable() -> None:
    assert worked("open(b'a\\xff', 'w').close()").files == {"a?": b""}


def test_only_so_many_files_are_kept() -> None:
    executed = execute("for name in 'abc': open(name, 'w').write(name)", {}, Limits(kept_files=2))
    assert list(executed.files) == ["a", "b"]
    assert executed.logs == "1 new or changed files were left out: at most 2 files and 67108864 bytes are kept.\n"


def test_a_file_that_is_too_large_to_keep_makes_room_for_others() -> None:
    executed = execute("open('a', 'w').write('12345')\nopen('b', 'w').write('1234');", {}, Limits(kept_bytes=4))
    assert executed.files == {"b": b"1234"}


def test_nothing_is_left_behind(temporary: Path) -> None:
    worked("import os\nos.mkdir('a')\nopen('a/b', 'w').close()\nos.chmod('a', 0)\nos.chmod('..', 0o500)", {"c": b""})
    assert list(temporary.iterdir()) == []


@posix
def test_code_may_take_its_own_directory_away(temporary: Path) -> None:
    assert worked("import os, shutil\nshutil.rmtree(os.path.dirname('/mnt/data'))").files == {}
    assert list(temporary.iterdir()) == []


@posix
def test_a_link_in_place_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    code = f"import os\nos.rmdir('/mnt/data')\nos.symlink({str(tmp_path)!r}, '/mnt/data')"
    assert worked(code).files == {}
    assert (tmp_path / "secret").exists()


@posix
def test_directories_deeper_than_a_path_may_be_are_removed(temporary: Path) -> None:
    worked("import os\nfor _ in range(300):\n    os.mkdir('a' * 20)\n    os.chdir('a' * 20)\nopen('b', 'w').close()")
    assert list(temporary.iterdir()) == []


def test_an_attached_file_that_is_gone_is_reported_in_one_line(temporary: Path) -> None:
    with pytest.raises(EmulatorError, match=r"^cannot execute code: .*nowhere: No such file or directory$"):
        execute("1", {"a": temporary / "nowhere"})
