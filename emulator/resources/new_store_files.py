"""A file on its way into a vector store: which file, how it is cut into chunks, what filters may ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from emulator.context import Context
from emulator.errors import InvalidParameter
from emulator.resources.indexing import forget_store
from emulator.resources.lookup import FILE, require
from emulator.resources.vector_store_changes import FILES
from emulator.retrieval import EXTENSIONS, extension
from emulator.retrieval.chunks import MAX_TOKENS, OVERLAP_TOKENS
from emulator.store import Object

# what `auto` means (dotnet CanApplyChunkingStrategy)
AUTO_CHUNKING = {
    "type": "static",
    "static": {"max_chunk_size_tokens": MAX_TOKENS, "chunk_overlap_tokens": OVERLAP_TOKENS},
}


def require_files(context: Context, file_ids: Sequence[str], path: str) -> list[Object]:
    """The files of a list of ids, each once; 404 for one that does not exist, 400 for one that cannot be searched."""
    files = [require(context, FILE, id, f"{path}[{index}]") for index, id in enumerate(file_ids)]
    return _searchable(files)


def require_file(context: Context, file_id: str, path: str) -> Object:
    return _searchable([require(context, FILE, file_id, path)])[0]


def new_store_file(
    context: Context, vector_store_id: str, file_id: str, sent: dict[str, Any], batch_id: str | None = None
) -> Object:
    """Not yet stored and not yet read; `sent` is what says `chunking_strategy` and `attributes`."""
    if context.store.get(FILES, f"{vector_store_id}/{file_id}") is not None:
        forget_store(context, vector_store_id)  # it is there already, and is read in again where it stands
    file: Object = {
        "id": file_id,
        "object": "vector_store.file",
        "usage_bytes": 0,
        "created_at": context.clock.now(),
        "vector_store_id": vector_store_id,
        "status": "in_progress",
        "last_error": None,
        "chunking_strategy": _chunking(sent.get("chunking_strategy")),
        "attributes": sent.get("attributes") or {},
    }
    if batch_id is not None:
        file["batch_id"] = batch_id
    if context.sticking is not None:
        file["_stuck"] = context.sticking.last_error or True
    return file


def _searchable(files: Iterable[Object]) -> list[Object]:
    """Each file once; 400 with the extensions of those that file search does not take."""
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


def _chunking(sent: dict[str, Any] | None) -> dict[str, Any]:
    return AUTO_CHUNKING if sent is None or sent["type"] == "auto" else sent
