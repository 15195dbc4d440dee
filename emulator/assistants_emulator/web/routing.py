"""Routing: from a request's method, path and headers to a row of the route table.

The table is a tree: a path is matched segment by segment, not by one pattern after another. The API has several
addresses, OpenAI's below `/v1` and Azure's below `/openai`. They lead to the same rows and objects; they differ in
how a request states its version (the `OpenAI-Beta` header, or `api-version`), and in how the gateway in front refuses a
request that does not reach the API.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qs

from assistants_emulator import v1
from assistants_emulator.contract.files import PURPOSES
from assistants_emulator.errors import ApiError, MethodNotAllowed, NotFound
from assistants_emulator.resources import (
    assistants,
    containers,
    conversations,
    files,
    messages,
    models,
    threads,
    uploads,
    vector_store_file_batches,
    vector_store_files,
    vector_store_search,
    vector_stores,
)
from assistants_emulator.resources.route import VERSIONS, Route, Version
from assistants_emulator.responses import operations as response_operations
from assistants_emulator.runs import operations
from assistants_emulator.web.auth import key_of, no_key, wrong_key

ROUTES: tuple[Route, ...] = (
    *assistants.ROUTES,
    *threads.ROUTES,
    *messages.ROUTES,
    *operations.ROUTES,
    *files.ROUTES,
    *uploads.ROUTES,
    *vector_stores.ROUTES,
    *vector_store_files.ROUTES,
    *vector_store_file_batches.ROUTES,
    *vector_store_search.ROUTES,
    *models.ROUTES,
    *v1.ROUTES,
    *response_operations.ROUTES,
    *conversations.ROUTES,
    *containers.ROUTES,
)
"""All rows of the API."""
FAMILIES = {route.path.split("/")[1] for route in ROUTES}
"""The first segments of their paths."""

EMULATED = (
    "assistants, threads, messages, runs, run steps, responses, conversations, containers, files, uploads, "
    "vector stores, models"
)
NOT_EMULATED = {
    *("audio", "batches", "chat", "completions", "embeddings", "evals", "fine_tuning"),
    *("images", "moderations", "organization", "prompts", "realtime", "videos"),
}
Node = dict[str, Any]
Rows = dict[Version, Route]
ANY, ROWS, NAMES = "{}", "", "/"  # keys of a node that no segment of a path can be
Headers = Mapping[bytes, bytes]

OBJECT_PATHS = ("/assistants", "/threads", "/vector_stores")
"""Prefixes at which a path of the wrong shape is not simply unknown; `/files/` was a 404 (ruby-openai, 2023-08)."""

OPENAI, AZURE, AZURE_V1 = "/v1", "/openai", "/openai/v1"
PREFIX = "/_emulator/"  # of the control API and the inspector, beside the API
AZURE_SINCE, AZURE_V2_SINCE = "2024-02-15", "2024-05-01"
NO_ACCESS = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
NO_RETRIEVAL = (
    "Azure OpenAI Retrieval v1 tool is not supported in favor of the more advanced v2 file_search tool. "
    "Please use `file_search` in the v2 api."
)
AZURE_PURPOSES: dict[Version | None, frozenset[str]] = {
    "v1": frozenset(PURPOSES) - {"vision"},
    "v2": frozenset(PURPOSES),
    None: frozenset(),
}
_API_VERSION = re.compile(r"(20\d\d-[01]\d-[0-3]\d)(-preview)?")

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


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """A path's rows by method and version, and the ids in it by their names."""

    methods: dict[str, Rows]
    ids: dict[str, str]


class RouteTable:
    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root: Node = {}
        for route in self.routes:
            self._add(route)

    def find(self, path: str) -> RouteMatch | None:
        """The match of a path below the prefix; None if no row has it."""
        ids: list[str] = []
        node: Node | None = self._root
        for segment in path.split("/")[1:]:
            if node is None or not segment:
                return None
            following = node.get(segment) if segment != ANY else None
            if following is None:
                following = node.get(ANY)
                ids.append(segment)
            node = following
        if not node or ROWS not in node:
            return None
        return RouteMatch(node[ROWS], dict(zip(node[NAMES], ids, strict=True)))

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                segment = ANY
            node = node.setdefault(segment, {})
        if node.setdefault(NAMES, names) != names:
            raise ValueError(f"{route.path}: other rows of this path name its ids {node[NAMES]}")
        rows: Rows = node.setdefault(ROWS, {}).setdefault(route.method, {})
        rows.update(dict.fromkeys(route.versions, route))


