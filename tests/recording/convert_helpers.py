"""Sessions to convert: recorded from an emulator in VCR.py's form, or written by hand, call by call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from assistants_emulator import Emulator, ProjectHandle
from assistants_emulator.convert.script import ScriptOf, script_of
from assistants_emulator.recording.exchange import Body, Event, Exchange, Request, Response

HOSTED = "https://api.openai.com/v1"
JSON_HEADERS = {"content-type": ["application/json"]}


class CassetteWriter(httpx2.BaseTransport):
    """Pass every call on, and keep it in VCR.py's form."""

    def __init__(self) -> None:
        self.interactions: list[dict[str, Any]] = []
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        sent = request.read()
        response = self._inner.handle_request(request)
        received = response.read()
        url = HOSTED + request.url.raw_path.decode().removeprefix("/v1")
        self.interactions.append(
            {
                "request": {"method": request.method, "uri": url, "body": sent, "headers": listed(request.headers)},
                "response": {
                    "status": {"code": response.status_code, "message": "OK"},
                    "headers": listed(response.headers),
                    "body": {"string": received},
                },
            }
        )
        return httpx2.Response(response.status_code, headers=response.headers, content=received)

    def close(self) -> None:
        self._inner.close()

    def save(self, path: Path) -> Path:
        path.write_text(yaml.safe_dump({"interactions": self.interactions, "version": 1}))
        return path


def listed(headers: httpx2.Headers) -> dict[str, list[str]]:
    return {name: [value] for name, value in headers.items()}


@contextmanager
def taped(project: ProjectHandle) -> Iterator[tuple[Any, CassetteWriter]]:
    """An SDK client of the project whose calls are recorded."""
    tape = CassetteWriter()
    with httpx2.Client(transport=tape) as http, project.client(http_client=http, max_retries=0) as client:
        yield client, tape


def ask(client: Any, question: str, **options: Any) -> Any:
    """A thread with the question, and the run that answers it, polled to its end."""
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
    return client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, **options)


def said(client: Any, run: Any, order: str = "asc") -> list[str]:
    """The assistant's messages of the run."""
    messages = client.beta.threads.messages.list(thread_id=run.thread_id, run_id=run.id, order=order)
    return [part.text.value for message in messages for part in message.content if part.type == "text"]


@contextmanager
def replayed(script: dict[str, Any]) -> Iterator[ProjectHandle]:
    with Emulator(clock="manual", strict_tools=False) as emulator:
        emulator.load_script(script)
        yield emulator


# By hand


def call(method: str, path: str, sent: Any, answer: Any, status: int = 200, at: float = 0.0) -> Exchange:
    """`answer` is a JSON value, or a list of (event, data) pairs for a stream."""
    if isinstance(answer, list):
        body = Body.events([Event(event, data) for event, data in answer])
    else:
        body = Body.json(answer)
    request = Request(method, path, body=Body.json(sent) if sent is not None else None)
    return Exchange(request, Response(status, body=body), at=at)


def run_object(status: str = "completed", **fields: Any) -> dict[str, Any]:
    made = {"id": "run_1", "object": "thread.run", "created_at": 100, "thread_id": "thread_1", "assistant_id": "asst_1"}
    return {**made, "status": status, "required_action": None, "last_error": None, "usage": None, **fields}


def message_object(text: str | list[Any], id: str = "msg_1", **fields: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": {"value": text, "annotations": []}}] if isinstance(text, str) else text
    made = {"id": id, "object": "thread.message", "created_at": 101, "thread_id": "thread_1", "run_id": "run_1"}
    return {**made, "role": "assistant", "content": content, **fields}


def step_object(details: dict[str, Any], id: str = "step_1", **fields: Any) -> dict[str, Any]:
    made = {"id": id, "object": "thread.run.step", "created_at": 101, "run_id": "run_1", "thread_id": "thread_1"}
    return {**made, "type": details["type"], "status": "completed", "step_details": details, "usage": None, **fields}


def tool_step(*calls: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return step_object({"type": "tool_calls", "tool_calls": list(calls)}, **fields)


def listing(*items: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(items), "has_more": False}


def run_started(question: str = "Hello", **run: Any) -> list[Exchange]:
    """The question posted, the run created."""
    posted = message_object(question, id="msg_0", role="user", run_id=None, created_at=99)
    return [
        call("POST", "/threads/thread_1/messages", {"role": "user", "content": question}, posted),
        call("POST", "/threads/thread_1/runs", {"assistant_id": "asst_1"}, run_object("queued", **run)),
    ]


def messages_listed(*messages: dict[str, Any]) -> Exchange:
    return call("GET", "/threads/thread_1/messages", None, listing(*messages))


def steps_listed(*steps: dict[str, Any]) -> Exchange:
    return call("GET", "/threads/thread_1/runs/run_1/steps", None, listing(*steps))


def run_polled(**run: Any) -> Exchange:
    return call("GET", "/threads/thread_1/runs/run_1", None, run_object(**run))


def does(*exchanges: Exchange) -> list[Any]:
    """The actions of the only rule that these exchanges become."""
    made = converted(*exchanges)
    (rule,) = made.script["replies"]
    actions: list[Any] = rule["do"]
    return actions


def converted(*exchanges: Exchange) -> ScriptOf:
    return script_of(exchanges)


def vcrpy(*interactions: dict[str, Any]) -> str:
    return json.dumps({"version": 1, "interactions": list(interactions)})
