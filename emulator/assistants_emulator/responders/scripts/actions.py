"""The actions of script files: a row of `ACTIONS` for each, which builds the reply from its value."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistants_emulator.responders.replies import (
    FOUND,
    Cancel,
    Citation,
    CodeInterpreter,
    Ending,
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
from assistants_emulator.responders.scripts.located import Located
from assistants_emulator.responders.validation import PATH, TRUE, FieldError, display, unknown
from assistants_emulator.store.blobs import decode_base64


def actions(located: Located) -> list[Step]:
    """The replies of a rule's `do`."""
    steps: list[Step] = []
    for item in located.items():
        step = action_of(item)
        if isinstance(step, Usage) and not (steps and isinstance(steps[-1], _STEPS)):
            raise item.wrong("usage belongs to the step before it: put it right after a message or a tool call")
        steps.append(step)
    if not steps:
        raise located.wrong("must hold at least one action, such as {text: STRING}")
    return steps


def action_of(located: Located) -> Step:
    if not isinstance(located.value, dict) or len(located.value) != 1:
        raise located.wrong(f"must be an object with one key, such as {{text: STRING}}, not {display(located.value)}")
    (name,) = located.value
    if name not in ACTIONS:
        raise located.wrong(unknown("action", name, ACTIONS))
    return ACTIONS[name](located.child(name))


@dataclass(frozen=True, slots=True)
class Fields:
    """Builds `make` from an object with these keys, or from a bare value as its field `bare`; `parts` build the values
    of some keys."""

    make: Callable[..., Any]
    keys: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    bare: str = ""
    parts: Mapping[str, Callable[[Located], Any]] = field(default_factory=dict)

    def __call__(self, located: Located) -> Any:
        if self.bare and (not self.keys or not isinstance(located.value, dict)):
            return self.build(located, {self.bare: located.value})
        fields = located.fields(self.keys, self.required)
        return self.build(located, {key: self._part(key, child) for key, child in fields.items()})

    def _part(self, key: str, located: Located) -> Any:
        part = self.parts.get(key)
        return part(located) if part else located.value

    def build(self, located: Located, values: dict[str, Any]) -> Any:
        try:
            return self.make(**values)
        except FieldError as error:
            unquoted = "must be a string" in error.problem and isinstance(values[error.field], _SCALARS)
            raise located.child(error.field).wrong(error.problem + "; put it in quotes" * unquoted) from None


def _each(part: Callable[[Located], Any]) -> Callable[[Located], list[Any]]:
    return lambda located: [part(item) for item in located.items()]


def _image(located: Located) -> Image:
    fields = located.fields(("path", "content_base64", "filename", "file_id"))
    sources = [key for key in fields if key != "filename"]
    if len(sources) != 1:
        names = " and ".join(sources) or "none of them"
        raise located.wrong(f"needs exactly one of path, content_base64 and file_id, and has {names}")
    values = {key: child.value for key, child in fields.items()}
    if "path" in fields:
        values["path"] = _path(fields["path"])
    if "content_base64" in fields:
        values["content"] = _content(fields["content_base64"])
        del values["content_base64"]
    image: Image = Fields(Image).build(located, values)
    return image


def _path(located: Located) -> Path:
    if located.origin.folder is None:
        raise located.wrong("a script that came over the network cannot read files; use content_base64 or file_id")
    return located.origin.folder / str(located.of_kind(PATH))


def _content(located: Located) -> bytes:
    try:
        return decode_base64(located.value)
    except (TypeError, ValueError):
        raise located.wrong(f"must be base64, not {display(located.value)}") from None


def _calls(located: Located) -> list[FunctionCall]:
    calls = [_CALL(item) for item in located.items()]
    if not calls:
        raise located.wrong("must hold at least one {name, arguments, id}")
    if sum(call.then is not None for call in calls) > 1:
        raise located.wrong("has `then` several times; one of parallel calls has it for all")
    return calls


def _citation(located: Located) -> Citation:
    """A citation; one of `found[0]` needs no quote."""
    is_found = isinstance(located.value, dict) and FOUND.fullmatch(str(located.value.get("file")))
    made: Citation = (_FOUND_CITATION if is_found else _CITATION)(located)
    return made


def _ending(located: Located) -> Ending:
    """`then`: an object with one of the actions that end a run."""
    if not isinstance(located.value, dict) or len(located.value) != 1 or not set(located.value) <= set(_ENDINGS):
        raise located.wrong(f"must be an object with one of {', '.join(_ENDINGS)}, not {display(located.value)}")
    (name,) = located.value
    ending: Ending = _ENDINGS[name](located.child(name))
    return ending


def _only_true(make: Callable[[], Any]) -> Callable[[Located], Any]:
    def build(located: Located) -> Any:
        located.of_kind(TRUE)
        return make()

    return build


_SCALARS = (bool, int, float, datetime.date)  # YAML reads yes, 1, 1.5 and 2024-01-01 as these
_STEPS = (Text, Refusal, Image, CodeInterpreter, FileSearch, FunctionCall, list)
_QUOTE = ("file", "quote")
_CITATION, _FOUND_CITATION = Fields(Citation, _QUOTE, _QUOTE), Fields(Citation, _QUOTE, ("file",))
_RESULT = Fields(SearchResult, ("file", "score", "text"), ("file", "score", "text"))
_CALL = Fields(FunctionCall, ("name", "arguments", "id", "then", "after"), ("name",), parts={"then": _ending})
_TOKENS = ("prompt_tokens", "completion_tokens")
_ENDINGS: dict[str, Callable[[Located], Any]] = {
    "fail": Fields(Fail, ("code", "message")),
    "incomplete": Fields(Incomplete, bare="reason"),
    "expire": _only_true(Expire),
    "cancel": _only_true(Cancel),
}

ACTIONS: dict[str, Callable[[Located], Step]] = {
    "text": Fields(
        Text,
        ("value", "citations", "chunks", "then"),
        ("value",),
        "value",
        {"citations": _each(_citation), "then": _ending},
    ),
    "refusal": Fields(Refusal, bare="value"),
    "image_file": _image,
    "code_interpreter": Fields(
        CodeInterpreter,
        ("input", "logs", "images", "files", "execute"),
        ("input",),
        parts={"images": _each(_image), "files": _each(_image)},
    ),
    "file_search": Fields(FileSearch, ("query", "max_num_results", "results"), parts={"results": _each(_RESULT)}),
    "function_call": _CALL,
    "function_calls": _calls,
    "wait": Fields(Wait, bare="seconds"),
    "pause": _only_true(Pause),
    "usage": Fields(Usage, _TOKENS, _TOKENS),
    **_ENDINGS,
}
