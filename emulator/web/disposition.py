"""Content-Disposition: what a form's part is called, and how a download is named.

A file's name is data, never a path: whatever was sent is kept, and shown again as it was.
"""

from __future__ import annotations

import re
from email.utils import collapse_rfc2231_value, decode_params, unquote
from urllib.parse import quote

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|"[^"]*"|[^;]*)')
# httpx and urllib3 send \\ and %22, browsers a bare \ and %22 %0D %0A, old curl \" (HTML, multipart/form-data encoding)
_ESCAPED = re.compile(r'\\(["\\])|%(22|[01][0-9A-Fa-f])')


def parameters(header: bytes) -> dict[str, str]:
    """`name`, `filename` and the like; `filename*` and numbered pieces of RFC 2231 take the place of the plain one."""
    sent = [(name.lower(), value.strip()) for name, value in _PARAMETER.findall(_text(header))]
    plain = {name: _unquoted(value) for name, value in sent if "*" not in name}
    extended = [("", ""), *((name, value) for name, value in sent if "*" in name)]
    return plain | {name: _decoded(value) for name, value in decode_params(extended)[1:]}


def attachment(filename: str) -> bytes:
    """A header that cannot be broken out of; names beyond ASCII also in RFC 5987's form."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\' else "_" for char in filename)
    header = f'attachment; filename="{plain}"'
    if plain != filename:
        header += f"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
    return header.encode("ascii")


def _text(header: bytes) -> str:
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")


def _decoded(value: str | tuple[str | None, str | None, str]) -> str:
    if isinstance(value, str):
        return unquote(value)
    charset, language, text = value
    try:
        return collapse_rfc2231_value((charset, language, unquote(text)))
    except ValueError:  # a charset with NUL in it
        return unquote(text)


def _unquoted(value: str) -> str:
    if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
        return value
    return _ESCAPED.sub(lambda found: found[1] or chr(int(found[2], 16)), value[1:-1])
