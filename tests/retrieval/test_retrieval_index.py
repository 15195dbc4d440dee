from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

import pytest

from assistants_emulator.errors import EmulatorError
from assistants_emulator.retrieval import Hit, Index, chunk, extract

Put = Callable[..., None]


def found(index: Index, *queries: str, limit: int = 10, stores: Sequence[str] = ("vs_1",), **options: Any) -> list[str]:
    return [hit.file_id.removeprefix("file-") for hit in index.search(stores, queries, limit, **options)]


def scores(hits: list[Hit]) -> dict[str, float]:
    return {hit.file_id.removeprefix("file-"): hit.score for hit in hits}


def test_a_hit_is_the_chunk_and_its_file(index: Index, put: Put) -> None:
    put("a", "Cake is eaten.", city="Oslo")
    (hit,) = index.search(["vs_1"], ["cake"], 10)
    assert 0 < hit.score < 1
    assert asdict(hit) == {
        "file_id": "file-a",
        "filename": "a.txt",
        "score": hit.score,
        "attributes": {"city": "Oslo"},
        "text": "Cake is eaten.",
        "chunk_number": 0,
    }


@pytest.mark.parametrize(
    ("question", "filename", "passage"),
    [
        ("How many vacation days do employees get?", "employee_handbook.pdf", "27 vacation days"),
        ("What is the per-diem in Oslo?", "travel_policy.docx", "980 kroner"),
        ("Can I work from home?", "employee_handbook.pdf", "three days a week"),
        ("When must an expense report be handed in?", "travel_policy.docx", "within 30 days"),
        ("Which meeting room seats twenty?", "office_guide.md", "Færder seats 20"),
    ],
)
def test_a_question_finds_the_document_that_answers_it(
    index: Index, document: Callable[[str], bytes], question: str, filename: str, passage: str
) -> None:
    for name in ("employee_handbook.pdf", "travel_policy.docx", "office_guide.md"):
        index.add("vs_1", name, name, {}, chunk(extract(name, document(name))))
    hit = index.search(["vs_1"], [question], 3)[0]
    assert hit.filename == filename
    assert passage in " ".join(hit.text.split())


def test_words_are_found_by_their_english_stem_and_without_accents(index: Index, put: Put) -> None:
    put("a", "The dog sleeps.")
    put("b", "Running résumés")
    assert found(index, "RUN", limit=1) == found(index, "resume", limit=1) == ["b"]


def test_chunks_without_any_word_fill_up_at_zero_in_order(index: Index, put: Put) -> None:
    for name in "abcd":
        put(name, "cake" if name == "c" else "nothing")
    hits = index.search(["vs_1"], ["cake"], 3)
    assert [(hit.file_id, hit.score > 0) for hit in hits] == [("file-c", True), ("file-a", False), ("file-b", False)]
    assert hits[1].score == 0


def test_a_query_of_no_word_at_all_gives_the_first_chunks(index: Index, put: Put) -> None:
    put("a", "cake")
    put("b", "bread")
    assert found(index, "?!") == found(index, "") == found(index, "unheard") == found(index) == ["a", "b"]


@pytest.mark.parametrize(
    "query",
    [
        '") OR *',
        "cake*",
        "NEAR(cake bread)",
        "text:cake",
        "^cake",
        "cake NOT bread",
        '"',
        "'; DROP",
        "{",
        "-",
        "\0",
        "\ud800",
    ],
)
def test_a_query_is_never_syntax(index: Index, put: Put, query: str) -> None:
    put("a", "cake")
    put("b", "bread")
    assert sorted(found(index, query)) == ["a", "b"]


def test_a_query_of_a_hundred_thousand_words_is_answered(index: Index, put: Put) -> None:
    put("a", "bread")
    put("b", "word7")
    assert found(index, " ".join(f"word{number}" for number in range(100_000)), limit=1) == ["b"]


def test_words_of_most_chunks_do_not_decide(index: Index, put: Put) -> None:
    for name in "abcde":
        put(name, "lamp lamp lamp lamp" if name != "e" else "lamp harbour and other words that make it long")
    assert found(index, "harbour lamp", limit=1) == ["e"]


