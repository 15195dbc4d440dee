"""Code is highlighted by CSS classes and never executed."""

import html

import pytest

from assistants_emulator.inspector.markdown import LANGUAGES, LONG_NAMES, MOST_MARKED, marked, marked_json, rendered

HOSTILE = "<script>alert(1)</script>"


def test_python_is_marked() -> None:
    assert '<span class="kn">import</span>' in marked("import pandas", "python")


def test_a_fence_is_marked_in_its_language() -> None:
    assert '<span class="k">SELECT</span>' in rendered("```sql\nSELECT 1\n```")


def test_json_is_marked_and_set_out() -> None:
    lines = html.unescape(marked_json('{"city":"Oslo"}')).splitlines()
    assert '<span class="nt">"city"</span>' in lines[1]


def test_text_that_is_no_json_stands_as_it_is() -> None:
    assert marked_json("<sunny>") == "&lt;sunny&gt;"


@pytest.mark.parametrize("language", [*sorted(LANGUAGES), "klingon"])
def test_nothing_in_it_runs(language: str) -> None:
    assert "<script" not in marked(HOSTILE, language)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_listed_language_is_one_that_pygments_knows(language: str) -> None:
    from pygments.lexers import get_lexer_by_name

    assert get_lexer_by_name(LONG_NAMES.get(language, language))


def test_its_lines_stay_as_they_were() -> None:
    assert marked("\n\na\n\n", "python").count("\n") == 4


def test_code_without_end_stays_plain() -> None:
    assert "<span" not in marked("1 " * MOST_MARKED, "python")
