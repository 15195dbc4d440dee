"""The turns of recorded responses as rules of a script: one for each message of the user, with all its responses.

A turn goes on in every response whose request brings the outputs of its calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from assistants_emulator.convert.action_writer import ActionWriter
from assistants_emulator.convert.observed import ObservedSession
from assistants_emulator.convert.run_actions import CUT_OFF
from assistants_emulator.convert.sanitize import objects
from assistants_emulator.recording.exchange import Body, Exchange
from assistants_emulator.responders.replies import FAIL_CODES
from assistants_emulator.store import Object

ENDED = ("response.completed", "response.incomplete", "response.failed")
INCOMPLETE = {"max_output_tokens": "max_completion_tokens", "content_filter": "content_filter"}
USAGE = ("input_tokens", "output_tokens")


class ResponseTurn(ActionWriter):
    """The actions of a turn; `id` is that of its first response."""

    def __init__(self, session: ObservedSession, id: str, question: str | None, chunks: dict[str, list[str]]) -> None:
        super().__init__(session)
        self.id = id
        self.question = question
        self.open_calls: set[str] = set()
        self._chunks = chunks

    def add(self, response: Object) -> None:
        """The actions that make this response, behind those of the turn's earlier ones."""
        start = len(self.actions)
        output = objects(response.get("output"))
        calls = [item for item in output if item.get("type") == "function_call"]
        for item in output:
            self._add_item(item)
        self._add_usage(response.get("usage"), start, USAGE)
        if calls:
            self._add_functions(
                [{"name": str(call.get("name")), "arguments": str(call.get("arguments"))} for call in calls]
            )
        self.open_calls = {str(call.get("call_id")) for call in calls}
        self._add_end(response)

    def _add_item(self, item: Object) -> None:
        match item.get("type"):
            case "message":
                for part in objects(item.get("content")):
                    self._add_part(part, self._chunks.get(str(item.get("id")), []))
            case "file_search_call":
                self._add_search(item)
            case "code_interpreter_call":
                self._add_code(item)
            case "function_call" | "reasoning":
                return
            case other:
                self.problems.append(f"its {other} is left out")

    # Messages

    def _add_part(self, part: Object, chunks: list[str]) -> None:
        if part.get("type") == "refusal":
            self.actions.append({"refusal": self._plain(str(part.get("refusal", "")))})
            return
        value = str(part.get("text", ""))
        notes = objects(part.get("annotations"))
        made = [note for note in notes if note.get("type") == "container_file_citation"]
        images = [str(note.get("file_id")) for note in made if note.get("end_index") == note.get("start_index")]
        self._add_message_images(images, bool(value))
        linked = [note for note in made if str(note.get("file_id")) not in images]
        self._add_code_files(
            {str(note.get("file_id")): PurePosixPath(str(note.get("filename"))).name for note in linked}
        )
        if value or not images:  # the images of code are shown by themselves
            self._add_text(value, self._citations(notes), chunks)
            self._code = None

    def _citations(self, notes: list[Object]) -> list[Object]:
        others = {str(note.get("type")) for note in notes} - {"file_citation", "container_file_citation"}
        self.problems += [f"its {kind} is left out" for kind in sorted(others)]
        files = [self._uploaded_name(note.get("file_id")) for note in notes if note.get("type") == "file_citation"]
        if None in files:
            self.problems.append("its citations name files that the recording did not upload; they are left out")
            return []
        return [{"file": file, "quote": ""} for file in files]

    # Tools

    def _add_search(self, item: Object) -> None:
        results = objects(item.get("results"))
        queries = item.get("queries") or []
        query = {"query": str(queries[0])} if queries else {}
        texts = [str(result.get("text") or "") for result in results]
        self.actions.append({"file_search": {**query, **self._search(results, texts)}})

    def _add_code(self, item: Object) -> None:
        outputs = objects(item.get("outputs"))
        logs = "".join(str(output.get("logs", "")) for output in outputs if output.get("type") == "logs")
        self._begin_code(self._plain(str(item.get("code") or "")), self._plain(logs))

    # End

    def _add_end(self, response: Object) -> None:
        error: Any = response.get("error")
        details: Any = response.get("incomplete_details")
        if error:
            code = error.get("code") if error.get("code") in FAIL_CODES else FAIL_CODES[0]
            if code != error.get("code"):
                self.problems.append(f"its error {error.get('code')!r} becomes {code}")
            self.actions.append({"fail": {"code": code, "message": self._plain(str(error.get("message", "")))}})
        elif details:
            self.actions.append({"incomplete": INCOMPLETE.get(details.get("reason"), "max_completion_tokens")})
        elif response.get("status") == "cancelled":
            self.actions.append({"pause": True})
        elif response.get("status") in ("queued", "in_progress"):
            self.problems.append(CUT_OFF)


