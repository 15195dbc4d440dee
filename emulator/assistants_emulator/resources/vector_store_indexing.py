"""Files on their way into vector stores: new entries, and reading their text into the index.

A new entry is `in_progress` until it is read. `jobs` lists what has to be read, `read_jobs` reads it in any thread,
`finish` stores the results; `settle_store` does all three. The index is a cache: after a restart a store's files are
read again when it is first searched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assistants_emulator.errors import InvalidParameter, NotFound, wrong_prefix
from assistants_emulator.object_kinds import FILE
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.unit_of_work import FILES, STORES, UnitOfWork
from assistants_emulator.retrieval import EXTENSIONS, Chunk, Unreadable, chunk, extension, extract_apart
from assistants_emulator.retrieval.chunks import MAX_TOKENS, OVERLAP_TOKENS
from assistants_emulator.store import Object, child_key, key
from assistants_emulator.store.blobs import Contents

# the meaning of `auto` (dotnet CanApplyChunkingStrategy)
AUTO_CHUNKING: Object = {
    "type": "static",
    "static": {"max_chunk_size_tokens": MAX_TOKENS, "chunk_overlap_tokens": OVERLAP_TOKENS},
}
DEFAULTS: Object = {
    "usage_bytes": 0,
    "status": "in_progress",
    "last_error": None,
    "chunking_strategy": AUTO_CHUNKING,
    "attributes": {},
}
BROKEN = Unreadable("server_error", "An internal error occurred.")
log = logging.getLogger("assistants_emulator")


@dataclass(frozen=True, slots=True)
class Job:
    """A vector store file that has to be read, and its file."""

    store_file: Object
    file: Object


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of a job: chunks and the size of the text in UTF-8 bytes, or an error."""

    job: Job
    chunks: Sequence[Chunk] = ()
    text_bytes: int = 0
    error: Unreadable | None = None


def settle_store(context: Context, store_id: str, searching: bool = False) -> None:
    """Read the store's unread files; with `searching` also those whose chunks a restart dropped."""
    finish(context, store_id, read_jobs(context.contents, jobs(context, store_id, searching)), searching)


def jobs(context: Context, store_id: str, searching: bool = False) -> list[Job]:
    store = context.store.get(STORES, store_id)
    not_indexed = searching and store_id not in context.indexed
    if store is None or not (store["file_counts"]["in_progress"] or not_indexed):
        return []
    statuses = ("in_progress", "completed") if not_indexed else ("in_progress",)
    entries = context.store.of(FILES, "vector_store_id", store_id)
    files = (file for file in entries if file["status"] in statuses and file.get("_stuck") is not True)
    pairs = ((file, context.store.get("files", file["id"])) for file in files)
    return [Job(store_file, file) for store_file, file in pairs if file is not None]


def unread_stores(context: Context) -> list[str]:
    return [store["id"] for store in context.store.all(STORES) if store["file_counts"]["in_progress"]]


def read_jobs(contents: Contents, to_read: Iterable[Job]) -> list[Reading]:
    """Read the files; may be called in any thread."""
    return [_read(contents, job) for job in to_read]


def _read(contents: Contents, job: Job) -> Reading:
    """The file's chunks, or the reason that there are none; raises nothing."""
    if (stuck := job.store_file.get("_stuck")) is not None:
        return Reading(job, error=Unreadable(stuck["code"], stuck["message"]))
    sizes = job.store_file["chunking_strategy"].get("static")  # a state file may say `other`
    try:
        text = text_of(contents, job.file)
        chunks = chunk(text, sizes["max_chunk_size_tokens"], sizes["chunk_overlap_tokens"]) if sizes else chunk(text)
    except Unreadable as error:
        return Reading(job, error=error)
    except KeyError:  # the file was deleted meanwhile
        return Reading(job, error=BROKEN)
    except Exception:
        log.exception("%s (%s) could not be read", job.file["id"], job.file["filename"])
        return Reading(job, error=BROKEN)
    return Reading(job, chunks, len(text.encode()))


def text_of(contents: Contents, file: Object) -> str:
    """The file's text; Unreadable for a file that has none."""
    return extract_apart(file["filename"], contents.whole(file["_content"]))


