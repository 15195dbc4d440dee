from __future__ import annotations

import pytest

from assistants_emulator.store import Event, Store


def put(id: str, topic: str = "run_a") -> Event:
    return Event("created", {}, puts=(("threads", {"id": id}),), topic=topic)


def test_a_subscriber_gets_the_events_of_its_topic(store: Store) -> None:
    got: list[Event] = []
    store.subscribe("run_a", got.append)
    mine, other = put("1", "run_a"), put("2", "run_b")
    store.commit(mine)
    store.commit(other)
    assert got == [mine]


def test_a_star_gets_every_event_even_without_a_topic(store: Store) -> None:
    got: list[Event] = []
    store.subscribe("*", got.append)
    events = [put("1", "run_a"), put("2", "")]
    for event in events:
        store.commit(event)
    assert got == events


def test_an_event_that_changes_nothing_is_handed_on(store: Store) -> None:
    got: list[Event] = []
    store.subscribe("run_a", got.append)
    store.commit(Event("thread.message.delta", {"delta": {}}, topic="run_a"))
    assert [event.name for event in got] == ["thread.message.delta"]


def test_a_subscriber_sees_what_the_event_did(store: Store) -> None:
    seen: list[object] = []
    store.subscribe("run_a", lambda event: seen.append(store.get("threads", "1")))
    store.commit(put("1"))
    assert seen == [{"id": "1"}]


def test_unsubscribing_is_at_once_and_any_number_of_times(store: Store) -> None:
    got: list[Event] = []
    unsubscribe = store.subscribe("run_a", got.append)
    unsubscribe()
    unsubscribe()
    store.commit(put("1"))
    assert got == []


def test_a_subscriber_may_unsubscribe_another_that_is_not_called_then(store: Store) -> None:
    got: list[Event] = []
    store.subscribe("run_a", lambda event: unsubscribe())
    unsubscribe = store.subscribe("run_a", got.append)
    store.commit(put("1"))
    assert got == []


def test_an_event_committed_by_a_subscriber_comes_after_the_present_one_for_all(store: Store) -> None:
    names: list[str] = []

    def answer(event: Event) -> None:
        if event.name == "created":
            store.commit(Event("answered", {}, topic="run_a"))

    store.subscribe("run_a", answer)
    store.subscribe("run_a", lambda event: names.append(event.name))
    store.commit(put("1"))
    assert names == ["created", "answered"]


def test_one_that_raises_keeps_neither_the_others_nor_the_state_from_the_event(store: Store) -> None:
    got: list[Event] = []
    store.subscribe("run_a", lambda event: 1 / 0)
    store.subscribe("run_a", got.append)
    with pytest.raises(ZeroDivisionError):
        store.commit(put("1"))
    assert (len(got), store.count("threads")) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        store.commit(put("2"))


def test_two_that_raise_are_raised_together(store: Store) -> None:
    store.subscribe("run_a", lambda event: 1 / 0)
    store.subscribe("*", lambda event: [][0])
    with pytest.raises(ExceptionGroup) as raised:
        store.commit(put("1"))
    assert [type(error) for error in raised.value.exceptions] == [ZeroDivisionError, IndexError]
