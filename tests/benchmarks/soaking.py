"""The calls of the soak: a round over every kind of call, each with the status that it must be answered with."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx2

CHUNKS = ["Here you are. "] * 20
UNKNOWN = {"file": "unknown.txt", "score": 1, "text": "t"}
SCRIPT = {
    "version": 1,
    "replies": [
        {
            "when": {"message": "weather"},
            "do": [{"function_call": {"name": "get_weather", "arguments": {}}}, {"text": "It is {outputs[0]}."}],
        },
        {"when": {"message": "handbook"}, "do": [{"file_search": {}}, {"text": "So it says."}]},
        {"when": {"message": "compute"}, "do": [{"code_interpreter": {"input": "6 * 7", "logs": "42"}}]},
        {"when": {"message": "wait"}, "do": [{"pause": True}]},
        {
            "when": {"message": "break"},
            "do": [{"file_search": {"results": [UNKNOWN]}}],
        },
        {
            "when": {"message": "Hello"},
            "do": [{"text": {"value": "Here you are. " * 20, "chunks": ["Here you are. "] * 20}}],
        },
    ],
}
QUESTIONS = {"weather": "The weather?", "search": "What does the handbook say?", "compute": "Please compute."}
LARGE = "A long message. " * 4000  # 64 kB, of which the request log keeps all
DOCUMENT = b"The handbook. Vacations are twenty-five days a year. " * 40


class Caller:
    """One connection with a project's key. `called` receives None for each expected answer, else what differs."""

    def __init__(self, base_url: str, project: str, called: Callable[[str | None], object]) -> None:
        headers = {"Authorization": f"Bearer sk-emulator-{project}", "OpenAI-Beta": "assistants=v2"}
        self._http = httpx2.Client(base_url=base_url, headers=headers, verify=False, trust_env=False, timeout=60)
        self._called = called

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        """The answer's JSON; its bytes where it is something else."""
        answer = self._http.request(method, path, json=body, **options)
        seen = answer.status_code
        self._called(None if seen == status else f"{method} {path}: {seen}, not {status}: {answer.text[:200]}")
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.json() if is_json else answer.content

    def expect(self, found: object, wanted: object) -> None:
        if found != wanted:
            raise AssertionError(f"found {found!r}, not {wanted!r}")


def round_of_calls(call: Caller) -> None:
    """One round of calls, which deletes what it created."""
    assistant = call("POST", "/assistants", {"model": "gpt-4o", "instructions": "Help.", "tools": TOOLS})["id"]
    thread = call("POST", "/threads", {"messages": [{"role": "user", "content": "Hello"}]})["id"]
    talk(call, thread, assistant)
    ask_for_outputs(call, thread, assistant)
    leave(call, thread, assistant)
    search(call, thread, assistant)
    mistakes(call, thread)
    fail(call, thread, assistant)
    say(call, thread, LARGE)
    call("POST", f"/assistants/{assistant}", {"name": "Other"})
    call("GET", "/assistants", params={"limit": 2})
    call("DELETE", f"/threads/{thread}")
    call("DELETE", f"/assistants/{assistant}")
    call("GET", f"/threads/{thread}", status=404)


def failing_round(call: Caller) -> None:
    """A failed run and one without a rule, with little else."""
    assistant = call("POST", "/assistants", {"model": "gpt-4o", "tools": TOOLS})["id"]
    thread = call("POST", "/threads", {})["id"]
    fail(call, thread, assistant)
    call("DELETE", f"/threads/{thread}")
    call("DELETE", f"/assistants/{assistant}")


TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}},
    *({"type": "file_search"}, {"type": "code_interpreter"}),
]


