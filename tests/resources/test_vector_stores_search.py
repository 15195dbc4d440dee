"""Searching a vector store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Emulator

FACTS = {
    "cake.txt": (b"Filip's favorite food is cake.", {"year": 2023, "kind": "food"}),
    "paris.md": (b"The capital of France is Paris.", {"year": 2024, "kind": "place"}),
    "oslo.md": (b"The capital of Norway is Oslo.", {"year": 2025, "kind": "place"}),
}


@pytest.fixture
def store(client: openai.OpenAI) -> str:
    store = client.vector_stores.create()
    for name, (content, attributes) in FACTS.items():
        file = client.files.create(file=(name, content), purpose="assistants")
        client.vector_stores.files.create(store.id, file_id=file.id, attributes=attributes)
    return store.id


def names(hits: Any) -> list[str]:
    return [hit.filename for hit in hits]


def test_a_search_answers_one_page_of_everything(wire: httpx2.Client, store: str) -> None:
    body = wire.post(f"/vector_stores/{store}/search", json={"query": "favorite food"}).json()
    assert list(body) == ["object", "search_query", "data", "has_more", "next_page"]
    assert body["object"] == "vector_store.search_results.page"
    assert (body["search_query"], body["has_more"], body["next_page"]) == ("favorite food", False, None)


def test_a_result_shows_its_file_and_its_text(wire: httpx2.Client, store: str) -> None:
    body = wire.post(f"/vector_stores/{store}/search", json={"query": "favorite food"}).json()
    best = body["data"][0]
    assert list(best) == ["file_id", "filename", "score", "attributes", "content"]
    assert (best["filename"], best["attributes"]) == ("cake.txt", {"year": 2023, "kind": "food"})
    assert best["content"] == [{"type": "text", "text": "Filip's favorite food is cake."}]
    assert 0 < best["score"] <= 1


def test_the_best_passage_comes_first(client: openai.OpenAI, store: str) -> None:
    assert names(client.vector_stores.search(store, query="What is the capital of Norway?"))[0] == "oslo.md"


def test_results_are_no_more_than_asked_for(client: openai.OpenAI, store: str) -> None:
    assert names(client.vector_stores.search(store, query="Paris", max_num_results=1)) == ["paris.md"]


def test_several_queries_are_searched_together(client: openai.OpenAI, store: str) -> None:
    hits = client.vector_stores.search(store, query=["Paris", "cake"], ranking_options={"score_threshold": 0.1})
    assert sorted(names(hits)) == ["cake.txt", "paris.md"]


def test_a_threshold_leaves_out_what_scores_less(client: openai.OpenAI, store: str) -> None:
    assert names(client.vector_stores.search(store, query="zebra", ranking_options={"score_threshold": 0.1})) == []


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"type": "eq", "key": "kind", "value": "food"}, ["cake.txt"]),
    ({"type": "gte", "key": "year", "value": 2024}, ["oslo.md", "paris.md"]),
    ({"type": "in", "key": "year", "value": [2023, 2025]}, ["cake.txt", "oslo.md"]),
    ({"type": "eq", "key": "missing", "value": "x"}, []),
    (
        {
            "type": "and",
            "filters": [
                {"type": "ne", "key": "year", "value": 2024},
                {"type": "eq", "key": "kind", "value": "place"},
            ],
        },
        ["oslo.md"],
    ),
]


@pytest.mark.parametrize(("filters", "found"), FILTERS)
def test_filters_choose_by_attributes(client: openai.OpenAI, store: str, filters: Any, found: list[str]) -> None:
    assert sorted(names(client.vector_stores.search(store, query="capital", filters=filters))) == found


def test_updated_attributes_count_at_once(client: openai.OpenAI, store: str) -> None:
    (best,) = client.vector_stores.search(store, query="Paris", max_num_results=1)
    client.vector_stores.files.update(best.file_id, vector_store_id=store, attributes={"kind": "city"})
    filters: Any = {"type": "eq", "key": "kind", "value": "city"}
    assert names(client.vector_stores.search(store, query="Paris", filters=filters)) == ["paris.md"]


def test_removed_files_are_not_found(client: openai.OpenAI, store: str) -> None:
    (best,) = client.vector_stores.search(store, query="Paris", max_num_results=1)
    client.vector_stores.files.delete(best.file_id, vector_store_id=store)
    assert "paris.md" not in names(client.vector_stores.search(store, query="Paris"))


def test_a_restart_changes_no_result(tmp_path: Path) -> None:
    results = []
    for start in range(2):
        with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
            if not start:
                store = client.vector_stores.create()
                for name, (content, attributes) in FACTS.items():
                    file = client.files.create(file=(name, content), purpose="assistants")
                    client.vector_stores.files.create(store.id, file_id=file.id, attributes=attributes)
            results.append([hit.to_dict() for hit in client.vector_stores.search(store.id, query="capital")])
    assert results[0] == results[1] != []


def test_files_added_after_a_restart_are_found_with_the_others(tmp_path: Path) -> None:
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        store = client.vector_stores.create()
        client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.txt", b"cake one"))
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("b.txt", b"cake two"))
        assert names(client.vector_stores.search(store.id, query="cake")) == ["a.txt", "b.txt"]
