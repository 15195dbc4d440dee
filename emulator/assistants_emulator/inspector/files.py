"""Uploaded files, with their text or image, and vector stores, with a search."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from assistants_emulator.errors import NotFound
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.object_kinds import VECTOR_STORE
from assistants_emulator.resources.files import require_file
from assistants_emulator.resources.lookup import require
from assistants_emulator.resources.vector_store_indexing import text_of
from assistants_emulator.retrieval import Unreadable
from assistants_emulator.store import Object, child_key

MOST_READ_BYTES = 4_000_000  # larger files are not read for a page
MOST_SHOWN = 20_000  # characters
MOST_IMAGE_BYTES = 20_000_000
RESULTS = 20
IMAGES = {  # what a file begins with, by what it then is: types that browsers draw and never run
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
FILES, STORES = "vector_store_files", "vector_stores"


def files(ask: PageRequest) -> Response:
    return ask.render("files.html", page=ask.page("files"))


async def file(ask: PageRequest, file_id: str) -> Response:
    """Reading a document may take long, so a worker does it."""
    found = require_file(ask.context, file_id)
    text = problem = None
    kind = _image_type(ask, found)
    if kind is None and found["bytes"] > MOST_READ_BYTES:
        problem = "It is too large to be shown here."
    elif kind is None:
        try:
            text = await asyncio.to_thread(text_of, ask.context.contents, found)
        except (Unreadable, KeyError):
            problem = "There is no text in it that could be shown."
    cut = text is not None and len(text) > MOST_SHOWN
    stores = [store for store in ask.context.store.all(STORES) if _is_in(ask, store, file_id)]
    shown = None if text is None else text[:MOST_SHOWN]
    return ask.render("file.html", file=found, text=shown, cut=cut, problem=problem, kind=kind, stores=stores)


def image(ask: PageRequest, file_id: str) -> Response:
    found = require_file(ask.context, file_id)
    kind = _image_type(ask, found)
    if kind is None:
        raise NotFound(f"{file_id} is not an image that could be shown.")
    return Response(ask.context.contents.whole(found["_content"]), media_type=kind)


def stores(ask: PageRequest) -> Response:
    return ask.render("stores.html", page=ask.page(STORES))


async def store(ask: PageRequest, store_id: str) -> Response:
    """Its files, and with `query` the chunks that a search finds; looking is no use of it, so it expires as before."""
    found = require(ask.context, VECTOR_STORE, store_id, "vector_store_id")
    query, hits = ask.query("query"), None
    if query and found["status"] != "expired":
        await ask.project.read_stores(store_id, searching=True)
        hits = ask.context.index.search([store_id], [query], RESULTS)
        found = require(ask.context, VECTOR_STORE, store_id, "vector_store_id")
    page = ask.context.store.page(FILES, field="vector_store_id", parent=store_id, limit=200, descending=True)
    rows: list[dict[str, Any]] = [
        {"held": held, "file": ask.context.store.get("files", held["id"])} for held in page.items
    ]
    return ask.render("store.html", store=found, rows=rows, more=page.has_more, search=query, hits=hits)


def _image_type(ask: PageRequest, file: Object) -> str | None:
    """By its bytes: what a file is called decides nothing."""
    if not file["_content"] or file["bytes"] > MOST_IMAGE_BYTES:
        return None
    try:
        head = next(ask.context.contents.chunks(file["_content"][:1]), b"")
    except KeyError:
        return None
    kind = next((kind for kind, starts in IMAGES.items() if head.startswith(starts)), None)
    return None if kind == "image/webp" and head[8:12] != b"WEBP" else kind


def _is_in(ask: PageRequest, store: Object, file_id: str) -> bool:
    return ask.context.store.get(FILES, child_key(store["id"], file_id)) is not None