def talk(call: Caller, thread: str, assistant: str) -> None:
    """A polled run, a streamed one, and what they left."""
    polled(call, thread, assistant, "completed")
    streamed = call("POST", f"/threads/{thread}/runs", {"assistant_id": assistant, "stream": True})
    call.expect(streamed.endswith(b"event: done\ndata: [DONE]\n\n"), True)
    message = say(call, thread, QUESTIONS["compute"])
    run = polled(call, thread, assistant, "completed")
    call.expect(len(call("GET", f"/threads/{thread}/runs/{run}/steps")["data"]), 1)
    call("GET", f"/threads/{thread}/messages", params={"limit": 20, "order": "asc"})
    call("POST", f"/threads/{thread}/messages/{message}", {"metadata": {"seen": "yes"}})
    call("DELETE", f"/threads/{thread}/messages/{message}")


def ask_for_outputs(call: Caller, thread: str, assistant: str) -> None:
    say(call, thread, QUESTIONS["weather"])
    run = polled(call, thread, assistant, "requires_action")
    path = f"/threads/{thread}/runs/{run}"
    asked = call("GET", path)["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = [{"tool_call_id": asked[0]["id"], "output": "sunny"}]
    call("POST", f"{path}/submit_tool_outputs", {"tool_outputs": outputs})
    call.expect(call("GET", path)["status"], "completed")
    call("POST", f"{path}/submit_tool_outputs", {"tool_outputs": outputs}, status=400)


def leave(call: Caller, thread: str, assistant: str) -> None:
    """Cancel a run that would otherwise wait forever."""
    say(call, thread, "Please wait.")
    run = polled(call, thread, assistant, "in_progress")
    call("POST", f"/threads/{thread}/messages", {"role": "user", "content": "And?"}, status=400)
    call("POST", f"/threads/{thread}/runs/{run}/cancel")
    call.expect(call("GET", f"/threads/{thread}/runs/{run}")["status"], "cancelled")


def fail(call: Caller, thread: str, assistant: str) -> None:
    """A run whose responder fails, and one that no rule answers."""
    for text in ("Please break.", "What is that?"):
        say(call, thread, text)
        polled(call, thread, assistant, "failed")


def search(call: Caller, thread: str, assistant: str) -> None:
    """A file, read into a vector store, found by a search and by a run."""
    files = {"file": ("handbook.txt", DOCUMENT)}
    file = call("POST", "/files", data={"purpose": "assistants"}, files=files)["id"]
    call("GET", f"/files/{file}/content", status=400)
    store = call("POST", "/vector_stores", {"file_ids": [file]})["id"]
    call.expect(call("GET", f"/vector_stores/{store}")["file_counts"]["completed"], 1)
    call.expect(len(call("POST", f"/vector_stores/{store}/search", {"query": "vacations"})["data"]), 1)
    call("POST", f"/threads/{thread}", {"tool_resources": {"file_search": {"vector_store_ids": [store]}}})
    say(call, thread, QUESTIONS["search"])
    polled(call, thread, assistant, "completed")
    call("DELETE", f"/vector_stores/{store}/files/{file}")
    call("DELETE", f"/vector_stores/{store}")
    call("DELETE", f"/files/{file}")
    read = call("POST", "/files", data={"purpose": "batch"}, files=files)["id"]
    call.expect(len(call("GET", f"/files/{read}/content")), len(DOCUMENT))
    call("DELETE", f"/files/{read}")


def mistakes(call: Caller, thread: str) -> None:
    call("GET", "/threads/thread_unknown", status=404)
    call("DELETE", "/files/file-unknown", status=404)
    call("GET", "/nothing/here", status=404)
    call("POST", f"/threads/{thread}/messages", {"role": "user"}, status=400)
    call("POST", "/assistants", content=b"{not json", status=400)
    call("GET", f"/threads/{thread}", status=400, headers={"OpenAI-Beta": ""})


def say(call: Caller, thread: str, text: str) -> str:
    id: str = call("POST", f"/threads/{thread}/messages", {"role": "user", "content": text})["id"]
    return id


def polled(call: Caller, thread: str, assistant: str, status: str) -> str:
    """Create a run and check its status at the first retrieve."""
    id: str = call("POST", f"/threads/{thread}/runs", {"assistant_id": assistant})["id"]
    call.expect(call("GET", f"/threads/{thread}/runs/{id}")["status"], status)
    return id
