"""Who may see the inspector, and who may change something by it.

Its pages show every project, so they are guarded against the two ways in which a foreign web page could reach them:

- Reading, by a name of its own that it points at this machine (DNS rebinding): the Host must be an address, `localhost`
  or a name without a dot, as container networks have them.
- Writing, by a form that it posts here: a POST must say that it comes from this very origin, by `Sec-Fetch-Site` or by
  `Origin`; one that says neither is refused. Programs use the control API.

Without `--api-key` no key is asked for. With one, the sign-in page, the style sheets and health need none, everything
else does: as any client sends it, or as a cookie that signing in sets (a digest of the key, for this origin only).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from starlette.requests import Request
from starlette.responses import Response

from emulator.config import Config
from emulator.errors import ApiError
from emulator.web.auth import key_of

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
    """What the gate does not let in."""

    status = 403


def check_host(request: Request) -> None:
    host = request.url.hostname or ""
    if "." in host and not (host.endswith(".localhost") or _is_address(host)):
        raise Refused(
            f"The inspector is not shown under the name {host!r}, which another site could have pointed at this "
            "machine. Use its address, or localhost."
        )


def check_origin(request: Request) -> None:
    """For what changes something."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if (site is None and origin is None) or site not in (None, "same-origin") or origin not in (None, own):
        raise Refused("Only the inspector's own pages may post here; programs use the control API.")


def is_let_in(request: Request, config: Config) -> bool:
    if config.api_key is None:
        return True
    key = key_of(dict(request.scope["headers"]))
    if key is not None and hmac.compare_digest(key.encode(), config.api_key.encode()):
        return True
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), _ticket(config.api_key).encode())


def sign_in(response: Response, config: Config, key: str) -> bool:
    """Set the cookie if this is the key."""
    if config.api_key is None or not hmac.compare_digest(key.encode(), config.api_key.encode()):
        return False
    response.set_cookie(COOKIE, _ticket(config.api_key), path="/_emulator/", httponly=True, samesite="strict")
    return True


def _ticket(key: str) -> str:
    return hmac.new(key.encode(), b"assistants-emulator inspector", hashlib.sha256).hexdigest()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
