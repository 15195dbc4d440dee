"""Which URLs are calls of the Assistants API, whoever serves it: the hosted one, Azure's, a gateway, this emulator."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from emulator.resources import ROUTES

V1_PATHS = (
    *("/assistants/{assistant_id}/files", "/assistants/{assistant_id}/files/{file_id}"),
    *("/threads/{thread_id}/messages/{message_id}/files", "/threads/{thread_id}/messages/{message_id}/files/{file_id}"),
)
_KINDS = ("assistants", "threads", "files", "uploads", "vector_stores", "models")
_START = re.compile(rf"/(?:{'|'.join(_KINDS)})(?=/|$)")
_BASE = re.compile(r".*/v\d+|.*/openai(/deployments/[^/]+)?(/v\d+)?")
_OWN = ("/assistants", "/threads")  # nobody else has these below another base


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?")


_PATTERNS = [_pattern(path) for path in dict.fromkeys((*(route.path for route in ROUTES), *V1_PATHS))]


def api_path(url: str) -> str | None:
    """The path below the base URL with its query, as cassettes have it; None for what is no call of this API."""
    parts = urlsplit(url)
    for start in _START.finditer(parts.path):
        base, path = parts.path[: start.start()], parts.path[start.start() :]
        known = _BASE.fullmatch(base) or start[0] in _OWN
        if known and any(pattern.fullmatch(path) for pattern in _PATTERNS):
            return path + (f"?{parts.query}" if parts.query else "")
    return None
