"""The turns of recorded responses as rules of a script: one for each message of the user, with all its responses.

A turn goes on in every response whose request brings the outputs of its calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from assistants_emulator.recording.exchange import Body, Exchange
from assistants_emulator.responders.replies import FAIL_CODES
from assistants_emulator.store import Object

ENDED = ("response.completed", "response.incomplete", "response.failed")
INCOMPLETE = {"max_output_tokens": "max_completion_tokens", "content_filter": "content_filter"}


@dataclass(slots=True)
class ResponseTurn:
    """`id` is that of its first response; `problems` are what a script cannot say of it."""

    id: str
    question: str | None
    actions: list[Object] = field(default_factory=list)
    open_calls: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def response_turns(exchanges: Iterable[Exchange]) -> list[ResponseTurn]:
    """The turns in the order of their first responses."""
    turns: list[ResponseTurn] = []
    for request, response in _responses(exchanges):
        items = _input(request)
        answered = {str(item.get("call_id")) for item in items if item.get("type") == "function_call_output"}
        turn = None
        if not _ends_with_question(items):
            turn = next((each for each in reversed(turns) if each.open_calls and each.open_calls <= answered), None)
        if turn is None:
            turn = ResponseTurn(str(response.get("id")), _question(items))
            turns.append(turn)
        _add(turn, response)
    return turns


def _responses(exchanges: Iterable[Exchange]) -> Iterator[tuple[Object, Object]]:
    """The request bodies of created responses, and the responses as they ended."""
    for exchange in exchanges:
        path = urlsplit(exchange.request.path).path.rstrip("/")
        if exchange.request.method != "POST" or path != "/responses" or exchange.response is None:
            continue
        response = _ended(exchange.response.body)
        request = exchange.request.body
        if exchange.response.status == 200 and response is not None:
            yield request.value if request is not None and isinstance(request.value, dict) else {}, response


def _ended(body: Body | None) -> Object | None:
    if body is None:
        return None
    if body.kind == "events":
        ends = [event.data for event in body.value if event.event in ENDED and isinstance(event.data, dict)]
        return ends[-1].get("response") if ends else None
    return body.value if body.kind == "json" and isinstance(body.value, dict) else None


def _input(request: Object) -> list[Object]:
    given = request.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return [{"type": "message", **item} for item in given or [] if isinstance(item, dict)]


def _ends_with_question(items: list[Object]) -> bool:
    kinds = [item["type"] for item in items if item["type"] in ("message", "function_call_output")]
    return kinds[-1:] == ["message"]


def _question(items: list[Object]) -> str | None:
    """The text of the last message of the user."""
    for item in reversed(items):
        if item["type"] == "message" and item.get("role") == "user":
            content = item.get("content")
            if isinstance(content, str):
                return content
            parts = [part for part in content or [] if isinstance(part, dict)]
            return "\n".join(str(part.get("text", "")) for part in parts if part.get("type") == "input_text")
    return None


def _add(turn: ResponseTurn, response: Object) -> None:
    """The actions that make this response, behind those of the turn's earlier ones."""
    start = len(turn.actions)
    calls: list[Object] = []
    for item in response.get("output") or []:
        if item.get("type") == "function_call":
            calls.append({"name": item["name"], "arguments": item["arguments"]})
        else:
            turn.actions += _actions(turn, item)
    made = turn.actions[start:]
    usage = response.get("usage")
    if usage and len(made) == 1:
        tokens = {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]}
        turn.actions.append({"usage": tokens})
    if calls:
        turn.actions.append({"function_call": calls[0]} if len(calls) == 1 else {"function_calls": calls})
    turn.open_calls = {str(item["call_id"]) for item in response.get("output") or [] if item["type"] == "function_call"}
    _add_end(turn, response)


def _actions(turn: ResponseTurn, item: Object) -> Iterator[Object]:
    match item.get("type"):
        case "message":
            for part in item.get("content") or []:
                key = "refusal" if part.get("type") == "refusal" else "text"
                yield {key: str(part.get(key, ""))}
                if part.get("annotations"):
                    turn.problems.append("its citations are left out")
        case "file_search_call":
            queries = item.get("queries") or []
            yield {"file_search": {"query": queries[0]} if queries else {}}
        case "code_interpreter_call":
            logs = "".join(output.get("logs", "") for output in item.get("outputs") or [])
            yield {"code_interpreter": {"input": item.get("code") or "", **({"logs": logs} if logs else {})}}
        case "reasoning":
            return
        case other:
            turn.problems.append(f"its {other} is left out")


def _add_end(turn: ResponseTurn, response: Object) -> None:
    error: Any = response.get("error")
    details: Any = response.get("incomplete_details")
    if error:
        code = error.get("code") if error.get("code") in FAIL_CODES else "server_error"
        turn.actions.append({"fail": {"code": code, "message": str(error.get("message", ""))}})
    elif details:
        turn.actions.append({"incomplete": INCOMPLETE.get(details.get("reason"), "max_completion_tokens")})
