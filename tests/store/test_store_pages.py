from __future__ import annotations

import pytest

from assistants_emulator.store import Event, Store


@pytest.fixture
def threads(store: Store, insert) -> Store:
    """Threads 1 to 5, and messages a to d, taking turns in the threads 1 and 2."""
    insert(store, "threads", "1", "2", "3", "4", "5")
    for id, thread in zip("abcd", "1212", strict=True):
        insert(store, "messages", id, thread_id=thread)
    return store


def page(store: Store, table: str = "threads", **options) -> tuple[str, bool]:
    found = store.page(table, **{"limit": 20, "descending": False, **options})
    return "".join(object["id"] for object in found.items), found.has_more


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("12345", False)),
        ({"descending": True}, ("54321", False)),
        ({"limit": 5}, ("12345", False)),
        ({"limit": 4}, ("1234", True)),
        ({"limit": 2, "descending": True}, ("54", True)),
        ({"after": "2"}, ("345", False)),
        ({"after": "2", "limit": 2}, ("34", True)),
        ({"after": "5"}, ("", False)),
        ({"after": "4", "descending": True}, ("321", False)),
        ({"after": "1", "descending": True}, ("", False)),
        ({"before": "4"}, ("123", False)),
        ({"before": "4", "limit": 2}, ("12", True)),
        ({"before": "1"}, ("", False)),
        ({"before": "2", "descending": True}, ("543", False)),
        ({"before": "2", "descending": True, "limit": 2}, ("54", True)),
        ({"after": "1", "before": "5"}, ("234", False)),
        ({"after": "5", "before": "1", "descending": True}, ("432", False)),
        ({"after": "5", "before": "1", "descending": True, "limit": 2}, ("43", True)),
        ({"after": "4", "before": "2"}, ("", False)),
        ({"after": "2", "before": "4", "descending": True}, ("", False)),
    ],
)
def test_a_page_lies_between_its_cursors_in_the_order_asked_for(threads: Store, options, expected) -> None:
    assert page(threads, **options) == expected


@pytest.mark.parametrize("descending", [False, True])
def test_walking_by_after_meets_everything_once(threads: Store, descending: bool) -> None:
    walked, cursor, more = "", None, True
    while more:
        items, more = page(threads, limit=2, after=cursor, descending=descending)
        walked, cursor = walked + items, items[-1]
    assert walked == ("54321" if descending else "12345")


def test_a_page_of_a_parent_has_only_its_children(threads: Store) -> None:
    assert page(threads, "messages", field="thread_id", parent="2") == ("bd", False)


def test_a_page_of_a_parent_without_children_is_empty(threads: Store) -> None:
    assert page(threads, "messages", field="thread_id", parent="5") == ("", False)


@pytest.mark.parametrize(("descending", "expected"), [(False, "d"), (True, "b")])
def test_a_cursor_of_another_parent_counts_by_its_creation(threads: Store, descending: bool, expected: str) -> None:
    found = page(threads, "messages", field="thread_id", parent="2", after="c", descending=descending)
    assert found == (expected, False)


def test_keep_filters_and_has_more_tells_of_what_it_keeps(threads: Store) -> None:
    odd = {"keep": lambda thread: int(thread["id"]) % 2 == 1}
    assert page(threads, **odd, limit=2) == ("13", True)
    assert page(threads, **odd, limit=2, after="2") == ("35", False)


@pytest.mark.parametrize("cursor", ["after", "before"])
def test_an_unknown_cursor_is_a_key_error(threads: Store, cursor: str) -> None:
    with pytest.raises(KeyError, match="unknown"):
        page(threads, **{cursor: "unknown"})


def test_a_page_goes_on_where_dropped_objects_were(threads: Store) -> None:
    threads.commit(Event("deleted", {}, drops=(("threads", "3"),)))
    assert page(threads, after="2") == ("45", False)


def test_cursors_of_vector_store_files_name_the_store_too(store: Store, insert) -> None:
    insert(store, "vector_store_files", "f", "g", vector_store_id="vs")
    found = page(store, "vector_store_files", field="vector_store_id", parent="vs", after="vs/f")
    assert found == ("g", False)
