"""Uploads: a file in parts. Parts may arrive in any order; the list of ids on completion puts them in order.

Completing copies no bytes: the file takes over those of the parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from assistants_emulator.contract import CompleteUpload, CreateUpload, NoBody
from assistants_emulator.contract.files import MAX_PART_BYTES, check_name
from assistants_emulator.errors import InvalidParameter, InvalidState, missing_parameter
from assistants_emulator.object_kinds import PART, UPLOAD
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import given
from assistants_emulator.resources.files import new_file
from assistants_emulator.resources.lookup import require
from assistants_emulator.resources.route import VERSIONS, Form, FormRule, Route
from assistants_emulator.store import Event, Object

DEFAULTS: Object = {"bytes": 0, "status": "pending", "_expires_after": None}
LIFETIME = 3600  # seconds (docs/reference/behaviour.md#uploads)


def create(context: Context, body: dict[str, Any]) -> Object:
    check_name(body["filename"], body["purpose"])
    now = context.clock.now()
    upload = {
        "id": context.ids.new("upload"),
        "object": "upload",
        "created_at": now,
        **DEFAULTS,
        **given(body, "bytes", "filename", "purpose"),
        "expires_at": now + LIFETIME,
        "_expires_after": (body.get("expires_after") or {}).get("seconds"),
    }
    context.commit(Event("upload.created", upload, (("uploads", upload),)))
    return upload


def add_part(context: Context, upload_id: str, form: Form) -> Object:
    _require_pending(context, upload_id, "add parts to")
    if form.file is None:
        raise missing_parameter("data")
    part = {
        "id": context.ids.new("part"),
        "object": "upload.part",
        "created_at": context.clock.now(),
        "upload_id": upload_id,
        "bytes": form.file.size,
        "_content": form.file.keep(),
    }
    context.commit(Event("upload.part.created", part, (("parts", part),)))
    return part


def complete(context: Context, upload_id: str, body: dict[str, Any]) -> Object:
    """The upload with its file; 400 unless the named parts have the announced bytes. Other parts are dropped."""
    pending = _require_pending(context, upload_id, "complete")
    parts = _named_parts(context, upload_id, body["part_ids"])
    _require_bytes(pending, sum(part["bytes"] for part in parts))
    content = [name for part in parts for name in part["_content"]]
    if body.get("md5") is not None:
        _require_md5(context, content, body["md5"])
    name, purpose, lifetime = pending["filename"], pending["purpose"], pending.get("_expires_after")
    file = new_file(context, name, purpose, pending["bytes"], content, lifetime)
    upload = {**pending, "status": "completed", "file": views.file(file)}
    end(context, upload, keeping=content, puts=(("files", file),))
    return upload


def cancel(context: Context, upload_id: str, body: dict[str, Any]) -> Object:
    upload = {**_require_pending(context, upload_id, "cancel"), "status": "cancelled"}
    end(context, upload)
    return upload


def end(
    context: Context, upload: Object, *, keeping: Sequence[str] = (), puts: tuple[tuple[str, Object], ...] = ()
) -> None:
    """Store the upload in its last status and drop its parts, with all bytes but those that `keeping` names."""
    parts = list(context.store.of("parts", "upload_id", upload["id"]))
    drops = tuple(("parts", part["id"]) for part in parts)
    context.commit(Event(f"upload.{upload['status']}", upload, (("uploads", upload), *puts), drops))
    context.contents.discard({name for part in parts for name in part["_content"]}.difference(keeping))


def _require_pending(context: Context, upload_id: str, action: str) -> Object:
    """The upload; 400 if it is over. The text is ours, after that of runs: nothing is recorded."""
    upload = require(context, UPLOAD, upload_id, "upload_id")
    if upload["status"] != "pending":
        raise InvalidState(f"Cannot {action} upload with status '{upload['status']}'.")
    return upload


def _named_parts(context: Context, upload_id: str, part_ids: Sequence[str]) -> list[Object]:
    for index, id in enumerate(part_ids):
        if id in part_ids[:index]:
            param = f"part_ids[{index}]"
            raise InvalidParameter(f"Invalid '{param}': '{id}' is listed twice.", param=param, code="invalid_value")
    return [require(context, PART, id, f"part_ids[{i}]", upload_id=upload_id) for i, id in enumerate(part_ids)]


def _require_bytes(upload: Object, size: int) -> None:
    """The rule is documented, its text is not known (docs/reference/behaviour.md#uploads)."""
    if size != upload["bytes"]:
        message = f"Expected the parts to have {upload['bytes']} bytes in total, but got {size} bytes instead."
        raise InvalidParameter(message, param="part_ids", code="invalid_value")


def _require_md5(context: Context, content: Sequence[str], expected: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in context.contents.chunks(content):
        digest.update(chunk)
    if digest.hexdigest() != expected.lower():
        message = f"Invalid 'md5': expected '{expected}', but the parts have '{digest.hexdigest()}'."
        raise InvalidParameter(message, param="md5", code="invalid_value")


_WIRE: dict[str, Any] = {"beta": False, "versions": VERSIONS, "newline": True}
UPLOAD_PATH = "/uploads/{upload_id}"
ROUTES = (
    Route("POST", "/uploads", create, views.upload, CreateUpload, **_WIRE),
    Route("POST", f"{UPLOAD_PATH}/parts", add_part, views.part, form=FormRule("data", MAX_PART_BYTES), **_WIRE),
    Route("POST", f"{UPLOAD_PATH}/complete", complete, views.upload, CompleteUpload, **_WIRE),
    Route("POST", f"{UPLOAD_PATH}/cancel", cancel, views.upload, NoBody, **_WIRE),
)
