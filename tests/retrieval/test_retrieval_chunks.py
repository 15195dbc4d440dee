from __future__ import annotations

from itertools import pairwise

import pytest

from assistants_emulator.retrieval.chunks import Chunk, chunk, tokens

WORDS = " ".join(f"word{number}" for number in range(2_000))
TEXTS = {
    "words": WORDS,
    "paragraphs": "\n\n".join(WORDS[at : at + 150] for at in range(0, len(WORDS), 150)),
    "no spaces": "x" * 9_000,
    "mostly white space": "a" + " " * 5_000 + "b" + "\n" * 5_000 + "c ",
    "chinese": "北京是中国的首都。" * 500,
    "emoji": "🙂" * 3_000,
    "lone surrogates": "\ud800" * 3_000,
    "mixed": "é 🙂 \t\r\n ab界. " * 700,
}


def test_a_short_text_is_one_chunk_without_the_space_around_it() -> None:
    assert chunk("\n Hello world. \n") == [Chunk(2, 14, "Hello world.")]


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_of_white_space_has_no_chunks(text: str) -> None:
    assert chunk(text) == []


def test_a_token_is_a_quarter_of_the_bytes_rounded_up() -> None:
    assert [tokens(text) for text in ("", "a", "four", "fives", "é", "🙂🙂")] == [0, 1, 1, 2, 1, 2]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("sizes", [(800, 400), (100, 50), (100, 0), (4096, 7), (1, 0)], ids=str)
def test_every_chunk_is_its_place_in_the_text_and_small_enough(text: str, sizes: tuple[int, int]) -> None:
    for piece in chunk(text, *sizes):
        assert piece.text == text[piece.start : piece.end] == piece.text.strip()
        assert 0 < tokens(piece.text) <= sizes[0]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("sizes", [(800, 400), (100, 50), (100, 0), (4096, 7), (1, 0)], ids=str)
def test_chunks_hold_every_word_and_go_forward(text: str, sizes: tuple[int, int]) -> None:
    covered = 0
    for piece in chunk(text, *sizes):
        assert not text[covered : piece.start].strip()
        assert piece.end > covered
        covered = piece.end
    assert not text[covered:].strip()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_neighbours_overlap_by_no_more_than_was_asked(text: str) -> None:
    chunks = chunk(text, 100, 40)
    shared = [text[after.start : before.end] for before, after in pairwise(chunks)]
    assert all(tokens(piece) <= 40 for piece in shared)


def test_neighbours_share_nearly_the_overlap() -> None:
    chunks = chunk(WORDS, 100, 40)
    shared = [WORDS[after.start : before.end] for before, after in pairwise(chunks)]
    assert all(tokens(piece) >= 35 for piece in shared)


def test_words_are_not_cut() -> None:
    words = set(WORDS.split())
    assert all(set(piece.text.split()) <= words for piece in chunk(WORDS, 100, 50))


def test_a_chunk_ends_after_a_paragraph_rather_than_a_line_or_a_sentence() -> None:
    text = "a" * 310 + "\n\nNext. More\nof it " + "b" * 400
    assert chunk(text, 100, 0)[0].text == "a" * 310


def test_a_chunk_ends_after_a_sentence_rather_than_a_word() -> None:
    text = "a" * 310 + " Done. And more " + "b" * 400
    assert chunk(text, 100, 0)[0].text == "a" * 310 + " Done."


def test_an_overlap_of_more_than_half_is_taken_as_half() -> None:
    assert chunk(WORDS, 100, 100) == chunk(WORDS, 100, 50)
