"""Client of a chat completions server: one request, and its answer as a stream of text.

Uses plain HTTP: the SDK would bring its own retries, proxies and version, and only the given URL may be contacted.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from assistants_emulator.errors import ModelError
from assistants_emulator.responders.replies import Usage

CONNECT_SECONDS = 10.0  # the answer itself may take as long as the run lives
RATE_LIMITED = 429
END = "[DONE]"


@dataclass(slots=True)
class Call:
    """A tool call; `id` is "" if the server gives none."""

    name: str = ""
    arguments: str = ""
    id: str = ""


@dataclass(slots=True)
class Answer:
    """The model's answer so far; complete when the stream of its text ends."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Usage | None = None

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Add a chunk of the stream, and return its piece of text, which may be empty."""
        if usage := chunk.get("usage"):
            self.usage = Usage(int(usage["prompt_tokens"]), int(usage.get("completion_tokens", 0)))
        for choice in chunk.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            delta = choice.get("delta") or {}
            for call in delta.get("tool_calls") or ():
                self._add_call(call)
            piece: str = delta.get("content") or ""
            self.text += piece
            return piece
        return ""

    def take_usage(self) -> Iterator[Usage]:
        """The usage for the first step of this answer, and 0 for further ones; nothing if the server gave none."""
        if self.usage is not None:
            yield self.usage
            self.usage = Usage(0, 0)

    def _add_call(self, delta: Mapping[str, Any]) -> None:
        """Add to a call. Some servers number every call 0 (Ollama did): another id is another call."""
        index, id = delta.get("index", len(self.calls)), delta.get("id") or ""
        if index >= len(self.calls) or (id and self.calls[-1].id not in ("", id) and index == len(self.calls) - 1):
            self.calls.append(Call())
            index = len(self.calls) - 1
        call, function = self.calls[index], delta.get("function") or {}
        call.id = call.id or id
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""


class ChatServer:
    """`base_url` is as for an SDK: `http://127.0.0.1:11434/v1`."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._name = f"the chat model at {base_url}"

    async def ask(self, body: Mapping[str, Any], answer: Answer) -> AsyncGenerator[str, None]:
        """Yield the pieces of the text as they come, and add each to `answer`; ModelError for every failure."""
        try:
            async with self._client() as client, client.stream("POST", self._url, json=body) as response:
                if response.status_code != 200:
                    raise self._refusal(response.status_code, await response.aread())
                async for line in response.aiter_lines():
                    for chunk in self._chunks(line):
                        if piece := answer.add(chunk):
                            yield piece
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ModelError(f"{self._name} cannot be reached: {error or type(error).__name__}") from error
        except httpx2.HTTPError as error:
            raise ModelError(f"{self._name} broke off its answer: {error or type(error).__name__}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"{self._name} sent a chunk that is none: {error!r}") from error
        if answer.finish_reason is None:
            raise ModelError(f"{self._name} broke off its answer: the stream ended without a finish_reason")

    def _client(self) -> httpx2.AsyncClient:
        """A client without proxies: nothing else is contacted. A TLS context costs 20 ms, and plain http needs none."""
        timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
        secure = self._url.startswith("https:")
        return httpx2.AsyncClient(headers=self._headers, timeout=timeout, trust_env=False, verify=secure)

    def _chunks(self, line: str) -> Iterator[dict[str, Any]]:
        """The chunk of this line of the stream, if it has one."""
        field, _, value = line.partition(":")
        if field != "data" or value.strip() == END:
            return
        chunk = orjson.loads(value)
        if chunk.get("error"):
            raise ModelError(f"{self._name} failed in mid-answer: {_message(chunk)}")
        yield chunk

    def _refusal(self, status: int, body: bytes) -> ModelError:
        try:
            message = _message(orjson.loads(body))
        except orjson.JSONDecodeError:
            message = body.decode("utf-8", "replace")[:500]
        code = "rate_limit_exceeded" if status == RATE_LIMITED else "server_error"
        return ModelError(f"{self._name} answered {status}: {message}", code)


def _message(body: Any) -> str:
    """The message of an error body, whose error is an object or a text (Ollama)."""
    error = body.get("error", body) if isinstance(body, dict) else body
    return str(error.get("message", error) if isinstance(error, dict) else error)
