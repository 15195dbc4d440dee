"""Objects of a state file that the API would not create: missing keys, ids of any kind, invalid Unicode."""

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from assistants_emulator import Emulator

RUN = {"id": "run_1", "thread_id": "thread_1", "assistant_id": "gone", "status": "failed"}
ODD_ID = 'm/../"><b>?#%2f'


def step(**call: Any) -> dict[str, Any]:
    details = {"type": "tool_calls", "tool_calls": [{"id": "call_1", **call}]}
    return {"steps": [{"id": "step_1", "run_id": "run_1", "thread_id": "thread_1", "step_details": details}]}


def message(*content: dict[str, Any], id: str = "msg_1") -> dict[str, Any]:
    return {"messages": [{"id": id, "thread_id": "thread_1", "role": "user", "content": list(content)}]}


@pytest.mark.parametrize(
    "state",
    [
        {"runs": [{**RUN, "last_error": {}}]},
        {"runs": [{**RUN, "usage": {}, "created_at": 10**18}]},
        {"runs": [{**RUN, "tools": [{"type": "function"}, {"type": "retrieval"}]}]},
        step(type="function", function={}),
        step(type="file_search", file_search={"results": [{}]}),
        step(type="code_interpreter", code_interpreter={"outputs": [{"type": "image"}]}),
        step(type="retrieval"),
        message({"type": "text", "text": {"value": "half a pair: \ud800"}}),
        message({"type": "text", "text": {"value": "x", "annotations": [{}, {"type": "file_citation"}]}}),
        message({"type": "image_file", "image_file": {"file_id": "gone"}}),
        message(id=ODD_ID),
    ],
)
def test_it_is_shown_all_the_same(emulator: Emulator, browser: httpx2.Client, state: dict[str, Any]) -> None:
    emulator.load_state({"threads": [{"id": "thread_1"}], "runs": [RUN], **state})
    paths = ["", "threads", "runs", "threads/thread_1", "threads/thread_1/runs/run_1", "playground?thread=thread_1"]
    paths += [f"threads/thread_1/messages/{quote(held['id'], safe='')}" for held in state.get("messages", ())]
    assert {path: browser.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
