"""An async client that outlives no event loop: the fixture makes it outside of any, and tests run it on their own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from assistants_emulator.server.sdk_clients import httpx_of

if TYPE_CHECKING:
    from assistants_emulator.handle import ProjectHandle


def make_client(handle: ProjectHandle) -> Any:
    """It keeps no connection after its answer: one that is kept belongs to a loop that may be gone before it."""
    if handle.in_process is not None:
        return handle.async_client()
    from openai import _base_client
    from openai._constants import DEFAULT_TIMEOUT

    make: Any = _base_client.AsyncHttpxClientWrapper
    limits = httpx_of(make).Limits(max_keepalive_connections=0)
    client = make(timeout=DEFAULT_TIMEOUT, follow_redirects=True, verify=False, trust_env=False, limits=limits)
    return handle.async_client(http_client=client)


def close(client: Any) -> None:
    """Nothing is open, so any loop will do; a thread whose loop runs right now cannot run another, nor need it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(client.close())
        finally:
            loop.close()