def address_of(method: str, path: str, query_string: bytes) -> Address:
    """The address of a request; 404 for a path that is below no prefix."""
    if path.startswith(f"{OPENAI}/"):
        return OpenAiAddress(path[len(OPENAI) :])
    if not path.startswith(f"{AZURE}/"):
        raise _outside(method, path)
    if path.startswith(f"{AZURE_V1}/"):
        return AzureAddress(path[len(AZURE_V1) :], "v2")
    api_versions = parse_qs(query_string.decode("latin-1")).get("api-version", [""])
    return AzureAddress(path[len(AZURE) :], _azure_version(api_versions[-1]))


def _azure_version(api_version: str) -> Version | None:
    date = _API_VERSION.fullmatch(api_version)
    if date is None or date[1] < AZURE_SINCE:
        return None
    return "v1" if date[1] < AZURE_V2_SINCE else "v2"


def _outside(method: str, path: str) -> UnknownUrl:
    message = f"Unknown request URL: {method} {path}. Please check the URL for typos, "
    message += "or see the docs at https://platform.openai.com/docs/api-reference/."
    if path.split("/")[1] in FAMILIES:
        message += f" The base URL of this server ends in {OPENAI}, and the client's does not."
    return UnknownUrl(message, code="unknown_url")


class Address(Protocol):
    """A request's address; `path` is below the prefix."""

    @property
    def path(self) -> str: ...

    def no_such_path(self, method: str) -> ApiError: ...

    def wrong_method(self, method: str) -> ApiError: ...

    def wrong_key(self, headers: Headers) -> ApiError: ...

    def route(self, rows: Rows, headers: Headers, sunset: bool) -> tuple[Route, Version]:
        """The row of the request's version, and that version."""

    def require_known(self, values: Mapping[str, Any]) -> None:
        """400 for a tool or purpose in an operation's arguments that this address does not have."""


@dataclass(frozen=True, slots=True)
class OpenAiAddress:
    path: str

    def no_such_path(self, method: str) -> ApiError:
        """404; an empty segment within the path of an object is a 400 (jamesrochabrun/SwiftOpenAI#57)."""
        if "//" in self.path and self.path.startswith(OBJECT_PATHS):
            return ApiError(f"Invalid URL ({method} {OPENAI}{self.path})")
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

    def require_known(self, values: Mapping[str, Any]) -> None:
        """Everything that the contract lets pass is known."""


@dataclass(frozen=True, slots=True)
class AzureAddress:
    """`version` follows from `api-version`, None for one that never existed; the beta header is ignored."""

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

    def require_known(self, values: Mapping[str, Any]) -> None:
        form = values.get("form")
        if form is not None and form.fields.get("purpose", PURPOSES[0]) not in AZURE_PURPOSES[self.version]:
            raise GatewayError(400, "Invalid value for the purpose.", "invalidPayload")
        tools = values.get("body", {}).get("tools") or ()
        if any(tool["type"] == "retrieval" for tool in tools):
            raise ApiError(NO_RETRIEVAL)


class GatewayError(ApiError):
    """An error of Azure's gateway: its code is the status, unless it is given."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message, code=code or str(status))
        self.status = status

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message}}


class UnknownUrl(NotFound):
    """An error of the gateway in front of OpenAI's API, with another order of keys."""

    def body(self) -> dict[str, object]:
        return {"error": {"type": self.type, "code": self.code, "message": self.message, "param": self.param}}


def unknown_path(method: str, path: str, full_path: str) -> NotFound:
    """The API's error; for another API of the platform, such as `/chat`, with the list of emulated ones."""
    message = f"Invalid URL ({method} {full_path})"
    family = path.split("/")[1]
    if family in NOT_EMULATED:
        message += f". This server emulates {EMULATED}, and not {family}."
    if family == "openai":
        message += ". An Azure endpoint is this server's address without /v1."
    return NotFound(message)


def version_of(header: str, required: bool) -> Version:
    """The version in an `OpenAI-Beta` header; v2 if it is neither required nor present. 400 for an invalid header."""
    header = header.strip()
    if not header:
        if required:
            raise _invalid(MISSING)
        return "v2"
    version: Version | None = None
    for beta in header.split(","):
        version = _version_in(beta.strip()) or version
    if version is None and required:
        raise _invalid(MISSING)
    return version or "v2"


def require_version(version: Version, versions: Collection[Version], required: bool, sunset: bool) -> None:
    """400 if the path has no row of that version, or if v1 is over and the path requires the header.

    The answer of v2's own endpoints to v1 is inferred, it was never recorded.
    """
    if version == "v1" and required and sunset:
        raise _invalid(ONLY_V1 if "v2" not in versions else SUNSET)
    if version in versions:
        return
    raise _invalid(ONLY_V1 if version == "v2" else MISSING)


def _version_in(beta: str) -> Version | None:
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
