"""Which uploaded bytes belong to an object: the rest is what a kill left behind."""

from __future__ import annotations

from emulator.store import Store


def used_contents(store: Store) -> set[str]:
    return {name for table in ("files", "parts") for object in store.all(table) for name in object.get("_content", ())}
