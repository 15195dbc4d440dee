"""One HTTP call as an importer finds it, before it is known whether it is one of the Assistants API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from assistants_emulator.convert.importers.located import Located
from assistants_emulator.store.blobs import decode_base64

Headers = dict[str, str]


class Unreadable(ValueError):
    """A body that is recorded in a way that cannot be read here; the message says why."""


@dataclass(slots=True)
class RecordedCall:
    """Bodies are as they went over the wire, or None where the recording has none; `when` is in unix seconds."""

    method: str
    url: str
    status: int
    request_headers: Headers = field(default_factory=dict)
    request_body: bytes | None = None
    response_headers: Headers = field(default_factory=dict)
    response_body: bytes | None = None
    when: float | None = None
    seconds: float = 0.0
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


def headers_of(found: Located) -> Headers:
    """Names in lower case, several values of one name joined; from an object or from a list of {name, value}."""
    if found.value is None:
        return {}
    if isinstance(found.value, list):
        pairs: Iterable[tuple[Any, Any]] = (
            (item.child("name").value, item.child("value").value) for item in found.items()
        )
        several: dict[str, list[str]] = {}
        for name, value in pairs:
            several.setdefault(str(name).lower(), []).append(str(value))
        return {name: ", ".join(values) for name, values in several.items()}
    return {str(name).lower(): _joined(value) for name, value in found.object().items() if value is not None}


def content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def unix_time(text: Any) -> float | None:
    """Of an HTTP date or an ISO one; None where it is neither."""
    if isinstance(text, datetime):
        return (text if text.tzinfo else text.replace(tzinfo=UTC)).timestamp()
    if not isinstance(text, str):
        return None
    for read in (parsedate_to_datetime, lambda value: datetime.fromisoformat(value.replace("Z", "+00:00"))):
        try:
            found: datetime = read(text)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (TypeError, ValueError, IndexError, OverflowError):
            continue
    return None


def from_base64(found: Located, encoded: str | bytes) -> bytes:
    try:
        return decode_base64(b"".join((encoded.encode() if isinstance(encoded, str) else encoded).split()))
    except ValueError as error:
        raise found.wrong(f"is not base64: {error}") from None


def _joined(value: Any) -> str:
    return ", ".join(str(item) for item in value if item is not None) if isinstance(value, list) else str(value)
