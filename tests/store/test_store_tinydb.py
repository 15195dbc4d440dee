from __future__ import annotations

from pathlib import Path

import pytest
from tinydb import TinyDB, where

from assistants_emulator.errors import StoreError
from assistants_emulator.store import Event, Store


@pytest.fixture
def stock(tmp_path: Path, opened, insert):
    """The tables in stock TinyDB after threads a and b, a message, and b's drop."""
    store = opened()
    insert(store, "threads", "a", "b")
    insert(store, "messages", "m", thread_id="a")
    store.commit(Event("deleted", {}, drops=(("threads", "b"),)))
    store.close()
    with TinyDB(tmp_path / "db.json") as database:
        yield database


def test_stock_tinydb_lists_and_searches_the_file(stock: TinyDB) -> None:
    assert stock.table("threads").all() == [{"id": "a"}]
    assert stock.table("messages").search(where("id") == "m") == [{"id": "m", "thread_id": "a"}]


def test_document_numbers_are_the_order_of_creation_across_tables(stock: TinyDB) -> None:
    assert [stock.table(name).all()[0].doc_id for name in ("threads", "messages")] == [1, 3]


def test_counters_and_sequence_are_a_document_of_the_table_emulator(stock: TinyDB) -> None:
    assert stock.table("emulator").get(where("id") == "counters") == {"id": "counters", "sequence": 4, "values": {}}


def test_documents_inserted_by_stock_tinydb_are_served(stock: TinyDB, opened) -> None:
    stock.table("threads").insert({"id": "by hand"})
    stock.table("notes").insert({"text": "mine"})
    store = opened()
    assert [thread["id"] for thread in store.all("threads")] == ["a", "by hand"]


def test_a_number_that_stock_tinydb_gave_is_not_given_again(stock: TinyDB, opened, insert) -> None:
    for n in range(9):
        stock.table("threads").insert({"id": f"by hand {n}"})
    store = opened()
    insert(store, "threads", "new")
    assert store.count("threads") == 11


def test_tables_that_are_not_ours_are_kept(stock: TinyDB, opened, insert, tmp_path: Path) -> None:
    stock.table("notes").insert({"text": "mine"})
    store = opened()
    store.replace({})
    store.close()
    with TinyDB(tmp_path / "db.json") as database:
        assert database.table("notes").all() == [{"text": "mine"}]


def test_an_empty_file_as_stock_tinydb_makes_it_is_an_empty_database(tmp_path: Path, opened) -> None:
    TinyDB(tmp_path / "db.json").close()
    assert opened().count("threads") == 0


def test_the_live_database_reads_as_any_tinydb(store: Store, insert) -> None:
    insert(store, "threads", "a", "b", "c")
    threads = store.database.table("threads")
    assert [(thread["id"], thread.doc_id) for thread in threads.all()] == [("a", 1), ("b", 2), ("c", 3)]
    assert (threads.get(doc_id=2), threads.get(doc_id=9)) == ({"id": "b"}, None)
    assert threads.get(doc_ids=[1, 3]) == [{"id": "a"}, {"id": "c"}]
    assert (len(threads), threads.contains(doc_id=3), threads.count(where("id") == "b")) == (3, True, 1)
    assert "threads" in store.database.tables()


def test_a_search_sees_what_was_committed_since_the_last_one(store: Store, insert) -> None:
    query = where("id") == "a"
    assert store.database.table("threads").search(query) == []
    insert(store, "threads", "a")
    assert store.database.table("threads").search(query) == [{"id": "a"}]
    store.commit(Event("deleted", {}, drops=(("threads", "a"),)))
    assert store.database.table("threads").search(query) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda database: database.table("threads").insert({"id": "x"}),
        lambda database: database.table("threads").update({"id": "x"}),
        lambda database: database.table("threads").truncate(),
        lambda database: database.drop_table("threads"),
        lambda database: database.drop_tables(),
    ],
)
def test_tinydbs_own_writing_methods_are_refused(store: Store, insert, write) -> None:
    insert(store, "threads", "a")
    with pytest.raises(StoreError, match=r"only Store\."):
        write(store.database)
    assert store.count("threads") == len(store.database.table("threads")) == 1
