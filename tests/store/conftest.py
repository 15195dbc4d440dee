from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistants_emulator.store import Event, Store

Insert = Callable[..., None]


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = Store(None if request.param == "memory" else tmp_path / "project")
    yield store
    store.close()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Opens the store in tmp_path, as often as it is called, each as a new process would."""
    stores: list[Store] = []

    def open_store(**options: Any) -> Store:
        stores.append(Store(tmp_path, **options))
        return stores[-1]

    yield open_store
    for store in stores:
        store._storage._journal.close()  # what was not closed was killed: no checkpoint


@pytest.fixture
def insert() -> Insert:
    """insert(store, table, id, id, ..., field=value): a commit for each id."""

    def insert_objects(store: Store, table: str, *ids: str, **fields: Any) -> None:
        for id in ids:
            store.commit(Event("created", {}, puts=((table, {"id": id, **fields}),)))

    return insert_objects
