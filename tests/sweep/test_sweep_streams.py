"""Variants of streams, lists, files and connections, as a client sees them."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import ProjectHandle
from assistants_emulator.sweep import TIME_OUT_HEADER

RUN = "POST /threads/*/runs 1"
BROKEN = (openai.APIConnectionError, httpx2.TransportError)


def effects(project: ProjectHandle, route: str, number: int = 1) -> list[str]:
    return [each.effect for each in project.variants() if (each.route, each.number) == (route, number)]


def test_a_stream_can_be_cut_after_each_event_but_in_the_middle_of_deltas(project: ProjectHandle, asking) -> None:
    project.respond("one two three four five")
    events = [event.event for event in asking.stream()]
    first, last = events.index("thread.message.delta") + 1, len(events) - events[::-1].index("thread.message.delta")
    cuts = [name for name in effects(project, "POST /threads/*/runs") if name.startswith("cut after")]
    assert events.count("thread.message.delta") == 5
    assert cuts == [f"cut after {number}" for number in (*range(1, first + 1), *range(last, len(events) + 1))]


@pytest.mark.parametrize("number", [1, 3, 8])
def test_a_cut_stream_ends_after_that_event(project: ProjectHandle, asking, number: int) -> None:
    asking.vary(f"{RUN}: cut after {number}")
    events = []
    with pytest.raises(BROKEN):
        events.extend(asking.stream())
    assert project.variant_met
    assert project.requests[-1].fault == f"{RUN}: cut after {number}"


def test_an_error_event_ends_a_stream_after_its_first_delta(project: ProjectHandle, asking) -> None:
    project.respond("one two three")
    asking.vary(f"{RUN}: error event")
    events = []
    with pytest.raises(openai.APIError, match="The server had an error"):
        events.extend(asking.stream())
    names = [event.event for event in events]
    assert (names[-1], names.count(names[-1])) == ("thread.message.delta", 1)
    assert project.variant_met


def test_a_connection_is_closed_at_every_attempt(project: ProjectHandle, asking) -> None:
    asking.vary("POST /threads 1: connection closed")
    client = asking.client.with_options(max_retries=1)
    with pytest.raises(openai.APIConnectionError):
        client.beta.threads.create()
    client.beta.threads.create()
    assert [call.status for call in project.requests] == [0, 0, 200]
    assert [call.fault for call in project.requests] == [*["POST /threads 1: connection closed"] * 2, None]


def test_a_time_out_has_a_header_for_the_clients_transport(project: ProjectHandle, asking) -> None:
    asking.vary("POST /threads 1: time-out")
    with pytest.raises(openai.InternalServerError) as raised:
        asking.client.with_options(max_retries=0).beta.threads.create()
    assert raised.value.response.headers[TIME_OUT_HEADER] == "1"
    assert project.variant_met
    assert project.state()["threads"] == []


def test_a_malformed_answer_is_that_of_a_call_that_was_carried_out(project: ProjectHandle, asking) -> None:
    asking.vary("POST /threads 1: malformed JSON")
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        asking.beta.threads.create()
    assert len(project.state()["threads"]) == 1


def test_a_list_has_one_item_and_says_that_there_are_more(project: ProjectHandle, asking) -> None:
    thread = asking.beta.threads.create(messages=[{"role": "user", "content": text} for text in "abc"])
    asking.vary("GET /threads/*/messages 1: one item a page")
    page = asking.beta.threads.messages.list(thread.id)
    assert (len(page.data), page.has_more, project.variant_met) == (1, True, True)
    assert len(list(page)) == 3


def test_a_list_of_more_than_one_item_has_the_variant(project: ProjectHandle, asking) -> None:
    for text in ("a", "ab"):
        thread = asking.beta.threads.create(messages=[{"role": "user", "content": each} for each in text])
        asking.beta.threads.messages.list(thread.id)
    listed = [effects(project, "GET /threads/*/messages", number)[-1] for number in (1, 2)]
    assert listed == ["malformed JSON", "one item a page"]


def test_a_list_that_is_read_on_has_no_such_variant(project: ProjectHandle, asking) -> None:
    thread = asking.beta.threads.create(messages=[{"role": "user", "content": text} for text in "abc"])
    assert len(list(asking.beta.threads.messages.list(thread.id, limit=2))) == 3
    assert [each.name for each in project.variants() if each.effect == "one item a page"] == []


def test_a_file_that_is_added_to_a_vector_store_ends_failed(project: ProjectHandle, asking) -> None:
    asking.vary("POST /vector_stores/*/files 1: file failed")
    store = asking.client.vector_stores.create()
    file = asking.client.files.create(file=("a.txt", b"text"), purpose="assistants")
    added = asking.client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assert (added.status, added.last_error.code, project.variant_met) == ("failed", "server_error", True)


def test_calls_that_add_files_have_the_variant(project: ProjectHandle, asking) -> None:
    stores, files = asking.client.vector_stores, asking.client.files
    file = files.create(file=("a.txt", b"text"), purpose="assistants")
    store = stores.create()
    stores.create(file_ids=[file.id])
    stores.files.create(store.id, file_id=file.id)
    stores.file_batches.create(store.id, file_ids=[file.id])
    names = [each.name.rpartition(":")[0] for each in project.variants() if each.effect == "file failed"]
    assert names == ["POST /vector_stores 2", "POST /vector_stores/*/files 1", "POST /vector_stores/*/file_batches 1"]


def test_a_downloads_bytes_cannot_be_malformed_json(project: ProjectHandle, asking) -> None:
    file = asking.client.files.create(file=("a.txt", b"text"), purpose="batch")
    asking.client.files.content(file.id)
    assert effects(project, "GET /files/*/content")[-1] == "time-out"


def test_polls_between_the_first_and_the_last_have_no_variants(project: ProjectHandle, asking) -> None:
    thread = asking.beta.threads.create()
    for _ in range(4):
        asking.beta.threads.retrieve(thread.id)
    numbers: dict[int, Any] = {each.number: None for each in project.variants() if each.route == "GET /threads/*"}
    assert list(numbers) == [1, 4]


def test_a_call_that_a_fault_concerns_has_no_variants(project: ProjectHandle, asking) -> None:
    project.faults.add("POST /threads", status=429, times=1)
    asking.beta.threads.create()
    assert project.variants() == []


def test_a_client_without_the_header_repeats_a_refused_call(project: ProjectHandle, asking) -> None:
    asking.vary("POST /threads 1: 500")
    headers = {"Authorization": f"Bearer {project.api_key}", "OpenAI-Beta": "assistants=v2"}
    with httpx2.Client(headers=headers) as client:
        url = f"{project.base_url}/threads"
        statuses = [client.post(url, json=body).status_code for body in ({}, {}, {"metadata": {}}, {})]
    assert statuses == [500, 500, 200, 200]


@pytest.mark.parametrize("route", ["POST /vector_stores", "POST /vector_stores/*/file_batches"])
def test_only_the_files_of_the_varied_call_fail(project: ProjectHandle, asking, route: str) -> None:
    stores, files = asking.client.vector_stores, asking.client.files
    first, second = (files.create(file=(name, b"text"), purpose="assistants").id for name in ("a.txt", "b.txt"))
    asking.vary(f"{route} 1: file failed")
    store = stores.create(file_ids=[first])
    stores.file_batches.create_and_poll(store.id, file_ids=[second])
    counts = stores.retrieve(store.id).file_counts
    assert (counts.failed, counts.completed, project.variant_met) == (1, 1, True)
