"""Ids and everything else that looks random, derived from a seed and counters: the same test gives the same bytes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping

from assistants_emulator.object_kinds import KIND_OF, ObjectKind

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TO_ALPHABET = bytes(ALPHABET[byte % len(ALPHABET)] for byte in range(256))


def new_secret() -> str:
    """A secret of 48 hexadecimal digits: the one thing that is drawn from the system, and no part of any answer."""
    return secrets.token_hex(24)


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

    `taken(kind, id)` tells whether an object has that id already: ids that a state file brought are skipped.
    """

    def __init__(
        self, seed: object, project: str, counters: Counters, taken: Callable[[ObjectKind, str], bool]
    ) -> None:
        self._key = hashlib.sha256(f"{seed}\0{project}".encode("utf-8", "surrogateescape")).digest()
        self._hashes: dict[int, hashlib.blake2b] = {}  # by size, ready for a text: the key takes half of a hash's time
        self._counters = counters
        self._taken = taken

    def new(self, name: str) -> str:
        """The next id of the kind of that name."""
        kind = KIND_OF[name]
        while True:
            digest = self._digest(f"{name}\0{self._counters.next(name)}", kind.id_length)
            tail = digest.hex()[: kind.id_length] if kind.hexadecimal else digest.translate(_TO_ALPHABET).decode()
            if not self._taken(kind, id := kind.prefix + tail):
                return id

    def root(self) -> str:
        """The 16 digits that the ids of a new chain of responses share (docs/reference/behaviour.md#responses-ids)."""
        return self._digest(f"root\0{self._counters.next('root')}", 8).hex()

    def rooted(self, prefix: str, root: str, now: int) -> str:
        """The id of a response, or of an item that belongs to one; `now` is its time in unix seconds."""
        tail = self._digest(f"rooted\0{self._counters.next('rooted')}", 12).hex()
        return f"{prefix}{root}00{now:08x}{tail}"

    def ending_with(self, prefix: str, root: str) -> str:
        """The id of a conversation, or of an item that was made through the conversations API."""
        return prefix + self._digest(f"rooted\0{self._counters.next('rooted')}", 16).hex() + root

    def letters(self, name: str, number: int, size: int) -> str:
        """Letters and digits that are always the same for the same name and number; at most 64."""
        return self._digest(f"{name}\0{number}", max(size, 1)).translate(_TO_ALPHABET).decode()[:size]

    def request_id(self, number: int) -> str:
        """The x-request-id of the project's call with that number."""
        return "req_" + self._digest(f"request\0{number}", 16).hex()

    def fraction(self, name: str, number: int) -> float:
        """Return a number in [0, 1), always the same for the same name and number."""
        return int.from_bytes(self._digest(f"{name}\0{number}", 8), "big") / 2**64

    def _digest(self, text: str, size: int) -> bytes:
        if (hash := self._hashes.get(size)) is None:
            hash = self._hashes[size] = hashlib.blake2b(digest_size=size, key=self._key)
        hash = hash.copy()
        hash.update(text.encode("utf-8", "surrogateescape"))
        return hash.digest()
