"""The end of a response: its usage, the state for a response after it, and the items of its conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistants_emulator.resources import items
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE
from assistants_emulator.resources.token_estimates import PER_MESSAGE, of_item
from assistants_emulator.responders.replies import Usage
from assistants_emulator.responses import history
from assistants_emulator.store import Object


def ended(response: Object, output: list[Object], status: str, stated: Sequence[Usage] | None, **fields: Any) -> Object:
    """The response in its last status. `stated` are the usages that its replies state; None for no usage at all."""
    made = sum(of_item(item) for item in output)
    written = made - PER_MESSAGE * sum(item["type"] == "message" for item in output)
    digest = response["_context_digest"]
    if digest is not None:
        for item in output:
            digest = history.digest(digest, item)
    return {
        **response,
        "status": status,
        **fields,
        "output": output,
        "usage": None if stated is None else _usage(response, stated, written),
        "_tokens": response["_tokens"] + made,
        "_open_calls": items.open_calls(output),
        "_digest": digest,
    }


def _usage(response: Object, stated: Sequence[Usage], made: int) -> Object:
    """The tokens that the replies have stated, else the estimate."""
    taken = sum(usage.prompt_tokens for usage in stated) if stated else max(1, response["_input_tokens"])
    given = sum(usage.completion_tokens for usage in stated) if stated else max(1, made)
    return {
        "input_tokens": taken,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": taken + given,
    }


def joined(context: Context, response: Object) -> list[tuple[str, Object]]:
    """The response's conversation and the items that come into it, to store; none if it failed or was cancelled."""
    id = response["_conversation_id"]
    conversation = None if id is None else context.store.get("conversations", id)
    if conversation is None or response["status"] not in ("completed", "incomplete"):
        return []
    own = [item for item in history.input_of(context, response) if item["_response_id"] == response["id"]]
    added = [*own, *response["output"]]
    changed = {
        **conversation,
        "_open_calls": items.open_calls(added, conversation["_open_calls"]),
        "_tokens": conversation["_tokens"] + sum(of_item(item) for item in added),
        "_container_id": response.get("_container_id"),
    }
    return [("conversations", changed), *((TABLE, {**item, "_conversation_id": id}) for item in added)]
