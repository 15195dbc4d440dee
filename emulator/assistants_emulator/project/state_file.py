"""State files: a project's objects in JSON or YAML, with short forms that a person writes.

A file may name the `path` of its bytes, a thread may list its `messages` (texts or objects), and a vector store its
`files` (paths or ids of files). `expanded` replaces these by the objects that they stand for.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants_emulator.errors import EmulatorError
from assistants_emulator.object_kinds import ASSISTANT, FILE, MESSAGE, THREAD, VECTOR_STORE, ObjectKind
from assistants_emulator.project.request_log import json_loads

if TYPE_CHECKING:
    from assistants_emulator.store import Object

ParseYaml = Callable[[Path, bytes], Any]
YAML_SUFFIXES = (".yaml", ".yml")


def read_state(source: str | Path | Mapping[str, Any], parse_yaml: ParseYaml | None = None) -> Mapping[str, Any]:
    """The state in a file or a dict, without short forms; paths in a file are relative to it.

    EmulatorError for a file that has none.
    """
    if isinstance(source, Mapping):
        return expanded(source, Path())
    path = Path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EmulatorError(f"state file {source}: {error.strerror}") from error
    state = (parse_yaml or _yaml)(path, content) if path.suffix in YAML_SUFFIXES else _json(path, content)
    if not isinstance(state, dict):
        raise EmulatorError(f"state file {source}: it must hold an object of tables")
    return expanded(state, path.parent)


def expanded(state: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The state with the objects that its short forms stand for; `folder` is where relative paths begin."""
    tables: dict[str, Any] = {name: list(rows) if isinstance(rows, list) else rows for name, rows in state.items()}
    for table, expand in (("threads", _thread), ("vector_stores", _store), ("files", _file)):
        rows = tables.get(table)
        if isinstance(rows, list):
            tables[table] = [expand(row, tables, folder) if isinstance(row, dict) else row for row in rows]
    return tables


def derived_id(kind: ObjectKind, *parts: str) -> str:
    """An id that follows from the parts, for an object that was given none."""
    return kind.prefix + hashlib.sha256("\0".join(parts).encode()).hexdigest()[: kind.id_length]


def file_entry(content: bytes | str | Path, id: str, filename: str | None = None, **fields: Any) -> Object:
    """A state file's entry for a file with these bytes, or those at that path; EmulatorError for an unreadable one."""
    if isinstance(content, bytes):
        name, data = filename or "file.txt", content
    else:
        path = Path(content)
        name = filename or path.name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise EmulatorError(f"file {path}: {error.strerror}") from error
    return {"id": id, "filename": name, **fields, "content_base64": base64.b64encode(data).decode()}


def _json(path: Path, content: bytes) -> Any:
    try:
        return json_loads(content)
    except json.JSONDecodeError as error:
        raise EmulatorError(f"state file {path}:{error.lineno}: {error.msg}") from error


def _yaml(path: Path, content: bytes) -> Any:
    import yaml

    from assistants_emulator.responders.scripts.yaml_limits import LimitedLoader, construct, single_node

    try:
        loader = LimitedLoader(content)
        root = single_node(loader)
        return None if root is None else construct(loader, root)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise EmulatorError(f"state file {path}:{line}: is not YAML: {problem}") from error


def _rows(tables: dict[str, Any], table: str) -> list[Any]:
    rows = tables.setdefault(table, [])
    return rows if isinstance(rows, list) else []


def _thread(thread: Object, tables: dict[str, Any], folder: Path) -> Object:
    messages = thread.get("messages")
    if not isinstance(messages, list):
        return thread
    id = str(thread.get("id"))
    for index, message in enumerate(messages):
        entry = {"content": message} if isinstance(message, str) else dict(message)
        _rows(tables, "messages").append({"id": derived_id(MESSAGE, id, str(index)), **entry, "thread_id": id})
    return {name: value for name, value in thread.items() if name != "messages"}


def _store(store: Object, tables: dict[str, Any], folder: Path) -> Object:
    """The files are read at the next request that names the store, as those that a request added."""
    files = store.get("files")
    if not isinstance(files, list):
        return store
    id = str(store.get("id"))
    known = {file.get("id") for file in _rows(tables, "files") if isinstance(file, dict)}
    for name in files:
        file_id = str(name)
        if name not in known and not file_id.startswith(FILE.prefix):
            file_id = derived_id(FILE, id, file_id)
            _rows(tables, "files").append(file_entry(folder / str(name), file_id))
        entry = {"id": file_id, "vector_store_id": id, "status": "in_progress"}
        _rows(tables, "vector_store_files").append(entry)
    counts = {"in_progress": len(files), "completed": 0, "failed": 0, "cancelled": 0, "total": len(files)}
    rest = {name: value for name, value in store.items() if name != "files"}
    return {**rest, "status": "in_progress", "file_counts": counts} if files else rest


def _file(file: Object, tables: dict[str, Any], folder: Path) -> Object:
    if "path" not in file:
        return file
    rest = {name: value for name, value in file.items() if name != "path"}
    entry = file_entry(folder / str(file["path"]), str(file.get("id") or derived_id(FILE, str(file["path"]))))
    return {**entry, **rest}


class ObjectAdder:
    """Adds single objects to a project. Each method returns the object as the API renders it.

    EmulatorError for an id that the project has already, or a value that the API cannot have.
    """

    def add_assistant(self, id: str | None = None, **fields: Any) -> Object:
        """An assistant of the model gpt-4o, unless the fields name another."""
        entry = {"id": id or self._new_id(ASSISTANT), "model": "gpt-4o", **fields}
        return self._add("assistants", {"assistants": [entry]})

    def add_thread(self, id: str | None = None, messages: Sequence[str | Object] = (), **fields: Any) -> Object:
        """A thread with messages, oldest first: texts of the user, or objects such as {"role", "content"}."""
        entry = {"id": id or self._new_id(THREAD), **fields, "messages": list(messages)}
        return self._add("threads", {"threads": [entry]})

    def add_vector_store(self, id: str | None = None, files: Sequence[str | Path] = (), **fields: Any) -> Object:
        """A vector store with files: paths, or ids of files that exist. They are read before this returns."""
        entry = {"id": id or self._new_id(VECTOR_STORE), **fields, "files": [str(file) for file in files]}
        return self._add("vector_stores", {"vector_stores": [entry]})

    def add_file(
        self,
        content: bytes | str | Path,
        id: str | None = None,
        filename: str | None = None,
        purpose: str = "assistants",
    ) -> Object:
        """A file with these bytes, or those at that path, whose name it has unless it is given another."""
        return self._add("files", {"files": [file_entry(content, id or self._new_id(FILE), filename, purpose=purpose)]})

    def _add(self, table: str, state: Mapping[str, Any]) -> Object:
        added: Object = self._add_state(expanded(state, Path()))[table][0]
        return added

    def _new_id(self, kind: ObjectKind) -> str:
        raise NotImplementedError

    def _add_state(self, state: Mapping[str, Any]) -> Mapping[str, list[Object]]:
        """The added objects of each table, as the API renders them."""
        raise NotImplementedError
