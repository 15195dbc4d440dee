"""A store whose objects were unloaded to its directory: every access finds them unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistants_emulator.errors import StoreError
from assistants_emulator.store import Event, Store
from assistants_emulator.store.journal import decode


def test_committed_objects_are_found_after_an_unload(opened, insert) -> None:
    store = opened()
    insert(store, "messages", "a", "b", thread_id="t")
    store.unload()
    assert store.get("messages", "b") == {"id": "b", "thread_id": "t"}
    assert [message["id"] for message in store.of("messages", "thread_id", "t")] == ["a", "b"]


def test_new_objects_come_after_the_old_ones(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    store.unload()
    insert(store, "threads", "c")
    assert [store.number("threads", id) for id in "abc"] == [1, 2, 3]


def test_a_checkpoint_is_read_with_the_lines_after_it(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a")
    store.checkpoint()
    insert(store, "threads", "b")
    store.unload()
    assert [thread["id"] for thread in store.all("threads")] == ["a", "b"]


def test_counters_go_on_even_from_ids_that_were_never_kept(opened, insert) -> None:
    store = opened()
    store.counters.next("thread")
    insert(store, "threads", "a")
    store.counters.next("thread")
    store.unload()
    assert store.get("threads", "a") == {"id": "a"}
    assert store.counters.next("thread") == 3


def test_a_dropped_key_is_a_cursor_as_before(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b", "c")
    store.commit(Event("deleted", {}, drops=(("threads", "b"),)))
    store.unload()
    assert store.page("threads", limit=10, descending=False, after="b").items == [{"id": "c"}]


def test_subscribers_stay(opened, insert) -> None:
    store, heard = opened(), []
    store.subscribe("*", heard.append)
    store.unload()
    insert(store, "threads", "a")
    assert [event.name for event in heard] == ["created"]


def test_counting_loads_nothing(opened, insert) -> None:
    store, loads = opened(), []
    insert(store, "threads", "a", "b")
    store.on_load = lambda: loads.append(store)
    store.unload()
    assert (store.count("threads"), loads) == (2, [])
    assert (store.count("messages", "thread_id", "a"), len(loads)) == (0, 1)


def test_replacing_everything_keeps_the_tables_of_others(opened, tmp_path: Path) -> None:
    (tmp_path / "db.json").write_text('{"theirs": {"1": {"a": 1}}}')
    store = opened()
    store.unload()
    store.replace({"threads": [{"id": "a"}]})
    assert (store.database.table("theirs").all(), store.count("threads")) == ([{"a": 1}], 1)


def test_closing_writes_what_only_the_journal_has(opened, insert, tmp_path: Path) -> None:
    store = opened()
    insert(store, "threads", "a")
    store.unload()
    store.close()
    assert '"id":"a"' in (tmp_path / "db.json").read_text()
    assert decode((tmp_path / "db.json.journal").read_bytes())["puts"] == []


def test_a_closed_store_is_not_loaded_again(opened, insert) -> None:
    store = opened()
    store.unload()
    store.close()
    with pytest.raises(StoreError, match="the store is closed"):
        insert(store, "threads", "a")


def test_a_directory_that_could_not_be_read_for_a_while_loses_nothing(opened, insert, tmp_path: Path) -> None:
    store, file = opened(), tmp_path / "db.json"
    insert(store, "threads", "a")
    store.unload()
    file.mkdir()
    with pytest.raises(StoreError, match="directory"):
        store.get("threads", "a")
    file.rmdir()
    insert(store, "threads", "b")
    assert [thread["id"] for thread in store.all("threads")] == ["a", "b"]


def test_a_store_in_memory_stays(insert) -> None:
    store = Store()
    insert(store, "threads", "a")
    store.unload()
    assert store.get("threads", "a") == {"id": "a"}
