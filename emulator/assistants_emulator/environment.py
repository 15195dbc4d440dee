"""The environment variables that point SDK clients at the emulator, set for the time of a block."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from assistants_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from assistants_emulator.guard import Patch

AZURE_API_VERSION = "2025-03-01-preview"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@contextmanager
def environment(base_url: str, api_key: str, *, with_guard: bool) -> Iterator[None]:
    """Set the variables, and refuse look-ups of the hosted API, until the end of the block.

    EmulatorError at its end if a client was refused and the block itself raised nothing.
    """
    from assistants_emulator import guard

    escapes: list[str] = []
    with ExitStack() as stack:
        patch = StackedPatch(stack)
        set_variables(base_url, api_key, patch)
        if with_guard:
            guard.install(patch, escapes)
        yield
    if escapes:
        raise EmulatorError("\n".join(escapes))


class StackedPatch:
    """A Patch whose changes the exit stack undoes."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def setattr(self, target: Any, name: str, value: object, /) -> None:
        if name in vars(target):
            self._stack.callback(setattr, target, name, vars(target)[name])
        else:  # inherited
            self._stack.callback(delattr, target, name)
        setattr(target, name, value)

    def setenv(self, name: str, value: str, /) -> None:
        if name in os.environ:
            self._stack.callback(os.environ.__setitem__, name, os.environ[name])
        else:
            self._stack.callback(os.environ.pop, name, None)
        os.environ[name] = value


def set_variables(base_url: str, api_key: str, patch: Patch) -> None:
    """Set the variables that `OpenAI()` and `AzureOpenAI()` read, and keep our address from going through a proxy.

    The SDK's module-level client refuses to choose between credentials of both kinds, so the choice is made for it.
    """
    patch.setenv("OPENAI_BASE_URL", base_url)
    patch.setenv("OPENAI_API_KEY", api_key)
    patch.setenv("AZURE_OPENAI_ENDPOINT", base_url.removesuffix("/v1"))
    patch.setenv("AZURE_OPENAI_API_KEY", api_key)
    patch.setenv("OPENAI_API_VERSION", AZURE_API_VERSION)
    if "OPENAI_API_TYPE" not in os.environ:
        patch.setenv("OPENAI_API_TYPE", "openai")
        if (sdk := sys.modules.get("openai")) is not None and getattr(sdk, "api_type", "") is None:
            patch.setattr(sdk, "api_type", "openai")
    if any(os.environ.get(proxy) or os.environ.get(proxy.upper()) for proxy in PROXIES):
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost,::1"))))
