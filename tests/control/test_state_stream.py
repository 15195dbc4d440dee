"""State files of any size: read and sent object by object."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import orjson
import pytest

from assistants_emulator import Emulator
from assistants_emulator.errors import ApiError, EmulatorError
from assistants_emulator.project import state as project_state
from assistants_emulator.web.state_body import BYTES_AT_ONCE, Scanner

STATE = {
    "threads": [{"id": "thread_1", "metadata": {"a": 'b"]}\\', "ü": "{["}}],
    "messages": [],
    "files": [{"id": "file-1", "content_base64": "Y2FrZQ=="}, {"id": "file-2"}],
    "uploads": [{"id": "upload_1", "parts": [{"id": "part_1", "content_base64": "dGVh"}, {"id": "part_2"}]}],
}


def scanned(body: bytes, size: int) -> dict[str, Any]:
    """The tables, from chunks of this size."""
    tables: dict[str, Any] = {}

    def begin(table: str, is_array: bool) -> None:
        assert is_array, table
        tables[table] = []

    scanner = Scanner(begin, lambda table, entry: tables[table].append(orjson.loads(entry)))
    for start in range(0, len(body), size):
        scanner.feed(body[start : start + size])
    scanner.end()
    return tables


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("indent", [None, 2])
def test_objects_are_found_in_chunks_of_any_size(size: int, indent: int | None) -> None:
    assert scanned(json.dumps(STATE, indent=indent).encode(), size) == STATE


@pytest.mark.parametrize("body", [b"{}", b" { } ", b"", b" \n", b'{"threads":[]}', b'{"threads" : [ ] }'])
def test_an_empty_state_has_no_objects(body: bytes) -> None:
    assert not any(scanned(body, 3).values())


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b'{"threads', b'{"threads"', b'{"threads":', b'{"threads":[', b'{"threads":[{}', b'{"threads":[{},'),
        *(b'{"threads":[{}]', b'{"threads":[{}],', b'{"threads":[{}],}', b'{"threads":[{},]}', b'{"threads":[{}]}x'),
        *(b'{"threads":[{} {}]}', b'{"threads" []}', b"{threads:[]}", b"{,}", b"[]", b"7", b"x", b'{"threads":[{]]}'),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_what_is_no_json_object_is_refused(body: bytes, size: int) -> None:
    with pytest.raises((ApiError, orjson.JSONDecodeError)):
        scanned(body, size)


def test_a_broken_body_changes_nothing(emulator: Emulator, control: httpx2.Client) -> None:
    emulator.load_state(STATE)
    before = emulator.state()
    for body in (json.dumps(STATE).encode()[:-1], b"[]", b'{"files": [{"id": "f", "content_base64": "Y2FrZQ=="}, 7]}'):
        assert control.put("state", content=body).status_code == 400
    assert emulator.state() == before
    assert len(emulator._do(lambda project: project.context.contents.ids())) == 4


def test_get_and_put_are_the_handle_s_state(emulator: Emulator, control: httpx2.Client) -> None:
    answer = control.put("state", json=STATE)
    assert answer.json() == control.get("state").json() == emulator.state()
    assert answer.content == orjson.dumps(answer.json(), option=orjson.OPT_INDENT_2)
    assert answer.json()["uploads"][0]["parts"][0] == {"id": "part_1", "content_base64": "dGVh"}


@pytest.mark.parametrize("content", [None, 5, [], {}, True])
@pytest.mark.parametrize("table", ["files", "uploads", "container_files"])
def test_bytes_that_are_no_text_are_refused(control: httpx2.Client, table: str, content: Any) -> None:
    holder = {"id": "x_1", "content_base64": content}
    rows = [{"id": "upload_1", "parts": [holder]}] if table == "uploads" else [holder]
    answer = control.put("state", json={table: rows})
    assert answer.status_code == 400
    assert "content_base64" in answer.json()["error"]["message"]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 65535, 65536, 65537, 200_001])
def test_a_file_of_any_length_comes_back(emulator: Emulator, control: httpx2.Client, size: int) -> None:
    content = (bytes(range(256)) * 1000)[:size] or b"x"
    file = emulator.client().files.create(file=("a.bin", content), purpose="batch")
    assert control.put("state", content=control.get("state").content).status_code == 200
    assert emulator.client().files.content(file.id).read() == content


def test_a_state_above_the_bound_of_other_bodies_can_be_put(emulator: Emulator, control: httpx2.Client) -> None:
    emulator.client().files.create(file=("a.bin", bytes(9_000_000)), purpose="batch")
    assert control.put("state", content=control.get("state").content).status_code == 200


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """An entry for each turn of a loop that was waited for between two parts of a long work."""
    turns: list[float] = []
    sleep = asyncio.sleep

    async def count(seconds: float) -> None:
        turns.append(seconds)
        await sleep(seconds)

    with monkeypatch.context() as patch:
        patch.setattr("asyncio.sleep", count)
        yield turns


def test_a_state_is_sent_and_read_in_turns(emulator: Emulator, control: httpx2.Client, steps: list[float]) -> None:
    state = {"threads": [{"id": f"thread_{number}", "metadata": {"a": "b" * 200}} for number in range(5000)]}
    body = json.dumps(state).encode()
    assert control.put("state", content=body).status_code == 200
    assert steps.count(0) >= 2 * (len(body) // BYTES_AT_ONCE)


def chain(length: int) -> dict[str, list[dict[str, Any]]]:
    """Responses in a chain, each with one item of input and one of output, and a conversation of its own for each."""
    items, responses = [], []
    for number in range(length):
        belongs = {"response_id": f"resp_{number}", "content": "Hello. " * 20}
        items.append({"id": f"msg_{number}", **belongs, "conversation_id": f"conv_{number}"})
        items.append({"id": f"out_{number}", **belongs, "role": "assistant", "is_output": True})
        response = {"id": f"resp_{number}", "model": "gpt-4o", "input_items": [f"msg_{number}"]}
        responses.append(response | ({"previous_response_id": f"resp_{number - 1}"} if number else {}))
    conversations = [{"id": f"conv_{number}"} for number in range(length)]
    return {"items": items, "responses": responses, "conversations": conversations}


def test_responses_of_a_state_are_checked_in_turns(
    emulator: Emulator, control: httpx2.Client, steps: list[float]
) -> None:
    """Beside the turns that the body takes in both directions: each fifty responses or conversations are another."""
    body = json.dumps(chain(2000)).encode()
    answer = control.put("state", content=body)
    assert len(answer.json()["responses"][1999]["output"]) == 1
    assert steps.count(0) >= (len(body) + len(answer.content)) // BYTES_AT_ONCE + 2000 // 50 * 2


def test_no_piece_of_a_state_has_more_than_one_response(emulator: Emulator) -> None:
    emulator.load_state(chain(30))
    pieces = emulator._do(lambda project: list(project_state.state_pieces(project.context)))
    assert max(piece.count(b'"object": "response"') for piece in pieces) == 1


def test_a_container_file_comes_back(emulator: Emulator, control: httpx2.Client) -> None:
    files = [{"id": f"cfile_{number}", "container_id": "cntr_1", "content_base64": "Y2FrZQ=="} for number in range(2)]
    state = {"containers": [{"id": "cntr_1"}], "container_files": files}
    answer = control.put("state", json=state)
    assert [file["content_base64"] for file in answer.json()["container_files"]] == ["Y2FrZQ=="] * 2
    assert answer.content == orjson.dumps(emulator.state(), option=orjson.OPT_INDENT_2)


@pytest.mark.parametrize(
    "rows",
    [
        {"items": [{"id": "msg_1", "content": 5}]},
        {"items": [{"id": "msg_1", "conversation_id": {"id": "conv_1"}}]},
        {"items": [{"id": "fc_1", "type": "function_call", "call_id": {}, "name": "f", "arguments": "{}"}]},
        {"items": [{"id": "msg_1", "content": [{"type": "input_text"}]}]},
        {"responses": [{"id": "resp_1", "conversation": "conv_1"}]},
        {"responses": [{"id": "resp_1", "input_items": 5}]},
        {"responses": [{"id": "resp_1", "created_at": 2**70}]},
        {"conversations": [{"id": "conv_1", "created_at": 2**70}]},
        {"containers": [{"id": "cntr_1", "last_active_at": 2**70}]},
        {"containers": [{"id": "cntr_1", "expires_after": {"minutes": "20"}}]},
        {"container_files": [{"id": "cfile_1", "path": 5}]},
    ],
    ids=str,
)
def test_responses_that_could_not_be_shown_are_refused(
    emulator: Emulator, control: httpx2.Client, rows: dict[str, Any]
) -> None:
    ((table, _),) = rows.items()
    file = {"id": "cfile_2", "content_base64": "Y2FrZQ=="}
    answer = control.put("state", json={**rows, "container_files": [file, *rows.get("container_files", ())]})
    assert answer.status_code == 400
    assert f"state: {table}[" in answer.json()["error"]["message"]
    assert emulator._do(lambda project: project.context.contents.ids()) == []


class HeldChecks:
    """A state whose parents are being checked, until it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        check = project_state._check_parents

        def wait_and_check(tables: Any, exists: Any) -> Any:
            self.begun.set()
            yield self.released.wait
            yield from check(tables, exists)

        monkeypatch.setattr(project_state, "_check_parents", wait_and_check)


