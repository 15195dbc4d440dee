"""The actions of script files: a row of `ACTIONS` for each, which builds the reply from its value."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistants_emulator.responders.replies import (
    Citation,
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Pause,
    Refusal,
    SearchResult,
    Step,
    Text,
    Usage,
    Wait,
)
from assistants_emulator.responders.scripts.located import Spot
from assistants_emulator.responders.validation import PATH, TRUE, FieldError, display, unknown
from assistants_emulator.store.blobs import decode_base64


def actions(spot: Spot) -> list[Step]:
    """The replies of a rule's `do`."""
    steps: list[Step] = []
    for item in spot.items():
        step = _action(item)
        if isinstance(step, Usage) and not (steps and isinstance(steps[-1], _STEPS)):
            raise item.wrong("usage belongs to the step before it: put it right after a message or a tool call")
        steps.append(step)
    if not steps:
        raise spot.wrong("must hold at least one action, such as {text: STRING}")
    return steps


def _action(spot: Spot) -> Step:
    if not isinstance(spot.value, dict) or len(spot.value) != 1:
        raise spot.wrong(f"must be an object with one key, such as {{text: STRING}}, not {display(spot.value)}")
    (name,) = spot.value
    if name not in ACTIONS:
        raise spot.wrong(unknown("action", name, ACTIONS))
    return ACTIONS[name](spot.child(name))


@dataclass(frozen=True, slots=True)
class Fields:
    """Builds `make` from an object with these keys, or from a bare value as its field `bare`."""

    make: Callable[..., Any]
    keys: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    bare: str = ""
    parts: Mapping[str, Callable[[Spot], Any]] = field(default_factory=dict)

    def __call__(self, spot: Spot) -> Any:
        if self.bare and (not self.keys or not isinstance(spot.value, dict)):
            return self.build(spot, {self.bare: spot.value})
        fields = spot.fields(self.keys, self.required)
        return self.build(spot, {key: self._part(key, child) for key, child in fields.items()})

    def _part(self, key: str, spot: Spot) -> Any:
        part = self.parts.get(key)
        return [part(item) for item in spot.items()] if part else spot.value

    def build(self, spot: Spot, values: dict[str, Any]) -> Any:
        try:
            return self.make(**values)
        except FieldError as error:
            unquoted = "must be a string" in error.problem and isinstance(values[error.field], _SCALARS)
            raise spot.child(error.field).wrong(error.problem + "; put it in quotes" * unquoted) from None


def _image(spot: Spot) -> Image:
    fields = spot.fields(("path", "content_base64", "filename", "file_id"))
    sources = [key for key in fields if key != "filename"]
    if len(sources) != 1:
        names = " and ".join(sources) or "none of them"
        raise spot.wrong(f"needs exactly one of path, content_base64 and file_id, and has {names}")
    values = {key: child.value for key, child in fields.items()}
    if "path" in fields:
        values["path"] = _path(fields["path"])
    if "content_base64" in fields:
        values["content"] = _content(fields["content_base64"])
        del values["content_base64"]
    image: Image = Fields(Image).build(spot, values)
    return image


def _path(spot: Spot) -> Path:
    if spot.origin.folder is None:
        raise spot.wrong("a script that came over the network cannot read files; use content_base64 or file_id")
    return spot.origin.folder / str(spot.of_kind(PATH))


def _content(spot: Spot) -> bytes:
    try:
        return decode_base64(spot.value)
    except (TypeError, ValueError):
        raise spot.wrong(f"must be base64, not {display(spot.value)}") from None


def _calls(spot: Spot) -> list[FunctionCall]:
    calls = [_CALL(item) for item in spot.items()]
    if not calls:
        raise spot.wrong("must hold at least one {name, arguments, id}")
    return calls


def _only_true(make: Callable[[], Step]) -> Callable[[Spot], Step]:
    def build(spot: Spot) -> Step:
        spot.of_kind(TRUE)
        return make()

    return build


_SCALARS = (bool, int, float, datetime.date)  # YAML reads yes, 1, 1.5 and 2024-01-01 as these
_STEPS = (Text, Refusal, Image, CodeInterpreter, FileSearch, FunctionCall, list)
_CITATION = Fields(Citation, ("file", "quote"), ("file", "quote"))
_RESULT = Fields(SearchResult, ("file", "score", "text"), ("file", "score", "text"))
_CALL = Fields(FunctionCall, ("name", "arguments", "id"), ("name",))
_TOKENS = ("prompt_tokens", "completion_tokens")

ACTIONS: dict[str, Callable[[Spot], Step]] = {
    "text": Fields(Text, ("value", "citations", "chunks"), ("value",), "value", {"citations": _CITATION}),
    "refusal": Fields(Refusal, bare="value"),
    "image_file": _image,
    "code_interpreter": Fields(
        CodeInterpreter,
        ("input", "logs", "images", "files", "execute"),
        ("input",),
        parts={"images": _image, "files": _image},
    ),
    "file_search": Fields(FileSearch, ("query", "max_num_results", "results"), parts={"results": _RESULT}),
    "function_call": _CALL,
    "function_calls": _calls,
    "wait": Fields(Wait, bare="seconds"),
    "pause": _only_true(Pause),
    "usage": Fields(Usage, _TOKENS, _TOKENS),
    "fail": Fields(Fail, ("code", "message")),
    "incomplete": Fields(Incomplete, bare="reason"),
    "expire": _only_true(Expire),
}
