"""Session records of OpenAI's .NET SDK, which Azure's test proxy writes.

    {"Entries": [{"RequestUri": ..., "RequestMethod": ..., "RequestHeaders": {...}, "RequestBody": ...,
                  "StatusCode": 200, "ResponseHeaders": {...}, "ResponseBody": ...}], "Variables": {...}}

A body is JSON, a text, a list of pieces of a text, base64 where its type is no text, or null. Secrets were replaced by
`Sanitized` when it was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assistants_emulator.convert.importers.calls import Headers, RecordedCall, content_type, headers_of, unix_time
from assistants_emulator.convert.importers.located import Located
from assistants_emulator.store.blobs import decode_base64

SANITIZED = "Sanitized"


def is_session_record(data: Any) -> bool:
    return isinstance(data, dict) and "Entries" in data


def read_session_record(found: Located) -> Iterator[RecordedCall]:
    return (_call(entry) for entry in found.child("Entries").items())


def _call(entry: Located) -> RecordedCall:
    headers, answered = _headers(entry.child("RequestHeaders")), _headers(entry.child("ResponseHeaders"))
    return RecordedCall(
        method=entry.child("RequestMethod").text().upper(),
        url=entry.child("RequestUri").text(),
        status=entry.child("StatusCode").whole(),
        request_headers=headers,
        request_body=_body(entry.child("RequestBody"), headers),
        response_headers=answered,
        response_body=_body(entry.child("ResponseBody"), answered),
        when=unix_time(answered.get("date")),
    )


def _headers(found: Located) -> Headers:
    return {name: value for name, value in headers_of(found).items() if SANITIZED not in value}


def _body(found: Located, headers: Headers) -> bytes | None:
    value, kind = found.value, content_type(headers)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(piece, str) for piece in value) and not kind.endswith("json"):
        return "".join(value).encode("utf-8", "surrogatepass")
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if kind.startswith("text/") or kind.endswith("json") or not kind:
        return value.encode("utf-8", "surrogatepass")
    try:
        return decode_base64(value)
    except ValueError:
        return value.encode("utf-8", "surrogatepass")
