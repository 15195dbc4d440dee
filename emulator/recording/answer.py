"""What upstream answers, or how it failed to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from emulator.recording.exchange import FailureKind
from emulator.recording.headers import Pairs


class UpstreamError(Exception):
    """`kind` as a cassette has it."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class Answer:
    """`pieces` are the body as it comes, encoded as it was sent, and may raise UpstreamError; `close` comes last."""

    status: int
    headers: Pairs
    pieces: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]
