"""SDK clients pointed at the emulator, of whichever version of `openai` is installed.

A client for a plain-http address needs no TLS context, and making one costs 20 ms: ours is made with `verify=False`.
The options are the SDK's own defaults otherwise, `max_retries` and `timeout` too.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Mapping
from typing import Any, TypedDict

from assistants_emulator.errors import unknown_option
from assistants_emulator.server.inprocess import InProcessServer, async_transport, sync_transport


class ClientOptions(TypedDict, total=False):
    """Options of `openai.OpenAI` and `openai.AsyncOpenAI`; the installed version may know fewer."""

    api_key: Any
    base_url: Any
    organization: str | None
    project: str | None
    webhook_secret: str | None
    websocket_base_url: Any
    timeout: Any
    max_retries: int
    default_headers: Mapping[str, str] | None
    default_query: Mapping[str, object] | None
    http_client: Any
    _strict_response_validation: bool


def make_client(base_url: str, api_key: str, options: dict[str, Any], door: InProcessServer | None = None) -> Any:
    """With a door its calls do not go by the socket, unless `options` say where else they should go."""
    import openai
    from openai._base_client import SyncHttpxClientWrapper

    _check_names("client", openai.OpenAI, options)
    transport = None if door is None else sync_transport(httpx_of(SyncHttpxClientWrapper), door)
    given = _options(base_url, api_key, options, SyncHttpxClientWrapper, transport)
    if "http_client" not in options and transport is None:
        _close_when_forgotten(given["http_client"])
    return openai.OpenAI(**given)


def make_async_client(base_url: str, api_key: str, options: dict[str, Any], door: InProcessServer | None = None) -> Any:
    """As `make_client`."""
    import openai
    from openai._base_client import AsyncHttpxClientWrapper

    _check_names("async_client", openai.AsyncOpenAI, options)
    transport = None if door is None else async_transport(httpx_of(AsyncHttpxClientWrapper), door)
    return openai.AsyncOpenAI(**_options(base_url, api_key, options, AsyncHttpxClientWrapper, transport))


def _check_names(call: str, client_class: type, options: dict[str, Any]) -> None:
    """Raise a TypeError in one sentence for an option that the installed SDK does not know."""
    if options:
        names = list(inspect.signature(client_class).parameters)
        for name in options:
            if name not in names:
                raise unknown_option(call, name, names)


def _close_when_forgotten(http_client: Any) -> None:
    """Before the garbage collector comes to it. The wrapper's own `__del__` may come too late: an SDK client is in a
    reference cycle, and there a socket may be finalised first, which is a ResourceWarning at no place in particular."""
    weakref.finalize(http_client, http_client._transport.close)


def httpx_of(wrapper: type) -> Any:
    """httpx or httpx2, whichever the installed SDK is made with."""
    names = (base.__module__.partition(".")[0] for base in wrapper.__mro__)
    return next(sys.modules[name] for name in names if name in ("httpx", "httpx2"))


def _options(base_url: str, api_key: str, options: dict[str, Any], wrapper: Any, transport: Any) -> dict[str, Any]:
    """The wrapper is the SDK's own HTTP client, which closes itself when it is forgotten; every version has it."""
    from openai._constants import DEFAULT_TIMEOUT

    given = {"base_url": base_url, "api_key": api_key, **options}
    if "http_client" not in given:
        how: dict[str, Any] = {"timeout": given.get("timeout", DEFAULT_TIMEOUT), "follow_redirects": True}
        if transport is not None and "base_url" not in options:
            how["transport"] = transport
        given["http_client"] = wrapper(**how, verify=False, trust_env=False)
    return given
