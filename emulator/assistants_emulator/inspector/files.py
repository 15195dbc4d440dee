"""Pages of uploaded files, with their text or image, and of vector stores, with a search."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from assistants_emulator.errors import NotFound
from assistants_emulator.inspector.citations import marked_words
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.object_kinds import VECTOR_STORE
from assistants_emulator.resources.files import require_file
from assistants_emulator.resources.lookup import require
from assistants_emulator.resources.vector_store_indexing import text_of
from assistants_emulator.retrieval import Hit, Unreadable, content_words
from assistants_emulator.store import Object, child_key

MOST_READ_BYTES = 4_000_000  # larger files are not read for a page
MOST_SHOWN = 20_000  # characters
MOST_IMAGE_BYTES = 20_000_000
RESULTS = 20
IMAGES = {  # first bytes of files by type: types that browsers draw and never run
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
FILES, STORES = "vector_store_files", "vector_stores"


async def files(request: PageRequest) -> Response:
    return request.render("files.html", page=await request.named_page("files", "filename", "purpose"))


async def file(request: PageRequest, file_id: str) -> Response:
    """The file's facts with its text or image. Reading a document may take long, so a thread does it."""
    uploaded = require_file(request.context, file_id)
    text = problem = None
    kind = _image_type(request, uploaded)
    if kind is None and uploaded["bytes"] > MOST_READ_BYTES:
        problem = "Too large to show."
    elif kind is None:
        try:
            text = await asyncio.to_thread(text_of, request.context.contents, uploaded)
        except (Unreadable, KeyError):
            problem = "No text to show."
    cut = text is not None and len(text) > MOST_SHOWN
    stores = [store for store in request.context.store.all(STORES) if _is_in(request, store, file_id)]
    beginning = None if text is None else text[:MOST_SHOWN]
    return request.render(
        "file.html", file=uploaded, text=beginning, cut=cut, problem=problem, kind=kind, stores=stores
    )


def image(request: PageRequest, file_id: str) -> Response:
    uploaded = require_file(request.context, file_id)
    kind = _image_type(request, uploaded)
    if kind is None:
        raise NotFound(f"{file_id} is not an image of a type that can be shown.")
    return Response(request.context.contents.whole(uploaded["_content"]), media_type=kind)


async def stores(request: PageRequest) -> Response:
    return request.render("stores.html", page=await request.named_page(STORES))


async def store(request: PageRequest, store_id: str) -> Response:
    """The store's files and, with `query`, a search's chunks. It does not count as use: its expiry stays as it was."""
    store_object = require(request.context, VECTOR_STORE, store_id, "vector_store_id")
    query, hits = request.query("query"), None
    if query and store_object["status"] != "expired":
        await request.project.read_stores(store_id, searching=True)
        hits = request.context.index.search([store_id], [query], RESULTS)
        store_object = require(request.context, VECTOR_STORE, store_id, "vector_store_id")
    page = request.context.store.page(FILES, field="vector_store_id", parent=store_id, limit=200, descending=True)
    rows: list[dict[str, Any]] = [
        {"entry": entry, "file": request.context.store.get("files", entry["id"])} for entry in page.items
    ]
    return request.render(
        "store.html", store=store_object, rows=rows, more=page.has_more, search=query, **_ranked(hits, query)
    )


def _ranked(hits: list[Hit] | None, query: str) -> dict[str, Any]:
    """The hits with their words marked; `rest` are those that have no word of the query, which score nothing."""
    if hits is None:
        return {"hits": None, "rest": []}
    words = content_words(query)
    best = [{"hit": hit, "passage": marked_words(hit.text, words)} for hit in hits if hit.score]
    return {"hits": best, "rest": [hit for hit in hits if not hit.score]}


def _image_type(request: PageRequest, file: Object) -> str | None:
    """The MIME type of an image that browsers draw, by the file's first bytes and not by its name; None for others."""
    if not file["_content"] or file["bytes"] > MOST_IMAGE_BYTES:
        return None
    try:
        head = next(request.context.contents.chunks(file["_content"][:1]), b"")
    except KeyError:
        return None
    kind = next((kind for kind, starts in IMAGES.items() if head.startswith(starts)), None)
    return None if kind == "image/webp" and head[8:12] != b"WEBP" else kind


def _is_in(request: PageRequest, store: Object, file_id: str) -> bool:
    return request.context.store.get(FILES, child_key(store["id"], file_id)) is not None