def test_a_reset_while_a_state_is_read_comes_after_it(
    emulator: Emulator, control: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = HeldChecks(monkeypatch)
    with ThreadPoolExecutor() as threads:
        putting = threads.submit(control.put, "state", json=STATE)
        held.begun.wait()
        emulator.reset()
        held.released.set()
        assert putting.result().status_code == 200
    assert not any(emulator.state().values())
    assert emulator._do(lambda project: project.context.contents.ids()) == []


def test_a_change_while_a_state_is_read_is_one_of_the_old_objects(
    emulator: Emulator, control: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, client = HeldChecks(monkeypatch), emulator.client()
    with ThreadPoolExecutor() as threads:
        putting = threads.submit(control.put, "state", json=STATE)
        held.begun.wait()
        client.beta.threads.create()
        held.released.set()
        assert putting.result().status_code == 200
    assert [thread["id"] for thread in emulator.state()["threads"]] == ["thread_1"]
    assert emulator.client().beta.threads.create().id != "thread_1"


def test_a_file_that_is_deleted_while_the_state_is_sent_is_sent_whole(emulator: Emulator) -> None:
    emulator.load_state(STATE)

    async def pieces() -> bytes:
        project = emulator.open_project("default")
        whole = iter(project_state.state_pieces(project.context))
        first = next(whole)
        project.reset()
        return first + b"".join(whole)

    state = json.loads(emulator._server.loop.wait(pieces()))
    assert state["files"][0]["content_base64"] == "Y2FrZQ=="
    assert emulator._do(lambda project: project.context.contents.ids()) == []


def test_what_could_not_be_shown_is_refused(emulator: Emulator, control: httpx2.Client) -> None:
    step = {"id": "step_1", "run_id": "run_1", "step_details": {"type": "tool_calls", "tool_calls": [{"id": "c"}]}}
    run = {"id": "run_1", "thread_id": "thread_1"}
    state = {"threads": [{"id": "thread_1"}], "runs": [run], "steps": [step]}
    answer = control.put("state", json=state)
    assert answer.status_code == 400
    assert "state: steps[0].step_details.tool_calls[0].type is missing" in answer.json()["error"]["message"]
    assert control.get("state").json() == emulator.state()


def test_a_number_that_no_json_can_hold_is_refused(emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match=r"state: assistants\[1\] cannot be shown: Integer exceeds 64-bit range"):
        emulator.load_state({"assistants": [{"id": "asst_1"}, {"id": "asst_2", "created_at": 2**70}]})
    assert emulator.state()["assistants"] == []