def test_function_words_do_not_decide_in_a_small_store(index: Index, put: Put) -> None:
    put("a", "how many many many do")
    put("b", "the vacation is long")
    put("c", "else")
    assert scores(index.search(["vs_1"], ["How many days of vacation do I have?"], 3))["a"] == 0


def test_a_word_that_is_everywhere_still_finds_where_nothing_else_is_asked(index: Index, put: Put) -> None:
    put("a", "lamp and many other words that stand around it")
    put("b", "lamp")
    assert found(index, "the lamp") == ["b", "a"]


def test_more_words_of_the_query_score_higher(index: Index, put: Put) -> None:
    put("none", "nothing at all here")
    put("one", "red apples grow here")
    put("two", "red lamps grow here")
    for name in "xyz":
        put(name, "nothing else to tell")
    assert found(index, "red lamps", limit=2) == ["two", "one"]


def test_a_score_means_the_same_in_a_large_store(index: Index, put: Put) -> None:
    for number in range(300):
        put(f"other{number}", "nothing else", store="vs_2")
    for store in ("vs_1", "vs_2"):
        put("a", "red lamps", store=store)
        put("b", "blue chairs", store=store)
        put("c", "green tables", store=store)
    small, large = (index.search([store], ["red lamps"], 1)[0].score for store in ("vs_1", "vs_2"))
    assert small == pytest.approx(large, abs=0.05)
    assert large > 0.6


def test_equal_chunks_come_in_order_of_file_and_chunk(index: Index, put: Put) -> None:
    for name in ("b", "a"):
        put(name, " ".join(["same words here"] * 60), size=25)
    hits = index.search(["vs_1"], ["same"], 50)
    assert len({hit.score for hit in hits[:4]}) == 1
    by_score = sorted(hits, key=lambda hit: (-hit.score, "ba".index(hit.file_id[-1]), hit.chunk_number))
    assert hits == by_score


def test_the_same_search_gives_the_same_bytes(put: Put, index: Index) -> None:
    for number in range(50):
        put(f"f{number}", f"lamp {number % 7} harbour {number % 5}")
    assert index.search(["vs_1"], ["lamp 3 harbour 4"], 20) == index.search(["vs_1"], ["lamp 3 harbour 4"], 20)


def test_several_queries_give_each_chunk_its_best_score(index: Index, put: Put) -> None:
    for name, text in {"a": "red cake", "b": "blue bread", "c": "old news", "d": "new words"}.items():
        put(name, text)
    cake, bread = (scores(index.search(["vs_1"], [query], 10)) for query in ("red cake", "blue"))
    both = scores(index.search(["vs_1"], ["red cake", "blue", "blue"], 10))
    assert both == {name: max(cake[name], bread[name]) for name in "abcd"}


def test_a_threshold_leaves_out_what_scores_less(index: Index, put: Put) -> None:
    for name in "abc":
        put(name, "cake" if name == "b" else "nothing")
    best = index.search(["vs_1"], ["cake"], 1)[0].score
    assert found(index, "cake", score_threshold=best) == ["b"]
    assert found(index, "cake", score_threshold=1.0) == []


def test_filters_choose_among_files(index: Index, put: Put) -> None:
    for name in "abcd":
        put(name, "cake", letter=name)
    among = {"type": "in", "key": "letter", "value": ["d", "b"]}
    assert found(index, "cake", filters=among) == found(index, "unheard", filters=among) == ["b", "d"]
    assert found(index, "cake", filters={"type": "eq", "key": "letter", "value": "x"}) == []


def test_new_attributes_count_at_once(index: Index, put: Put) -> None:
    put("a", "cake", city="Oslo")
    index.update("vs_1", "file-a", {"city": "Bergen"})
    index.update("vs_1", "file-unknown", {})
    assert found(index, "cake", filters={"type": "eq", "key": "city", "value": "Bergen"}) == ["a"]


def test_stores_do_not_see_each_other(index: Index, put: Put) -> None:
    put("a", "cake")
    before = index.search(["vs_1"], ["cake"], 10)
    put("b", "cake cake", store="vs_2")
    assert index.search(["vs_1"], ["cake"], 10) == before


