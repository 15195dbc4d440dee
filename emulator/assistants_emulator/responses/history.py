"""The history that a response goes on with: the items of its chain or conversation, and where its turn stands in it.

A turn begins after the last message of the user. What follows that message, calls with their outputs above all, has
been said, so a response goes on where the responder stood (docs/reference/behaviour.md#turns-of-responses).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE, output_text, text_of
from assistants_emulator.store import Object


@dataclass(slots=True)
class Group:
    """Function calls that one reply made, and their outputs by the ids of the calls."""

    calls: list[Object] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        return bool(self.calls) and all(call["call_id"] in self.outputs for call in self.calls)

    def in_order(self) -> list[str]:
        """The outputs in the order of the calls."""
        return [self.outputs[call["call_id"]] for call in self.calls]


def input_of(context: Context, response: Object) -> list[Object]:
    """The response's own input items, oldest first; those that were deleted are left out."""
    found = (context.store.get(TABLE, id) for id in response["_input"])
    return [item for item in found if item is not None]


def output_of(context: Context, response: Object) -> list[Object]:
    items = context.store.of(TABLE, "_response_id", response["id"])
    return [item for item in items if "_reply" in item]


def backwards(context: Context, response: Object) -> Iterator[Object]:
    """The items of the context of the response, the newest first: its input, then what its place has before it."""
    yield from reversed(input_of(context, response))
    yield from before(context, response)


def before(context: Context, response: Object) -> Iterator[Object]:
    """The items before the response's own input, newest first: those of its conversation, or of its chain."""
    if response["_conversation_id"] is not None:
        yield from _before_in_conversation(context, response)
        return
    previous = parent(context, response)
    while previous is not None:
        yield from reversed(output_of(context, previous))
        yield from reversed(input_of(context, previous))
        if previous["_conversation_id"] is not None:
            yield from before(context, previous)
            return
        previous = parent(context, previous)


def _before_in_conversation(context: Context, response: Object) -> Iterator[Object]:
    """Items of a response come into its conversation together, so those before it are older than its oldest."""
    own = context.store.of(TABLE, "_response_id", response["id"])
    oldest = context.store.number(TABLE, own[0]["id"]) if len(own) else None
    for item in reversed(context.store.of(TABLE, "_conversation_id", response["_conversation_id"])):
        if oldest is None or context.store.number(TABLE, item["id"]) < oldest:
            yield item


def parent(context: Context, response: Object) -> Object | None:
    """The response that this one names as its previous one, also if that was made without `store`."""
    id = response["previous_response_id"]
    return None if id is None else context.store.get("responses", id)


def context_items(context: Context, response: Object) -> list[Object]:
    """All items of the context, oldest first."""
    return list(backwards(context, response))[::-1]


def is_user_message(item: Object) -> bool:
    return bool(item["type"] == "message" and item["role"] == "user")


def last_message(context: Context, response: Object) -> Object | None:
    """The newest message of the user, else the newest of any role."""
    newest = None
    for item in backwards(context, response):
        if is_user_message(item):
            return item
        if item["type"] == "message" and newest is None:
            newest = item
    return newest


def since_user_message(context: Context, response: Object) -> list[Object]:
    """The items after the last message of the user, oldest first: what this turn has said and heard so far.

    A message before outputs whose calls are older is passed over: some clients send the question with the outputs.
    """
    if response["_input"]:
        newest = context.store.get(TABLE, response["_input"][-1])
        if newest is not None and is_user_message(newest):
            return []  # the most frequent case
    found: list[Object] = []
    wanted: set[str] = set()  # the calls of these outputs come further back
    for item in backwards(context, response):
        if is_user_message(item):
            if wanted:
                continue
            break
        if item["type"] == "function_call_output":
            wanted.add(item["call_id"])
        elif item["type"] == "function_call":
            wanted.discard(item["call_id"])
        found.append(item)
    return found[::-1]


def groups(context: Context, items: list[Object]) -> list[Group]:
    """The answered function calls among the items, grouped by the reply that made them.

    A group is a row of calls, but calls of one response are one group even if each output stands behind its call, as
    some clients send them.
    """
    found: list[Group] = []
    by_call: dict[str, Group] = {}
    is_open, last_maker = False, None
    for item in items:
        if item["type"] == "function_call":
            maker = maker_of(context, item["call_id"])
            if not (is_open or (found and maker is not None and maker == last_maker)):
                found.append(Group())
            found[-1].calls.append(item)
            by_call[item["call_id"]] = found[-1]
            is_open, last_maker = True, maker
            continue
        if item["type"] == "function_call_output" and item["call_id"] in by_call:
            by_call[item["call_id"]].outputs[item["call_id"]] = output_text(item)
        is_open = is_open and item["type"] == "reasoning"
    return [group for group in found if group.is_answered]


def maker_of(context: Context, call_id: str) -> str | None:
    """The id of the newest response that made a call of that id; None for a call that came from outside."""
    for item in reversed(context.store.of(TABLE, "_call_id", call_id)):
        if "_reply" in item and item["type"] == "function_call":
            maker: str = item["_response_id"]
            return maker
    return None


# Histories that a client sends again


def digest(before: str, item: Object) -> str:
    """The digest of a history with one item more; what a client may leave out when it sends it again is left out."""
    match item["type"]:
        case "message" if item["role"] in ("user", "assistant"):
            told = f"{item['role']}\0{_told(item)}"
        case "function_call":
            told = f"call\0{item['call_id']}\0{item['name']}\0{item['arguments']}"
        case "function_call_output":
            told = f"output\0{item['call_id']}\0{output_text(item)}"
        case _:
            return before
    text = f"{before}\0{told}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _told(message: Object) -> str:
    others = [part["type"] for part in message["content"] if part["type"] not in ("input_text", "output_text")]
    return "\0".join([text_of(message), *others])


def replayed(context: Context, items: list[Object]) -> tuple[Object | None, int, str]:
    """The newest response whose whole history these items begin with, the number of those items, and their digest."""
    found, length, running = None, 0, ""
    for index, item in enumerate(items):
        running = digest(running, item)
        is_own = (item["type"] == "message" and item["role"] == "assistant") or item["type"] == "function_call"
        if is_own and (response := context.newest("responses", "_digest", running)) is not None:
            found, length = response, index + 1
    return found, length, running
