"""A small application before and after its port: a desk that answers questions, with functions and files.

`AssistantsDesk` is the application before. The others are the three ways to port it: the migration guide's, with a
conversation in the place of the thread; by `previous_response_id`; and with a history that the application keeps. Each
is written as applications are, and knows nothing of the emulator.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai

MODEL = "gpt-4o"
INSTRUCTIONS = "You are the desk of a travel agency."
CITY: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
Functions = dict[str, Callable[..., str]]


class AssistantsDesk:
    """Assistant, thread, runs."""

    def __init__(self, client: openai.OpenAI, functions: Functions, stores: list[str], code: bool = False) -> None:
        self.client = client
        self.functions = functions
        tools: list[Any] = [
            {"type": "function", "function": {"name": name, "parameters": CITY, "strict": False}} for name in functions
        ]
        tools += [{"type": "file_search"}] if stores else []
        tools += [{"type": "code_interpreter"}] if code else []
        self.assistant = client.beta.assistants.create(
            model=MODEL,
            instructions=INSTRUCTIONS,
            tools=tools,
            tool_resources={"file_search": {"vector_store_ids": stores}},
        ).id
        self.thread = client.beta.threads.create().id

    def ask(self, text: str) -> None:
        runs = self.client.beta.threads.runs
        self.client.beta.threads.messages.create(self.thread, role="user", content=text)
        run = runs.create_and_poll(thread_id=self.thread, assistant_id=self.assistant)
        while run.status == "requires_action" and run.required_action is not None:
            calls = run.required_action.submit_tool_outputs.tool_calls
            outputs: Any = [
                {"tool_call_id": call.id, "output": self.call(call.function.name, call.function.arguments)}
                for call in calls
            ]
            run = runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=self.thread, tool_outputs=outputs)

    def ask_streamed(self, text: str) -> str:
        self.client.beta.threads.messages.create(self.thread, role="user", content=text)
        with self.client.beta.threads.runs.stream(thread_id=self.thread, assistant_id=self.assistant) as stream:
            return "".join(stream.text_deltas)

    def call(self, name: str, arguments: str) -> str:
        return self.functions[name](**json.loads(arguments))


class ResponsesDesk:
    """Common to the three ports: the tools, and the loop that answers function calls."""

    def __init__(self, client: openai.OpenAI, functions: Functions, stores: list[str], code: bool = False) -> None:
        self.client = client
        self.functions = functions
        self.tools: list[Any] = [
            {"type": "function", "name": name, "parameters": CITY, "strict": False} for name in functions
        ]
        self.tools += [{"type": "file_search", "vector_store_ids": stores}] if stores else []
        self.tools += [{"type": "code_interpreter", "container": {"type": "auto"}}] if code else []

    def ask(self, text: str) -> None:
        response = self.respond([{"role": "user", "content": text}])
        while outputs := self.answers(response):
            response = self.respond(outputs)

    def ask_streamed(self, text: str) -> str:
        events = self.client.responses.create(**self.request([{"role": "user", "content": text}]), stream=True)
        return "".join(event.delta for event in events if event.type == "response.output_text.delta")

    def respond(self, items: list[Any]) -> Any:
        return self.client.responses.create(**self.request(items))

    def request(self, items: list[Any]) -> Any:
        return {"model": MODEL, "instructions": INSTRUCTIONS, "tools": self.tools, "input": items}

    def answers(self, response: Any) -> list[Any]:
        return [
            {"type": "function_call_output", "call_id": item.call_id, "output": self.call(item.name, item.arguments)}
            for item in response.output
            if item.type == "function_call"
        ]

    def call(self, name: str, arguments: str) -> str:
        return self.functions[name](**json.loads(arguments))


class ConversationDesk(ResponsesDesk):
    """The migration guide's port: the thread becomes a conversation, runs become responses in it."""

    def __init__(self, *settings: Any, **more: Any) -> None:
        super().__init__(*settings, **more)
        self.conversation = self.client.conversations.create().id

    def request(self, items: list[Any]) -> Any:
        return {**super().request(items), "conversation": self.conversation}


class ChainDesk(ResponsesDesk):
    """Each response names the one before it."""

    previous: str | None = None

    def request(self, items: list[Any]) -> Any:
        return {**super().request(items), "previous_response_id": self.previous}

    def respond(self, items: list[Any]) -> Any:
        response = super().respond(items)
        self.previous = response.id
        return response


class StatelessDesk(ResponsesDesk):
    """The application keeps the history and sends all of it; the service stores nothing."""

    def __init__(self, *settings: Any, **more: Any) -> None:
        super().__init__(*settings, **more)
        self.history: list[Any] = []

    def request(self, items: list[Any]) -> Any:
        self.history += items
        return {**super().request(self.history), "store": False}

    def respond(self, items: list[Any]) -> Any:
        response = super().respond(items)
        self.history += [item.model_dump(exclude_none=True) for item in response.output]
        return response


PORTS: dict[str, Any] = {"conversation": ConversationDesk, "chain": ChainDesk, "stateless": StatelessDesk}
DESKS: dict[str, Any] = {"assistants": AssistantsDesk, **PORTS}


# Ports with a mistake in them, as published ports have them


class OneAnswerPerFunction(ChainDesk):
    """Keeps outputs by the function's name, so that two calls of one function get one answer."""

    def answers(self, response: Any) -> list[Any]:
        by_name = {item.name: item for item in response.output if item.type == "function_call"}
        return [
            {"type": "function_call_output", "call_id": item.call_id, "output": self.call(name, item.arguments)}
            for name, item in by_name.items()
        ]


class OneRoundOnly(ChainDesk):
    """Answers calls once, and takes the next response for the end."""

    def ask(self, text: str) -> None:
        response = self.respond([{"role": "user", "content": text}])
        if outputs := self.answers(response):
            self.respond(outputs)


class InstructionsOnlyAtFirst(ChainDesk):
    """Sends the instructions with the first response, as if the chain kept them."""

    def request(self, items: list[Any]) -> Any:
        request = super().request(items)
        return request if self.previous is None else {**request, "instructions": None}
