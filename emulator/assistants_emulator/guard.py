"""Refuse look-ups of the hosted API's address while the emulator is used, and name the client that tried.

Covered: `socket.getaddrinfo` from any thread, and the event loops of asyncio and uvloop, where the client's own stack
is still to be seen (a look-up in a helper thread, as trio's, is refused too, but names only the thread). Not covered:
a proxy (it does the looking up), resolvers that ask name servers themselves (aiodns), addresses given as numbers,
connections that were open before, other processes.
"""

from __future__ import annotations

import asyncio.base_events
import functools
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Protocol

HOSTED = ("api.openai.com", "openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com")
# Frames between the client and the socket: the caller of the outermost is the client that escaped.
LIBRARIES = sys.stdlib_module_names | {
    *("openai", "httpx", "httpx2", "httpcore", "httpcore2", "anyio", "sniffio", "trio", "uvloop", "aiohttp"),
    *("httpx_aiohttp", "requests", "urllib3", "typing_extensions", "assistants_emulator", "pytest_assistants_emulator"),
}
TEST_RUNNER = {"_pytest", "pytest", "pluggy"}
ADVICE = (
    "Point it at the emulator: OpenAI() reads OPENAI_BASE_URL and OPENAI_API_KEY when it is made (so make it while "
    "they are set, not on import, and give it no other base_url), or pass the emulator's base_url and api_key."
)


class Patch(Protocol):
    """Changes that are undone later, as `pytest.MonkeyPatch` does."""

    def setattr(self, target: Any, name: str, value: object, /) -> None: ...

    def setenv(self, name: str, value: str, /) -> None: ...


class EscapedError(socket.gaierror):
    """A client asked for the hosted API. To the client it is a failed look-up, as without a network."""


def install(patch: Patch, escapes: list[str], advice: str = ADVICE) -> None:
    """Check every look-up until `patch` is undone; a text for each refused one is added to `escapes`, once."""

    def check(host: Any) -> None:
        if (name := _hosted(host)) is not None:
            text = f"A client escaped the assistants emulator: {_caller()} asked for {name}. {advice}"
            if text not in escapes:  # SDKs retry
                escapes.append(text)
            raise EscapedError(socket.EAI_NONAME, text)

    patch.setattr(socket, "getaddrinfo", _checked(socket.getaddrinfo, check))
    for loop_class in _loop_classes():
        for name in ("getaddrinfo", "create_connection"):
            patch.setattr(loop_class, name, _checked_method(getattr(loop_class, name), check))


def _checked(function: Callable[..., Any], check: Callable[[Any], None]) -> Callable[..., Any]:
    @functools.wraps(function)
    def checked(host: Any, *args: Any, **options: Any) -> Any:
        check(host)
        return function(host, *args, **options)

    return checked


def _checked_method(method: Callable[..., Any], check: Callable[[Any], None]) -> Callable[..., Any]:
    """Check both methods: uvloop's `create_connection(protocol_factory, host, ...)` looks the host up in C."""
    has_host_first = method.__name__ == "getaddrinfo"

    @functools.wraps(method)
    async def checked(loop: Any, *args: Any, **options: Any) -> Any:
        check(options.get("host") or next(iter(args[0 if has_host_first else 1 :]), None))
        return await method(loop, *args, **options)

    return checked


def _loop_classes() -> Iterator[Any]:
    yield asyncio.base_events.BaseEventLoop
    if (uvloop := sys.modules.get("uvloop")) is not None:
        yield uvloop.Loop


def _hosted(host: Any) -> str | None:
    """The host's name if it is one of the hosted API's."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("latin-1")
    if not isinstance(host, str):
        return None
    name = host.rstrip(".").lower()
    return name if any(name == domain or name.endswith(f".{domain}") for domain in HOSTED) else None


def _caller() -> str:
    """`tests/test_tutor.py:12 (in ask)`: the innermost frame that is neither the client's library nor Python's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package in TEST_RUNNER:
            break
        if package not in LIBRARIES:
            return f"{frame.f_code.co_filename}:{frame.f_lineno} (in {frame.f_code.co_name})"
        frame = frame.f_back
    return f"something in the thread {threading.current_thread().name!r}"
