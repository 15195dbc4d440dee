"""HAR 1.2, as browsers and proxies export it: `log.entries`, each with its `request` and `response`.

Bodies are decoded, whatever `content-encoding` says. A form has its text or its `params`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assistants_emulator.convert.importers.calls import RecordedCall, from_base64, headers_of, unix_time
from assistants_emulator.responders.scripts.located import Located

BOUNDARY = "imported-form"


def is_har(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("log"), dict) and "entries" in data["log"]


def read_har(recording: Located) -> Iterator[RecordedCall]:
    """In the order in which they were started: HAR does not order its entries."""
    calls = [_call(entry) for entry in recording.get("log").get("entries").items()]
    return iter(sorted(calls, key=lambda call: call.when or 0.0) if all(call.when for call in calls) else calls)


def _call(entry: Located) -> RecordedCall:
    request, response = entry.get("request"), entry.get("response")
    milliseconds = entry.get("time").value
    request_headers = headers_of(request.get("headers"))
    response_headers = headers_of(response.get("headers"))
    request_body = _request_body(request.get("postData"), request_headers)
    status = response.get("status").whole()
    response_body = _response_body(response.get("content"))
    response_headers.setdefault("content-type", str((response.get("content").value or {}).get("mimeType", "")))
    problem = "it was never answered" if status <= 0 else ""
    if response_body is None and status == 200 and "event-stream" in response_headers["content-type"]:
        problem = "the export has no text of its event stream"
    return RecordedCall(
        method=request.get("method").text().upper(),
        url=request.get("url").text(),
        status=status,
        request_headers=request_headers,
        request_body=request_body,
        response_headers=response_headers,
        response_body=response_body,
        when=unix_time(entry.get("startedDateTime").value),
        seconds=milliseconds / 1000 if isinstance(milliseconds, int | float) and milliseconds > 0 else 0.0,
        problem=problem,
    )


def _request_body(data: Located, headers: dict[str, str]) -> bytes | None:
    if not data.value:
        return None
    kind = data.get("mimeType").value
    if isinstance(kind, str) and kind:
        headers.setdefault("content-type", kind)
    text, params = data.get("text"), data.get("params")
    if isinstance(text.value, str) and text.value:
        if data.get("encoding").value == "base64":
            return from_base64(text, text.value)
        return text.value.encode("utf-8", "surrogatepass")
    return _form(params, headers) if params.value else None


def _form(params: Located, headers: dict[str, str]) -> bytes:
    headers["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
    lines = []
    for param in params.items():
        disposition = f'form-data; name="{param.get("name").text()}"'
        if filename := param.get("fileName").value:
            disposition += f'; filename="{filename}"'
        kind = param.get("contentType").value
        head = [f"--{BOUNDARY}", f"Content-Disposition: {disposition}", *([f"Content-Type: {kind}"] if kind else [])]
        lines += [*head, "", str(param.get("value").value or "")]
    return "\r\n".join([*lines, f"--{BOUNDARY}--", ""]).encode("utf-8", "surrogatepass")


def _response_body(content: Located) -> bytes | None:
    if not content.value or not isinstance((text := content.get("text")).value, str):
        return None
    if content.get("encoding").value == "base64":
        return from_base64(text, text.value)
    encoded: bytes = text.value.encode("utf-8", "surrogatepass")
    return encoded
