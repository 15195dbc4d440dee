"""A form for the arguments of a function, made from the JSON schema of its parameters.

What a form cannot ask for (`anyOf`, `$ref`, lists of objects, deep nesting) is a field for JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from assistants_emulator.errors import EmulatorError

Kind: TypeAlias = Literal["string", "number", "integer", "boolean", "choice", "lines", "json", "group"]
Schema: TypeAlias = Mapping[str, Any]
SCALARS: tuple[Kind, ...] = ("string", "number", "integer")
PLAIN: dict[object, Kind] = {"string": "string", "number": "number", "integer": "integer", "boolean": "boolean"}
DEEPEST = 4  # groups within groups
MOST_FIELDS = 200  # of one function; the rest is asked for as JSON


class FormError(EmulatorError):
    """A field of a form cannot be read; the message is for the person who has filled it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One argument. `id` is its form field's name; `name` is its key in the object.

    `choices` and `initial` are the texts of form values; a `group` has `fields`. `items` is the type of each line.
    """

    id: str
    name: str
    kind: Kind
    is_required: bool = False
    is_nullable: bool = False
    description: str = ""
    choices: tuple[str, ...] = ()
    initial: str = ""
    items: str = "string"
    fields: tuple[Field, ...] = ()


def fields_of(schema: object, id: str) -> tuple[Field, ...] | None:
    """The fields of an object's schema, their ids beginning with `id`; None if only JSON can be asked for."""
    if not isinstance(schema, Mapping) or not schema:
        return ()
    fields = _properties(schema, id, 0)
    return fields if fields is not None and sum(1 for _ in _flat(fields)) <= MOST_FIELDS else None


def value_of(fields: tuple[Field, ...], form: Mapping[str, str]) -> dict[str, Any]:
    """The object that the form's fields describe; FormError for a field that cannot be read.

    An optional field that is empty is left out, a required one that may be null is null.
    """
    values: dict[str, Any] = {}
    for field in fields:
        if field.kind == "group":
            if field.is_required or any(form.get(inner.id, "") for inner in _flat(field.fields)):
                values[field.name] = value_of(field.fields, form)
            continue
        text = form.get(field.id, "").replace("\r\n", "\n")
        if text or field.is_required:
            values[field.name] = _value(field, text)
    return values


def parse_json(text: str, label: str) -> Any:
    """The value of a JSON text; FormError with the place of a mistake."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise FormError(f"{label} is no JSON at line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except (ValueError, RecursionError) as error:
        raise FormError(f"{label} is no JSON: {error}.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _properties(schema: Schema, id: str, depth: int) -> tuple[Field, ...] | None:
    properties = schema.get("properties", {})
    if schema.get("type", "object") != "object" or not isinstance(properties, Mapping) or depth > DEEPEST:
        return None
    if any(key in schema for key in ("anyOf", "oneOf", "allOf", "$ref")):
        return None
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    pairs = enumerate(properties.items())
    return tuple(_field(inner, name, f"{id}.{number}", name in names, depth) for number, (name, inner) in pairs)


def _field(schema: object, name: str, id: str, is_required: bool, depth: int) -> Field:
    if not isinstance(schema, Mapping):
        return Field(id, name, "json", is_required)
    types = schema.get("type")
    kinds = [kind for kind in types if kind != "null"] if isinstance(types, list) else [types]
    is_nullable = isinstance(types, list) and "null" in types
    description = str(schema.get("description") or "")
    initial = _text(schema["default"]) if "default" in schema else ""
    field = Field(id, name, "json", is_required, is_nullable, description, initial=initial)
    return _of_kind(field, schema, kinds[0] if len(kinds) == 1 else None, depth)


def _of_kind(field: Field, schema: Schema, kind: object, depth: int) -> Field:
    """The field with the kind, choices and fields that its schema has; JSON stays where nothing else fits."""
    if any(key in schema for key in ("anyOf", "oneOf", "allOf", "$ref")):
        return field
    if "const" in schema or isinstance(schema.get("enum"), list):
        values = [schema["const"]] if "const" in schema else schema["enum"]
        initial = json.dumps(schema["default"], ensure_ascii=False) if "default" in schema else ""
        return replace(field, kind="choice", choices=tuple(map(_json, values)), initial=initial)
    if kind in PLAIN:
        return replace(field, kind=PLAIN[kind])
    if kind == "array" and isinstance(items := schema.get("items"), Mapping) and items.get("type") in SCALARS:
        return replace(field, kind="lines", items=items["type"], initial="")
    if kind == "object" and not field.is_nullable and schema.get("properties"):
        fields = _properties(schema, field.id, depth + 1)
        return field if fields is None else replace(field, kind="group", fields=fields, initial="")
    return field


def _value(field: Field, text: str) -> Any:
    if not text and field.is_nullable:
        return None
    match field.kind:
        case "string":
            return text
        case "lines":
            return [_scalar(field, field.items, line) for line in text.split("\n") if line.strip()]
        case "number" | "integer" as kind:
            return _scalar(field, kind, text)
        case "boolean" | "choice":
            if not text:
                raise FormError(f"{field.name} is required; choose a value.")
            return parse_json(text, field.name)
    return parse_json(text, field.name)


def _scalar(field: Field, kind: str, text: str) -> Any:
    if kind == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else (int, float)):
        raise FormError(f"{field.name} is a {'whole number' if kind == 'integer' else 'number'}, not {text!r}.")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _flat(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _flat(field.fields)
