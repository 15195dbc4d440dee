"""The API key of a request: reading it, comparing it with the server's, and the 401s without it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.types import Scope

from assistants_emulator.config import TOKEN_HEADER, TOKEN_VARIABLE, Config
from assistants_emulator.errors import ApiError, Unauthorized
from assistants_emulator.store.blobs import decode_base64

NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the "
    "API from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)
WRONG_KEY = "Incorrect API key provided: {}. You can find your API key at https://platform.openai.com/account/api-keys."
TOKEN_QUERY = "token"
NO_TOKEN = (
    "This server runs code, so its control API's writes need the token that it printed at its start: in the header "
    f"X-Assistants-Emulator-Token or the query's token. {TOKEN_VARIABLE} sets it for the server and for pytest."
)
SHOWN_FIRST, SHOWN_LAST = 8, 4


def key_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The key in `Authorization: Bearer`, in Basic's password, or in `api-key`; None without any of these."""
    scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        return _password(rest)
    key = headers.get(b"api-key")
    return None if key is None else key.decode("latin-1").strip()


def accepted_key(headers: Mapping[bytes, bytes], expected: str | None) -> str | None:
    """The request's key; None if it has none, or another than the expected one."""
    key = key_of(headers)
    return key if key and is_expected(key, expected) else None


def is_expected(key: str, expected: str | None) -> bool:
    """Compare keys in constant time; any key is right where none is expected."""
    return expected is None or hmac.compare_digest(key.encode(), expected.encode())


def require_key(headers: Mapping[bytes, bytes], expected: str | None) -> str:
    """The request's key; OpenAI's 401 if it has none, or another than the expected one."""
    key = key_of(headers)
    if key and is_expected(key, expected):
        return key
    raise no_key() if key is None else wrong_key(key)


class TokenMissing(ApiError):
    status = 403


def has_token(scope: Scope, config: Config) -> bool:
    """Return whether the request has the token of this start, in its header or its query."""
    query = parse_qs(scope["query_string"].decode("latin-1"), encoding="latin-1").get(TOKEN_QUERY, [])
    tokens = [
        *(token.encode("latin-1") for token in query),
        *(value for name, value in scope["headers"] if name == TOKEN_HEADER),
    ]
    return bool(config.token) and any(hmac.compare_digest(token, config.token.encode()) for token in tokens)


def require_token(scope: Scope, config: Config, is_played: bool = False) -> None:
    """TokenMissing for a request without the token, where one is needed: by the options, or since a person plays."""
    if (config.needs_token or is_played) and not has_token(scope, config):
        raise TokenMissing(NO_TOKEN)


def no_key() -> Unauthorized:
    return Unauthorized(NO_KEY)


def wrong_key(key: str) -> Unauthorized:
    return Unauthorized(WRONG_KEY.format(_masked(key)), code="invalid_api_key")


def _password(encoded: str) -> str:
    try:
        return decode_base64(encoded).decode("latin-1").partition(":")[2]
    except ValueError:
        return ""


def _masked(key: str) -> str:
    """The API shows a key's beginning and end; an empty one as `''`."""
    if len(key) <= SHOWN_FIRST + SHOWN_LAST:
        return key[:3] + "*" * (len(key) - 3) if key else "''"
    return key[:SHOWN_FIRST] + "*" * (len(key) - SHOWN_FIRST - SHOWN_LAST) + key[-SHOWN_LAST:]
