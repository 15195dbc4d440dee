"""HAR 1.2, as browsers and proxies export it: `log.entries`, each with its `request` and `response`.

Bodies are decoded already, whatever `content-encoding` says. A form may come as its text or as its `params`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assistants_emulator.convert.importers.calls import RecordedCall, from_base64, headers_of, unix_time
from assistants_emulator.convert.importers.located import Located

BOUNDARY = "imported-form"


def is_har(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("log"), dict) and "entries" in data["log"]


def read_har(found: Located) -> Iterator[RecordedCall]:
    """In the order in which they were started: HAR leaves that to who reads it."""
    calls = [_call(entry) for entry in found.child("log").child("entries").items()]
    return iter(sorted(calls, key=lambda call: call.when or 0.0) if all(call.when for call in calls) else calls)


def _call(entry: Located) -> RecordedCall:
    request, response = entry.child("request"), entry.child("response")
    took = entry.child("time").value
    headers = headers_of(request.child("headers"))
    answered = headers_of(response.child("headers"))
    sent = _sent(request.child("postData"), headers)
    status = response.child("status").whole()
    body = _received(response.child("content"))
    answered.setdefault("content-type", str((response.child("content").value or {}).get("mimeType", "")))
    problem = "it was never answered" if status <= 0 else ""
    if body is None and status == 200 and "event-stream" in answered["content-type"]:
        problem = "the export has no text of its event stream"
    return RecordedCall(
        method=request.child("method").text().upper(),
        url=request.child("url").text(),
        status=status,
        request_headers=headers,
        request_body=sent,
        response_headers=answered,
        response_body=body,
        when=unix_time(entry.child("startedDateTime").value),
        seconds=took / 1000 if isinstance(took, int | float) and took > 0 else 0.0,
        problem=problem,
    )


def _sent(data: Located, headers: dict[str, str]) -> bytes | None:
    if not data.value:
        return None
    kind = data.child("mimeType").value
    if isinstance(kind, str) and kind:
        headers.setdefault("content-type", kind)
    text, params = data.child("text"), data.child("params")
    if isinstance(text.value, str) and text.value:
        if data.child("encoding").value == "base64":
            return from_base64(text, text.value)
        return text.value.encode("utf-8", "surrogatepass")
    return _form(params, headers) if params.value else None


def _form(params: Located, headers: dict[str, str]) -> bytes:
    headers["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
    lines = []
    for param in params.items():
        disposition = f'form-data; name="{param.child("name").text()}"'
        if filename := param.child("fileName").value:
            disposition += f'; filename="{filename}"'
        kind = param.child("contentType").value
        head = [f"--{BOUNDARY}", f"Content-Disposition: {disposition}", *([f"Content-Type: {kind}"] if kind else [])]
        lines += [*head, "", str(param.child("value").value or "")]
    return "\r\n".join([*lines, f"--{BOUNDARY}--", ""]).encode("utf-8", "surrogatepass")


def _received(content: Located) -> bytes | None:
    if not content.value or not isinstance((text := content.child("text")).value, str):
        return None
    if content.child("encoding").value == "base64":
        return from_base64(text, text.value)
    encoded: bytes = text.value.encode("utf-8", "surrogatepass")
    return encoded
