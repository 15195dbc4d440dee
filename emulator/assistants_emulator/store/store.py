"""The one place where a project's objects live: reads from memory, one write path, events to subscribers."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from assistants_emulator.errors import StoreError
from assistants_emulator.ids import Counters
from assistants_emulator.store.model import TABLES, Event, Object, key
from assistants_emulator.store.storage import CHECKPOINT_BYTES, Drop, JournalStorage, Put
from assistants_emulator.store.table import Database, Listing, Page, Table

Callback = Callable[[Event], None]
EVERYTHING = "*"


class Subscribers:
    """Every subscriber sees events in the order of their commits, also when a subscriber commits: that one waits its
    turn. All are called even if one raises; then the exception is raised, or an ExceptionGroup of several.
    """

    def __init__(self) -> None:
        self._callbacks: defaultdict[str, dict[object, Callback]] = defaultdict(dict)
        self._waiting: deque[Event] = deque()
        self._telling = False

    def add(self, topic: str, callback: Callback) -> Callable[[], None]:
        """Subscribe to a topic, or to "*" for every event. What it returns unsubscribes, at once and any time."""
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

    def tell(self, event: Event) -> None:
        """Those of its topic first, then those of everything."""
        self._waiting.append(event)
        if self._telling:
            return
        self._telling = True
        raised: list[Exception] = []
        try:
            while self._waiting:
                self._tell(self._waiting.popleft(), raised)
        finally:
            self._telling = False
        if raised:
            raise raised[0] if len(raised) == 1 else ExceptionGroup("subscribers raised", raised)

    def _tell(self, event: Event, raised: list[Exception]) -> None:
        for topic in (event.topic, EVERYTHING):
            for token, callback in list(self._callbacks.get(topic, {}).items()):
                if token not in self._callbacks.get(topic, {}):
                    continue  # unsubscribed by one that was called before it
                try:
                    callback(event)
                except Exception as error:
                    raised.append(error)


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


class Store:
    """Objects by table and key (`tables.key`: the object's id, STORE/FILE for a vector store file), for one thread.

    With a directory, what `commit` accepted survives the process being killed, though not a power failure: nothing is
    synced until the next checkpoint. StoreError if the directory holds what cannot be read, or cannot be used.
    After `unload` the objects are loaded again by whatever looks at one; `on_load` is called then.
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
        """TinyDB over the live objects, to list and search by its own means; its writing methods are refused."""
        self._load()
        return self._database

    @property
    def counters(self) -> Counters:
        return self._storage.counters

    def get(self, table: str, key: str) -> Object | None:
        return self._tables[table].object(key)

    def number(self, table: str, key: str) -> int:
        """The object's document id: of two objects, in any tables, the older has the lower. KeyError if unknown."""
        if (number := self._tables[table].number(key)) is None:
            raise KeyError(key)
        return number

    def has_place(self, table: str, key: str) -> bool:
        """Whether the key may be a cursor: an object's, or that of one that was dropped not long ago."""
        return self._tables[table].place(key) is not None

    def all(self, table: str) -> Iterator[Object]:
        """In creation order; committing meanwhile is safe."""
        return iter(self._tables[table].listing())

    def of(self, table: str, field: str, parent: str) -> Listing:
        """The objects whose `field` is `parent`, in creation order; KeyError for a field that TABLES does not name."""
        return self._tables[table].listing(field, parent)

    def count(self, table: str, field: str | None = None, parent: str | None = None) -> int:
        if field is None and isinstance(self._tables, Unloaded):
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
        """The first `limit` objects, in the order asked for, that follow the key `after` and precede the key `before`.

        With `before` too a page starts at the start of the list (CanTestGetVectorStoreFilesInBatchCollectionOptions).
        A cursor that is not in the list counts by its creation; KeyError(key) for one that is not in the table.
        """
        held = self._tables[table]
        listing = held.listing(field, parent)
        return listing.page(limit, descending, _bound(held, after), _bound(held, before), keep)

    def commit(self, event: Event) -> None:
        """Write the event down, apply it, hand it to the subscribers. An event that changes nothing is handed on only.

        StoreError if it cannot be written: nothing has changed then, and nobody is told. Dropping what is not there is
        no error. What a subscriber raises comes out of here after all of them were called (see Subscribers).
        """
        puts, drops, sequence = self._resolve(event)
        if puts or drops:
            self._storage.append(sequence, puts, drops)
            self._apply(puts, drops)
            self._storage.checkpoint_if_due()
        self._subscribers.tell(event)

    def subscribe(self, topic: str, callback: Callback) -> Callable[[], None]:
        """`callback` gets the events of the topic, "*" all of them; returns what unsubscribes."""
        return self._subscribers.add(topic, callback)

    def listening(self, topic: str) -> bool:
        """Whether anybody has subscribed to this very topic."""
        return self._subscribers.has(topic)

    def replace(self, tables: Mapping[str, Iterable[Object]], counters: dict[str, int] | None = None) -> None:
        """Hold these objects, in this order, and no others; atomic, and subscribers are not told.

        `counters` is what `self.counters`, still the same object, has counted from now on; None keeps it. Of two
        objects with one key the later counts. Tables that are not ours stay. StoreError, and nothing has changed, if
        it cannot be written.
        """
        self._load()
        sequence = self._storage.sequence
        state = dict(self._storage.tables)
        for name in TABLES:
            objects = {key(name, object): object for object in tables.get(name, ())}
            state[name] = dict(enumerate(objects.values(), sequence + 1))
            sequence += len(objects)
        self._storage.write(state, counters)
        for held in self._tables.values():
            held.reload()

    def checkpoint(self) -> None:
        """Write db.json anew and empty the journal."""
        self._load()
        self._storage.checkpoint()

    def unload(self) -> None:
        """Leave the objects to the directory, for others to have the memory; without a directory they stay."""
        if self._is_on_disk and not isinstance(self._tables, Unloaded):
            self._tables = Unloaded(self._tables, self._load)
            del self._database
            self._storage.unload()

    def close(self) -> None:
        """Checkpoint if the journal is not empty; closing again is no error."""
        if self._storage.is_behind and not self._closed:
            self._load()
        self._closed = True
        self._storage.close()

    def _open_tables(self) -> dict[str, Table]:
        self._database = Database(storage=lambda: self._storage)
        self._tables = {name: self._database.table(name) for name in TABLES}
        return self._tables

    def _load(self) -> dict[str, Table]:
        """The tables, from the directory if they were left to it."""
        if not isinstance(left := self._tables, Unloaded):
            return left
        if self._closed:
            raise StoreError(f"{self._storage}: the store is closed")
        self._storage.load()
        tables = self._open_tables()
        for name, gone in left.gone.items():
            tables[name].gone |= gone
        self.on_load()
        return tables

    def _resolve(self, event: Event) -> tuple[list[Put], list[Drop], int]:
        """Document numbers for the event's puts and drops, and the sequence after it."""
        if event.puts or event.drops:
            self._load()
        first = sequence = self._storage.sequence
        fresh: dict[tuple[str, str], int] = {}
        puts: list[Put] = []
        for table, document in event.puts:
            name = key(table, document)
            number = self._tables[table].number(name) or fresh.get((table, name))
            if number is None:
                number = fresh[table, name] = sequence = sequence + 1
            puts.append((table, number, document))
        found = ((table, self._tables[table].number(name) or fresh.get((table, name))) for table, name in event.drops)
        drops = dict.fromkeys((table, number) for table, number in found if number is not None)
        return puts, list(drops), max(sequence, first + 1)

    def _apply(self, puts: list[Put], drops: list[Drop]) -> None:
        for table, number, document in puts:
            self._tables[table].put(number, document)
        if drops:
            gone: defaultdict[str, list[int]] = defaultdict(list)
            for table, number in drops:
                gone[table].append(number)
            for table, numbers in gone.items():
                self._tables[table].drop(numbers)


def _bound(table: Table, cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if (number := table.place(cursor)) is None:
        raise KeyError(cursor)
    return number
