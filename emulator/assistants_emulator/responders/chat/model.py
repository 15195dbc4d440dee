"""A responder that asks a live local model: any OpenAI-compatible chat completions server (llama.cpp, Ollama, vLLM).

The run's `model` is the assistant's and is not sent; the server's own model is an argument of ChatModel.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from assistants_emulator.errors import EmulatorError, ModelError
from assistants_emulator.responders.chat.client import Answer, ChatServer
from assistants_emulator.responders.chat.dialogue import Dialogue
from assistants_emulator.responders.replies import Chunk, Incomplete, Step, Text
from assistants_emulator.responders.turn import Turn

MOST_ROUNDS = 64  # a small model may call tools for ever
ENDINGS = {"length": "max_completion_tokens", "content_filter": "content_filter"}


class ChatModel:
    """A responder: `respond(ChatModel("http://127.0.0.1:11434/v1", "qwen3"), live=True)`.

    The run makes the function calls of the model, file search searches the run's vector stores, and code runs if the
    emulator allows it. An error of the server fails the run with a `last_error` that says so.
    """

    live = True

    def __init__(self, base_url: str, model: str, api_key: str | None = None) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise EmulatorError(f"a chat model's base URL is like http://127.0.0.1:11434/v1, not {base_url!r}")
        self._model = model
        self._server = ChatServer(base_url, api_key)

    async def __call__(self, turn: Turn) -> AsyncGenerator[Step, Any]:
        dialogue = await asyncio.to_thread(Dialogue, turn, self._model)
        for work in dialogue.earlier_work():
            outputs: Any = yield work.reply or Text("")
            dialogue.add_outputs(work.calls, work.outputs(outputs))
        for _ in range(MOST_ROUNDS):
            if dialogue.room == 0:
                yield Incomplete(ENDINGS["length"])
                return
            answer = Answer()
            async with aclosing(self._server.ask(dialogue.request(), answer)) as pieces:
                async for piece in pieces:
                    yield Chunk(piece)
            dialogue.add_answer(answer)
            if answer.text or not answer.calls:
                if not answer.text:
                    yield Text("")
                for usage in answer.take_usage():
                    yield usage
            if answer.finish_reason in ENDINGS:
                yield Incomplete(ENDINGS[answer.finish_reason])
                return
            if not answer.calls:
                return
            for work in dialogue.work(answer.calls):
                outputs = None
                if work.reply is not None:
                    outputs = yield work.reply
                    for usage in answer.take_usage():
                        yield usage
                dialogue.add_outputs(work.calls, await asyncio.to_thread(work.outputs, outputs))
        raise ModelError(f"the chat model called tools {MOST_ROUNDS} times without coming to an end")
