"""Sentences of a page that promises something, each with the test that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SENTENCE_END = re.compile(r"(?<=[A-Za-z0-9`)]\.) (?=[A-Z`])")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def section(text: str, name: str) -> str:
    return re.split(r"^## ", text.partition(f"\n## {name}\n")[2], flags=re.MULTILINE)[0]


def sentences(text: str, without: Iterable[str] = ()) -> list[str]:
    """The sentences of the page's sections, each in one line; `without` begin those that promise nothing."""
    texts = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    blocks = [re.sub(r"\s+", " ", block).strip("- *") for text in texts for block in re.split(r"\n\n|\n- ", text)]
    blocks = [block.replace("**", "") for block in blocks if not block.startswith("|")]
    every = [sentence for block in blocks if block for sentence in SENTENCE_END.split(block)]
    return [sentence for sentence in every if not sentence.startswith(tuple(without))]


def check_shown(sentence: str, shown_by: Mapping[str, str]) -> None:
    """Exactly one row is for the sentence, and its test exists."""
    (place,) = [place for beginning, place in shown_by.items() if sentence.startswith(beginning)]
    file, _, name = place.partition(":")
    assert f"def {name}(" in (ROOT / "tests" / f"{file}.py").read_text()


def check_all_used(text: str, shown_by: Mapping[str, str]) -> None:
    whole = sentences(text)
    assert [start for start in shown_by if not any(sentence.startswith(start) for sentence in whole)] == []
