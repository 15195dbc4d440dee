"""Markdown of messages, rendered without active content."""

import pytest

from assistants_emulator.inspector.markdown import rendered

MARK = "【4:0†a.txt】"


def note(start: int) -> dict[str, object]:
    return {"type": "file_citation", "start_index": start, "end_index": start + len(MARK), "text": MARK}


def test_it_is_markdown() -> None:
    assert rendered("**a** `b`") == "<p><strong>a</strong> <code>b</code></p>\n"
    assert "<table>" in rendered("| a |\n|---|\n| b |")
    assert 'data-language="python"' in rendered("```python\n1 < 2\n```")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "![a](data:text/html;base64,AAAA)",
        "[a](vbscript:x)",
        "<a href='javascript:alert(1)'>a</a>",
        "```<img src=x onerror=alert(1)>\nx\n```",
        '[a](http://b "\\" onmouseover=alert(1) x=\\"")',
    ],
)
def test_nothing_in_it_runs(text: str) -> None:
    html = rendered(text).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert 'href="vbscript' not in html
    assert '" onmouseover' not in html


def test_images_elsewhere_are_links() -> None:
    assert "<img" not in rendered("![a chart](https://example.com/c.png)")
    assert 'href="https://example.com/c.png"' in rendered("![a chart](https://example.com/c.png)")


def test_links_give_nothing_away() -> None:
    assert 'rel="noopener noreferrer"' in rendered("[a](https://example.com)")


def test_citations_become_footnote_marks() -> None:
    html = rendered(f"True.{MARK} And more.", [note(5)], "note-1")
    assert html == '<p>True.<sup class="cite"><a href="#note-1-0">1</a></sup> And more.</p>\n'


@pytest.mark.parametrize("text", [f'[x](/u "t{MARK} onclick=1 ")', f"`x{MARK}`", f"[x](/u{MARK})"])
def test_a_citation_inside_an_attribute_or_code_stays_text(text: str) -> None:
    html = rendered(text, [note(text.index(MARK))], "n")
    assert "<sup" not in html
    assert '" onclick' not in html


def test_private_characters_of_the_user_are_no_marks() -> None:
    assert "<sup" not in rendered("\ue0000\ue001", [], "n")


@pytest.mark.parametrize("start", [-5, 10_000, None, "0"])
def test_annotations_that_lead_nowhere_do_no_harm(start: object) -> None:
    wrong = {"type": "file_citation", "start_index": start, "end_index": 3, "text": ""}
    assert "short" in rendered("short", [wrong], "n")


def test_a_text_without_end_is_cut() -> None:
    assert len(rendered("word " * 100_000)) < 30_000
