"""One question to a chat completions server, and its answer as it comes.

Spoken over plain HTTP: the SDK would bring its own retries, proxies and version, and nothing but the given URL may be
contacted.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from assistants_emulator.errors import ModelError
from assistants_emulator.responders.replies import Usage

CONNECT_SECONDS = 10.0  # an answer itself may take as long as the run lives
RATE_LIMITED = 429
END = "[DONE]"


@dataclass(slots=True)
class Call:
    """A tool call; `id` is "" where the server gives none."""

    name: str = ""
    arguments: str = ""
    id: str = ""


@dataclass(slots=True)
class Answer:
    """What the model has said so far; whole when its pieces end."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Usage | None = None

    def take(self, chunk: Mapping[str, Any]) -> str:
        """Add a chunk of the stream; its piece of text, which may be empty."""
        if used := chunk.get("usage"):
            self.usage = Usage(int(used["prompt_tokens"]), int(used.get("completion_tokens", 0)))
        for choice in chunk.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            delta = choice.get("delta") or {}
            for told in delta.get("tool_calls") or ():
                self._take_call(told)
            piece: str = delta.get("content") or ""
            self.text += piece
            return piece
        return ""

    def tell_usage(self) -> Iterator[Usage]:
        """For the first step that the answer becomes; further ones have used nothing. None where it is not known."""
        if self.usage is not None:
            yield self.usage
            self.usage = Usage(0, 0)

    def _take_call(self, told: Mapping[str, Any]) -> None:
        """Some servers number every call 0 (Ollama did): another id is another call."""
        index, id = told.get("index", len(self.calls)), told.get("id") or ""
        if index >= len(self.calls) or (id and self.calls[-1].id not in ("", id) and index == len(self.calls) - 1):
            self.calls.append(Call())
            index = len(self.calls) - 1
        call, function = self.calls[index], told.get("function") or {}
        call.id = call.id or id
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""


class ChatServer:
    """`base_url` is what an SDK would be given: `http://127.0.0.1:11434/v1`."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._name = f"the chat model at {base_url}"

    async def ask(self, body: Mapping[str, Any], answer: Answer) -> AsyncGenerator[str, None]:
        """The pieces of the text as they come, `answer` growing with them; ModelError for whatever goes wrong."""
        try:
            async with self._client() as client, client.stream("POST", self._url, json=body) as response:
                if response.status_code != 200:
                    raise self._refused(response.status_code, await response.aread())
                async for line in response.aiter_lines():
                    for chunk in self._chunks(line):
                        if piece := answer.take(chunk):
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
        """No proxy, no redirect: nothing else is contacted. A TLS context costs 20 ms, and plain http needs none."""
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
            raise ModelError(f"{self._name} failed in mid-answer: {_told(chunk)}")
        yield chunk

    def _refused(self, status: int, body: bytes) -> ModelError:
        try:
            told = _told(orjson.loads(body))
        except orjson.JSONDecodeError:
            told = body.decode("utf-8", "replace")[:500]
        code = "rate_limit_exceeded" if status == RATE_LIMITED else "server_error"
        return ModelError(f"{self._name} answered {status}: {told}", code)


def _told(body: Any) -> str:
    """The message of an error body: an object, or its text alone (Ollama)."""
    error = body.get("error", body) if isinstance(body, dict) else body
    return str(error.get("message", error) if isinstance(error, dict) else error)
