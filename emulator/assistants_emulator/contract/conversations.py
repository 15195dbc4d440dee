"""Bodies of conversations, their items, and containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from assistants_emulator.contract.items import item
from assistants_emulator.contract.ordered import (
    Check,
    OrderedBody,
    any_object,
    array,
    choice,
    fields,
    integer,
    metadata,
    text,
)

MAX_ITEMS = 20
CONTAINER_MINUTES = 20

_items = array("an array of input items", item, MAX_ITEMS)


class CreateConversation(OrderedBody):
    fields: ClassVar[Mapping[str, Check | None]] = {"items": _items, "metadata": metadata}


class UpdateConversation(OrderedBody):
    """Without metadata there would be nothing to update."""

    required: ClassVar[tuple[str, ...]] = ("metadata",)
    fields: ClassVar[Mapping[str, Check | None]] = {"metadata": metadata}


class CreateItems(OrderedBody):
    required: ClassVar[tuple[str, ...]] = ("items",)
    fields: ClassVar[Mapping[str, Check | None]] = {"items": _items}


class CreateContainer(OrderedBody):
    required: ClassVar[tuple[str, ...]] = ("name",)
    fields: ClassVar[Mapping[str, Check | None]] = {
        "name": text,
        "expires_after": fields(
            {"anchor": choice("last_active_at"), "minutes": integer(1, CONTAINER_MINUTES)}, ("anchor", "minutes")
        ),
        "file_ids": array("an array of strings", text),
        "memory_limit": choice("1g", "4g", "16g", "64g"),
        "network_policy": any_object,
        "skills": array("an array of objects", any_object),
    }


class CreateContainerFile(OrderedBody):
    """The JSON form, which copies an uploaded file; the other form is an upload."""

    required: ClassVar[tuple[str, ...]] = ("file_id",)
    fields: ClassVar[Mapping[str, Check | None]] = {"file_id": text}
