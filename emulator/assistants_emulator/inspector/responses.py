"""Pages of the objects of the Responses API: responses, conversations and containers.

The API lists neither responses nor conversations; here they are, with those that were made without `store`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.responses import Response

from assistants_emulator.inspector.objects import trials
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.inspector.search import has_text, page_of
from assistants_emulator.inspector.timeline import answered_by
from assistants_emulator.object_kinds import CONTAINER, CONVERSATION, RESPONSE
from assistants_emulator.resources import items
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import require
from assistants_emulator.responses import history
from assistants_emulator.store import Object, Page
from assistants_emulator.store.steps import run_in_turns

MOST_ITEMS = 100
CONVERSATION_ID = "_conversation_id"


async def responses(request: PageRequest) -> Response:
    """The list, newest first: `text` is found in questions and answers, ids and metadata, `status` is a response's."""
    context, text, status = request.context, request.query("text").strip().lower(), request.query("status")
    counts = Counter(response["status"] for response in context.store.snapshot("responses"))

    def keep(response: Object) -> bool:
        if status and response["status"] != status:
            return False
        return not text or has_text(response, text, response["model"], *_texts(context, response))

    page = await run_in_turns(page_of(context, "responses", keep, request.query("after")))
    return request.render(
        "responses.html",
        page=page,
        rows=[response_row(context, response) for response in page.items],
        chips=[(name, name.replace("_", " "), count) for name, count in sorted(counts.items())],
        total=counts.total(),
    )


async def response(request: PageRequest, response_id: str) -> Response:
    context = request.context
    found = require(context, RESPONSE, response_id, "response_id")
    previous = history.parent(context, found)
    return request.render(
        "response.html",
        response=found,
        title=title_of(context, found),
        inputs=history.input_of(context, found),
        outputs=history.output_of(context, found),
        previous=previous,
        next=_next(context, found),
        took=lasted(found),
        trials=await trials(request, found["id"]),
        answered_by=answered_by(request.project, found),
    )


async def conversations(request: PageRequest) -> Response:
    text = request.query("text").strip().lower()
    context = request.context

    def keep(conversation: Object) -> bool:
        if not text:
            return True
        said = context.store.of(items.TABLE, CONVERSATION_ID, conversation["id"])[:MOST_ITEMS]
        return has_text(conversation, text, *_messages(said))

    page = await run_in_turns(page_of(context, "conversations", keep, request.query("after")))
    rows = [conversation_row(context, conversation) for conversation in page.items]
    return request.render("conversations.html", page=page, rows=rows)


def conversation_row(context: Context, conversation: Object) -> dict[str, Any]:
    said = context.store.of(items.TABLE, CONVERSATION_ID, conversation["id"])
    answers = context.store.of("responses", CONVERSATION_ID, conversation["id"])
    return {
        "conversation": conversation,
        "title": next(iter(_messages(said[:MOST_ITEMS])), ""),
        "items": len(said),
        "responses": len(answers),
    }


def conversation(request: PageRequest, conversation_id: str) -> Response:
    """The newest items of the conversation, oldest first; `after` continues with older ones."""
    context = request.context
    found = require(context, CONVERSATION, conversation_id, "conversation_id")
    page = request.page(items.TABLE, limit=MOST_ITEMS, field=CONVERSATION_ID, parent=conversation_id)
    return request.render(
        "conversation.html",
        conversation=found,
        row=conversation_row(context, found),
        page=Page(page.items[::-1], page.has_more),
        older=page.items[-1]["id"] if page.has_more else "",
    )


async def containers(request: PageRequest) -> Response:
    page, store = await request.named_page("containers"), request.context.store
    counts = {each["id"]: store.count("container_files", "container_id", each["id"]) for each in page.items}
    return request.render("containers.html", page=page, counts=counts)


def container(request: PageRequest, container_id: str) -> Response:
    """A container with its files; looking at it does not count as use."""
    found = require(request.context, CONTAINER, container_id, "container_id")
    files = request.context.store.of("container_files", "container_id", container_id)[-MOST_ITEMS:]
    return request.render("container.html", container=found, files=files)


def response_row(context: Context, response: Object) -> dict[str, Any]:
    """The values of a response's line in the list."""
    return {"response": response, "title": title_of(context, response), "took": lasted(response)}


def title_of(context: Context, response: Object) -> str:
    """The newest message that was put in; for outputs of calls their number."""
    given = history.input_of(context, response)
    outputs = sum(item["type"] == "function_call_output" for item in given)
    text = next(iter(_messages(given[::-1])), "")
    return text or (f"{outputs} function call output{'s' if outputs > 1 else ''}" if outputs else "")


def lasted(response: Object) -> int | None:
    """Whole seconds from its creation to its completion; None where it was not completed."""
    end = response.get("completed_at")
    return None if end is None else max(0, int(end) - int(response["created_at"]))


def _next(context: Context, response: Object) -> list[Object]:
    """The responses that name this one as their previous one, the newest ten."""
    later = reversed(context.store.snapshot("responses"))
    followers = [each for each in later if each["previous_response_id"] == response["id"]]
    return followers[:10]


def _texts(context: Context, response: Object) -> list[str]:
    return _messages([*history.input_of(context, response), *history.output_of(context, response)])


def _messages(rows: list[Object]) -> list[str]:
    return [text for item in rows if item["type"] == "message" and (text := items.text_of(item))]
