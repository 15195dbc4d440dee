"""Responses as turns: how they begin and go on, and what their responders see.

A function call ends a response, and the responder that made it is kept under the ids of its calls. The request with the
outputs goes on with it. Where there is none, after a restart or in a branch, the responder is run again from its start
with the outputs that the history has (docs/reference/behaviour.md#turns-of-responses).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from assistants_emulator.object_kinds import ASSISTANT, THREAD
from assistants_emulator.resources import items
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.token_estimates import context_window, newest_that_fit, of_item
from assistants_emulator.responders.replies import CodeInterpreter, FunctionCall
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.sources import END
from assistants_emulator.responders.turn import Turn
from assistants_emulator.responses import events, history, tools
from assistants_emulator.responses.history import Group
from assistants_emulator.responses.input import ACTIVE
from assistants_emulator.responses.views import view
from assistants_emulator.responses.writer import ResponseWriter, is_unseen
from assistants_emulator.store import Event, Object
from assistants_emulator.turns.invocation import Invocation, TurnServices
from assistants_emulator.turns.task import Finished, TurnTask
from assistants_emulator.turns.turn_source import StoreTurnSource
from assistants_emulator.turns.writer import Opening, Starter

MOST_PARKED = 1000  # responders that wait for outputs; the oldest is left, and run again if its outputs come
ENDED_FROM_OUTSIDE = (events.CANCELLED, events.DELETED)
NOTHING_OF: dict[str, Object] = {
    "assistant": dict.fromkeys(ASSISTANT.keys),
    "thread": {**dict.fromkeys(THREAD.keys), "metadata": {}},
}


@dataclass(frozen=True, slots=True)
class Parked:
    """A responder that has made function calls, and the response with which it did."""

    response_id: str
    rule: Rule
    invocation: Invocation


class ResponseTurns:
    """The TurnApi of responses. A function call ends the response."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parked: OrderedDict[frozenset[str], Parked] = OrderedDict()

    def interrupted(self) -> list[Object]:
        return [response for response in self._context.store.all("responses") if response["status"] in ACTIVE]

    def adopted(self, tables: dict[str, list[Object]]) -> Iterator[tuple[Object, bool]]:
        for response in tables.get("responses", ()):
            if response["status"] in ACTIVE:
                yield response, True

    def hear(self, event: Event, starter: Starter) -> None:
        if event.name == "response.created":
            response = self._context.store.get("responses", event.topic)
            if response is not None:
                stuck = response.get("_stuck")
                last_error = stuck if isinstance(stuck, dict) else None
                starter.start(self, response, paused=stuck is not None, last_error=last_error)
        elif event.name in ENDED_FROM_OUTSIDE and (task := starter.task(event.topic)) is not None:
            task.stop()

    def places(self, subject: Object) -> tuple[str, ...]:
        conversation_id = subject["_conversation_id"]
        return () if conversation_id is None else (conversation_id,)

    def deadline(self, subject: Object) -> float | None:
        return None

    def withdraw(self, id: str) -> bool:
        response = self._context.store.get("responses", id)
        if response is None or not is_unseen(response):
            return False
        rows = self._context.store.of(items.TABLE, "_response_id", id)
        drops = [(items.TABLE, item["id"]) for item in rows if item.get("_conversation_id") is None]
        drops.append(("responses", id))
        self._context.commit(Event("response.changed", response, drops=tuple(drops), is_unseen=True))
        return True

    def writer(self, subject: Object) -> ResponseWriter:
        id: str = subject["id"]
        return ResponseWriter(self._context, id, lambda: self._context.store.listening(id))

    def turn(self, subject: Object, services: TurnServices) -> Turn:
        """The response as its responder sees it; it has no assistant and no thread, so these are empty."""
        lookups = _ResponseLookups(self._context, subject)
        source = StoreTurnSource(self._context, subject["id"], lookups, services.hop, services.make_client)
        request = _request(self._context, subject)
        shown = view(subject, ())
        shown["model"] = request["model"]
        turn = Turn(shown, NOTHING_OF["assistant"], NOTHING_OF["thread"], source, api="responses", request=request)
        if "_rule" in subject:
            written = history.output_of(self._context, subject)
            turn.first_reply = max((item["_reply"] for item in written), default=-1) + 1
        return turn

    async def open(self, task: TurnTask) -> Opening:
        """Begin a turn, or go on with the one whose calls the request answers."""
        response = task.writer.subject
        turn, services = self.turn(response, task.services), task.services
        said = history.since_user_message(self._context, response)
        answered = history.groups(self._context, said)
        if "_rule" not in response and answered:
            parked = self._take(answered[-1], services)
            if parked is not None:
                return Opening(parked.rule, parked.invocation, answered[-1].in_order())
        rule = await self._begun_with(response, answered, turn, services) or await services.choose(turn)
        if answered:
            turn.outputs = answered[-1].in_order()
            turn.earlier_calls = [group.calls for group in answered]
            replayed = await self._replay(rule, turn, answered, services, response)
            if replayed is not None:
                return replayed
        return Opening(rule, services.invoke(rule, turn, response["id"]))

    async def call(self, task: TurnTask, number: int, calls: list[FunctionCall]) -> list[str]:
        """Write the calls, end the response, and keep its responder for the request with the outputs."""
        if not task.writer.is_written(number):
            await task.require_room(calls)
            await task.commit_paced(task.writer.functions(number, calls))
        task.commit(task.writer.complete())
        rule, invocation = task.take_invocation()
        response = task.writer.subject
        made = {"_rule_key": rule_key(rule)}
        task.commit([Event("response.changed", response, (("responses", {**response, **made}),))])
        self._park(frozenset(response["_open_calls"]), Parked(response["id"], rule, invocation))
        raise Finished

    def close(self) -> None:
        while self._parked:
            self._parked.popitem()[1].invocation.close()

    def _park(self, calls: frozenset[str], parked: Parked) -> None:
        if (earlier := self._parked.pop(calls, None)) is not None:
            earlier.invocation.close()
        self._parked[calls] = parked
        if len(self._parked) > MOST_PARKED:
            self._parked.popitem(last=False)[1].invocation.close()

    def _take(self, group: Group, services: TurnServices) -> Parked | None:
        """The responder that waits for these outputs, unless its rule was replaced meanwhile."""
        parked = self._parked.pop(frozenset(call["call_id"] for call in group.calls), None)
        if parked is not None and services.rules.find(parked.rule.id) is not parked.rule:
            parked.invocation.close()
            return None
        return parked

    async def _begun_with(
        self, response: Object, answered: list[Group], turn: Turn, services: TurnServices
    ) -> Rule | None:
        """The rule that the turn began with: before a restart, or in an earlier response; None if it is gone."""
        if "_rule" in response:
            return await services.find(response["_rule"], turn)
        call_id = answered[-1].calls[0]["call_id"] if answered else ""
        maker = history.maker_of(self._context, call_id)
        earlier = self._context.store.get("responses", maker) if maker is not None else None
        if earlier is None or "_rule" not in earlier:
            return None
        rule = services.rules.find(earlier["_rule"])
        if rule is None or rule_key(rule) != earlier.get("_rule_key"):
            return None
        return await services.find(rule.id, turn)

    async def _replay(
        self, rule: Rule, turn: Turn, answered: list[Group], services: TurnServices, response: Object
    ) -> Opening | None:
        """Run the responder up to the last answered call; None if it does not make the calls of the history."""
        invocation = services.invoke(rule, turn, response["id"])
        remaining, outputs = list(answered), None
        printed = _printed(history.since_user_message(self._context, response))
        while remaining:
            reply = await invocation.next(outputs)
            outputs = None
            if reply is END:
                break
            if isinstance(reply, FunctionCall | list):
                group = remaining.pop(0)
                if not _fits(reply if isinstance(reply, list) else [reply], group):
                    remaining.insert(0, group)
                    break
                outputs = group.in_order()
            elif isinstance(reply, CodeInterpreter) and reply.execute:
                outputs = [printed.pop(0) if printed else ""]
        if remaining:
            invocation.close()
            return None
        return Opening(rule, invocation, outputs)


