from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from assistants_emulator.retrieval import EXTENSIONS, Unreadable, extract


def refusal(filename: str, data: bytes) -> dict[str, str]:
    with pytest.raises(Unreadable) as caught:
        extract(filename, data)
    return caught.value.last_error()


def damage(reason: str) -> dict[str, str]:
    return {"code": "invalid_file", "message": f"The file could not be parsed because it {reason}."}


def test_the_extensions_are_those_of_the_api() -> None:
    listed = ".c .cpp .cs .css .doc .docx .go .html .java .js .json .md .pdf .php .pptx .py .rb .sh .tex .ts .txt"
    assert " ".join(EXTENSIONS) == listed


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "utf-8-sig", "utf-16"])
def test_text_comes_as_it_is_in_the_documented_encodings(encoding: str) -> None:
    assert extract("notes.txt", " a\r\n\tb \n".encode(encoding)) == " a\r\n\tb \n"


def test_json_and_source_come_as_they_are() -> None:
    assert extract("a.json", b'{"a": "\\u00e9"}') == '{"a": "\\u00e9"}'
    assert extract("a.b.py", "x = 'é'".encode()) == "x = 'é'"


@pytest.mark.parametrize("name", ["a.csv", "a.PDF", "a.exe", "a", "", "pdf", "../../etc/passwd"])
def test_other_types_are_unsupported(name: str) -> None:
    assert refusal(name, b"x") == {"code": "unsupported_file", "message": "The file type is not supported."}


def test_old_word_files_are_unsupported_with_advice() -> None:
    error = refusal("a.doc", b"x")
    assert error["code"] == "unsupported_file"
    assert error["message"].startswith("The file type is not supported. ")
    assert ".docx" in error["message"]


@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a.docx", "a.html"])
def test_an_empty_file_is_invalid(name: str) -> None:
    assert refusal(name, b"") == damage("is empty")


@pytest.mark.parametrize("data", [b" \n", "\ufeff".encode()])
def test_a_file_of_white_space_is_invalid(data: bytes) -> None:
    assert refusal("a.txt", data) == damage("contains no text")


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0", "é".encode("latin-1"), "a".encode("utf-16") + b"\x00"])
def test_bytes_that_are_no_text_are_invalid(data: bytes) -> None:
    assert refusal("a.txt", data) == damage("is not encoded as UTF-8, UTF-16 or ASCII")


def test_a_binary_that_happens_to_be_utf_8_is_invalid() -> None:
    assert refusal("a.txt", b"\x7fELF\x00\x01") == damage("is not a text file")


def test_more_than_five_million_tokens_are_too_large() -> None:
    assert len(extract("a.txt", b"four" * 5_000_000)) == 20_000_000
    assert refusal("a.txt", b"four" * 5_000_000 + b"!") == damage("is too large")
    assert refusal("a.txt", b"hello world " * 6_700_000) == damage("is too large")


def test_the_limit_counts_bytes_of_utf_8() -> None:
    assert len(extract("a.txt", ("a" * 20_000_000).encode("utf-16"))) == 20_000_000
    assert refusal("a.txt", ("é" * 10_000_001).encode("utf-16")) == damage("is too large")


def test_a_web_page_is_its_words() -> None:
    page = b"<title>T &amp; U</title><script>no('<p>')</script><p class='a>b'>Hello\n <b>w</b>orld<br>next<!-- <p> -->"
    assert extract("a.html", page) == "T & U\n\nHello world\nnext"


def test_a_table_of_a_web_page_has_a_line_for_each_row() -> None:
    page = b"<table><tr><td>Oslo</td><td>980</td></tr>\n<tr><td>Bergen<td>890</table>"
    assert extract("a.html", page) == "Oslo\t980\nBergen\t890"


@pytest.mark.parametrize("piece", ["<a", "<!--", "</", "<?", "<![", "<a b='", "<script>", "<a " + "b=' "])
def test_unclosed_markup_does_not_take_quadratic_time(piece: str) -> None:
    assert extract("a.html", ("words" + piece * 300_000).encode()).startswith("words")


def test_the_pages_of_a_pdf_follow_each_other(document: Callable[[str], bytes]) -> None:
    text = extract("handbook.pdf", document("employee_handbook.pdf"))
    assert text.startswith("Fjordlight Employee Handbook\n")
    assert "Every employee has 27 vacation days a year." in text
    assert text.index("vacation days") < text.index("The notice period is three months")


def test_a_word_file_is_its_paragraphs_and_rows(document: Callable[[str], bytes]) -> None:
    text = extract("policy.docx", document("travel_policy.docx"))
    assert text.startswith("Fjordlight Travel Policy\n")
    assert "\nOslo\t980 kroner\t1,900 kroner\nBergen\t890 kroner" in text
    assert "170 euros\nCars and taxis\n" in text


def test_the_slides_of_a_presentation_come_with_their_notes() -> None:
    from pptx import Presentation

    file, slides = io.BytesIO(), Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Lamps", "Red\nGreen"
    slide.notes_slide.notes_text_frame.text = "Say hello."
    slides.save(file)
    assert extract("a.pptx", file.getvalue()) == "Lamps\nRed\nGreen\n\nSay hello."
