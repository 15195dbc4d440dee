"""Token estimates of threads and runs, and the messages that the prompt of a run holds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.token_estimates import (
    PER_IMAGE,
    PER_MESSAGE,
    context_window,
    newest_that_fit,
    of_json,
    of_text,
)
from assistants_emulator.store import Event, Object


def of_message(message: dict[str, Any]) -> int:
    return PER_MESSAGE + sum(_of_part(part) for part in message["content"])


def of_messages(messages: Iterable[dict[str, Any]]) -> int:
    """A message that is still being written counts nothing yet."""
    return sum(of_message(message) for message in messages if message["status"] != "in_progress")


def usage(prompt: int, completion: int) -> dict[str, Any]:
    """The usage object of a step or a run, keys in wire order (dotnet StreamingToolCall)."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_token_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def total(usages: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    steps = [step_usage for step_usage in usages if step_usage]
    return usage(sum(step["prompt_tokens"] for step in steps), sum(step["completion_tokens"] for step in steps))


def _of_part(part: dict[str, Any]) -> int:
    if part["type"] == "text":
        return of_text(part["text"]["value"])
    return of_text(part.get("refusal")) if part["type"] == "refusal" else PER_IMAGE


def visible_messages(context: Context, run: Object) -> list[Object]:
    """The thread's messages under the run's truncation, oldest first.

    `last_messages` keeps that many of the newest, `auto` drops the middle over a budget or the model's context window.
    """
    thread_id, strategy = run["thread_id"], run["truncation_strategy"]
    messages = context.store.of("messages", "thread_id", thread_id)
    if strategy["type"] == "last_messages" and strategy["last_messages"]:
        return list(islice(reversed(messages), strategy["last_messages"]))[::-1]
    most = _most(context, run)
    if most is None or thread_tokens(context, thread_id) <= most:
        return list(messages)
    return _without_the_middle(list(messages), most)


def _most(context: Context, run: Object) -> int | None:
    """The tokens that the thread's messages may have in the run's prompt; None for any number."""
    limits = [run["max_prompt_tokens"], context_window(context, run["model"])]
    return min((limit for limit in limits if limit is not None), default=None)


def last_message(context: Context, run: Object) -> Object | None:
    """The newest visible user message, else the newest of any role; in constant time."""
    thread_id, strategy = run["thread_id"], run["truncation_strategy"]
    newest = context.newest("messages", "thread_id", thread_id)
    if strategy["type"] == "last_messages" and strategy["last_messages"]:
        visible = islice(reversed(context.store.of("messages", "thread_id", thread_id)), strategy["last_messages"])
        return next((message for message in visible if message["role"] == "user"), newest)
    return context.newest("messages", "_asked_in", thread_id) or newest


def _without_the_middle(messages: list[Object], most: int) -> list[Object]:
    """The first message and as many of the newest as fit; the newest always."""
    room = most - of_message(messages[0])
    return [messages[0], *newest_that_fit(reversed(messages[1:]), of_message, room)]


def prompt_tokens(context: Context, run: Object) -> int:
    """Estimate for the run's next step: instructions, tools, visible messages, and the tool calls made so far."""
    if run["truncation_strategy"]["type"] == "last_messages" or run["max_prompt_tokens"] is not None:
        messages = of_messages(visible_messages(context, run))
    else:
        messages = thread_tokens(context, run["thread_id"])
        messages = min(messages, context_window(context, run["model"]) or messages)
    steps = context.store.of("steps", "run_id", run["id"])
    calls = sum(of_json(step["step_details"].get("tool_calls")) for step in steps)
    return max(1, of_text(run["instructions"]) + of_json(run["tools"]) + messages + calls)


def least_prompt_tokens(context: Context, run: Object) -> int:
    """Estimate for the next step's prompt with the newest message alone."""
    newest = context.newest("messages", "thread_id", run["thread_id"])
    message = 0 if newest is None else of_message(newest)
    return max(1, of_text(run["instructions"]) + of_json(run["tools"]) + message)


def thread_tokens(context: Context, thread_id: str) -> int:
    """Estimate for all messages of a thread; counted once, then kept up by `keep_tally`."""
    if thread_id not in context.token_tallies:
        messages = context.store.of("messages", "thread_id", thread_id)
        context.token_tallies[thread_id] = of_messages(messages)
    return context.token_tallies[thread_id]


def keep_tally(context: Context, event: Event) -> None:
    """Update the estimates by a committed event: a run must cost the same in a long thread as in a short one."""
    tallies = context.token_tallies
    for table, message in event.puts:
        thread_id = message.get("thread_id", "")
        if table == "messages" and thread_id in tallies and event.name in _ADDS_MESSAGES:
            tallies[thread_id] += of_message(message)
    if any(table == "messages" for table, _ in event.drops):
        tallies.pop(event.data.get("thread_id") or event.data["id"], None)


_ADDS_MESSAGES = {"message.created", "thread.run.created", "thread.message.completed", "thread.message.incomplete"}
