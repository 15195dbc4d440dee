"""Everything that the emulator can answer, against the SDK's own types, strictly and with every key accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import httpx2
import pytest
from openai.types.beta import AssistantStreamEvent
from tests.fidelity.sdk_types import event_faults, faults
from tests.fidelity.walk import Seen, everything, untaken, walking

from assistants_emulator.resources import views_spec

QUIRKS = {
    "assistant: reasoning_effort: extra_forbidden": "answered since 2025, never published",
    "assistant: tools.*.file_search.ranking_options.hybrid_search: extra_forbidden": "answered since 2025",
    "file: purpose: literal_error": "`evals` may be asked for, and the published answer does not know it",
    "thread.message: file_ids: extra_forbidden": "v1's key was still answered to a modify (ruby-openai, dotnet)",
    "thread.message: status: missing": "only streams have it and the other three (dotnet)",
    "thread.run: incomplete_details.reason: literal_error": "`content_filter`, which the schema does not know here",
    "thread.run: instructions: string_type": "null where there are none (dotnet)",
    "thread.run: reasoning_effort: extra_forbidden": "answered since 2025, never published",
    "thread.run: tool_resources: extra_forbidden": "always answered, never published",
    "thread.run: tools.*.file_search.ranking_options.hybrid_search: extra_forbidden": "answered since 2025",
    "thread.run: usage.completion_tokens_details: extra_forbidden": "answered since 2025, not published here",
    "thread.run: usage.prompt_token_details: extra_forbidden": "answered since 2025, in the singular",
    "thread.run.step: expires_at: extra_forbidden": "in the place of the published `expired_at`",
    "thread.run.step: step_details.tool_calls.*.file_search.results.*.attributes: extra_forbidden": "not published",
    "thread.run.step: usage.completion_tokens_details: extra_forbidden": "answered since 2025, not published here",
    "thread.run.step: usage.prompt_token_details: extra_forbidden": "answered since 2025, in the singular",
    "vector_store: description: extra_forbidden": "answered since 2025-10, published for the request alone",
    "vector_store: name: string_type": "null where there is none (dotnet)",
    "vector_store.file_batch: object: literal_error": "published as `vector_store.files_batch` (ruby-openai)",
}
"""Differences between the recorded service and its published schema."""

UNREACHABLE = {"thread.run.step.failed", "thread.run.step.expired", "error"}
"""A step that ends so has no stream: its run waits for outputs. `error` needs a fault, and is none of the types."""


@pytest.fixture(scope="module", params=["wire", "spec"])
def walked(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[Seen]]]:
    with walking(request.param) as walk:
        everything(walk)
        yield request.param, walk.seen


def test_every_answer_and_event_fits_the_sdks_types(walked: tuple[str, list[Seen]]) -> None:
    fidelity, seen = walked
    told = [one for one in seen if one.body is not None]
    found = {line for one in told for line in (event_faults(one.event, one.body) if one.event else faults(one.body))}
    assert found == (set(QUIRKS) if fidelity == "wire" else set())


def test_the_walk_takes_every_route(walked: tuple[str, list[Seen]]) -> None:
    assert untaken((one.method, one.path) for one in walked[1]) == []


def test_the_walk_meets_every_event_and_every_end(walked: tuple[str, list[Seen]]) -> None:
    seen = walked[1]
    known = {
        get_args(event.model_fields["event"].annotation)[0] for event in get_args(get_args(AssistantStreamEvent)[0])
    }
    assert {one.event for one in seen if one.event} == known - UNREACHABLE
    bodies = [one.body for one in seen if one.body is not None and one.body["object"] == "thread.run"]
    ends = {"completed", "failed", "incomplete", "cancelled", "expired"}
    assert {run["status"] for run in bodies} == ends | {"queued", "in_progress", "requires_action", "cancelling"}


@pytest.fixture(scope="module")
def spec() -> Iterator[httpx2.Client]:
    with walking("spec") as walk:
        yield walk.http


def test_spec_names_an_empty_list_by_empty_ids(spec: httpx2.Client) -> None:
    empty = spec.get("/vector_stores").json()
    assert (empty["data"], empty["first_id"], empty["last_id"]) == ([], "", "")


def test_spec_tells_no_name_as_an_empty_one(spec: httpx2.Client) -> None:
    assert spec.post("/vector_stores", json={}).json()["name"] == ""


def test_spec_tells_the_same_message_to_every_request(spec: httpx2.Client) -> None:
    path = f"/threads/{spec.post('/threads', json={}).json()['id']}/messages"
    created = spec.post(path, json={"role": "user", "content": "Hi"}).json()
    assert (created["status"], created["completed_at"]) == ("completed", created["created_at"])
    assert spec.post(f"{path}/{created['id']}", json={"metadata": {}}).json() == created
    assert spec.get(path).json()["data"] == [created]


def test_spec_answers_a_search_with_a_list_of_queries(spec: httpx2.Client) -> None:
    store = spec.post("/vector_stores", json={}).json()["id"]
    assert spec.post(f"/vector_stores/{store}/search", json={"query": "cake"}).json()["search_query"] == ["cake"]


def test_spec_says_when_a_step_expired(walked: tuple[str, list[Seen]]) -> None:
    fidelity, seen = walked
    lists = [one.body["data"] for one in seen if one.body is not None and one.path.endswith("/steps")]
    (step,) = {step["id"]: step for page in lists for step in page if step["status"] == "expired"}.values()
    assert isinstance(step["expired_at"], int) if fidelity == "spec" else "expired_at" not in step


def test_spec_has_only_the_two_errors_of_steps() -> None:
    error = {"code": "invalid_prompt", "message": "No."}
    shown = views_spec.schema_form({"object": "thread.run.step", "last_error": error})
    assert shown["last_error"] == {"code": "server_error", "message": "No."}


def test_spec_leaves_v1_as_it_was(spec: httpx2.Client) -> None:
    v1 = {"OpenAI-Beta": "assistants=v1"}
    thread = spec.post("/threads", json={}, headers=v1).json()
    assert list(thread) == ["id", "object", "created_at", "metadata"]
    assert spec.get(f"/threads/{thread['id']}/messages", headers=v1).json()["first_id"] is None
