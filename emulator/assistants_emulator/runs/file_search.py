"""File search in runs: the vector stores of a run, the tool's calls, the citations of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.tool_resources import resources_of_run, vector_store_ids
from assistants_emulator.resources.vector_store_search import search_stores
from assistants_emulator.resources.vector_stores import require_usable
from assistants_emulator.responders.replies import Citation, FileSearch
from assistants_emulator.retrieval import Hit, cited_text
from assistants_emulator.store import Object
from assistants_emulator.turns.measures import find_file

RANKING_OPTIONS: Object = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
MOST_RESULTS, MOST_RESULTS_GPT_3_5 = 20, 5  # results that the tool put into the model's context
CITED_MESSAGE = 4  # the first number of every recorded marker; what it counts was never documented


def store_ids(context: Context, run: Object) -> list[str]:
    """The ids of the vector stores of the run (its assistant's, its thread's, its own) that exist; each once."""
    ids = [id for resources in resources_of_run(context, run) for id in vector_store_ids(resources)]
    return [id for id in dict.fromkeys(ids) if context.store.get("vector_stores", id) is not None]


def require_stores(context: Context, run: Object) -> None:
    """InvalidState for a run that may search and has an expired store (docs/reference/behaviour.md#vector-stores)."""
    if any(tool["type"] == "file_search" for tool in run["tools"]):
        for id in store_ids(context, run):
            require_usable(context, id)


def search(context: Context, run: Object, query: str, max_num_results: int | None) -> list[Hit]:
    """Search the run's stores by the limits and the threshold that its `file_search` tool declares."""
    declared = _declared(run)
    fallback = MOST_RESULTS_GPT_3_5 if run["model"].startswith("gpt-3.5") else MOST_RESULTS
    most = max_num_results or declared.get("max_num_results") or fallback
    threshold = declared.get("ranking_options", RANKING_OPTIONS)["score_threshold"]
    return search_stores(context, store_ids(context, run), [query], most, score_threshold=threshold)


def search_call(context: Context, run: Object, reply: FileSearch, question: str) -> Object:
    """The tool call as it is stored; `include` decides if a response shows the `content` of its results."""
    if reply.results is None:
        hits = search(context, run, reply.query or question, reply.max_num_results)
        results = [_result(hit.file_id, hit.filename, hit.score, hit.attributes, hit.text) for hit in hits]
    else:
        pairs = ((find_file(context, store_ids(context, run), result.file), result) for result in reply.results)
        results = [_result(file["id"], file["filename"], result.score, {}, result.text) for file, result in pairs]
    options = _declared(run).get("ranking_options", RANKING_OPTIONS)
    ranking = {name: options[name] for name in RANKING_OPTIONS}
    return {"type": "file_search", "file_search": {"ranking_options": ranking, "results": results}}


def cite(
    context: Context, run: Object, value: str, citations: Sequence[Citation]
) -> tuple[str, list[Object], dict[str, str]]:
    """The text with a marker for each citation, their annotations, and the quotes by their markers."""
    cited = [_cited(context, run, citation) for citation in citations]
    value, annotations = cited_text(value, [(id, name) for id, name, _ in cited], CITED_MESSAGE)
    quotes = (quote for _, _, quote in cited)
    return value, annotations, dict(zip((annotation["text"] for annotation in annotations), quotes, strict=True))


def _cited(context: Context, run: Object, citation: Citation) -> tuple[str, str, str]:
    """The id and name of the cited file, and the quote."""
    if citation.found is None:
        file = find_file(context, store_ids(context, run), citation.file)
        return file["id"], file["filename"], citation.quote or ""
    results = _last_results(context, run)
    if citation.found >= len(results):
        raise ScriptError(f"cannot cite {citation.file}: the run's last file search has {len(results)} results")
    result = results[citation.found]
    passage: str = result["content"][0]["text"]
    return result["file_id"], result["file_name"], passage if citation.quote is None else citation.quote


def _last_results(context: Context, run: Object) -> list[Object]:
    """The results of the run's last file search; none if it made none."""
    for step in reversed(context.store.of("steps", "run_id", run["id"])):
        for call in step["step_details"].get("tool_calls", ()):
            if call["type"] == "file_search":
                results: list[Object] = call["file_search"]["results"]
                return results
    return []


def _declared(run: Object) -> Object:
    """The options of the run's `file_search` tool; none if it has no such tool."""
    return next((tool["file_search"] for tool in run["tools"] if tool["type"] == "file_search"), {})


def _result(file_id: str, filename: str, score: float, attributes: Mapping[str, Any], text: str) -> Object:
    return {
        "file_id": file_id,
        "file_name": filename,
        "score": score,
        "attributes": dict(attributes),
        "content": [{"type": "text", "text": text}],
    }
