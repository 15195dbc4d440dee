"""The addresses that the API is reached by: OpenAI's below `/v1`, Azure's below `/openai`.

They lead to the same rows and objects. What differs is how a request says its version, and how the gateway in front
refuses what never gets to the API (behaviour.md sections 2 and 14).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs

from emulator.errors import ApiError, MethodNotAllowed, NotFound
from emulator.resources.route import Route, Version
from emulator.web.auth import key_of, no_key, wrong_key
from emulator.web.beta import require_version, version_of
from emulator.web.table import Rows, unknown_path

Headers = Mapping[bytes, bytes]

OPENAI, AZURE, AZURE_V1 = "/v1", "/openai", "/openai/v1"
AZURE_SINCE, AZURE_V2_SINCE = "2024-02-15", "2024-05-01"
NO_ACCESS = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_API_VERSION = re.compile(r"(20\d\d-[01]\d-[0-3]\d)(-preview)?")


class GatewayError(ApiError):
    """What Azure's gateway answers by itself: a code that is the status, and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, code=str(status))
        self.status = status

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message}}


class UnknownUrl(NotFound):
    """What stood in front of the API had an order of keys of its own."""

    def body(self) -> dict[str, object]:
        return {"error": {"type": self.type, "code": self.code, "message": self.message, "param": self.param}}


class Address(Protocol):
    """`path` is what comes below the prefix."""

    @property
    def path(self) -> str: ...

    def no_such_path(self, method: str) -> ApiError: ...

    def wrong_method(self, method: str) -> ApiError: ...

    def wrong_key(self, headers: Headers) -> ApiError: ...

    def route(self, rows: Rows, headers: Headers, sunset: bool) -> tuple[Route, Version]:
        """The row of the version that the request asks for."""


@dataclass(frozen=True, slots=True)
class OpenAiAddress:
    path: str

    def no_such_path(self, method: str) -> ApiError:
        return unknown_path(method, self.path, OPENAI + self.path)

    def wrong_method(self, method: str) -> ApiError:
        hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
        return MethodNotAllowed(f"Not allowed to {method} on {OPENAI}{self.path}. {hint}")

    def wrong_key(self, headers: Headers) -> ApiError:
        key = key_of(headers)
        return no_key() if key is None else wrong_key(key)

    def route(self, rows: Rows, headers: Headers, sunset: bool) -> tuple[Route, Version]:
        route = next(iter(rows.values()))
        version = version_of(headers.get(b"openai-beta", b"").decode("latin-1"), route.beta)
        require_version(version, rows, route.beta, sunset)
        return rows[version], version


@dataclass(frozen=True, slots=True)
class AzureAddress:
    """`version` is what `api-version` says, None for one that there never was; the beta header says nothing here."""

    path: str
    version: Version | None

    def no_such_path(self, method: str) -> ApiError:
        return GatewayError(404, "Resource not found")

    def wrong_method(self, method: str) -> ApiError:
        return self.no_such_path(method)

    def wrong_key(self, headers: Headers) -> ApiError:
        return GatewayError(401, NO_ACCESS)

    def route(self, rows: Rows, headers: Headers, sunset: bool) -> tuple[Route, Version]:
        if self.version not in rows:
            raise GatewayError(404, "Resource not found")
        return rows[self.version], self.version


def address_of(method: str, path: str, query_string: bytes) -> Address:
    """404 for a path that is behind none of them."""
    if path.startswith(f"{OPENAI}/"):
        return OpenAiAddress(path[len(OPENAI) :])
    if not path.startswith(f"{AZURE}/"):
        raise _outside(method, path)
    if path.startswith(f"{AZURE_V1}/"):
        return AzureAddress(path[len(AZURE_V1) :], "v2")
    named = parse_qs(query_string.decode("latin-1")).get("api-version", [""])
    return AzureAddress(path[len(AZURE) :], _azure_version(named[-1]))


def _azure_version(api_version: str) -> Version | None:
    date = _API_VERSION.fullmatch(api_version)
    if date is None or date[1] < AZURE_SINCE:
        return None
    return "v1" if date[1] < AZURE_V2_SINCE else "v2"


def _outside(method: str, path: str) -> UnknownUrl:
    message = f"Unknown request URL: {method} {path}. Please check the URL for typos, "
    return UnknownUrl(
        f"{message}or see the docs at https://platform.openai.com/docs/api-reference/.", code="unknown_url"
    )
