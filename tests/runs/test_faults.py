"""Injected faults, as a client sees them."""

import httpx2
import openai
import pytest

from assistants_emulator import ProjectHandle
from assistants_emulator.errors import EmulatorError


def test_the_sdk_outlives_a_rate_limit_without_waiting(project: ProjectHandle, asking) -> None:
    project.faults.add("GET /threads/*", status=429, times=2)
    assert asking.beta.threads.retrieve(asking.thread_id).id == asking.thread_id
    assert [call.status for call in project.requests][-3:] == [429, 429, 200]


def test_an_error_is_in_the_apis_envelope(project: ProjectHandle, asking) -> None:
    project.faults.add("GET /threads/*", status=503, message="Overloaded.", code="busy")
    with pytest.raises(openai.InternalServerError) as raised:
        asking.client.with_options(max_retries=0).beta.threads.retrieve(asking.thread_id)
    assert raised.value.body == {"message": "Overloaded.", "type": "server_error", "param": None, "code": "busy"}
    assert raised.value.response.headers["retry-after-ms"] == "1"


def test_a_route_is_matched_whole(project: ProjectHandle, asking) -> None:
    project.faults.add("POST /threads", status=500)
    assert asking.create().status == "queued"
    with pytest.raises(openai.InternalServerError):
        asking.client.with_options(max_retries=0).beta.threads.create()


def test_a_connection_that_drops_before_the_headers_is_a_connection_error(project: ProjectHandle, asking) -> None:
    project.faults.add("GET /threads/*", drop_after=0, times=1)
    with pytest.raises(openai.APIConnectionError):
        asking.client.with_options(max_retries=0).beta.threads.retrieve(asking.thread_id)
    assert project.requests[-1].as_json()["fault"] == "GET /threads/*"
    assert project.requests[-1].status == 0


def test_a_stream_breaks_off_after_as_many_events_as_asked(project: ProjectHandle, asking) -> None:
    project.faults.add("POST /threads/*/runs", drop_after=4, times=1)
    seen = []
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        seen.extend(event.event for event in asking.create(stream=True))  # type: ignore[attr-defined]
    run_id = asking.beta.threads.runs.list(asking.thread_id).data[0].id
    assert asking.retrieve(run_id).status == "completed"


def test_a_stream_tells_an_error_and_the_sdk_raises_it(project: ProjectHandle, asking) -> None:
    project.faults.add("POST /threads/*/runs", status=500, message="Lost it.", drop_after=3)
    with pytest.raises(openai.APIError, match=r"Lost it\."):
        asking.events()


def test_a_stuck_run_stays_until_it_is_cancelled(project: ProjectHandle, asking) -> None:
    project.faults.add("POST /threads/*/runs", stuck=True)
    run = asking.create()
    assert [asking.retrieve(run.id).status for _ in range(3)] == ["queued"] * 3
    asking.beta.threads.runs.cancel(run_id=run.id, thread_id=asking.thread_id)
    assert asking.retrieve(run.id).status == "cancelled"


def test_a_stuck_run_expires_by_the_clock(project: ProjectHandle, asking) -> None:
    project.faults.add("POST /threads/*/runs", stuck=True)
    run = asking.create()
    project.clock.advance(601)
    assert asking.retrieve(run.id).status == "expired"


def test_malformed_json_is_what_no_parser_takes(project: ProjectHandle, asking) -> None:
    project.faults.add("GET /threads/*", malformed=True)
    headers = {"Authorization": f"Bearer {project.api_key}", "OpenAI-Beta": "assistants=v2"}
    answer = httpx2.get(f"{project.base_url}/threads/{asking.thread_id}", headers=headers)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


def test_a_probability_is_drawn_the_same_way_each_time(project: ProjectHandle, asking) -> None:
    def statuses() -> list[int]:
        project.faults.clear()
        project.faults.add("GET /threads/*", status=400, probability=0.5)
        headers = {"Authorization": f"Bearer {project.api_key}", "OpenAI-Beta": "assistants=v2"}
        with httpx2.Client(headers=headers, verify=False) as client:
            for _ in range(20):
                client.get(f"{project.base_url}/threads/{asking.thread_id}")
        return [call.status for call in project.requests][-20:]

    first = statuses()
    assert set(first) == {200, 400}
    assert statuses() == first


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"route": "/threads"}, "a fault's route is like 'POST /threads/*/runs', not '/threads'"),
        (
            {"route": "POST /thread"},
            "a fault's route is one of the emulated ones, not 'POST /thread'; did you mean 'POST /threads'?",
        ),
        ({"route": "GET /v1/xyzzy/*/plugh"}, "a fault's route is one of the emulated ones, not 'GET /xyzzy/*/plugh'"),
        ({"route": "GET /threads", "status": 200}, "a fault's status is from 400 to 599, not 200"),
        ({"route": "GET /threads", "times": 0}, "a fault's times is a whole number from 1 up, not 0"),
    ],
)
def test_a_fault_that_cannot_be_says_what_would_be_right(
    project: ProjectHandle, fault: dict[str, object], told: str
) -> None:
    with pytest.raises(EmulatorError) as raised:
        project.faults.add(**fault)  # type: ignore[arg-type]
    assert str(raised.value) == told


@pytest.mark.parametrize("route", ["GET /v1/threads/*", "GET /threads/*"])
def test_a_faults_route_may_begin_with_v1(project: ProjectHandle, client: openai.OpenAI, route: str) -> None:
    thread_id = client.beta.threads.create().id
    project.faults.add(route, status=400)
    with pytest.raises(openai.BadRequestError):
        client.beta.threads.retrieve(thread_id)


def test_a_stuck_run_with_a_code_fails_with_it(project: ProjectHandle, asking) -> None:
    project.faults.add("POST /threads/*/runs", stuck=True, code="rate_limit_exceeded", message="Too many.")
    run = asking.poll()
    assert (run.status, run.last_error.code, run.last_error.message) == ("failed", "rate_limit_exceeded", "Too many.")


def test_a_file_can_be_held_in_progress_for_ever(project: ProjectHandle, client: openai.OpenAI) -> None:
    store = client.vector_stores.create()
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    project.faults.add("POST /vector_stores/*/files", stuck=True)
    client.vector_stores.files.create(vector_store_id=store.id, file_id=file.id)
    statuses = {client.vector_stores.files.retrieve(file.id, vector_store_id=store.id).status for _ in range(3)}
    assert statuses == {"in_progress"}


def test_a_file_can_be_made_to_fail(project: ProjectHandle, client: openai.OpenAI) -> None:
    store = client.vector_stores.create()
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    project.faults.add("POST /vector_stores/*/files", stuck=True, code="server_error", message="No.")
    read = client.vector_stores.files.create_and_poll(vector_store_id=store.id, file_id=file.id)
    assert (read.status, read.last_error.code, read.last_error.message) == ("failed", "server_error", "No.")
