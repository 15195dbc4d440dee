"""Session records of OpenAI's .NET SDK, which Azure's test proxy writes.

    {"Entries": [{"RequestUri": ..., "RequestMethod": ..., "RequestHeaders": {...}, "RequestBody": ...,
                  "StatusCode": 200, "ResponseHeaders": {...}, "ResponseBody": ...}], "Variables": {...}}

A body is JSON, a text, a list of pieces of a text, base64 if its type is no text, or null. Secrets were
replaced by `Sanitized` by the recorder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assistants_emulator.convert.importers.calls import Headers, RecordedCall, content_type, headers_of, unix_time
from assistants_emulator.responders.scripts.located import Located
from assistants_emulator.store.blobs import decode_base64

SANITIZED = "Sanitized"


def is_session_record(data: Any) -> bool:
    return isinstance(data, dict) and "Entries" in data


def read_session_record(recording: Located) -> Iterator[RecordedCall]:
    return (_call(entry) for entry in recording.get("Entries").items())


def _call(entry: Located) -> RecordedCall:
    request_headers, response_headers = (
        _headers(entry.get("RequestHeaders")),
        _headers(entry.get("ResponseHeaders")),
    )
    return RecordedCall(
        method=entry.get("RequestMethod").text().upper(),
        url=entry.get("RequestUri").text(),
        status=entry.get("StatusCode").whole(),
        request_headers=request_headers,
        request_body=_body(entry.get("RequestBody"), request_headers),
        response_headers=response_headers,
        response_body=_body(entry.get("ResponseBody"), response_headers),
        when=unix_time(response_headers.get("date")),
    )


def _headers(headers: Located) -> Headers:
    return {name: value for name, value in headers_of(headers).items() if SANITIZED not in value}


def _body(body: Located, headers: Headers) -> bytes | None:
    value, kind = body.value, content_type(headers)
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
