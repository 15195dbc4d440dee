"""SDK clients pointed at the emulator, of whichever version of `openai` is installed.

A client for a plain-http address needs no TLS context, and making one costs 20 ms: ours is made with `verify=False`.
The options are the SDK's own defaults otherwise, `max_retries` and `timeout` too.
"""

from __future__ import annotations

from typing import Any


def make_client(base_url: str, api_key: str, options: dict[str, Any]) -> Any:
    import openai

    return openai.OpenAI(**_options(base_url, api_key, options, "SyncHttpxClientWrapper"))


def make_async_client(base_url: str, api_key: str, options: dict[str, Any]) -> Any:
    import openai

    return openai.AsyncOpenAI(**_options(base_url, api_key, options, "AsyncHttpxClientWrapper"))


def _options(base_url: str, api_key: str, options: dict[str, Any], wrapper: str) -> dict[str, Any]:
    """The wrapper is the SDK's own HTTP client, which closes itself when it is forgotten; every version has it."""
    from openai import _base_client
    from openai._constants import DEFAULT_TIMEOUT

    given = {"base_url": base_url, "api_key": api_key, **options}
    if "http_client" not in given:
        timeout = given.get("timeout", DEFAULT_TIMEOUT)
        make = getattr(_base_client, wrapper)
        given["http_client"] = make(timeout=timeout, follow_redirects=True, verify=False, trust_env=False)
    return given