def finish(context: Context, store_id: str, readings: Iterable[Reading], searching: bool = False) -> None:
    """Store the results of reading in one commit, and make the store's chunks searchable."""
    store = context.store.get(STORES, store_id)
    if store is None:
        return
    if store["file_counts"]["completed"] == 0 or (searching and store_id not in context.indexed):
        forget_store(context, store_id)
        context.indexed.add(store_id)
    changes = UnitOfWork(context)
    for reading in readings:
        store_file = context.store.get(FILES, key(FILES, reading.job.store_file))
        if store_file is not None:
            _add_reading(context, changes, store_file, reading)
    if changes.puts:
        changes.commit("vector_store.settled", {"id": store_id})


def forget_store(context: Context, store_id: str) -> None:
    """Drop the store's chunks; they are read again when it is next searched."""
    context.index.drop(store_id)
    context.indexed.discard(store_id)


def forget_file(context: Context, file_id: str) -> None:
    for store_id in context.indexed:
        context.index.remove(store_id, file_id)


def _add_reading(context: Context, changes: UnitOfWork, store_file: Object, reading: Reading) -> None:
    if store_file["status"] == "in_progress":
        changes.put_file(_settled(store_file, reading))
    store_id, filename = store_file["vector_store_id"], reading.job.file["filename"]
    if reading.error is None and store_id in context.indexed:
        context.index.add(store_id, store_file["id"], filename, store_file["attributes"], reading.chunks)


def _settled(file: Object, reading: Reading) -> Object:
    if reading.error is not None:
        return {**file, "status": "failed", "last_error": reading.error.last_error()}
    return {**file, "status": "completed", "usage_bytes": reading.text_bytes}


def require_files(context: Context, file_ids: Sequence[str], path: str, field: str = "") -> list[Object]:
    """The files of a list of ids, each once; 404 for those that do not exist, 400 for those that cannot be searched.

    The ids are the items at `path`, or the `field` of each, as in `.file_id`. One 404 names all unknown files
    (Azure/azure-sdk-for-net#47121).
    """
    files = {id: context.store.get(FILE.table, id) for id in file_ids}
    unknown = [id for id, file in files.items() if file is None]
    for id in unknown:
        if not id.startswith(FILE.expected_prefix):
            raise wrong_prefix(f"{path}[{file_ids.index(id)}]{field}", id, FILE.expected_prefix, FILE.word)
    if unknown:
        raise NotFound(f"Files [{', '.join(unknown)}] were not found")
    return _searchable([file for file in files.values() if file is not None])


def require_file(context: Context, file_id: str, path: str) -> Object:
    """As `require_files`, of one id at `path`."""
    if context.store.get(FILE.table, file_id) is None and not file_id.startswith(FILE.expected_prefix):
        raise wrong_prefix(path, file_id, FILE.expected_prefix, FILE.word)
    return require_files(context, [file_id], path)[0]


def new_store_file(
    context: Context, vector_store_id: str, file_id: str, settings: dict[str, Any], batch_id: str | None = None
) -> Object:
    """A vector store file, neither stored nor read yet; `settings` has its `chunking_strategy` and `attributes`."""
    if context.store.get(FILES, child_key(vector_store_id, file_id)) is not None:
        forget_store(context, vector_store_id)  # it is there already, and is read again in its place
    file: Object = {
        "id": file_id,
        "object": "vector_store.file",
        "created_at": context.clock.now(),
        "vector_store_id": vector_store_id,
        **DEFAULTS,
        "chunking_strategy": _chunking(settings.get("chunking_strategy")),
        "attributes": settings.get("attributes") or {},
    }
    if batch_id is not None:
        file["batch_id"] = batch_id
    if context.hold is not None:
        file["_stuck"] = context.hold.mark
    return file


def _searchable(files: Iterable[Object]) -> list[Object]:
    """Each file once; 400 with the extensions that file search does not take."""
    unique = {file["id"]: file for file in files}
    endings = dict.fromkeys(extension(file["filename"]) for file in unique.values())
    refused = [ending or "none" for ending in endings if ending not in EXTENSIONS]
    if refused:
        message = (
            f"Files with extensions [{', '.join(refused)}] are not supported for retrieval. "
            "See https://platform.openai.com/docs/assistants/tools/file-search/supported-files"
        )
        raise InvalidParameter(message, param="file_ids", code="unsupported_file")
    return list(unique.values())


def _chunking(strategy: dict[str, Any] | None) -> dict[str, Any]:
    return AUTO_CHUNKING if strategy is None or strategy["type"] == "auto" else strategy
