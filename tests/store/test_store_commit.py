from __future__ import annotations

import pytest

from assistants_emulator.store import Event, Store, key


def ids(objects):
    return [object["id"] for object in objects]


def changed(*puts):
    return Event("changed", {}, puts=puts)


def dropped(*drops):
    return Event("deleted", {}, drops=drops)


def test_a_put_object_is_found_by_its_id(store: Store) -> None:
    thread = {"id": "thread_a", "metadata": {}}
    store.commit(changed(("threads", thread)))
    assert store.get("threads", "thread_a") is thread


def test_an_unknown_id_is_none(store: Store) -> None:
    assert store.get("threads", "thread_a") is None


def test_all_is_in_creation_order(store: Store, insert) -> None:
    insert(store, "threads", "b", "a", "c")
    assert ids(store.all("threads")) == ["b", "a", "c"]


def test_a_change_keeps_the_place_in_creation_order(store: Store, insert) -> None:
    insert(store, "threads", "a", "b")
    store.commit(changed(("threads", {"id": "a", "metadata": {"k": "v"}})))
    assert list(store.all("threads")) == [{"id": "a", "metadata": {"k": "v"}}, {"id": "b"}]


def test_one_event_may_put_into_several_tables(store: Store) -> None:
    store.commit(changed(("threads", {"id": "t"}), ("messages", {"id": "m", "thread_id": "t"})))
    assert (store.count("threads"), store.count("messages")) == (1, 1)


def test_one_event_may_put_one_object_twice(store: Store) -> None:
    store.commit(changed(("threads", {"id": "t", "n": 1}), ("threads", {"id": "t", "n": 2})))
    assert list(store.all("threads")) == [{"id": "t", "n": 2}]


def test_drops_come_after_puts(store: Store) -> None:
    store.commit(Event("x", {}, puts=(("threads", {"id": "t"}),), drops=(("threads", "t"),)))
    assert store.get("threads", "t") is None
    assert store.count("threads") == 0


def test_dropping_what_is_not_there_or_twice_is_no_error(store: Store, insert) -> None:
    insert(store, "threads", "a")
    store.commit(dropped(("threads", "a"), ("threads", "a"), ("threads", "unknown")))
    assert store.count("threads") == 0


def test_an_object_made_again_after_its_drop_is_the_newest(store: Store, insert) -> None:
    insert(store, "threads", "a", "b")
    store.commit(dropped(("threads", "a")))
    insert(store, "threads", "a")
    assert ids(store.all("threads")) == ["b", "a"]


def test_an_unknown_table_is_a_key_error_that_changes_nothing(store: Store) -> None:
    with pytest.raises(KeyError, match="treads"):
        store.commit(changed(("threads", {"id": "a"}), ("treads", {"id": "b"})))
    assert store.count("threads") == 0


def test_a_value_that_is_not_json_is_refused_and_changes_nothing(store: Store) -> None:
    with pytest.raises(TypeError):
        store.commit(changed(("threads", {"id": "a", "metadata": object()})))
    assert store.count("threads") == 0


def test_children_are_listed_by_their_parent(store: Store, insert) -> None:
    insert(store, "messages", "m1", "m2", thread_id="t1", run_id=None)
    insert(store, "messages", "m3", thread_id="t2", run_id="r")
    assert ids(store.of("messages", "thread_id", "t1")) == ["m1", "m2"]
    assert ids(store.of("messages", "run_id", "r")) == ["m3"]
    assert store.count("messages", "thread_id", "t1") == 2


def test_a_child_that_gets_a_parent_later_takes_its_place_by_creation(store: Store, insert) -> None:
    insert(store, "messages", "m1", thread_id="t", run_id=None)
    insert(store, "messages", "m2", thread_id="t", run_id="r")
    store.commit(changed(("messages", {"id": "m1", "thread_id": "t", "run_id": "r"})))
    assert ids(store.of("messages", "run_id", "r")) == ["m1", "m2"]


def test_a_child_that_loses_its_parent_leaves_its_list(store: Store, insert) -> None:
    insert(store, "messages", "m1", thread_id="t", run_id="r")
    store.commit(changed(("messages", {"id": "m1", "thread_id": "t", "run_id": None})))
    assert ids(store.of("messages", "run_id", "r")) == []


@pytest.mark.parametrize("number", [1, 3, 50])
def test_dropped_children_leave_every_list(store: Store, insert, number: int) -> None:
    names = [f"m{n}" for n in range(60)]
    insert(store, "messages", *names, thread_id="t", run_id=None)
    store.commit(dropped(*(("messages", name) for name in names[5 : 5 + number])))
    left = names[:5] + names[5 + number :]
    assert ids(store.all("messages")) == ids(store.of("messages", "thread_id", "t")) == left


def test_a_listing_can_be_read_backwards_and_by_position(store: Store, insert) -> None:
    insert(store, "runs", "r1", "r2", "r3", thread_id="t")
    runs = store.of("runs", "thread_id", "t")
    assert ids(reversed(runs)) == ["r3", "r2", "r1"]
    assert (runs[-1]["id"], ids(runs[:2]), len(runs)) == ("r3", ["r1", "r2"], 3)


def test_a_field_without_index_is_a_key_error(store: Store) -> None:
    with pytest.raises(KeyError, match="assistant_id"):
        store.of("runs", "assistant_id", "asst_a")


@pytest.mark.parametrize("direction", [iter, reversed])
def test_dropping_each_object_while_iterating_meets_every_one(store: Store, insert, direction) -> None:
    insert(store, "messages", "m1", "m2", "m3", thread_id="t")
    met = []
    for message in direction(store.of("messages", "thread_id", "t")):
        met.append(message["id"])
        store.commit(dropped(("messages", message["id"])))
    assert sorted(met) == ["m1", "m2", "m3"]


def test_one_file_may_be_in_two_vector_stores(store: Store, insert) -> None:
    insert(store, "vector_store_files", "file-a", vector_store_id="vs_1")
    insert(store, "vector_store_files", "file-a", vector_store_id="vs_2")
    store.commit(dropped(("vector_store_files", "vs_1/file-a")))
    assert store.get("vector_store_files", "vs_2/file-a") == {"id": "file-a", "vector_store_id": "vs_2"}
    assert store.count("vector_store_files") == 1


def test_the_key_of_anything_else_is_its_id() -> None:
    assert key("files", {"id": "file-a", "vector_store_id": "vs_1"}) == "file-a"


def test_replace_holds_what_is_given_and_empties_the_rest(store: Store, insert) -> None:
    insert(store, "threads", "old")
    insert(store, "assistants", "old")
    store.replace({"threads": [{"id": "b"}, {"id": "a"}]})
    assert (ids(store.all("threads")), store.count("assistants")) == (["b", "a"], 0)


def test_replace_indexes_what_it_holds(store: Store) -> None:
    store.replace({"messages": [{"id": "m1", "thread_id": "t"}, {"id": "m2", "thread_id": "t"}]})
    assert ids(store.of("messages", "thread_id", "t")) == ["m1", "m2"]
    assert store.get("messages", "m2") == {"id": "m2", "thread_id": "t"}


def test_replace_may_be_given_what_the_store_holds(store: Store, insert) -> None:
    insert(store, "threads", "a", "b")
    store.replace({"threads": store.all("threads")})
    assert ids(store.all("threads")) == ["a", "b"]


def test_replace_keeps_counters_unless_it_is_given_some(store: Store) -> None:
    counters = store.counters
    counters.next("run")
    store.replace({})
    assert counters.next("run") == 2
    store.replace({}, counters={})
    assert (store.counters is counters, counters.next("run")) == (True, 1)
