"""Requests to the control API, forms and pages that are nearly right: no answer is a 5xx that no fault asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.test_mutations import EXAMPLES, JSON, changed, places

from assistants_emulator import Emulator

SETTINGS = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}", "output": None}}
STATE = {
    "assistants": [{"id": "asst_1", "model": "m", "tools": [{"type": "file_search"}], "metadata": {"a": "b"}}],
    "threads": [{"id": "thread_1", "metadata": {}, "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}}],
    "messages": [
        {
            "id": "msg_1",
            "thread_id": "thread_1",
            "role": "assistant",
            "content": [{"type": "text", "text": {"value": "hi", "annotations": []}}],
            "attachments": [{"file_id": "file-1", "tools": [{"type": "file_search"}]}],
        }
    ],
    "runs": [{"id": "run_1", "thread_id": "thread_1", "assistant_id": "asst_1", "status": "completed", "usage": None}],
    "steps": [
        {
            "id": "step_1",
            "run_id": "run_1",
            "step_details": {
                "type": "tool_calls",
                "tool_calls": [{"id": "call_1", "type": "function", "function": {}}],
            },
        }
    ],
    "files": [{"id": "file-1", "filename": "a.txt", "content_base64": "Y2FrZQ==", "expires_at": None}],
    "uploads": [{"id": "upload_1", "status": "pending", "parts": [{"id": "part_1", "content_base64": "dGVh"}]}],
    "vector_stores": [{"id": "vs_1", "name": "n", "file_counts": {"total": 1}, "expires_after": None}],
    "vector_store_files": [{"id": "file-1", "vector_store_id": "vs_1", "status": "completed", "attributes": {}}],
    "items": [
        {"id": "msg_2", "content": "hi", "response_id": "resp_1", "conversation_id": "conv_1"},
        {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "is_output": True},
    ],
    "responses": [{"id": "resp_1", "model": "m", "input_items": ["msg_2"], "conversation": {"id": "conv_1"}}],
    "conversations": [{"id": "conv_1", "metadata": {"a": "b"}, "created_at": 1}],
    "containers": [{"id": "cntr_1", "name": "n", "expires_after": {"anchor": "last_active_at", "minutes": 20}}],
    "container_files": [{"id": "cfile_1", "container_id": "cntr_1", "content_base64": "Y2FrZQ=="}],
}
SCRIPT = {
    "version": 1,
    "replies": [{"when": {"message": "a"}, "do": [{"text": "b"}, {"function_call": {"name": "f", "arguments": {}}}]}],
}
FAULT = {"route": "POST /threads/*/runs", "status": 429, "times": 1, "delay": 0, "probability": 0.5}
CALLS: list[tuple[str, str, Any]] = [
    ("PUT", "state", STATE),
    ("PUT", "script", SCRIPT),
    ("POST", "faults", FAULT),
    ("POST", "clock", {"advance": 60}),
    ("POST", "clock", {"set": 2_000_000_000}),
    ("POST", "reset", {"seed": "s"}),
    ("POST", "variant", {"name": "POST /threads/*/runs 1: expired"}),
    ("POST", "runs/run_1/resume", {}),
    ("DELETE", "script", None),
    ("DELETE", "faults", None),
    *(
        ("GET", name, None)
        for name in ("state", "script", "faults", "clock", "requests", "variants", "variant", "openapi.json", "nothing")
    ),
]
READS = (
    *("/v1/assistants", "/v1/threads/thread_1", "/v1/threads/thread_1/messages", "/v1/threads/thread_1/runs"),
    *("/v1/threads/thread_1/runs/run_1/steps", "/v1/files", "/v1/files/file-1/content", "/v1/vector_stores"),
    *("/v1/vector_stores/vs_1/files", "/_emulator/state", "/v1/responses/resp_1", "/v1/responses/resp_1/input_items"),
    *("/v1/conversations/conv_1/items", "/v1/containers/cntr_1", "/v1/containers/cntr_1/files/cfile_1/content"),
)
PAGES = ("", "projects/default", "projects/default/threads/thread_1", "projects/default/files", "static/x", "sign-in")
TEXT = st.text(max_size=12)
TOKEN = st.text("ab-\"';=,/ \\*", max_size=12).map(str.strip)
BYTES = st.binary(max_size=40)


@pytest.fixture(scope="module")
def wire() -> Iterator[httpx2.Client]:
    headers = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}
    with Emulator(clock="manual") as emulator:
        address = emulator.base_url.removesuffix("/v1")
        with httpx2.Client(base_url=address, headers=headers, timeout=30) as wire:
            yield wire


def mutated(data: st.DataObject, body: Any) -> bytes:
    """The body as JSON, changed in up to two places, or cut off, or with other bytes in it."""
    for _ in range(data.draw(st.integers(0, 2))):
        body = changed(body, data.draw(st.sampled_from(places(body))), data.draw(JSON))
    raw = json.dumps(body).encode()
    if not data.draw(st.integers(0, 5)):
        start = data.draw(st.integers(0, len(raw)))
        raw = raw[:start] + data.draw(BYTES) + raw[start + data.draw(st.integers(0, 8)) :]
    return raw


def require_no_fault(answer: httpx2.Response, *sent: object) -> None:
    assert answer.status_code < 500, (answer.request.method, answer.url, *sent, answer.text)


@SETTINGS
@given(data=st.data())
def test_no_control_call_is_a_server_fault(wire: httpx2.Client, data: st.DataObject) -> None:
    for _ in range(3):
        method, name, body = data.draw(st.sampled_from(CALLS))
        raw = b"" if body is None else mutated(data, body)
        require_no_fault(wire.request(method, f"/_emulator/{name}", content=raw), raw)
    wire.delete("/_emulator/faults")
    require_no_fault(wire.get(data.draw(st.sampled_from(READS))))
    require_no_fault(wire.get(f"/_emulator/{data.draw(st.sampled_from(PAGES))}"))


@SETTINGS
@given(data=st.data())
def test_no_form_is_a_server_fault(wire: httpx2.Client, data: st.DataObject) -> None:
    for _ in range(4):
        boundary = data.draw(st.sampled_from(["b", "", "--", data.draw(TOKEN)]))
        name, filename = (data.draw(TEXT).encode("utf-8", "surrogatepass") for _ in range(2))
        lines = [
            b"--b\r\nContent-Disposition: form-data; name=purpose\r\n\r\nassistants",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\ncake' % filename,
            b"--b\r\nContent-Disposition: form-data; name*=UTF-8''%b; x=%b\r\n\r\n" % (name, data.draw(BYTES)),
            b"--b\r\n%b\r\n\r\n" % data.draw(BYTES),
            b"--b--",
        ]
        body = b"\r\n".join(data.draw(st.permutations(lines))[: data.draw(st.integers(1, 5))])
        kind = f"multipart/form-data; boundary={boundary}"
        path = data.draw(st.sampled_from(["/v1/files", "/v1/uploads/upload_1/parts"]))
        require_no_fault(wire.post(path, content=body, headers={"Content-Type": kind}), body, kind)
    require_no_fault(wire.get("/_emulator/projects/default"))


@SETTINGS
@given(data=st.data())
def test_no_page_is_a_server_fault(wire: httpx2.Client, data: st.DataObject) -> None:
    for _ in range(5):
        page = data.draw(st.sampled_from(PAGES)) + data.draw(
            st.sampled_from(["", "/", "/%00", "/%ff", "?after=x&%=", "/.."])
        )
        query = {data.draw(TEXT): data.draw(TEXT)}
        form = {data.draw(st.sampled_from(["key", "message", "thread", "assistant"])): data.draw(TEXT)}
        require_no_fault(wire.get(f"/_emulator/{page}", params=query))
        require_no_fault(wire.post(f"/_emulator/{page}", data=form), form)
