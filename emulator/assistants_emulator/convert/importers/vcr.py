"""The cassettes of VCR.py (YAML and JSON) and of VCR for Ruby, whose serialised forms are siblings.

    interactions:                        http_interactions:
    - request:                           - request:
        body: '{"role": "user", ...}'        body: {encoding: UTF-8, string: '{...}'}
        headers: {accept: [...]}             headers: {Accept: [...]}
        method: POST                         method: post
        uri: https://...                     uri: https://...
      response:                            response:
        body: {string: ...}                  status: {code: 200, message: OK}
        headers: {...}                       body: {encoding: ASCII-8BIT, base64_string: ...}
        status: {code: 200, message: OK}     recorded_at: Tue, 14 Nov 2023 21:49:33 GMT

Some suites of VCR.py keep a JSON body as `parsed_body` beside it.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

from assistants_emulator.convert.importers.calls import RecordedCall, content_type, from_base64, headers_of, unix_time
from assistants_emulator.responders.scripts.located import Located


def is_vcrpy(data: Any) -> bool:
    return isinstance(data, dict) and "interactions" in data


def is_ruby(data: Any) -> bool:
    return isinstance(data, dict) and "http_interactions" in data


def read_vcrpy(recording: Located) -> Iterator[RecordedCall]:
    return (_call(item) for item in recording.get("interactions").items())


def read_ruby(recording: Located) -> Iterator[RecordedCall]:
    return (_call(item) for item in recording.get("http_interactions").items())


def _call(item: Located) -> RecordedCall:
    request, response = item.get("request"), item.get("response")
    response_headers = headers_of(response.get("headers"))
    status = response.get("status")
    code = status.get("code") if isinstance(status.value, dict) else status
    uri = request.get("uri") if "uri" in request.object() else request.get("url")
    return RecordedCall(
        method=request.get("method").text().lstrip(":").upper(),
        url=uri.text(),
        status=code.whole(),
        request_headers=headers_of(request.get("headers")),
        request_body=_body(request),
        response_headers=response_headers,
        response_body=_body(response),
        when=unix_time(item.get("recorded_at").value) or unix_time(response_headers.get("date")),
    )


def _body(side: Located) -> bytes | None:
    if (parsed := side.get("parsed_body")).value is not None:
        return json.dumps(parsed.value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    body = side.get("body")
    if isinstance(body.value, dict):
        return _of_object(body, content_type(headers_of(side.get("headers"))))
    return _encoded(body, "")


def _of_object(body: Located, kind: str) -> bytes | None:
    if (encoded := body.get("base64_string")).value:
        if not isinstance(encoded.value, str | bytes):
            raise encoded.wrong("must be a string of base64")
        return from_base64(encoded, encoded.value)
    if "string" not in body.object() and "encoding" not in body.object() and body.value:
        return json.dumps(body.value, ensure_ascii=False).encode("utf-8", "surrogatepass")  # written out by hand
    encoding = body.get("encoding").value
    return _encoded(body.get("string"), "" if kind.endswith("json") else str(encoding or ""))


def _encoded(text: Located, encoding: str) -> bytes | None:
    if text.value is None or isinstance(text.value, bytes):
        return text.value
    if not isinstance(text.value, str):
        return json.dumps(text.value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        return text.value.encode(codecs.lookup(encoding).name if encoding else "utf-8")
    except (LookupError, UnicodeEncodeError):  # ASCII-8BIT and the like: bytes that happened to be text
        return text.value.encode("utf-8", "surrogatepass")
