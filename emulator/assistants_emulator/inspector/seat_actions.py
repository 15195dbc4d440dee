"""The forms of the page at which a person plays, each checked before it becomes a reply of the turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response

from assistants_emulator.errors import ApiError, EmulatorError
from assistants_emulator.inspector.play import ANOTHER_PERSON, ENDED, functions_of, passages, query_of, seat_page
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.inspector.schema_form import FormError, parse_json, value_of
from assistants_emulator.responders.person import Seat
from assistants_emulator.responders.replies import (
    Cancel,
    Chunk,
    Citation,
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Incomplete,
    Refusal,
    SearchResult,
    StepEnd,
    Text,
)
from assistants_emulator.responders.sources import END
from assistants_emulator.retrieval import Hit
from assistants_emulator.turns.checks import schema_problem
from assistants_emulator.turns.task import TurnTask

MOVED_ON = "The run has moved on since this page was loaded, and nothing was sent. This is how it stands now."
NOT_NOW = "The run waits for the outputs of its function calls; the application has to submit them first."
HAS_STREAMED = "This message has begun to stream; passages can be cited by a message that is sent whole."


class Conflict(ApiError):
    """409: the seat is another's, or not as the form supposes."""

    status = 409


async def say(request: PageRequest, turn_id: str) -> Response:
    """Carry out the form's `do`, and show the seat again; a form that cannot be carried out changes nothing."""
    try:
        task, seat = _task(request, turn_id)
        do = ACTIONS.get(request.field("do").partition(":")[0])
        if do is None:
            raise ApiError(f"There is no action {request.field('do')!r}.")
        if request.field("do") != "take":
            _require_turn(request, task, seat)
        await do(request, task, seat)
    except (ApiError, EmulatorError) as error:
        return await seat_page(request, turn_id, error)
    query = {"q": request.field("q")} if request.field("do") == "search" else {}
    return request.to("play", turn_id, me=request.field("person"), **query)


async def chunk(request: PageRequest, turn_id: str) -> Response:
    """A piece of the message that is being typed. `offset` is the length of what the page has sent of it before.

    The answer is JSON for the page's script, with the error if there is one: it is no mistake of the script.
    """
    try:
        task, seat = _task(request, turn_id)
        _require_person(request, task, seat)
        if request.field("offset") != str(len(seat.text)):
            raise Conflict(MOVED_ON)
        seat.person = request.field("person")
        seat.say(Chunk(_text(request, "text")))
    except (ApiError, EmulatorError) as error:
        return JSONResponse({"error": message_of(error)})
    return JSONResponse({"offset": len(seat.text)})


def _task(request: PageRequest, turn_id: str) -> tuple[TurnTask, Seat]:
    task = request.project.scheduler.task(turn_id)
    if task is None or task.id != turn_id or task.seat is None:
        raise Conflict(ENDED)
    return task, task.seat


