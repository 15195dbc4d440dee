"""SDK clients that call the emulator, with any supported version of `openai`.

They are made with `verify=False`, since plain http needs no TLS context and making one takes 20 ms. All other options
keep the SDK's defaults, `max_retries` and `timeout` too.
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


def make_client(base_url: str, api_key: str, options: dict[str, Any], server: InProcessServer | None = None) -> Any:
    """Return an `openai.OpenAI`; `options` are its constructor's.

    Its calls go to `server`, if there is one, unless the options have another `http_client` or `base_url`.
    """
    import openai
    from openai._base_client import SyncHttpxClientWrapper

    _check_names("client", openai.OpenAI, options)
    transport = None if server is None else sync_transport(httpx_of(SyncHttpxClientWrapper), server)
    arguments = _arguments(base_url, api_key, options, SyncHttpxClientWrapper, transport)
    if "http_client" not in options and transport is None:
        _close_with(arguments["http_client"])
    return openai.OpenAI(**arguments)


def make_async_client(
    base_url: str, api_key: str, options: dict[str, Any], server: InProcessServer | None = None
) -> Any:
    """Return an `openai.AsyncOpenAI`, as `make_client` does."""
    import openai
    from openai._base_client import AsyncHttpxClientWrapper

    _check_names("async_client", openai.AsyncOpenAI, options)
    transport = None if server is None else async_transport(httpx_of(AsyncHttpxClientWrapper), server)
    return openai.AsyncOpenAI(**_arguments(base_url, api_key, options, AsyncHttpxClientWrapper, transport))


def _check_names(call: str, client_class: type, options: dict[str, Any]) -> None:
    """Raise a TypeError in one sentence for an option that the installed SDK does not know."""
    if options:
        names = list(inspect.signature(client_class).parameters)
        for name in options:
            if name not in names:
                raise unknown_option(call, name, names)


def _close_with(http_client: Any) -> None:
    """Close the transport when the client is finalized, before its sockets are.

    The wrapper's own `__del__` may come too late: an SDK client is in a reference cycle, in which a socket may be
    finalized first, with a ResourceWarning.
    """
    weakref.finalize(http_client, http_client._transport.close)


def httpx_of(wrapper: type) -> Any:
    """Return the module httpx or httpx2, whichever the installed SDK uses."""
    names = (base.__module__.partition(".")[0] for base in wrapper.__mro__)
    return next(sys.modules[name] for name in names if name in ("httpx", "httpx2"))


def _arguments(base_url: str, api_key: str, options: dict[str, Any], wrapper: Any, transport: Any) -> dict[str, Any]:
    """Return the constructor's arguments; `wrapper` is the SDK's own HTTP client class, which closes itself."""
    from openai._constants import DEFAULT_TIMEOUT

    arguments = {"base_url": base_url, "api_key": api_key, **options}
    if "http_client" not in arguments:
        settings: dict[str, Any] = {"timeout": arguments.get("timeout", DEFAULT_TIMEOUT), "follow_redirects": True}
        if transport is not None and "base_url" not in options:
            settings["transport"] = transport
        arguments["http_client"] = wrapper(**settings, verify=False, trust_env=False)
    return arguments
