"""The `OpenAI-Beta` header: needed on assistants and threads, tolerated elsewhere (behaviour.md section 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from emulator.errors import ApiError

Version = Literal["v1", "v2"]
KNOWN_VERSIONS = ("v1", "v2")
OTHER_BETAS = ("realtime", "responses", "chatkit", "agents")  # sent along by SDKs that speak other betas too

MISSING = (
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. "
    "Please try again by setting the header 'OpenAI-Beta: assistants=v2'."
)
_FORM = re.compile(r"([\w-]+)=(v\d+)")


def version_of(headers: Mapping[bytes, bytes], required: bool) -> Version:
    """The version asked for; v2 where the header is not needed and not there. 400 for a header that is wrong."""
    sent = headers.get(b"openai-beta", b"").decode("latin-1").strip()
    if not sent:
        if required:
            raise _invalid(MISSING)
        return "v2"
    version: Version | None = None
    for part in sent.split(","):
        version = _one(part.strip()) or version
    if version is None and required:
        raise _invalid(MISSING)
    return version or "v2"


def _one(beta: str) -> Version | None:
    form = _FORM.fullmatch(beta)
    if form is None:
        message = f"Invalid beta header provided: '{beta}'. The header should be in the format "
        raise _invalid(message + "'OpenAI-Beta: example_beta=v1'.")
    if form[1] == "assistants" and form[2] in KNOWN_VERSIONS:
        return "v1" if form[2] == "v1" else "v2"
    if form[1] not in OTHER_BETAS:
        raise _invalid(f"Unknown beta requested: '{form[1]}'.")
    return None


def _invalid(message: str) -> ApiError:
    return ApiError(message, code="invalid_beta")
