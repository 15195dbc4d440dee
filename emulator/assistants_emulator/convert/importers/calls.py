"""An HTTP call in a recording of another tool, of any API, and helpers to read its headers, times and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from assistants_emulator.responders.scripts.located import Located
from assistants_emulator.store.blobs import decode_base64

Headers = dict[str, str]


class Unreadable(ValueError):
    """A body in a form that cannot be read here; the message says why."""


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


def headers_of(located: Located) -> Headers:
    """Names in lower case, several values of one name joined; from an object or from a list of {name, value}."""
    if located.value is None:
        return {}
    if isinstance(located.value, list):
        pairs: Iterable[tuple[Any, Any]] = (
            (item.get("name").value, item.get("value").value) for item in located.items()
        )
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(str(name).lower(), []).append(str(value))
        return {name: ", ".join(of_name) for name, of_name in values.items()}
    return {str(name).lower(): _joined(value) for name, value in located.object().items() if value is not None}


def content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def unix_time(text: Any) -> float | None:
    """Unix seconds of an HTTP or ISO date, or of a datetime; None for anything else."""
    if isinstance(text, datetime):
        return (text if text.tzinfo else text.replace(tzinfo=UTC)).timestamp()
    if not isinstance(text, str):
        return None
    for read in (parsedate_to_datetime, lambda value: datetime.fromisoformat(value.replace("Z", "+00:00"))):
        try:
            date: datetime = read(text)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (TypeError, ValueError, IndexError, OverflowError):
            continue
    return None


def from_base64(located: Located, encoded: str | bytes) -> bytes:
    """The bytes, white space left out; ImportFault with the place of `located` for what is not base64."""
    try:
        return decode_base64(b"".join((encoded.encode() if isinstance(encoded, str) else encoded).split()))
    except ValueError as error:
        raise located.wrong(f"is not base64: {error}") from None


def _joined(value: Any) -> str:
    return ", ".join(str(item) for item in value if item is not None) if isinstance(value, list) else str(value)
