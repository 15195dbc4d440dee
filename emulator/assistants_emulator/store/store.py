"""A project's objects: reads from memory, one write path, events to subscribers in the order of the commits.

`Store` puts its parts together: `storage.JournalStorage` on disk, `table.Table` in memory, `Subscribers` below. While a
store is unloaded an `UnloadedTables` is in the tables' place.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from assistants_emulator.errors import StoreError
from assistants_emulator.ids import Counters
from assistants_emulator.object_kinds import KINDS
from assistants_emulator.store.model import TABLES, Event, Object, key
from assistants_emulator.store.steps import OBJECTS_AT_ONCE, Steps
from assistants_emulator.store.storage import CHECKPOINT_BYTES, Drop, JournalStorage, Put
from assistants_emulator.store.table import Database, Listing, Page, Table

Callback = Callable[[Event], None]
EVERYTHING = "*"


class Store:
    """Objects by table and key (`model.key`: the object's id, STORE/FILE for a vector store file), for one thread.

    With a directory, accepted commits survive the process being killed, though not a power failure: nothing is synced
    until the next checkpoint. StoreError if the directory cannot be used or its files cannot be read. After `unload`
    the first access to an object loads them all again and calls `on_load`.
    """

    def __init__(self, directory: Path | None = None, *, checkpoint_bytes: int = CHECKPOINT_BYTES) -> None:
        self._is_on_disk = directory is not None
        self._storage = JournalStorage(None if directory is None else directory / "db.json", checkpoint_bytes)
        self._tables: dict[str, Table] = {}
        self._subscribers = Subscribers()
        self._closed = False
        self.on_load: Callable[[], object] = lambda: None
        self._open_tables()

    @property
    def database(self) -> Database:
        """TinyDB over the live objects, for its own listings and searches; its writing methods raise StoreError."""
        self._load()
        return self._database

    @property
    def counters(self) -> Counters:
        return self._storage.counters

    def get(self, table: str, key: str) -> Object | None:
        return self._tables[table].object(key)

    def number(self, table: str, key: str) -> int:
        """Return the object's document id, which grows with creation across all tables. KeyError if there is none."""
        if (number := self._tables[table].number(key)) is None:
            raise KeyError(key)
        return number

    def has_place(self, table: str, key: str) -> bool:
        """Tell whether the key can be a cursor: that of an object, or of one that was dropped recently."""
        return self._tables[table].position(key) is not None

    def all(self, table: str) -> Iterator[Object]:
        """Iterate in creation order; commits during the iteration are safe."""
        return iter(self._tables[table].listing())

    def snapshot(self, table: str) -> list[Object]:
        """Return all objects in creation order."""
        return self._tables[table].listing()[:]

    def of(self, table: str, field: str, parent: str) -> Listing:
        """Return the objects whose `field` is `parent`, in creation order; KeyError for a field that TABLES lacks."""
        return self._tables[table].listing(field, parent)

    def count(self, table: str, field: str | None = None, parent: str | None = None) -> int:
        if field is None and isinstance(self._tables, UnloadedTables):
            return self._tables.counts[table]
        return len(self._tables[table].listing(field, parent))

    def page(
        self,
        table: str,
        *,
        field: str | None = None,
        parent: str | None = None,
        limit: int,
        descending: bool,
        after: str | None = None,
        before: str | None = None,
        keep: Callable[[Object], bool] | None = None,
    ) -> Page:
        """Return the first `limit` objects after the key `after` and before the key `before`, in either direction.

        With `before` too a page starts at the start of the list (CanTestGetVectorStoreFilesInBatchCollectionOptions).
        A cursor outside the list counts by its creation; KeyError(key) for one that is not in the table.
        """
        rows = self._tables[table]
        listing = rows.listing(field, parent)
        return listing.page(limit, descending, _bound(rows, after), _bound(rows, before), keep)

    def commit(self, event: Event) -> None:
        """Write the event, apply it, and publish it to the subscribers; one without changes is published only.

        One that `is_unseen` is written with the next commit, or before the store is unloaded or closed.

        StoreError if it cannot be written: then nothing has changed, and nothing is published. Dropping a missing
        object is no error. Exceptions of subscribers are raised after all were called (see Subscribers).
        """
        puts, drops, sequence = self._resolve(event)
        if puts or drops:
            if event.is_unseen:
                self._storage.postpone(sequence, puts, drops)
            else:
                self._storage.append(sequence, puts, drops)
            self._apply(puts, drops)
            self._storage.checkpoint_if_due()
        self._subscribers.publish(event)

    def subscribe(self, topic: str, callback: Callback) -> Callable[[], None]:
        """Call `callback` with the events of the topic, or with all for "*"; return a function that unsubscribes it."""
        return self._subscribers.add(topic, callback)

    def listening(self, topic: str) -> bool:
        """Tell whether there is a subscriber to this topic, apart from those to "*"."""
        return self._subscribers.has(topic)

    def replace(self, tables: Mapping[str, Iterable[Object]], counters: dict[str, int] | None = None) -> None:
        """Replace all objects with these, in this order; atomic, and nothing is published.

        `counters` replaces the values of `self.counters`, which stays the same object; None keeps them. Of two objects
        with one key the later is taken. Tables that TABLES lacks stay. StoreError, and nothing has changed, if the
        objects cannot be written.
        """
        self._load()
        sequence = self._storage.sequence
        state = dict(self._storage.tables)
        for name in TABLES:
            objects = {key(name, object): object for object in tables.get(name, ())}
            state[name] = dict(enumerate(objects.values(), sequence + 1))
            sequence += len(objects)
        self._storage.write(state, counters)
        for table in self._tables.values():
            table.reload()

    def replacing(self, tables: Mapping[str, Sequence[Object]]) -> Steps[Callable[[], None]]:
        """As `replace`, in steps: return the function that makes the objects the store's.

        Changes in the meantime are of the old objects. The table `emulator`, and the counters, stay as they are.
        """
        self._load()
        sequence = self._storage.sequence
        state = dict(self._storage.tables)
        installs = []
        for name in TABLES:
            if name == "emulator":
                continue
            objects: dict[str, Object] = {}
            for position, object in enumerate(tables.get(name, ()), 1):
                objects[key(name, object)] = object
                if position % OBJECTS_AT_ONCE == 0:
                    yield None
            state[name] = dict(enumerate(objects.values(), sequence + 1))
            sequence += len(objects)
            installs.append((yield from self._tables[name].reloading(state[name])))
        install_tables = yield from self._storage.replacing(state)

        def install() -> None:
            install_tables()
            for install_index in installs:
                install_index()

        return install

    @property
    def is_writing(self) -> bool:
        return self._storage.is_writing

    def make_directory(self) -> None:
        """Make the store's directory, unless it has been there: for what is written beside the objects."""
        self._storage.make_directory()

    def run_in_background(self, background: Callable[[Steps[None]], object]) -> None:
        """Let `background` run checkpoints that are due, which otherwise the commit does."""
        self._storage.background = background

    def orphans(self) -> list[tuple[str, str]]:
        """Return the drops of all objects whose parent is gone: a kill may leave them in the middle of a deletion."""
        drops: dict[tuple[str, str], None] = {}
        for kind in KINDS:
            if kind.parent is None or not kind.table:
                continue
            parents, rows = self._tables[kind.parent.table], self._tables[kind.table]
            for id in rows.parents(kind.parent_field):
                if parents.number(id) is None or (kind.parent.table, id) in drops:
                    children = rows.listing(kind.parent_field, id)
                    drops |= dict.fromkeys((kind.table, key(kind.table, child)) for child in children)
        return list(drops)

    def checkpoint(self) -> None:
        """Write db.json and empty the journal."""
        self._load()
        self._storage.checkpoint()

    def unload(self) -> None:
        """Free the objects' memory until they are read again; without a directory they stay."""
        if self._is_on_disk and not isinstance(self._tables, UnloadedTables):
            self._tables = UnloadedTables(self._tables, self._load)
            del self._database
            self._storage.unload()

    def close(self) -> None:
        """Checkpoint if the journal is not empty; may be called again."""
        if self._storage.is_behind and not self._closed:
            self._load()
        self._closed = True
        self._storage.close()

    def _open_tables(self) -> dict[str, Table]:
        self._database = Database(storage=lambda: self._storage)
        self._tables = {name: self._database.table(name) for name in TABLES}
        return self._tables

    def _load(self) -> dict[str, Table]:
        """Return the tables, read from the directory if they are unloaded."""
        if not isinstance(unloaded := self._tables, UnloadedTables):
            return unloaded
        if self._closed:
            raise StoreError(f"{self._storage}: the store is closed")
        self._storage.load()
        tables = self._open_tables()
        for name, dropped in unloaded.dropped.items():
            tables[name].dropped |= dropped
        self.on_load()
        return tables

    def _resolve(self, event: Event) -> tuple[list[Put], list[Drop], int]:
        """Return the event's puts and drops by document number, and the sequence after it."""
        if event.puts or event.drops:
            self._load()
        first = sequence = self._storage.sequence
        new: dict[tuple[str, str], int] = {}
        puts: list[Put] = []
        for table, document in event.puts:
            name = key(table, document)
            number = self._tables[table].number(name) or new.get((table, name))
            if number is None:
                number = new[table, name] = sequence = sequence + 1
            puts.append((table, number, document))
        if not event.drops:
            return puts, [], max(sequence, first + 1)
        numbers = ((table, self._tables[table].number(name) or new.get((table, name))) for table, name in event.drops)
        drops = dict.fromkeys((table, number) for table, number in numbers if number is not None)
        return puts, list(drops), max(sequence, first + 1)

    def _apply(self, puts: list[Put], drops: list[Drop]) -> None:
        for table, number, document in puts:
            self._tables[table].put(number, document)
        if drops:
            by_table: defaultdict[str, list[int]] = defaultdict(list)
            for table, number in drops:
                by_table[table].append(number)
            for table, numbers in by_table.items():
                self._tables[table].drop(numbers)


def _bound(table: Table, cursor: str | None) -> int | None:
    """Return the cursor's document number; KeyError for an unknown one."""
    if cursor is None:
        return None
    if (number := table.position(cursor)) is None:
        raise KeyError(cursor)
    return number


class UnloadedTables(dict[str, Table]):
    """The tables of an unloaded store: access to one loads all of them.

    `counts` has the number of objects of each table, `dropped` its recently dropped keys; neither loads anything.
    """

    def __init__(self, tables: Mapping[str, Table], load: Callable[[], Mapping[str, Table]]) -> None:
        super().__init__()
        self.counts = {name: len(table.listing()) for name, table in tables.items()}
        self.dropped = {name: table.dropped for name, table in tables.items() if table.dropped}
        self._load = load

    def __missing__(self, name: str) -> Table:
        return self._load()[name]


class Subscribers:
    """Calls subscribers in the order of the commits: an event that a subscriber commits is published after this one.

    All are called even if one raises; afterwards the exception is raised, or an ExceptionGroup of several.
    """

    def __init__(self) -> None:
        self._callbacks: defaultdict[str, dict[object, Callback]] = defaultdict(dict)
        self._waiting: deque[Event] = deque()
        self._is_publishing = False

    def add(self, topic: str, callback: Callback) -> Callable[[], None]:
        """Subscribe to a topic, or to "*" for every event; the returned function unsubscribes, at any time."""
        token = object()
        self._callbacks[topic][token] = callback

        def remove() -> None:
            if topic in self._callbacks:
                self._callbacks[topic].pop(token, None)
                if not self._callbacks[topic]:
                    del self._callbacks[topic]

        return remove

    def has(self, topic: str) -> bool:
        return topic in self._callbacks

    def publish(self, event: Event) -> None:
        """Call the subscribers to the event's topic first, then those to "*"."""
        self._waiting.append(event)
        if self._is_publishing:
            return
        self._is_publishing = True
        raised: list[Exception] = []
        try:
            while self._waiting:
                self._publish(self._waiting.popleft(), raised)
        finally:
            self._is_publishing = False
        if raised:
            raise raised[0] if len(raised) == 1 else ExceptionGroup("subscribers raised", raised)

    def _publish(self, event: Event, raised: list[Exception]) -> None:
        for topic in (event.topic, EVERYTHING):
            if topic not in self._callbacks:
                continue
            for token, callback in list(self._callbacks[topic].items()):
                if token not in self._callbacks.get(topic, {}):
                    continue  # unsubscribed by a callback before it
                try:
                    callback(event)
                except Exception as error:
                    raised.append(error)
