"""Forms of `/files`, and bodies of uploads in parts.

`/files` checks forms by a JSON schema and answers in that validator's words (docs/reference/behaviour.md#files); texts
that were not seen there follow the same validator. Uploads are checked as all JSON bodies are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from assistants_emulator.contract.base import Body
from assistants_emulator.errors import ApiError, InvalidParameter

MAX_FILE_BYTES = 512 * 1024**2
MAX_PART_BYTES = 64 * 1024**2
PURPOSES = ("fine-tune", "assistants", "batch", "user_data", "vision", "evals")
"""As the recorded error lists them (dotnet UploadFileCanParseServiceError)."""
RETIRED_PURPOSES = ("answers", "classifications", "search")
"""Of endpoints that are gone. Recorded as taken (ruby-openai files_upload, to 2023); never listed in errors."""
UNREADABLE_PURPOSES = ("assistants", "user_data")
"""Files that may not be downloaded again; those of purpose vision may (ruby-openai files_fetch_image)."""
ANCHORS = ("created_at",)
EXPIRY_SECONDS = (3600, 2_592_000)
SHOWN_FORMATS = (
    *("c", "cpp", "css", "csv", "docx", "gif", "go", "html", "java", "jpeg", "jpg", "js", "json", "md", "pdf", "php"),
    *("pkl", "png", "pptx", "py", "rb", "tar", "tex", "ts", "txt", "webp", "xlsx", "xml", "zip"),
)
"""As the error of 2024-10 lists them."""
UPLOADABLE = frozenset((*SHOWN_FORMATS, "cs", "doc", "sh"))
"""The last three are documented for file search, though that error does not list them."""


def check_purpose(purpose: str) -> None:
    if purpose not in PURPOSES and purpose not in RETIRED_PURPOSES:
        raise _not_one_of(purpose, PURPOSES, "purpose")


def check_name(filename: str, purpose: str) -> None:
    """400 for an assistants file of a kind that no tool reads; a name without extension passes."""
    _, dot, ending = filename.rpartition(".")
    if purpose == "assistants" and dot and ending.lower() not in UPLOADABLE:
        listed = ", ".join(f'"{name}"' for name in SHOWN_FORMATS)
        raise ApiError(f"Invalid extension {ending}. Supported formats: {listed}")


def expiry_seconds(fields: Mapping[str, str]) -> int | None:
    """The lifetime in `expires_after[anchor]` and `expires_after[seconds]`; None where both are missing."""
    anchor, seconds = (fields.get(f"expires_after[{name}]") for name in ("anchor", "seconds"))
    if anchor is None and seconds is None:
        return None
    if anchor is None or seconds is None:
        raise missing_property("anchor" if anchor is None else "seconds", "expires_after")
    if anchor not in ANCHORS:
        raise _not_one_of(anchor, ANCHORS, "expires_after.anchor")
    return _bounded(seconds, "expires_after.seconds")


def missing_property(name: str, where: str | None = None) -> InvalidParameter:
    return InvalidParameter(f"'{name}' is a required property" + (f" - '{where}'" if where else ""), param=where)


def _bounded(text: str, param: str) -> int:
    lowest, highest = EXPIRY_SECONDS
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise InvalidParameter(f"{text!r} is not of type 'integer' - '{param}'", param=param)
    if int(text) < lowest:
        raise InvalidParameter(f"{int(text)} is less than the minimum of {lowest} - '{param}'", param=param)
    if int(text) > highest:
        raise InvalidParameter(f"{int(text)} is greater than the maximum of {highest} - '{param}'", param=param)
    return int(text)


def _not_one_of(value: Any, supported: Iterable[str], param: str) -> InvalidParameter:
    return InvalidParameter(f"{value!r} is not one of {list(supported)} - '{param}'", param=param)


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
