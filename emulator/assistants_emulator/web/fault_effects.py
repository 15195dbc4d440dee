"""Effects of faults on HTTP: delays, errors, dropped connections, malformed JSON; `project.faults` has the rules."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from assistants_emulator.errors import ApiError
from assistants_emulator.project.faults import Fault, InjectedError
from assistants_emulator.resources.context import Context, Hold

RETRY_AFTER = (b"retry-after-ms", b"1")  # SDKs ignore 0, and without it wait half a second and more


class DropConnection(Exception):
    """Raised to close the connection without a response, or in the middle of one."""


async def apply(fault: Fault) -> None:
    """Wait for the fault's delay, then raise its error or DropConnection if these take the place of the response."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.drop_after == 0 and fault.error is None:
        raise DropConnection
    if fault.drop_after is None and fault.error is not None and not fault.stuck:
        raise fault.error


def hold_runs(context: Context, fault: Fault | None) -> Context:
    """Return the context for a call's operation: under a `stuck` fault, one that holds the runs and files it creates.

    They are held for ever, or fail with the fault's error.
    """
    if fault is None or not fault.stuck:
        return context
    error = fault.error
    last_error = None if error is None else {"code": error.code or error.type, "message": error.message}
    return replace(context, hold=Hold(last_error))


def malformed(body: bytes) -> bytes:
    """JSON that ends in the middle."""
    return body[: max(1, len(body) // 2)]


def retry_headers(error: ApiError) -> tuple[tuple[bytes, bytes], ...]:
    if not isinstance(error, InjectedError):
        return ()
    return (*error.headers, *((RETRY_AFTER,) if error.is_retried else ()))
