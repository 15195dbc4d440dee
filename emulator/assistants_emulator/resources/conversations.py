"""Conversations and their items. The API has no list of conversations; items outlive the responses that made them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assistants_emulator.contract import ListQuery
from assistants_emulator.contract.conversations import CreateConversation, CreateItems, UpdateConversation
from assistants_emulator.errors import InvalidParameter, NotFound
from assistants_emulator.object_kinds import CONVERSATION
from assistants_emulator.resources import items, views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE, Includes, new_item
from assistants_emulator.resources.route import RESPONSES_WIRE, Route
from assistants_emulator.resources.token_estimates import of_item
from assistants_emulator.store import VOLATILE, Event, Object, Page

ROOT = 16  # digits at the end of a conversation's id, which its items and responses share


def create(context: Context, body: dict[str, Any]) -> Object:
    root = context.ids.root()
    conversation: Object = {
        "id": context.ids.ending_with(CONVERSATION.prefix, root),
        "object": "conversation",
        "created_at": context.clock.now(),
        "metadata": body.get("metadata") or {},
        "_open_calls": [],
        "_tokens": 0,
    }
    added = _new_items(context, conversation, body.get("items") or [])
    commit_items(context, "conversation.created", conversation, added)
    return conversation


def retrieve(context: Context, conversation_id: str) -> Object:
    return require_conversation(context, conversation_id)


def update(context: Context, conversation_id: str, body: dict[str, Any]) -> Object:
    conversation = {**require_conversation(context, conversation_id), "metadata": body["metadata"] or {}}
    context.commit(Event("conversation.updated", conversation, (("conversations", conversation),)))
    return conversation


def delete(context: Context, conversation_id: str) -> Object:
    """Its items stay with the responses that made them (docs/reference/behaviour.md#conversations)."""
    require_conversation(context, conversation_id)
    answer = views.deleted(conversation_id, "conversation.deleted")
    orphans = [item for item in items_of(context, conversation_id) if not item.get("_response_id")]
    drops = [(TABLE, item["id"]) for item in orphans]
    event = Event(
        "conversation.deleted", answer, drops=(*drops, ("conversations", conversation_id)), topic=conversation_id
    )
    context.commit(event)
    return answer


def create_items(context: Context, conversation_id: str, body: dict[str, Any], include: Includes) -> Page:
    conversation = require_conversation(context, conversation_id)
    added = _new_items(context, conversation, body["items"])
    commit_items(context, "conversation.items.created", conversation, added)
    return Page([items.view(item, include) for item in added], has_more=False)


def list_items(context: Context, conversation_id: str, query: ListQuery, include: Includes) -> Page:
    require_conversation(context, conversation_id)
    if query.after is not None and not context.store.has_place(TABLE, query.after):
        raise item_not_found(query.after)
    page = context.store.page(
        TABLE,
        field="_conversation_id",
        parent=conversation_id,
        limit=query.limit,
        descending=query.descending,
        after=query.after,
    )
    return Page([items.view(item, include) for item in page.items], page.has_more)


def retrieve_item(context: Context, conversation_id: str, item_id: str, include: Includes) -> Object:
    return items.view(_require_item(context, conversation_id, item_id), include)


def delete_item(context: Context, conversation_id: str, item_id: str) -> Object:
    """The answer is the conversation, as the SDKs have it; one recording has the item's deletion instead."""
    conversation = require_conversation(context, conversation_id)
    item = _require_item(context, conversation_id, item_id)
    left = [each for each in items_of(context, conversation_id) if each["id"] != item_id]
    tokens = conversation["_tokens"] - of_item(item)
    changed = {**conversation, "_open_calls": items.open_calls(left), "_tokens": tokens}
    is_shared = bool(item.get("_response_id"))  # its response keeps it
    puts = ((TABLE, {**item, "_conversation_id": None}),) if is_shared else ()
    drops = () if is_shared else ((TABLE, item_id),)
    context.commit(Event("conversation.item.deleted", changed, (("conversations", changed), *puts), drops))
    return changed


# Parts


def require_conversation(context: Context, id: str) -> Object:
    """The conversation; 404 in the words of this API, which expects no prefix."""
    conversation = context.store.get("conversations", id)
    if conversation is None:
        raise NotFound(f"Conversation with id '{id}' not found.")
    return conversation


def items_of(context: Context, conversation_id: str) -> Iterable[Object]:
    return context.store.of(TABLE, "_conversation_id", conversation_id)


def commit_items(context: Context, name: str, conversation: Object, added: list[Object]) -> None:
    """Store the items and the conversation that they come into."""
    tokens = conversation["_tokens"] + sum(of_item(item) for item in added)
    changed = {
        **conversation,
        "_open_calls": items.open_calls(added, conversation["_open_calls"]),
        "_tokens": tokens,
    }
    context.commit(Event(name, changed, (("conversations", changed), *((TABLE, item) for item in added))))


def item_not_found(id: str) -> NotFound:
    return NotFound(f"Item with id '{id}' not found in conversation.")


def reference_not_found(id: str) -> NotFound:
    """An `item_reference` to what is not there, or was made without `store`."""
    return NotFound(
        f"Item with id '{id}' not found. Items are not persisted when `store` is set to false. "
        "Try again with `store` set to true, or remove this item from your input."
    )


def duplicate(id: str) -> InvalidParameter:
    message = f"Duplicate item found with id {id}. Remove duplicate items from your input and try again."
    return InvalidParameter(message, param="input")


def _new_items(context: Context, conversation: Object, given: list[Object]) -> list[Object]:
    root = conversation["id"][-ROOT:]
    added: list[Object] = []
    for each in given:
        if each.get("type") == "item_reference":
            referenced = context.store.get(TABLE, each["id"])
            if referenced is None or VOLATILE in referenced:
                raise reference_not_found(each["id"])
            each = {key: value for key, value in referenced.items() if not key.startswith("_")}
        made = new_item(
            each,
            lambda prefix: context.ids.ending_with(prefix, root),
            _response_id=None,
            _conversation_id=conversation["id"],
        )
        added.append(made)
    return added


def _require_item(context: Context, conversation_id: str, item_id: str) -> Object:
    require_conversation(context, conversation_id)
    item = context.store.get(TABLE, item_id)
    if item is None or item.get("_conversation_id") != conversation_id:
        raise item_not_found(item_id)
    return item


PATH = "/conversations/{conversation_id}"
_ITEM = f"{PATH}/items/{{item_id}}"
ROUTES = (
    Route("POST", "/conversations", create, views.conversation, CreateConversation, **RESPONSES_WIRE),
    Route("GET", PATH, retrieve, views.conversation, **RESPONSES_WIRE),
    Route("POST", PATH, update, views.conversation, UpdateConversation, **RESPONSES_WIRE),
    Route("DELETE", PATH, delete, views.as_is, **RESPONSES_WIRE),
    Route("POST", f"{PATH}/items", create_items, views.as_is, CreateItems, includes=True, **RESPONSES_WIRE),
    Route("GET", f"{PATH}/items", list_items, views.as_is, lists=True, includes=True, **RESPONSES_WIRE),
    Route("GET", _ITEM, retrieve_item, views.as_is, includes=True, **RESPONSES_WIRE),
    Route("DELETE", _ITEM, delete_item, views.conversation, **RESPONSES_WIRE),
)