def _require_person(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    if seat.person not in ("", request.field("person")):
        raise Conflict(ANOTHER_PERSON)
    if not task.waits_for_person:
        raise Conflict(NOT_NOW)


def _require_turn(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    _require_person(request, task, seat)
    if request.field("number") != str(seat.number):
        raise Conflict(MOVED_ON)
    seat.person = request.field("person")


async def _take(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    seat.person = request.field("person")


async def _reply(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    """A message, whole or the rest of one that has begun to stream; `do=say` ends the run with it."""
    text, last = _text(request, "text"), [END] if request.field("do") == "say" else []
    cited = [name for name in request.form or {} if name.startswith("cite:")]
    if seat.text:
        if cited:
            raise FormError(HAS_STREAMED)
        seat.say(*([Chunk(text)] if text else []), StepEnd(), *last)
        return
    if not text.strip():
        raise FormError("The message is empty.")
    hits = await passages(request, task, query_of(request)) if cited else []
    chosen = [hit for hit in hits if f"cite:{hit.file_id}:{hit.chunk_number}" in cited]
    if len(chosen) != len(cited):
        raise FormError("The search finds other passages now; choose them again.")
    reply = Text(text, [Citation(hit.file_id, hit.text) for hit in chosen])
    steps: list[object] = [_search_step(hits, query_of(request))] if chosen and _has_tool(task, "file_search") else []
    for step in (*steps, reply):
        await task.check(step)
    seat.say(*steps, reply, *last)


async def _piece(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    """The text as a piece of a message that goes on: streaming without JavaScript."""
    if not (text := _text(request, "text")):
        raise FormError("The piece is empty.")
    seat.say(Chunk(text))


async def _finish(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    seat.say(END)


async def _call(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    """Call the form's function now (`call`), or keep the call until all are made at once (`add`)."""
    call = await _function_call(request, task)
    calls = [*seat.calls, call]
    await task.check(calls)
    if request.field("do") == "add":
        seat.calls = calls
        seat.number += 1
        return
    _make(seat, calls)


async def _make_calls(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    await task.check(seat.calls)
    _make(seat, seat.calls)


def _make(seat: Seat, calls: list[FunctionCall]) -> None:
    if not calls:
        raise FormError("There is no call to make.")
    seat.calls = []
    seat.say(calls)


async def _remove_call(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    index = request.field("do").partition(":")[2]
    seat.calls = [call for number, call in enumerate(seat.calls) if str(number) != index]
    seat.number += 1


async def _function_call(request: PageRequest, task: TurnTask) -> FunctionCall:
    name = request.field("function")
    function = next((each for each in functions_of(task.writer.subject) if each.name == name), None)
    if function is None:
        raise FormError(f"The run declares no function {name!r}.")
    text = _text(request, "json")
    if text.strip() and request.field("as_is"):
        return FunctionCall(name, text)  # models make broken JSON too, and applications are tested with it
    if text.strip() or function.fields is None:
        arguments = parse_json(text or "{}", "The text of the arguments")
    else:
        arguments = value_of(function.fields, request.form or {})
    if not isinstance(arguments, dict):
        raise FormError("The arguments are a JSON object, {...}.")
    if (problem := await request.project.work(partial(schema_problem, function.schema, arguments))) is not None:
        raise FormError(f"The arguments do not fit the function's parameters: {problem}")
    return FunctionCall(name, text if text.strip() else arguments)


async def _code(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    """A code interpreter call with the output that the person gives: nothing is executed."""
    input, logs = _text(request, "input"), _text(request, "logs")
    if not input.strip():
        raise FormError("The code is empty.")
    await _checked(task, seat, CodeInterpreter(input, logs or None))


async def _search_files(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    """Record the search as a step of the run, with the passages that the page shows."""
    if not query_of(request):
        raise FormError("The query is empty.")
    await _checked(task, seat, _search_step(await passages(request, task, query_of(request)), query_of(request)))


async def _refuse(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    if not _text(request, "refusal").strip():
        raise FormError("The refusal is empty.")
    await _checked(task, seat, Refusal(_text(request, "refusal")), END)


async def _fail(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    message = _text(request, "message")
    seat.say(Fail(request.field("code"), message) if message else Fail(request.field("code")))


async def _incomplete(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    """End the run as incomplete: in the middle of the message that is being typed, or of the given one."""
    ending, text = Incomplete(request.field("reason")), _text(request, "text")
    if text and not seat.text:
        seat.say(Text(text, then=ending))
    else:
        seat.say(*([Chunk(text)] if text else []), ending)


async def _expire(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    seat.say(Expire())


async def _cancel(request: PageRequest, task: TurnTask, seat: Seat) -> None:
    seat.say(Cancel())


ACTIONS: dict[str, Callable[[PageRequest, TurnTask, Seat], Any]] = {
    "take": _take,
    "say": _reply,
    "go_on": _reply,
    "piece": _piece,
    "finish": _finish,
    "call": _call,
    "add": _call,
    "make": _make_calls,
    "remove": _remove_call,
    "code": _code,
    "search": _search_files,
    "refuse": _refuse,
    "fail": _fail,
    "incomplete": _incomplete,
    "expire": _expire,
    "cancel": _cancel,
}


async def _checked(task: TurnTask, seat: Seat, reply: object, *more: object) -> None:
    """Say it, unless the request does not allow it (ScriptError)."""
    await task.check(reply)
    seat.say(reply, *more)


def _has_tool(task: TurnTask, kind: str) -> bool:
    return any(tool["type"] == kind for tool in task.writer.subject["tools"])


def _text(request: PageRequest, name: str) -> str:
    """A field as it was typed: browsers send each end of a line as two characters."""
    return (request.form or {}).get(name, "").replace("\r\n", "\n")


def _search_step(hits: list[Hit], query: str) -> FileSearch:
    return FileSearch(query, results=[SearchResult(hit.file_id, hit.score, hit.text) for hit in hits])
