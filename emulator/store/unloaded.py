"""What stands where a store's tables were while they are left to the directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emulator.store.table import Table


class Unloaded(dict[str, Table]):
    """Whoever asks for a table has all of them loaded. `counts` says how many objects each holds, `gone` which keys
    were dropped from it not long ago: what is known of them without loading."""

    def __init__(self, tables: Mapping[str, Table], load: Callable[[], Mapping[str, Table]]) -> None:
        super().__init__()
        self.counts = {name: len(table.listing()) for name, table in tables.items()}
        self.gone = {name: table.gone for name, table in tables.items() if table.gone}
        self._load = load

    def __missing__(self, name: str) -> Table:
        return self._load()[name]
