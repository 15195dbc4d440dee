"""Search in vector stores, for the endpoint and for file search in runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistants_emulator.contract import SearchVectorStore
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.unit_of_work import UnitOfWork
from assistants_emulator.resources.vector_store_indexing import settle_store
from assistants_emulator.resources.vector_stores import STORE_PATH, require_usable
from assistants_emulator.retrieval import Hit
from assistants_emulator.store import Object

DEFAULT_RESULTS = 10


def search(context: Context, vector_store_id: str, body: dict[str, Any]) -> Object:
    """One page with all hits. `rewrite_query` is ignored: that would take a model."""
    queries = [body["query"]] if isinstance(body["query"], str) else body["query"]
    ranking = body.get("ranking_options") or {}
    hits = search_stores(
        context,
        [vector_store_id],
        queries,
        body.get("max_num_results") or DEFAULT_RESULTS,
        body.get("filters"),
        ranking.get("score_threshold") or 0.0,
    )
    return {
        "object": "vector_store.search_results.page",
        "search_query": body["query"],
        "data": [_result(hit) for hit in hits],
        "has_more": False,
        "next_page": None,
    }


def search_stores(
    context: Context,
    store_ids: Sequence[str],
    queries: Sequence[str],
    max_num_results: int,
    filters: Mapping[str, Any] | None = None,
    score_threshold: float = 0.0,
) -> list[Hit]:
    """The best chunks of all these stores, best first, once their files are read. The stores count as used.

    404 for a store that does not exist, 400 for one that has expired.
    """
    changes = UnitOfWork(context)
    for id in store_ids:
        require_usable(context, id)
        settle_store(context, id, searching=True)
        changes.activity(id)
    changes.commit("vector_store.searched", {"ids": list(store_ids)})
    return context.index.search(store_ids, queries, max_num_results, filters, score_threshold)


def _result(hit: Hit) -> Object:
    return {
        "file_id": hit.file_id,
        "filename": hit.filename,
        "score": hit.score,
        "attributes": dict(hit.attributes),
        "content": [{"type": "text", "text": hit.text}],
    }


ROUTES = (Route("POST", f"{STORE_PATH}/search", search, views.as_is, SearchVectorStore, settles="search", beta=False),)
