"""How answers look as bytes: indentation, order of keys, headers, event frames.

See docs/reference/behaviour.md#wire-format.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from assistants_emulator import FunctionCall, ProjectHandle

KEYS = {
    "assistant": [
        *("id", "object", "created_at", "name", "description", "model", "instructions", "tools", "top_p"),
        *("temperature", "reasoning_effort", "tool_resources", "metadata", "response_format"),
    ],
    "thread": ["id", "object", "created_at", "metadata", "tool_resources"],
    "message": [
        *("id", "object", "created_at", "assistant_id", "thread_id", "run_id", "role", "content", "attachments"),
        "metadata",
    ],
    "run": [
        *("id", "object", "created_at", "assistant_id", "thread_id", "status", "started_at", "expires_at"),
        *("cancelled_at", "failed_at", "completed_at", "required_action", "last_error", "model", "instructions"),
        *("tools", "tool_resources", "metadata", "temperature", "top_p", "reasoning_effort", "max_completion_tokens"),
        *("max_prompt_tokens", "truncation_strategy", "incomplete_details", "usage", "response_format", "tool_choice"),
        "parallel_tool_calls",
    ],
    "step": [
        *("id", "object", "created_at", "run_id", "assistant_id", "thread_id", "type", "status", "cancelled_at"),
        *("completed_at", "expires_at", "failed_at", "last_error", "step_details", "usage"),
    ],
    "error": ["error"],
}


@pytest.fixture
def paths(client: Any, ask: Any, settled: Any) -> dict[str, str]:
    """The path of an object of each kind."""
    run = settled(ask())
    thread = f"/threads/{run.thread_id}"
    (step,) = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id)
    return {
        "assistant": f"/assistants/{run.assistant_id}",
        "thread": thread,
        "message": f"{thread}/messages/{step.step_details.message_creation.message_id}",
        "run": f"{thread}/runs/{run.id}",
        "step": f"{thread}/runs/{run.id}/steps/{step.id}",
        "error": "/assistants/asst_x",
    }


@pytest.mark.parametrize("kind", KEYS)
def test_json_is_indented_by_two_and_has_no_final_newline(
    wire: httpx2.Client, paths: dict[str, str], kind: str
) -> None:
    answer = wire.get(paths[kind])
    assert answer.text == json.dumps(answer.json(), indent=2, ensure_ascii=False)


@pytest.mark.parametrize("kind", KEYS)
def test_the_keys_of_each_object_are_in_wire_order(wire: httpx2.Client, paths: dict[str, str], kind: str) -> None:
    assert list(wire.get(paths[kind]).json()) == KEYS[kind]


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/assistants", {"model": "gpt-4o"}, "assistant"),
        ("/threads", {}, "thread"),
        ("/threads/{thread}/messages", {"role": "user", "content": "Hi"}, "message"),
        ("/threads/{thread}/runs", {"assistant_id": "{assistant}"}, "run"),
    ],
)
def test_a_created_object_has_its_keys_in_wire_order(
    wire: httpx2.Client, assistant: Any, thread: Any, path: str, body: dict[str, str], kind: str
) -> None:
    sent = {key: value.replace("{assistant}", assistant.id) for key, value in body.items()}
    assert list(wire.post(path.format(thread=thread.id), json=sent).json()) == KEYS[kind]


def test_the_error_envelope_has_its_keys_in_wire_order(wire: httpx2.Client) -> None:
    assert wire.get("/assistants/asst_x").text == (
        '{\n  "error": {\n    "message": "No assistant found with id \'asst_x\'.",\n'
        '    "type": "invalid_request_error",\n    "param": null,\n    "code": null\n  }\n}'
    )


def test_the_keys_of_usage_are_in_wire_order(wire: httpx2.Client, paths: dict[str, str]) -> None:
    usage = wire.get(paths["run"]).json()["usage"]
    details = ["prompt_token_details", "completion_tokens_details"]
    assert list(usage) == ["prompt_tokens", "completion_tokens", "total_tokens", *details]


def test_the_keys_of_a_required_action_are_in_wire_order(project: ProjectHandle, wire: httpx2.Client, ask: Any) -> None:
    project.respond(FunctionCall("f", id="call_1"))
    run = ask()
    text = wire.get(f"/threads/{run.thread_id}/runs/{run.id}").text
    action = json.loads(text)["required_action"]
    function = '{"name": "f", "arguments": "{}"}'
    calls = f'[{{"id": "call_1", "type": "function", "function": {function}}}]'
    expected = f'{{"type": "submit_tool_outputs", "submit_tool_outputs": {{"tool_calls": {calls}}}}}'
    assert json.dumps(action) == expected


@pytest.mark.parametrize("kind", KEYS)
def test_every_kind_of_object_comes_with_the_apis_headers(
    wire: httpx2.Client, paths: dict[str, str], kind: str
) -> None:
    headers = wire.get(paths[kind]).headers
    assert headers["content-type"] == "application/json"
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-processing-ms"].isdecimal()
    assert (headers["x-request-id"][:4], len(headers["x-request-id"])) == ("req_", 36)
    assert "openai-organization" in headers


def test_every_answer_has_a_request_id_of_its_own(wire: httpx2.Client) -> None:
    assert len({wire.get("/assistants").headers["x-request-id"] for _ in range(3)}) == 3


def test_text_is_not_escaped_beyond_need(wire: httpx2.Client) -> None:
    answer = wire.post("/threads", json={"metadata": {"a": "☃ </é>"}})
    assert '"a": "☃ </é>"' in answer.content.decode("utf-8")


@pytest.mark.parametrize("path", ["/assistants", "/threads"])
def test_a_create_answers_200(wire: httpx2.Client, path: str) -> None:
    assert wire.post(path, json={"model": "gpt-4o"} if path == "/assistants" else {}).status_code == 200


def test_event_data_is_compact_json(wire: httpx2.Client, assistant: Any) -> None:
    answer = wire.post("/threads/runs", json={"assistant_id": assistant.id, "stream": True})
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    assert lines == [json.dumps(json.loads(line), separators=(",", ":"), ensure_ascii=False) for line in lines]


def test_frames_have_only_event_and_data(wire: httpx2.Client, assistant: Any) -> None:
    answer = wire.post("/threads/runs", json={"assistant_id": assistant.id, "stream": True})
    blocks = answer.text.split("\n\n")
    assert blocks[-2:] == ["event: done\ndata: [DONE]", ""]
    assert {tuple(line.split(":")[0] for line in block.split("\n")) for block in blocks[:-1]} == {("event", "data")}
