"""The control API's `state`, read and sent object by object: it may be larger than any one request of the API."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable

from starlette.types import Receive

from assistants_emulator.errors import ApiError
from assistants_emulator.project.project import Project
from assistants_emulator.project.state import state_pieces
from assistants_emulator.store.steps import run_in_turns
from assistants_emulator.web.body import MOST_BYTES, MOST_DEPTH, NOT_JSON, Disconnected, parse, refuse_above

MOST_OBJECT_BYTES = 1024 * 1024 * 1024  # a file of 512 MB in base64 has 683 MB
MOST_STATE_DEPTH = MOST_DEPTH + 16  # a body that was accepted is some levels down in a state
BYTES_AT_ONCE = 32 * 1024  # that a turn of the loop takes up: a few milliseconds
_OUTSIDE = re.compile(rb'[{}\[\]"]')
_IN_TEXT = re.compile(rb'["\\]')
_SPACE = re.compile(rb"[ \t\r\n]*")
_NAME = re.compile(rb'"(?:[^"\\]|\\.)*"')
MOST_NAME_BYTES = 1000


async def send_state(project: Project) -> AsyncIterator[bytes]:
    """Yield the project's state as JSON."""
    pieces: list[bytes] = []
    size = 0
    for piece in state_pieces(project.context):
        pieces.append(piece)
        size += len(piece)
        if size >= BYTES_AT_ONCE:
            yield b"".join(pieces)
            await asyncio.sleep(0)
            pieces, size = [], 0
    yield b"".join(pieces)


async def receive_state(project: Project, receive: Receive) -> None:
    """Replace the project's objects by those of the body; ApiError or EmulatorError, and nothing has changed."""
    with project.new_state() as new:
        scanner = Scanner(new.begin, lambda table, entry: new.add(table, parse(entry, MOST_STATE_DEPTH)))
        async for chunk in _chunks(receive):
            scanner.feed(chunk)
        scanner.end()
        await run_in_turns(project.replace_state(new))


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the body in chunks, each in a turn of the loop of its own."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body = message.get("body", b"")
        for start in range(0, len(body), BYTES_AT_ONCE):
            yield body[start : start + BYTES_AT_ONCE]
            await asyncio.sleep(0)
        more = message.get("more_body", False)


class Scanner:
    """Cuts `{"table": [object, ...], ...}`, fed in chunks, into its objects.

    `on_table` is called with each table's name and whether its value is an array, `on_object` with the table's name and
    the JSON of each value in it, which is not checked here. ApiError for what cannot be JSON.
    """

    def __init__(self, on_table: Callable[[str, bool], object], on_object: Callable[[str, bytes], object]) -> None:
        self._on_table = on_table
        self._on_object = on_object
        self._buffer = bytearray()
        self._at = 0  # in the buffer: the next byte to be looked at
        self._start = 0  # in the buffer: of the value that is being scanned
        self._depth = 0
        self._in_text = False
        self._table = ""
        self._next: Callable[[int], bool] | None = self._begin
        self._may_end = False  # an empty object or array

    def feed(self, chunk: bytes) -> None:
        self._buffer += chunk
        refuse_above(MOST_OBJECT_BYTES, len(self._buffer))
        while self._step():
            pass
        cut = self._start if self._depth else self._at
        del self._buffer[:cut]
        self._at -= cut
        self._start = 0

    def end(self) -> None:
        """Check that the body is whole; one without any value is an empty state."""
        if self._next == self._begin and not self._buffer:
            return
        if self._next == self._other:
            value = parse(bytes(self._buffer))
            raise ApiError(f"Invalid type: expected an object, but got {type(value).__name__} instead.")
        if self._next is not None:
            raise ApiError(NOT_JSON)

    def _step(self) -> bool:
        """Look at the next part; return False if it is not all there yet."""
        if self._depth:
            return self._scan()
        space = _SPACE.match(self._buffer, self._at)
        assert space is not None
        self._at = space.end()
        if self._at >= len(self._buffer):
            return False
        if self._next is None:
            raise ApiError(NOT_JSON)
        return self._next(self._buffer[self._at])

    def _begin(self, byte: int) -> bool:
        if byte != ord("{"):
            self._next = self._other
            return True
        return self._go_on(self._name, may_end=True)

    def _other(self, byte: int) -> bool:
        """Keep what is no object, for its error."""
        refuse_above(MOST_BYTES, len(self._buffer))
        self._depth, self._start, self._at = 0, 0, 0
        return False

    def _name(self, byte: int) -> bool:
        if byte == ord("}") and self._may_end:
            return self._go_on(None)
        name = _NAME.match(self._buffer, self._at)
        if name is None:
            if byte != ord('"') or len(self._buffer) - self._at > MOST_NAME_BYTES:
                raise ApiError(NOT_JSON)
            return False
        self._table = parse(name[0])
        self._at = name.end() - 1
        return self._go_on(self._colon)

    def _colon(self, byte: int) -> bool:
        self._require(byte, ":")
        return self._go_on(self._array)

    def _array(self, byte: int) -> bool:
        self._on_table(self._table, byte == ord("["))
        return self._go_on(self._value, may_end=True)

    def _value(self, byte: int) -> bool:
        if byte == ord("]") and self._may_end:
            return self._go_on(self._after_table)
        if byte in b"{[":
            self._start, self._depth, self._in_text = self._at, 1, False
            self._at += 1
            return True
        self._on_object(self._table, b"null")  # no object, and refused like any other value that is none
        raise ApiError(NOT_JSON)

    def _after_value(self, byte: int) -> bool:
        if byte == ord("]"):
            return self._go_on(self._after_table)
        self._require(byte, ",")
        return self._go_on(self._value)

    def _after_table(self, byte: int) -> bool:
        if byte == ord("}"):
            return self._go_on(None)
        self._require(byte, ",")
        return self._go_on(self._name)

    def _go_on(self, expect: Callable[[int], bool] | None, may_end: bool = False) -> bool:
        self._at += 1
        self._next, self._may_end = expect, may_end
        return True

    def _require(self, byte: int, expected: str) -> None:
        if byte != ord(expected):
            raise ApiError(NOT_JSON)

    def _scan(self) -> bool:
        """Go on through a value, from one bracket or quotation mark to the next."""
        while self._depth:
            mark = (_IN_TEXT if self._in_text else _OUTSIDE).search(self._buffer, self._at)
            if mark is None:
                self._at = max(self._at, len(self._buffer))
                return False
            self._at = mark.end()
            match mark[0]:
                case b"\\":
                    self._at += 1  # the character after it, which may not have come yet
                case b'"':
                    self._in_text = not self._in_text
                case b"{" | b"[":
                    self._depth += 1
                case _:
                    self._depth -= 1
        self._on_object(self._table, bytes(self._buffer[self._start : self._at]))
        self._next = self._after_value
        return True
