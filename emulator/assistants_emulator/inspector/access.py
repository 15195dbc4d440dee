"""Access to the inspector's pages: the key, and the origin of what is posted.

TrustedHosts refuses foreign hosts and origins before a request comes here. A page of another program on this machine
could still post a form, so a POST has to state this very origin by `Sec-Fetch-Site` or `Origin`, or is refused (CSRF).

With `--api-key`, every page but the sign-in page and the style sheets needs the key: as API clients send it, or as the
cookie that signing in sets (a digest of the key, for this origin only).
"""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

from assistants_emulator.config import Config
from assistants_emulator.errors import ApiError
from assistants_emulator.web.auth import key_of

COOKIE = "assistants_emulator_inspector"
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


def is_signed_in(request: Request, config: Config) -> bool:
    """Return whether the request has the server's key, in a header or as cookie; True for a server without one."""
    if config.api_key is None:
        return True
    key = key_of(dict(request.scope["headers"]))
    if key is not None and hmac.compare_digest(key.encode(), config.api_key.encode()):
        return True
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), _ticket(config.api_key).encode())


def sign_in(response: Response, config: Config, key: str) -> bool:
    """Set the cookie and return True if this is the server's key."""
    if config.api_key is None or not hmac.compare_digest(key.encode(), config.api_key.encode()):
        return False
    response.set_cookie(COOKIE, _ticket(config.api_key), path="/_emulator/", httponly=True, samesite="strict")
    return True


def _ticket(key: str) -> str:
    return hmac.new(key.encode(), b"assistants-emulator inspector", hashlib.sha256).hexdigest()