def response_turns(exchanges: Iterable[Exchange], session: ObservedSession) -> list[ResponseTurn]:
    """The turns in the order of their first responses."""
    turns: list[ResponseTurn] = []
    recorded = list(exchanges)
    chunks = _chunks(recorded)
    for request, response in _responses(recorded):
        items = _input(request)
        answered = {str(item.get("call_id")) for item in items if item.get("type") == "function_call_output"}
        turn = None
        if not _ends_with_question(items):
            turn = next((each for each in reversed(turns) if each.open_calls and each.open_calls <= answered), None)
        if turn is None:
            turn = ResponseTurn(session, str(response.get("id")), _question(items), chunks)
            turns.append(turn)
        turn.add(response)
    return turns


def _chunks(exchanges: Iterable[Exchange]) -> dict[str, list[str]]:
    """The deltas of each streamed message, by its id."""
    chunks: dict[str, list[str]] = {}
    for exchange in exchanges:
        body = exchange.response.body if exchange.response is not None else None
        for event in body.value if body is not None and body.kind == "events" else ():
            if event.event == "response.output_text.delta" and isinstance(event.data, dict):
                chunks.setdefault(str(event.data.get("item_id")), []).append(str(event.data.get("delta", "")))
    return chunks


def _responses(exchanges: Iterable[Exchange]) -> Iterator[tuple[Object, Object]]:
    """The request bodies of created responses, and the responses as they were seen last."""
    recorded = [each for each in exchanges if each.response is not None and each.response.status == 200]
    latest: dict[str, Object] = {}
    for exchange in recorded:
        path = urlsplit(exchange.request.path).path
        if path.startswith("/responses") and (response := _ended(exchange)) is not None:
            latest[str(response.get("id"))] = response
    for exchange in recorded:
        path = urlsplit(exchange.request.path).path.rstrip("/")
        if exchange.request.method == "POST" and path == "/responses" and (response := _ended(exchange)) is not None:
            request = exchange.request.body
            body = request.value if request is not None and isinstance(request.value, dict) else {}
            yield body, latest[str(response.get("id"))]


def _ended(exchange: Exchange) -> Object | None:
    """The response that the exchange shows; of a stream as it ended."""
    body: Body | None = exchange.response.body if exchange.response is not None else None
    if body is None:
        return None
    shown = _streamed(body) if body.kind == "events" else body.value if body.kind == "json" else None
    return shown if isinstance(shown, dict) and isinstance(shown.get("output"), list) else None


def _streamed(body: Body) -> Any:
    """The response of a stream; of one that broke off with the items that were done."""
    events = [(event.event, event.data) for event in body.value if isinstance(event.data, dict)]
    shown = [data.get("response") for name, data in events if name in ENDED]
    if shown:
        return shown[-1]
    begun = [data.get("response") for name, data in events if name == "response.created"]
    items = [data.get("item") for name, data in events if name == "response.output_item.done"]
    return {**begun[-1], "output": items} if begun and isinstance(begun[-1], dict) else None


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
