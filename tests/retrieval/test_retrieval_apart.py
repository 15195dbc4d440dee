"""Documents are read in a process of their own, which may die or be killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistants_emulator.processes import HelperDied, Pool, TookTooLong
from assistants_emulator.processes.pool import TaskError
from assistants_emulator.retrieval import Unreadable, extract, extract_apart, text

Repacked = Callable[[str, bytes], bytes]


@pytest.fixture
def pool() -> Any:
    pool = Pool(512 * 1024 * 1024)
    yield pool
    pool.close()


@pytest.mark.parametrize("name", ["employee_handbook.pdf", "travel_policy.docx"])
def test_a_document_is_read_as_in_this_process(name: str, document: Callable[[str], bytes]) -> None:
    assert extract_apart(name, document(name)) == extract(name, document(name))


def test_a_small_text_file_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text.READERS, "call", None)
    assert extract_apart("a.md", b"text") == "text"


def test_a_large_text_file_is_read_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(text.READERS, "call", lambda *arguments: calls.append(arguments) or {"text": "x"})
    assert extract_apart("a.md", b"a" * 1_000_001) == "x"
    assert len(calls) == 1


def test_an_unreadable_document_keeps_its_reason() -> None:
    with pytest.raises(Unreadable, match="is damaged") as caught:
        extract_apart("a.pdf", b"no pdf")
    assert caught.value.code == "invalid_file"


def test_a_document_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_too_long(*arguments: object) -> None:
        raise TookTooLong

    monkeypatch.setattr(text.READERS, "call", take_too_long)
    with pytest.raises(Unreadable, match="takes too long to read"):
        extract_apart("a.pdf", b"%PDF-")


def test_a_document_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*arguments: object) -> None:
        raise HelperDied

    monkeypatch.setattr(text.READERS, "call", die)
    with pytest.raises(Unreadable, match="is too large"):
        extract_apart("a.pdf", b"%PDF-")


@pytest.mark.parametrize("encoding", ["utf-7", "utf-32", "cp500", "latin-1", "utf-7-without-declaration"])
def test_xml_of_other_encodings_is_refused(repacked: Repacked, encoding: str) -> None:
    declaration = "" if "without" in encoding else f'<?xml version="1.0" encoding="{encoding}"?>'
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = f'{declaration}<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>a</w:t></w:r></w:p></w:body></w:document>'
    content = b"+/v8-" + xml.encode("utf-7") if "without" in encoding else xml.encode(encoding)
    with pytest.raises(Unreadable, match="UTF-8, UTF-16 or ASCII"):
        extract("a.docx", repacked("word/document.xml", content))


def test_xml_in_utf_16_is_read(repacked: Repacked) -> None:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "<w:body><w:p><w:r><w:t>a</w:t></w:r></w:p></w:body>"
    xml = f'<?xml version="1.0" encoding="utf-16"?><w:document xmlns:w="{space}">{body}</w:document>'
    assert extract("a.docx", repacked("word/document.xml", xml.encode("utf-16"))) == "a"


def test_a_helper_stays_for_the_next_task(pool: Pool) -> None:
    assert pool.call("os:getpid", [], 10) == pool.call("os:getpid", [], 10) != os.getpid()


def test_a_helper_that_takes_too_long_is_killed_and_another_started(pool: Pool) -> None:
    with pytest.raises(TookTooLong):
        pool.call("time:sleep", [600], 0.1)
    assert pool.call("os:getpid", [], 10)


def test_a_helper_that_dies_is_an_error_of_its_task_alone(pool: Pool) -> None:
    first = pool.call("os:getpid", [], 10)
    os.kill(first, 9)
    assert pool.call("os:getpid", [], 10) != first
    with pytest.raises(HelperDied):
        pool.call("os:abort", [], 10)
    assert pool.call("os:getpid", [], 10)


def test_a_helper_has_a_limit_on_memory(pool: Pool) -> None:
    with pytest.raises(TaskError, match="MemoryError"):
        pool.call("builtins:bytes", [1 << 30], 10)
    assert pool.call("builtins:abs", [-1], 10) == 1


def test_a_helper_does_not_see_the_environment(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert pool.call("os:getenv", ["OPENAI_API_KEY"], 10) is None


def test_the_start_of_a_helper_does_not_count(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does the import of a module, which here takes longer than the task may."""
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.6)\nanswer = lambda: 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert pool.call("slow_to_import:answer", [], seconds=0.5) == 42
