"""Hostile files: each is refused, or read within limits that are counted, not timed."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest

from assistants_emulator.retrieval import Unreadable, extract

Repacked = Callable[[str, bytes], bytes]
WORD = "word/document.xml"


def document_xml(body: str, before: str = "") -> bytes:
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return f'{before}<w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>'.encode()


def reason(filename: str, data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        extract(filename, data)
    assert caught.value.code == "invalid_file"
    return caught.value.message.removeprefix("The file could not be parsed because it ")


def outcome(filename: str, data: bytes) -> str:
    try:
        return "read" if extract(filename, data) else "nothing"
    except Unreadable as error:
        return error.code


@pytest.mark.parametrize("name", ["employee_handbook.pdf", "travel_policy.docx"])
def test_a_file_cut_short_anywhere_is_read_or_refused(name: str, document: Callable[[str], bytes]) -> None:
    whole = document(name)
    for end in range(1, len(whole), len(whole) // 40):
        assert outcome(name, whole[:end]) in ("read", "invalid_file")


@pytest.mark.parametrize("name", ["employee_handbook.pdf", "travel_policy.docx"])
def test_a_garbled_file_is_read_or_refused(name: str, document: Callable[[str], bytes]) -> None:
    whole = document(name)
    for at in range(0, len(whole), len(whole) // 150):
        garbled = whole[:at] + zlib.compress(str(at).encode()) + whole[at + at % 7 :]
        assert outcome(name, garbled) in ("read", "invalid_file")


def test_half_a_pdf_is_damaged(document: Callable[[str], bytes]) -> None:
    whole = document("employee_handbook.pdf")
    assert reason("a.pdf", whole[: len(whole) // 2]) == "is damaged."


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx"])
def test_another_kind_of_file_under_that_name_is_damaged(name: str) -> None:
    assert reason(name, b"just text") == "is damaged."


def test_a_word_file_is_no_presentation(document: Callable[[str], bytes]) -> None:
    assert reason("a.pptx", document("travel_policy.docx")) == "is damaged."


@pytest.mark.parametrize("member", [WORD, "docProps/thumbnail.jpeg"])
def test_a_zip_bomb_is_refused_by_its_directory(repacked: Repacked, member: str) -> None:
    assert reason("a.docx", repacked(member, b"0" * 30_000_000)) == "is too large."


def test_a_zip_bomb_whose_directory_lies_is_not_unpacked_further(repacked: Repacked) -> None:
    content = b"0" * 30_000_000
    sizes = zlib.crc32(content).to_bytes(4, "little"), len(content).to_bytes(4, "little")
    lies = zlib.crc32(content[:1000]).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    bomb = repacked(WORD, content).replace(sizes[0], lies[0]).replace(sizes[1], lies[1])
    assert reason("a.docx", bomb) == "is damaged."


def test_too_many_tiny_elements_are_refused(repacked: Repacked, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (repacked(WORD, document_xml("<w:p/>" * number + "text")) for number in (10, 100_000))
    monkeypatch.setattr("assistants_emulator.retrieval.office.MAX_TAGS", 50_000)
    assert reason("a.docx", few) == "contains no text."
    assert reason("a.docx", many) == "is too large."


def test_a_cell_that_claims_two_billion_columns_is_read_once(repacked: Repacked) -> None:
    span = '<w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>'
    row = f"<w:tbl><w:tr><w:tc>{span}<w:p><w:r><w:t>cell</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    assert extract("a.docx", repacked(WORD, document_xml(row))) == "cell"


def test_entities_of_a_word_file_are_not_resolved(repacked: Repacked) -> None:
    entity = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
    body = "<w:p><w:r><w:t>a</w:t></w:r><w:r><w:t>&secret;</w:t></w:r></w:p>"
    assert extract("a.docx", repacked(WORD, document_xml(body, entity))) == "a"


def test_deeply_nested_xml_is_damaged(repacked: Repacked) -> None:
    deep = document_xml("<w:p>" * 5_000 + "</w:p>" * 5_000)
    assert reason("a.docx", repacked(WORD, deep)) == "is damaged."


def test_a_page_of_endless_content_is_refused_before_it_is_read(pdf_of: Callable[..., bytes]) -> None:
    assert reason("a.pdf", pdf_of(b"(" * 30_000_000)) == "is too large."


def test_a_page_of_too_many_pieces_of_text_is_refused(
    pdf_of: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistants_emulator.retrieval.pdf.MANY_PIECES", 100)
    monkeypatch.setattr("assistants_emulator.retrieval.pdf.MAX_WORK", 50_000)
    assert extract("a.pdf", pdf_of(b"BT /F1 9 Tf " + b"(x) Tj " * 1_000 + b"ET")) == "x" * 1_000
    assert reason("a.pdf", pdf_of(b"BT /F1 9 Tf " + b"(x) Tj " * 3_000 + b"ET")) == "is too large."


def test_one_page_named_too_often_is_refused(pdf_of: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistants_emulator.retrieval.pdf.MAX_WORK", 250_000)
    content = b"BT /F1 9 Tf (x) Tj ET"
    assert extract("a.pdf", pdf_of(content, pages=50)).split() == ["x"] * 50
    assert reason("a.pdf", pdf_of(content, pages=120)) == "is too large."


def test_a_form_drawn_too_often_is_refused(pdf_of: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistants_emulator.retrieval.pdf.MAX_WORK", 250_000)
    form = b"BT /F1 9 Tf (x) Tj ET"
    assert extract("a.pdf", pdf_of(b"/F Do " * 50, form=form)).split() == ["x"] * 50
    assert reason("a.pdf", pdf_of(b"/F Do " * 120, form=form)) == "is too large."


def test_an_encrypted_pdf_is_reported_as_that(document: Callable[[str], bytes]) -> None:
    import io

    from pypdf import PdfWriter

    writer, file = PdfWriter(clone_from=io.BytesIO(document("employee_handbook.pdf"))), io.BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(file)
    assert reason("a.pdf", file.getvalue()) == "is encrypted."
