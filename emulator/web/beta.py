"""The `OpenAI-Beta` header: needed on assistants and threads, tolerated elsewhere (behaviour.md section 2)."""

from __future__ import annotations

import re
from collections.abc import Collection

from emulator.errors import ApiError
from emulator.resources.route import VERSIONS, Version

OTHER_BETAS = ("realtime", "responses", "chatkit", "agents")  # sent along by SDKs that speak other betas too

MIGRATION = "https://platform.openai.com/docs/assistants/migration"
MISSING = (
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. "
    "Please try again by setting the header 'OpenAI-Beta: assistants=v2'."
)
SUNSET = (
    "The v1 Assistants API has been deprecated. Please try again by setting the header 'OpenAI-Beta: assistants=v2'. "
    f"See the migration guide for more information: {MIGRATION}."
)
ONLY_V1 = f"The v1 Assistants API has been deprecated. See the migration guide for more information: {MIGRATION}."
_FORM = re.compile(r"([\w-]+)=(v\d+)")


def version_of(header: str, required: bool) -> Version:
    """The version that the header asks for; v2 where it is not needed and not there. 400 for one that is wrong."""
    sent = header.strip()
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


def require_version(version: Version, versions: Collection[Version], required: bool, sunset: bool) -> None:
    """400 where the path has no row of that version, or v1 is over and the path is one that went by versions.

    That v2's own endpoints answered v1 so was never recorded (behaviour.md section 13).
    """
    if version == "v1" and required and sunset:
        raise _invalid(ONLY_V1 if "v2" not in versions else SUNSET)
    if version in versions:
        return
    raise _invalid(ONLY_V1 if version == "v2" else MISSING)


def _one(beta: str) -> Version | None:
    form = _FORM.fullmatch(beta)
    if form is None:
        message = f"Invalid beta header provided: '{beta}'. The header should be in the format "
        raise _invalid(message + "'OpenAI-Beta: example_beta=v1'.")
    if form[1] == "assistants" and form[2] in VERSIONS:
        return "v1" if form[2] == "v1" else "v2"
    if form[1] not in OTHER_BETAS:
        raise _invalid(f"Unknown beta requested: '{form[1]}'.")
    return None


def _invalid(message: str) -> ApiError:
    return ApiError(message, code="invalid_beta")
