"""Access to the inspector's pages: the key, and the origin of what is posted.

TrustedHosts refuses foreign hosts and origins before a request comes here. A page of another program on this machine
could still post a form, so a POST has to state this very origin by `Sec-Fetch-Site` or `Origin`, or is refused (CSRF).

With `--api-key`, every page but the sign-in page and the style sheets needs the key; where the server runs code, the
token of its start. Programs send them as for the API; a browser signs in, by a form or by the token in the address, and
has a cookie from then on: a random session id, whose name has the port, since cookies are shared between ports.
"""

from __future__ import annotations

from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import Response

from assistants_emulator.config import Config
from assistants_emulator.errors import ApiError
from assistants_emulator.ids import new_secret
from assistants_emulator.web.auth import TOKEN_QUERY, has_token, is_expected, key_of

COOKIE = "assistants_emulator_inspector_{port}"
MOST_SESSIONS = 1000
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer browsers would send `Origin: null` with our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Refused(ApiError):
    """403: a request that access rules out."""

    status = 403


def check_origin(request: Request) -> None:
    """Raise Refused unless the request was made by the inspector's own pages."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if (site is None and origin is None) or site not in (None, "same-origin") or origin not in (None, own):
        raise Refused("Only the inspector's own pages may post here; programs use the control API.")


class Sessions:
    """The browsers that have signed in since the server's start; the oldest of more than MOST_SESSIONS is forgotten."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ids: OrderedDict[str, None] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """True if the pages need neither key nor token."""
        return self._config.api_key is None and not self._config.needs_token

    def admits(self, request: Request, is_played: bool = False) -> bool:
        """Return whether the request has the token, a session's cookie or, where that is enough, the server's key.

        Of a project that a person plays it is the token or a cookie.
        """
        if (self.is_open and not is_played) or has_token(request.scope, self._config):
            return True
        if request.cookies.get(_cookie(request), "") in self._ids:
            return True
        key = key_of(dict(request.scope["headers"]))
        return not is_played and key is not None and self._is_key(key)

    def has_token_in_address(self, request: Request) -> bool:
        return TOKEN_QUERY in request.query_params and has_token(request.scope, self._config)

    def may_sign_in(self, secret: str) -> bool:
        """Return whether a person's entry is the token or, where that is enough, the key."""
        return is_expected(secret, self._config.token) or self._is_key(secret)

    def begin(self, response: Response, request: Request) -> None:
        """Set the cookie of a new session."""
        id = new_secret()
        self._ids[id] = None
        if len(self._ids) > MOST_SESSIONS:
            self._ids.popitem(last=False)
        response.set_cookie(_cookie(request), id, path="/_emulator", httponly=True, samesite="strict")

    def _is_key(self, key: str) -> bool:
        config = self._config
        return config.api_key is not None and not config.needs_token and is_expected(key, config.api_key)


def _cookie(request: Request) -> str:
    """The cookie's name, with the port that the browser knows; the gate has checked the header."""
    port = request.headers.get("host", "").rpartition("]")[2].partition(":")[2]
    return COOKIE.format(port=port or "80")
