"""A chat completions server with the answers that a test sets, on a real socket."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import openai
import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
HOLD, BREAK = "hold", "break"


def delta(finish_reason: str | None = None, **said: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish_reason}]}


def text(*pieces: str, finish_reason: str = "stop", usage: dict[str, int] | None = USAGE) -> list[Any]:
    """An answer of that text, in those pieces."""
    told = [delta(role="assistant", content=""), *(delta(content=piece) for piece in pieces), delta(finish_reason)]
    return [*told, {"choices": [], "usage": usage}] if usage else told


def calls(*made: tuple[str, str], before: str = "") -> list[Any]:
    """An answer that calls functions by name and arguments, the arguments cut in two."""
    told = [delta(content=before)] if before else []
    for index, (name, arguments) in enumerate(made):
        function = {"name": name, "arguments": arguments[:3]}
        told.append(delta(tool_calls=[{"index": index, "id": f"call_m{index}", "function": function}]))
        told.append(delta(tool_calls=[{"index": index, "function": {"arguments": arguments[3:]}}]))
    return [*told, delta("tool_calls"), {"choices": [], "usage": USAGE}]


class Stub:
    """`answers` are given in turn: a list of chunks, where HOLD waits for `release` and BREAK ends the connection; or
    a response. `asked` are the bodies that came, `left` is set when a client leaves in mid-answer."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.answers: deque[list[Any] | Response] = deque()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.release, self.left = threading.Event(), threading.Event()

    async def answer(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.headers.append(dict(request.headers))
        answer = self.answers.popleft()
        if isinstance(answer, Response):
            return answer
        return StreamingResponse(self._stream(answer), media_type="text/event-stream")

    async def _stream(self, chunks: list[Any]) -> AsyncIterator[bytes]:
        yield b": a comment\n\n"
        try:
            for chunk in chunks:
                if chunk == HOLD:
                    await asyncio.wait_for(asyncio.to_thread(self.release.wait), 20)
                elif chunk == BREAK:
                    raise ConnectionError
                else:
                    yield b"data: " + orjson.dumps(chunk) + b"\n\n"
            yield b"data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.left.set()
            self.release.set()
            raise


class Chat:
    """An assistant whose runs the model answers, and a thread with a question."""

    def __init__(self, client: openai.OpenAI, question: str = "Hello?", **assistant: Any) -> None:
        self.runs = client.beta.threads.runs
        self.client = client
        self.assistant_id = client.beta.assistants.create(model="gpt-4o", **assistant).id
        self.thread_id = client.beta.threads.create(messages=[{"role": "user", "content": question}]).id

    def create(self, **options: Any) -> Any:
        return self.runs.create(thread_id=self.thread_id, assistant_id=self.assistant_id, **options)

    def poll(self, **options: Any) -> Any:
        return self.runs.create_and_poll(
            thread_id=self.thread_id, assistant_id=self.assistant_id, poll_interval_ms=5, **options
        )

    def wait(self, run: Any) -> Any:
        return self.runs.poll(run.id, thread_id=self.thread_id, poll_interval_ms=5)

    def submit(self, run: Any, *outputs: str) -> Any:
        asked = run.required_action.submit_tool_outputs.tool_calls
        given = [{"tool_call_id": call.id, "output": output} for call, output in zip(asked, outputs, strict=True)]
        return self.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=self.thread_id, tool_outputs=given, poll_interval_ms=5
        )

    def said(self) -> list[str]:
        """The texts of the assistant's messages, oldest first."""
        messages = self.client.beta.threads.messages.list(self.thread_id, order="asc").data
        return [one.content[0].text.value if one.content else "" for one in messages if one.role == "assistant"]

    def steps(self, run: Any) -> list[Any]:
        return self.runs.steps.list(run.id, thread_id=self.thread_id, order="asc").data
