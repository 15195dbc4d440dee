"""Reading files into vector stores. Adding a file only says `in_progress`; here, and nowhere else, it is read.

`jobs` says what has to be read, `read_jobs` does it in any thread, `finish` takes the results in; `settle_store` is all
three. The index is derived: after a restart a store's files are read again when it is first searched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.contents import Contents
from emulator.context import Context
from emulator.resources.vector_store_changes import FILES, STORES, Changes
from emulator.retrieval import Chunk, Unreadable, chunk, extract
from emulator.store import Object, key

BROKEN = Unreadable("server_error", "An internal error occurred.")

log = logging.getLogger("emulator")


@dataclass(frozen=True, slots=True)
class Job:
    """A vector store file, and the file that it stands for."""

    store_file: Object
    file: Object


@dataclass(frozen=True, slots=True)
class Reading:
    job: Job
    chunks: Sequence[Chunk] = ()
    text_bytes: int = 0
    error: Unreadable | None = None


def settle_store(context: Context, store_id: str, searching: bool = False) -> None:
    """Read whatever was added to the store and not read yet; `searching` also what a restart made us forget."""
    finish(context, store_id, read_jobs(context.contents, jobs(context, store_id, searching)), searching)


def jobs(context: Context, store_id: str, searching: bool = False) -> list[Job]:
    store = context.store.get(STORES, store_id)
    forgotten = searching and store_id not in context.indexed
    if store is None or not (store["file_counts"]["in_progress"] or forgotten):
        return []
    wanted = ("in_progress", "completed") if forgotten else ("in_progress",)
    here = context.store.of(FILES, "vector_store_id", store_id)
    files = (file for file in here if file["status"] in wanted and file.get("_stuck") is not True)
    pairs = ((file, context.store.get("files", file["id"])) for file in files)
    return [Job(store_file, file) for store_file, file in pairs if file is not None]


def unread_stores(context: Context) -> list[str]:
    return [store["id"] for store in context.store.all(STORES) if store["file_counts"]["in_progress"]]


def read_jobs(contents: Contents, found: Iterable[Job]) -> list[Reading]:
    """For any thread."""
    return [_read(contents, job) for job in found]


def _read(contents: Contents, job: Job) -> Reading:
    """The file's chunks, or why there are none; raises nothing."""
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
    """Unreadable for a file that has no text."""
    return extract(file["filename"], contents.whole(file["_content"]))


def finish(context: Context, store_id: str, readings: Iterable[Reading], searching: bool = False) -> None:
    """Settle the files that are still waiting, all in one commit, and make the store's chunks searchable."""
    store = context.store.get(STORES, store_id)
    if store is None:
        return
    if store["file_counts"]["completed"] == 0 or (searching and store_id not in context.indexed):
        forget_store(context, store_id)
        context.indexed.add(store_id)
    changes = Changes(context)
    for reading in readings:
        known = context.store.get(FILES, key(FILES, reading.job.store_file))
        if known is not None:
            _take(context, changes, known, reading)
    if changes.puts:
        changes.commit("vector_store.settled", {"id": store_id})


def forget_store(context: Context, store_id: str) -> None:
    """It is read again when it is next searched."""
    context.index.drop(store_id)
    context.indexed.discard(store_id)


def forget_file(context: Context, file_id: str) -> None:
    for store_id in context.indexed:
        context.index.remove(store_id, file_id)


def _take(context: Context, changes: Changes, known: Object, reading: Reading) -> None:
    if known["status"] == "in_progress":
        changes.put_file(_settled(known, reading))
    store_id, filename = known["vector_store_id"], reading.job.file["filename"]
    if reading.error is None and store_id in context.indexed:
        context.index.add(store_id, known["id"], filename, known["attributes"], reading.chunks)


def _settled(file: Object, reading: Reading) -> Object:
    if reading.error is not None:
        return {**file, "status": "failed", "last_error": reading.error.last_error()}
    return {**file, "status": "completed", "usage_bytes": reading.text_bytes}
