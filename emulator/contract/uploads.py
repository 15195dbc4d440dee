"""Uploads in parts. Their parts and plain files come as forms, which `web/` reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from emulator.contract.base import Body

MAX_BYTES = 8 * 1024**3

Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]


class ExpiresAfter(Body):
    """Of files and uploads, from one hour to 30 days."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2_592_000)]


class CreateUpload(Body):
    filename: str
    purpose: Purpose
    bytes: Annotated[int, Field(ge=0, le=MAX_BYTES)]
    mime_type: str
    expires_after: ExpiresAfter | None = None


class CompleteUpload(Body):
    part_ids: list[str]
    md5: str | None = None
