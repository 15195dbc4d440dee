"""Ids, and all else that looks random: made from a seed and counters, so that the same test gives the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TO_ALPHABET = bytes(ALPHABET[byte % len(ALPHABET)] for byte in range(256))

# kind -> (prefix, characters after it, hexadecimal or letters and digits)   [behaviour.md section 1]
SHAPES: dict[str, tuple[str, int, bool]] = {
    "assistant": ("asst_", 24, False),
    "thread": ("thread_", 24, False),
    "message": ("msg_", 24, False),
    "run": ("run_", 24, False),
    "step": ("step_", 24, False),
    "call": ("call_", 24, False),
    "file": ("file-", 22, False),
    "upload": ("upload_", 32, True),
    "part": ("part_", 32, True),
    "vector_store": ("vs_", 32, True),
    "vector_store_file_batch": ("vsfb_", 32, True),
}


class Counters:
    """Number of ids made of each kind, stored with the objects so that no id is made twice."""

    def __init__(self, values: dict[str, int] | None = None) -> None:
        self.values = dict(values or {})
        self._changed: set[str] = set()

    def next(self, kind: str) -> int:
        value = self.values.get(kind, 0) + 1
        self.values[kind] = value
        self._changed.add(kind)
        return value

    def catch_up(self, values: Mapping[str, int]) -> None:
        """Raise the counters to these values where they are higher."""
        self.values |= {kind: value for kind, value in values.items() if value > self.values.get(kind, 0)}

    def take_changed(self) -> dict[str, int]:
        """Return the counters that moved since the last call, for a commit to write."""
        changed = {kind: self.values[kind] for kind in sorted(self._changed)}
        self._changed.clear()
        return changed


class Ids:
    """Makes the ids of one project from the emulator's seed, the project's id seed, the kind and its counter.

    `taken` says whether an object of that id exists already (ids brought in by a state file are skipped).
    """

    def __init__(self, seed: object, project: str, counters: Counters, taken: Callable[[str], bool]) -> None:
        self._key = hashlib.sha256(f"{seed}\0{project}".encode("utf-8", "surrogateescape")).digest()
        self._counters = counters
        self._taken = taken

    def new(self, kind: str) -> str:
        prefix, length, hexadecimal = SHAPES[kind]
        while True:
            digest = self._digest(f"{kind}\0{self._counters.next(kind)}", length)
            tail = digest.hex()[:length] if hexadecimal else digest.translate(_TO_ALPHABET).decode()
            if not self._taken(prefix + tail):
                return prefix + tail

    def request_id(self, number: int) -> str:
        """The x-request-id of the project's call with that number."""
        return "req_" + self._digest(f"request\0{number}", 16).hex()

    def fraction(self, name: str, number: int) -> float:
        """Return a number in [0, 1), always the same for the same name and number."""
        return int.from_bytes(self._digest(f"{name}\0{number}", 8), "big") / 2**64

    def _digest(self, text: str, size: int) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=size, key=self._key).digest()