def test_a_search_in_several_stores_ranks_them_together(index: Index, put: Put) -> None:
    put("a", "bread")
    put("b", "cake", store="vs_2")
    assert found(index, "cake", stores=["vs_1", "vs_2", "vs_2", "vs_unknown"]) == ["b", "a"]


def test_a_removed_file_is_not_found(index: Index, put: Put) -> None:
    put("a", "cake")
    put("b", "cake")
    for _ in range(2):
        index.remove("vs_1", "file-a")
    index.remove("vs_unknown", "file-a")
    assert found(index, "cake") == ["b"]


def test_after_a_removal_scores_are_as_if_the_file_had_never_been(index: Index, put: Put) -> None:
    for store in ("vs_1", "vs_2"):
        put("a", "cake and bread", store=store)
        put("b", "bread", store=store)
    put("c", "cake cake bread butter", store="vs_2")
    index.remove("vs_2", "file-c")
    assert index.search(["vs_1"], ["cake"], 10) == index.search(["vs_2"], ["cake"], 10)


def test_a_file_added_again_replaces_itself_and_goes_last(index: Index, put: Put) -> None:
    put("a", "cake")
    put("b", "bread")
    put("a", "wine")
    assert found(index, "cake") == ["b", "a"]
    assert found(index, "wine") == ["a", "b"]


def test_a_file_without_chunks_is_never_found(index: Index) -> None:
    index.add("vs_1", "file-a", "a.txt", {}, [])
    assert index.search(["vs_1"], ["cake"], 10) == []


def test_a_dropped_store_is_empty(index: Index, put: Put) -> None:
    put("a", "cake")
    for _ in range(2):
        index.drop("vs_1")
    assert found(index, "cake") == []


def test_a_chunk_that_cannot_be_kept_leaves_the_store_as_it_was(index: Index, put: Put) -> None:
    put("a", "cake")
    with pytest.raises(UnicodeEncodeError):
        put("b", "cake \ud800")
    assert found(index, "cake") == ["a"]
    put("b", "bread")
    assert found(index, "bread") == ["b", "a"]


def test_a_word_too_common_to_rank_in_a_large_store_is_left_out(
    index: Index, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistants_emulator.retrieval.words.MAX_POSTINGS", 3)
    for name in "abcde":
        put(name, "lamp")
    assert set(scores(index.search(["vs_1"], ["lamp"], 10)).values()) == {0.0}


def test_without_fts5_the_error_names_it(index: Index, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistants_emulator.retrieval.index._TABLE", "CREATE VIRTUAL TABLE chunks USING fts99(text)")
    with pytest.raises(EmulatorError, match=r"SQLite has FTS5: no such module"):
        put("a", "cake")


def test_an_index_may_be_used_from_another_thread(index: Index, put: Put) -> None:
    from threading import Thread

    put("a", "cake")
    hits: list[Any] = []
    thread = Thread(target=lambda: hits.extend(found(index, "cake")))
    thread.start()
    thread.join()
    assert hits == ["a"]


def test_closing_lets_go_of_every_connection(put: Put, index: Index) -> None:
    put("a", "cake")
    database = index._stores["vs_1"]._db
    index.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_file_that_is_removed_while_it_is_added_leaves_nothing(index: Index, put: Put, written: int) -> None:
    put("a", "cake")
    before = index.search(["vs_1"], ["cake"], 10)
    adding = index.adding("vs_1", "file-b", "b.txt", {}, chunk("cake and tea. " * 20_000, 100, 50))
    for write in islice(adding, written):
        write()
    index.remove("vs_1", "file-b")
    assert index.search(["vs_1"], ["cake"], 10)[0].file_id == "file-a"
    for write in adding:
        write()
    assert index.search(["vs_1"], ["cake"], 10) == before
    put("b", "cake")
    assert sorted(found(index, "cake")) == ["a", "b"]


def test_a_removal_that_is_not_over_shows_nothing_of_the_file(index: Index, put: Put) -> None:
    put("a", "cake")
    put("b", "cake and tea. " * 20_000)
    removing = index.removing("vs_1", "file-b")
    next(removing)()
    assert found(index, "cake") == ["a"]
    assert index.is_being_written("vs_1")