def rule_key(rule: Rule) -> str:
    """Tells a rule from another one that took its place under the same id, as a script's rules do."""
    text = f"{rule.id}\0{rule.label}\0{rule.condition!r}\0{rule.source!r}" if rule.source.inline else rule.id
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _fits(calls: list[Any], group: Group) -> bool:
    """True if the reply makes the calls of the group, in any order of their keys."""
    if len(calls) != len(group.calls):
        return False
    return all(_is_call(call, item) for call, item in zip(calls, group.calls, strict=True))


def _is_call(call: FunctionCall, item: Object) -> bool:
    if call.name != item["name"] or (call.id is not None and call.id != item["call_id"]):
        return False
    return bool(_parsed(call.arguments_json()) == _parsed(item["arguments"]))


def _parsed(arguments: str) -> Any:
    try:
        return orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments


def _printed(said: list[Object]) -> list[str]:
    """The logs of each code that was executed in this turn."""
    calls = (item for item in said if item["type"] == "code_interpreter_call")
    return ["".join(output.get("logs", "") for output in call.get("outputs") or []) for call in calls]


def _request(context: Context, response: Object) -> Object:
    """The body of the request; its input items as they are listed, where it had some."""
    request: Object = dict(response["_request"])
    if "input" not in request:
        request["input"] = [items.view(item) for item in history.input_of(context, response)]
    return request


class _ResponseLookups:
    def __init__(self, context: Context, response: Object) -> None:
        self._context = context
        self._response = response

    def messages(self) -> list[Object]:
        """Those of the context; with `truncation: auto`, of what fits into the model's context window."""
        context, response = self._context, self._response
        window = context_window(context, response["_request"]["model"])
        if response["truncation"] == "auto" and window is not None:
            room = window - response["_fixed_tokens"]
            visible = newest_that_fit(history.backwards(context, response), of_item, room)
        else:
            visible = history.context_items(context, response)
        return [items.view(item) for item in visible if item["type"] == "message"]

    def last_message(self) -> Object | None:
        message = history.last_message(self._context, self._response)
        return None if message is None else items.view(message)

    def steps(self) -> list[Object]:
        """The items of the turn so far, other than messages."""
        said = history.since_user_message(self._context, self._response)
        return [items.view(item) for item in said if item["type"] != "message"]

    def search(self, query: str, max_num_results: int | None) -> list[Any]:
        return list(tools.search(self._context, self._response, query, max_num_results))
