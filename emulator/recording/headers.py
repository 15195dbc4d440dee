"""Which headers pass through a proxy, and which few are written down."""

from __future__ import annotations

from collections.abc import Iterable

Pairs = list[tuple[bytes, bytes]]

# RFC 9110 section 7.6.1: they belong to one connection
HOP_BY_HOP = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"),
    *(b"trailer", b"transfer-encoding", b"upgrade"),
}
NOT_ASKED = {b"host", b"expect", b"accept-encoding"}  # said anew for upstream
NOT_ANSWERED = {b"date"}  # our server says its own

KEPT_OF_REQUESTS = {"openai-beta", "content-type"}
KEPT_OF_ANSWERS = {
    *("content-type", "content-disposition", "content-encoding", "location", "openai-version", "openai-poll-after-ms"),
    *("retry-after", "retry-after-ms", "x-should-retry", "x-request-id"),
}


def passed_on(headers: Iterable[tuple[bytes, bytes]], *, answer: bool) -> Pairs:
    pairs = [(name.lower(), value) for name, value in headers]
    named = {option.strip().lower() for name, value in pairs if name == b"connection" for option in value.split(b",")}
    left_out = HOP_BY_HOP | named | (NOT_ANSWERED if answer else NOT_ASKED)
    return [(name, value) for name, value in pairs if name not in left_out]


def kept(headers: Iterable[tuple[bytes, bytes]], *, answer: bool) -> dict[str, str]:
    """Without a form's boundary, which is another each time."""
    wanted = KEPT_OF_ANSWERS if answer else KEPT_OF_REQUESTS
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    found = {name: value for name, value in named.items() if name in wanted}
    if found.get("content-type", "").lower().startswith("multipart/"):
        found["content-type"] = found["content-type"].partition(";")[0]
    return found
