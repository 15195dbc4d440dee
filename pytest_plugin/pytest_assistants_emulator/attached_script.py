"""`respond` on an emulator of another process: listed replies as the script that says the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import (
    Cancel,
    Chunk,
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Incomplete,
    Pause,
    Refusal,
    Step,
    Text,
    Usage,
    Wait,
    as_replies,
)

ACTIONS: dict[type, str] = {
    Text: "text",
    CodeInterpreter: "code_interpreter",
    FileSearch: "file_search",
    Fail: "fail",
    Usage: "usage",
}
BARE: dict[type, tuple[str, str]] = {
    Refusal: ("refusal", "value"),
    Wait: ("wait", "seconds"),
    Incomplete: ("incomplete", "reason"),
}
SWITCHES: dict[type, str] = {Pause: "pause", Expire: "expire", Cancel: "cancel"}


class AttachedScript:
    """Rules of `respond` before those of the loaded script, their fallbacks after it: the order in which a project of
    our own would try them."""

    def __init__(self) -> None:
        self._responds: list[dict[str, Any]] = []
        self._loaded: list[dict[str, Any]] = []

    def load(self, script: Mapping[str, Any]) -> dict[str, Any]:
        self._loaded = list(script["replies"])
        return self._whole()

    def add(
        self, *reply: Any, when: Any = None, assistant: str | None = None, times: int | None = None, live: bool = False
    ) -> dict[str, Any]:
        """ScriptError for what only Python can do."""
        if not reply or callable(reply[0]) or callable(when) or live:
            _only_python("a Python function")
        if isinstance(when, re.Pattern):
            _only_python("a compiled pattern")
        condition = {"message": when} if isinstance(when, str) else dict(when or {})
        condition |= {"assistant": assistant} if assistant is not None else {}
        rule: dict[str, Any] = {"when": condition} if condition else {}
        rule |= {"times": times} if times is not None else {}
        self._responds.append({**rule, "do": [action(step) for step in as_replies(reply[0])]})
        return self._whole()

    def _whole(self) -> dict[str, Any]:
        fallbacks = [rule for rule in self._responds if rule.keys() == {"do"}]
        others = [rule for rule in self._responds if rule.keys() != {"do"}]
        return {"version": 1, "replies": [*others, *self._loaded, *fallbacks]}


def action(step: Step) -> dict[str, Any]:
    """`{"text": {"value": "Hello"}}`. In a script braces that name something are filled in, also in these texts."""
    if isinstance(step, list):
        return {"function_calls": [_call(call) for call in step]}
    if isinstance(step, FunctionCall):
        return {"function_call": _call(step)}
    kind = type(step)
    if kind in SWITCHES:
        return {SWITCHES[kind]: True}
    if kind in BARE:
        name, field = BARE[kind]
        return {name: getattr(step, field)}
    if kind is Chunk:
        _only_python("a text that is still being made")
    values = asdict(step)
    if isinstance(step, Text) and step.then is not None:
        values["then"] = action(step.then)
    if kind not in ACTIONS or values.pop("images", None) or values.pop("files", None):
        _only_python("an image")
    return {ACTIONS[kind]: {name: value for name, value in values.items() if value is not None}}


def _call(call: FunctionCall) -> dict[str, Any]:
    """Arguments as a string are taken as they stand, so braces in them are safe."""
    given: dict[str, Any] = {"name": call.name, "arguments": call.arguments_json(), "id": call.id, "after": call.after}
    if call.then is not None:
        given["then"] = action(call.then)
    return {name: value for name, value in given.items() if value is not None}


def _only_python(what: str) -> NoReturn:
    raise ScriptError(
        f"{what} cannot be sent to the emulator that --assistants-url names; give listed replies or a script, or run "
        "this test without --assistants-url"
    )
