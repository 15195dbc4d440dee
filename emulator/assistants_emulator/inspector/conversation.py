"""A thread as a conversation: a page of its messages with the runs between them, and their content for templates."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Literal

from assistants_emulator.errors import NotFound
from assistants_emulator.inspector.citations import footnotes
from assistants_emulator.inspector.markdown import rendered
from assistants_emulator.resources.context import Context
from assistants_emulator.store import Object

MESSAGES = 30
MOST_RUNS = 100  # between the messages of one page
EXCERPTED = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """A message or a run. A run stands before the messages that it wrote."""

    kind: Literal["message", "run"]
    object: Object


@dataclass(frozen=True, slots=True)
class Conversation:
    """One page. `older` and `newer` are the ids of messages to continue from, None where the thread ends."""

    entries: list[Entry]
    older: str | None
    newer: str | None


def conversation(context: Context, thread_id: str, before: str = "", after: str = "") -> Conversation:
    """The newest messages, or those next to the message `before` or `after`; `after="start"` for the first."""
    upwards = bool(after)
    cursor = None if after == "start" else (after or before or None)
    try:
        page = context.store.page(
            "messages",
            field="thread_id",
            parent=thread_id,
            limit=MESSAGES,
            descending=not upwards,
            after=cursor,
        )
    except KeyError:
        raise NotFound(f"No message found with id '{cursor}'.") from None
    messages = page.items if upwards else page.items[::-1]
    is_first = cursor is None if upwards else not page.has_more
    is_last = not page.has_more if upwards else cursor is None
    entries = _with_runs(context, thread_id, messages, is_first, is_last)
    older = None if is_first or not messages else messages[0]["id"]
    return Conversation(entries, older, None if is_last or not messages else messages[-1]["id"])


def _with_runs(context: Context, thread_id: str, messages: list[Object], first: bool, last: bool) -> list[Entry]:
    store = context.store
    runs = store.of("runs", "thread_id", thread_id)
    numbers = [store.number("messages", message["id"]) for message in messages]

    def place(number: int) -> int:
        return bisect_left(runs, number, key=lambda run: store.number("runs", run["id"]))

    low = 0 if first or not numbers else place(numbers[0])
    high = len(runs) if last or not numbers else place(numbers[-1])
    between = runs[max(low, high - MOST_RUNS) : high]
    placed = [(number, Entry("message", message)) for number, message in zip(numbers, messages, strict=True)]
    placed += [(store.number("runs", run["id"]), Entry("run", run)) for run in between]
    return [entry for _, entry in sorted(placed, key=lambda entry: entry[0])]


def parts(context: Context, message: Object, place: str = "note") -> list[dict[str, Any]]:
    """A message's content for templates: `html` and `notes` of a text, the file of an image.

    `place` begins the ids of the footnotes, for pages that show a message twice.
    """
    content: list[dict[str, Any]] = []
    for number, part in enumerate(message["content"]):
        kind = part["type"]
        if kind == "text":
            prefix = f"{place}-{message['id']}-{number}"
            notes = footnotes(context, message, part)
            html = rendered(part["text"]["value"], part["text"].get("annotations") or (), prefix)
            content.append({"kind": kind, "html": html, "notes": notes, "prefix": prefix})
        elif kind == "image_file":
            file_id = part["image_file"]["file_id"]
            content.append({"kind": kind, "file_id": file_id, "file": context.store.get("files", file_id)})
        elif kind == "image_url":
            content.append({"kind": kind, "url": part["image_url"]["url"]})
        else:
            content.append({"kind": "refusal", "text": str(part.get("refusal", ""))})
    return content


def text_of(message: Object | None) -> str:
    """The beginning of a message's text, images as `[image_file]`; empty for None."""
    parts = message["content"] if message else ()
    texts = (part["text"]["value"][:EXCERPTED] if part["type"] == "text" else f"[{part['type']}]" for part in parts)
    return " ".join(texts)


def first_text(context: Context, thread_id: str) -> str:
    return text_of(next(iter(context.store.of("messages", "thread_id", thread_id)), None))
