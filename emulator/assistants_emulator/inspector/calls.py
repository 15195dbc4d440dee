"""The request log: a list, a page for each request with its response, and the request as a curl command."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from starlette.responses import Response

from assistants_emulator.errors import NotFound
from assistants_emulator.inspector.lists import place
from assistants_emulator.inspector.request import PAGE_SIZE, PageRequest
from assistants_emulator.inspector.search import starting_with
from assistants_emulator.project.request_log import MOST_ANSWER_BYTES, MOST_ANSWERS, MOST_BODY_BYTES, LoggedRequest

ERRORS = "errors"
PERIODS = ((60, "last minute"), (600, "last 10 minutes"), (3600, "last hour"))
MOST_LINKS = 20
MOST_NAMES = 500  # words like ids that are looked up for a page
_ID = re.compile(r"[a-z]{2,16}[-_][A-Za-z0-9_-]{4,80}")


def calls(request: PageRequest) -> Response:
    """The list, newest first.

    `text` filters by method and path, or by an id in the answers that are kept, `method` and `status` (`2xx`,
    `dropped`) by those, `since` by the seconds since the request, `slower` by its milliseconds; `show` is `errors` or
    empty.
    """
    log = request.project.requests
    calls = list(log)
    matches = list(islice(_matches(request, calls), PAGE_SIZE + 1))
    rows = [(number, logged, _refusal(logged)) for number, logged in matches[:PAGE_SIZE]]
    return request.render(
        "calls.html",
        rows=rows,
        more=len(matches) > PAGE_SIZE,
        total=log.total,
        log=log,
        chips=sorted(Counter(_class(call) for call in calls).items()),
        methods=sorted({call.method for call in calls}),
        periods=PERIODS,
    )


def call(request: PageRequest, number: str) -> Response:
    log = request.project.requests
    index = int(number) - 1 - log.dropped if number.isdecimal() and len(number) < 12 else -1
    if not 0 <= index < len(log):
        raise NotFound(f"There is no request {number} in the log, which keeps the newest 10,000.")
    logged: LoggedRequest = log[index]
    answer = logged.answer and logged.answer.decode("utf-8", "replace")
    return request.render(
        "call.html",
        number=int(number),
        call=logged,
        body=logged.body,
        cut=len(logged.raw) >= MOST_BODY_BYTES,
        answer=answer or None,
        answer_cut=len(logged.answer or b"") >= MOST_ANSWER_BYTES,
        forgotten=int(number) <= log.total - MOST_ANSWERS,
        links=_links(request, logged),
        command=curl(logged, request.origin, request.key),
    )


def _refusal(call: LoggedRequest) -> str:
    """The message of an error in the API's envelope; empty if the response is another or no longer kept."""
    try:
        body = json.loads(call.answer or b"") if call.status >= 400 else {}
        return str(body["error"]["message"]) if body else ""
    except (ValueError, KeyError, TypeError):
        return ""


def _links(request: PageRequest, call: LoggedRequest) -> list[tuple[str, str, tuple[str, ...]]]:
    """The word, the id and the page of each object that the call names or has made, in the order of their names."""
    text = "\n".join((call.path, call.raw.decode("utf-8", "replace"), (call.answer or b"").decode("utf-8", "replace")))
    links = []
    for id in islice(dict.fromkeys(_ID.findall(text)), MOST_NAMES):
        for table, word, stored in starting_with(request.context, id, is_whole=True):
            if page := place(table, stored):
                links.append((word, id, page))
    return links[:MOST_LINKS]


def _matches(request: PageRequest, calls: list[LoggedRequest]) -> Iterator[tuple[int, LoggedRequest]]:
    """Numbers and requests that pass the query's filters, newest first."""
    text, method, status = request.query("text").lower(), request.query("method"), request.query("status")
    wants_errors, before = request.query("show") == ERRORS, request.query("before")
    is_id = _ID.fullmatch(request.query("text")) is not None
    slower = _number(request.query("slower")) / 1000
    since = _number(request.query("since"))
    earliest = time.perf_counter() - since if since else 0.0
    number = request.project.requests.total + 1
    for logged in reversed(calls):
        number -= 1
        if before.isdecimal() and number >= int(before[:12]):
            continue
        if logged.started < earliest or (wants_errors and 200 <= logged.status < 400):
            continue
        if (method and logged.method != method) or (status and _class(logged) != status) or logged.seconds < slower:
            continue
        if text in f"{logged.method} {logged.path}".lower() or (
            is_id and text.encode() in (logged.answer or b"").lower()
        ):
            yield number, logged


def _class(call: LoggedRequest) -> str:
    return f"{call.status // 100}xx" if call.status else "dropped"


def _number(text: str) -> float:
    return float(text[:12]) if text.isdecimal() else 0.0


def curl(call: LoggedRequest, origin: str, key: str) -> str:
    """The request as a command for any POSIX shell. An upload has a placeholder: the log does not keep files."""
    if _is_form(call):
        return curl_command(call.method, origin + call.path, key, form=("purpose=assistants", "file=@FILE"))
    return curl_command(call.method, origin + call.path, key, call.raw.decode("utf-8", "replace"))


def curl_command(method: str, url: str, key: str, body: str = "", form: Sequence[str] = ()) -> str:
    """A command with the key and a body of JSON, or the fields of a form."""
    lines = [f"curl {shlex.quote(url)}" if method == "GET" else f"curl -X {method} {shlex.quote(url)}"]
    lines += [f"-H {shlex.quote(f'Authorization: Bearer {key}')}", "-H 'OpenAI-Beta: assistants=v2'"]
    lines += [f"-F {field}" for field in form]
    if body:
        lines += ["-H 'Content-Type: application/json'", f"--data-raw {shlex.quote(body)}"]
    return " \\\n  ".join(lines)


def _is_form(call: LoggedRequest) -> bool:
    return call.raw.startswith(b"--") and b"Content-Disposition: form-data" in call.raw[:2000]
