"""A live local model: runs answered by any OpenAI-compatible chat completions server (llama.cpp, Ollama, vLLM).

A newcomer would look for the model in the run: the run's `model` is the assistant's, the server's is given here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from assistants_emulator.errors import EmulatorError, ModelError
from assistants_emulator.responders.chat.client import Answer, ChatServer
from assistants_emulator.responders.chat.dialogue import Talk
from assistants_emulator.responders.replies import Chunk, Incomplete, Step, Text
from assistants_emulator.responders.turn import Turn

MOST_ROUNDS = 64  # a small model may call tools for ever
ENDINGS = {"length": "max_completion_tokens", "content_filter": "content_filter"}


class ChatModel:
    """For `respond(ChatModel("http://127.0.0.1:11434/v1", "qwen3"), live=True)`.

    Functions are called as the model calls them, file search searches the run's vector stores, code runs where the
    emulator may run it. Whatever goes wrong with the server fails the run with a `last_error` that says so.
    """

    live = True

    def __init__(self, base_url: str, model: str, api_key: str | None = None) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise EmulatorError(f"a chat model's base URL is like http://127.0.0.1:11434/v1, not {base_url!r}")
        self._model = model
        self._server = ChatServer(base_url, api_key)

    async def __call__(self, turn: Turn) -> AsyncGenerator[Step, Any]:
        talk = await asyncio.to_thread(Talk, turn, self._model)
        for work in talk.done_before():
            sent: Any = yield work.reply or Text("")
            talk.keep(work.calls, work.outputs(sent))
        for _ in range(MOST_ROUNDS):
            if talk.room == 0:
                yield Incomplete(ENDINGS["length"])
                return
            answer = Answer()
            async with aclosing(self._server.ask(talk.question(), answer)) as pieces:
                async for piece in pieces:
                    yield Chunk(piece)
            talk.heard(answer)
            if answer.text or not answer.calls:
                if not answer.text:
                    yield Text("")
                for usage in answer.tell_usage():
                    yield usage
            if answer.finish_reason in ENDINGS:
                yield Incomplete(ENDINGS[answer.finish_reason])
                return
            if not answer.calls:
                return
            for work in talk.work(answer.calls):
                sent = None
                if work.reply is not None:
                    sent = yield work.reply
                    for usage in answer.tell_usage():
                        yield usage
                talk.keep(work.calls, await asyncio.to_thread(work.outputs, sent))
        raise ModelError(f"the chat model called tools {MOST_ROUNDS} times without coming to an end")
