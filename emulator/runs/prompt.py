"""What the model of a run would have read: the thread's messages under the run's truncation, and their estimate."""

from __future__ import annotations

from itertools import islice

from emulator.context import Context
from emulator.runs import tokens
from emulator.store import Event, Object


def visible_messages(context: Context, run: Object) -> list[Object]:
    """Oldest first; `last_messages` keeps that many of the newest, `auto` drops the middle over a budget."""
    thread_id, strategy = run["thread_id"], run["truncation_strategy"]
    messages = context.store.of("messages", "thread_id", thread_id)
    if strategy["type"] == "last_messages" and strategy["last_messages"]:
        return list(islice(reversed(messages), strategy["last_messages"]))[::-1]
    if run["max_prompt_tokens"] is None or thread_tokens(context, thread_id) <= run["max_prompt_tokens"]:
        return list(messages)
    return _without_the_middle(list(messages), run["max_prompt_tokens"])


def last_message(context: Context, run: Object) -> Object | None:
    """The newest visible message of the user, else the newest of anybody; the same work in a long thread."""
    thread_id, strategy = run["thread_id"], run["truncation_strategy"]
    newest = context.newest("messages", "thread_id", thread_id)
    if strategy["type"] == "last_messages" and strategy["last_messages"]:
        visible = islice(reversed(context.store.of("messages", "thread_id", thread_id)), strategy["last_messages"])
        return next((message for message in visible if message["role"] == "user"), newest)
    return context.newest("messages", "_asked_in", thread_id) or newest


def _without_the_middle(messages: list[Object], most: int) -> list[Object]:
    """The first message and as many of the newest as fit; the newest always."""
    room = most - tokens.of_message(messages[0])
    newest: list[Object] = []
    for message in reversed(messages[1:]):
        room -= tokens.of_message(message)
        if room < 0 and newest:
            break
        newest.append(message)
    return [messages[0], *reversed(newest)]


def prompt_tokens(context: Context, run: Object) -> int:
    """Estimate for the run's next step: instructions, tools, visible messages, and the tool calls made so far."""
    if run["truncation_strategy"]["type"] == "last_messages" or run["max_prompt_tokens"] is not None:
        messages = tokens.of_messages(visible_messages(context, run))
    else:
        messages = thread_tokens(context, run["thread_id"])
    steps = context.store.of("steps", "run_id", run["id"])
    calls = sum(tokens.of_json(step["step_details"].get("tool_calls")) for step in steps)
    return max(1, tokens.of_text(run["instructions"]) + tokens.of_json(run["tools"]) + messages + calls)


def least_prompt_tokens(context: Context, run: Object) -> int:
    """What the next step's prompt needs even where all but the newest message are left out."""
    newest = context.newest("messages", "thread_id", run["thread_id"])
    said = 0 if newest is None else tokens.of_message(newest)
    return max(1, tokens.of_text(run["instructions"]) + tokens.of_json(run["tools"]) + said)


def thread_tokens(context: Context, thread_id: str) -> int:
    """Estimate for all messages of a thread; counted once, then kept up by `keep_tally`."""
    if thread_id not in context.token_tallies:
        messages = context.store.of("messages", "thread_id", thread_id)
        context.token_tallies[thread_id] = tokens.of_messages(messages)
    return context.token_tallies[thread_id]


def keep_tally(context: Context, event: Event) -> None:
    """Called with every committed event: a run must cost the same in a long thread as in a short one."""
    tallies = context.token_tallies
    for table, message in event.puts:
        thread_id = message.get("thread_id", "")
        if table == "messages" and thread_id in tallies and event.name in _SAYS_SOMETHING_NEW:
            tallies[thread_id] += tokens.of_message(message)
    if any(table == "messages" for table, _ in event.drops):
        tallies.pop(event.data.get("thread_id") or event.data["id"], None)


_SAYS_SOMETHING_NEW = {"message.created", "thread.run.created", "thread.message.completed", "thread.message.incomplete"}
