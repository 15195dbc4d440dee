"""Request parameters as lines of text, to compare the SDK's types with our models.

A line is a field with its kind (`tools[function].function.name: string`), one of its words (`role = user`) or that it
is required (`model: required`). Alternatives with a `type` are distinguished by it. Nullability is left out: clients
send null for "not given" everywhere, and the emulator accepts it.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typing_extensions
from pydantic import BaseModel

KINDS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
WRAPPERS = {typing.Required, typing_extensions.Required, typing.NotRequired, typing_extensions.NotRequired, Annotated}
UNIONS = {Union, types.UnionType}


def facts(model: Any, left_out: Iterable[str] = ()) -> set[str]:
    """Of a TypedDict, a pydantic model, or a union of such; without the fields that are said elsewhere than in it."""
    return {line for line in _of(model, "", ()) if re.split(r"\W", line)[0] not in left_out}


def _of(kind: Any, path: str, inside: tuple[Any, ...]) -> Iterator[str]:
    if get_origin(kind) in WRAPPERS:
        yield from _of(get_args(kind)[0], path, inside)
    elif get_origin(kind) in UNIONS:
        yield from _alternatives(list(_flat(kind)), path, inside)
    elif get_origin(kind) is Literal:
        yield from (f"{path}: boolean" if isinstance(word, bool) else f"{path} = {word}" for word in get_args(kind))
    elif get_origin(kind) is dict:
        yield f"{path}: object"
        yield from _of(get_args(kind)[1], f"{path}.*", inside)
    elif get_origin(kind) is not None or kind is list:
        yield f"{path}: array"
        yield from _of(get_args(kind)[0], f"{path}[]", inside)
    elif _is_object(kind):
        yield from _fields(kind, path, inside)
    elif kind in KINDS:
        yield f"{path}: {KINDS[kind]}"


def _alternatives(kinds: list[Any], path: str, inside: tuple[Any, ...]) -> Iterator[str]:
    """A string beside words makes them examples."""
    several = len([kind for kind in kinds if _is_object(kind)]) > 1
    for kind in kinds:
        if _is_object(kind):
            yield from _fields(kind, path, inside, several)
        elif get_origin(kind) is not Literal or str not in kinds:
            yield from _of(kind, path, inside)


def _fields(kind: Any, path: str, inside: tuple[Any, ...], several: bool = False) -> Iterator[str]:
    """Those of an object, told once for each word of its `type` where there is more than one object or word."""
    if kind in inside:
        return
    tags = get_args(_hints(kind).get("type")) if path else ()
    for place in [f"{path}[{tag}]" for tag in tags] if len(tags) > (0 if several else 1) else [path]:
        if place:
            yield f"{place}: object"
        for name, hint in _hints(kind).items():
            if name == "type" and place != path:
                continue
            field = f"{place}.{name}" if place else name
            if name in _required(kind):
                yield f"{field}: required"
            yield from _of(hint, field, (*inside, kind))


def _flat(kind: Any) -> Iterator[Any]:
    """The alternatives of a union, those of unions in it too, without null."""
    if get_origin(kind) in WRAPPERS:
        yield from _flat(get_args(kind)[0])
    elif get_origin(kind) in UNIONS:
        for one in get_args(kind):
            yield from _flat(one)
    elif kind is not types.NoneType:
        yield kind


def _is_object(kind: Any) -> bool:
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or typing_extensions.is_typeddict(kind))


def _hints(kind: Any) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        hints = typing_extensions.get_type_hints(kind)
        return {field.alias or name: hints[name] for name, field in kind.model_fields.items()}
    hints = typing_extensions.get_type_hints(kind)
    return {name: next(_flat(hint)) if len(list(_flat(hint))) == 1 else hint for name, hint in hints.items()}


def _required(kind: Any) -> Iterable[str]:
    if issubclass(kind, BaseModel):
        return {field.alias or name for name, field in kind.model_fields.items() if field.is_required()}
    return {
        name
        for base in (kind, *_bases(kind))
        for name, hint in base.__annotations__.items()
        if name in kind.__required_keys__ or "Required[" in str(hint)
    }


def _bases(kind: Any) -> Iterable[Any]:
    return [base for base in getattr(kind, "__orig_bases__", ()) if _is_object(base)]
