"""Validation by JSON schemas of any kind: at once where that is cheap for certain, else in a helper, with a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistants_emulator.processes.pool import MATCHERS, HelperDied, TaskError, TookTooLong

SECONDS = 2.0
LIBRARIES = ("jsonschema.validators", "referencing")  # which a helper imports before a validation's time counts
SLOW_KEYS = {"pattern", "patternProperties", "uniqueItems", "format", "$dynamicRef", "$recursiveRef"}
CHOICES = {"anyOf", "oneOf", "allOf", "not", "if", "dependentSchemas", "contains", "$ref"}  # each may look again
MOST_CHOICES = 3
MOST_WORK = 2_000_000  # of keys in the schema, times characters of the value


class SchemaTookTooLong(Exception):
    """The validation took longer than SECONDS."""


def problem(schema: dict[str, Any], value: Any) -> str | None:
    """The best-matching error of the value; None if it fits the schema, or if the schema itself is broken.

    Blocks for SECONDS at most where `is_slow` says so, and raises SchemaTookTooLong then.
    """
    if not is_slow(schema, _length(value)):
        return validated(schema, value)
    try:
        text: str | None = MATCHERS.call("assistants_emulator.processes.schemas:validated", [schema, value], SECONDS)
    except (TookTooLong, HelperDied):
        raise SchemaTookTooLong(
            f"validating a JSON value by its schema took longer than {SECONDS:g} s or too much memory; the schema's "
            "patterns, or its `uniqueItems` on so many items, are too costly"
        ) from None
    except TaskError:  # RecursionError: a schema that refers to itself without end
        return None
    return text


def is_slow(schema: dict[str, Any], length: int) -> bool:
    """True unless the validation of a value, of so many characters as JSON, is cheap for certain."""
    keys, choices, is_slow = _measured(schema)
    return is_slow or choices > MOST_CHOICES or keys * length > MOST_WORK


def validated(schema: dict[str, Any], value: Any) -> str | None:
    """As `problem`, in this process."""
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = validator_for(schema)
    try:
        validator.check_schema(schema)
        # an empty registry: a `$ref` must never make the emulator look something up on the network
        error = best_match(validator(schema, registry=Registry()).iter_errors(value))
    except (SchemaError, Unresolvable):
        return None
    return None if error is None else f"at {error.json_path}: {error.message}"


def _measured(schema: Any) -> tuple[int, int, bool]:
    """The keys of the schema, how often it may look at a value again, and True if a key of it is slow."""
    keys, choices, is_slow = 0, 0, False
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            keys += len(part)
            choices += sum(key in CHOICES for key in part)
            is_slow = is_slow or any(key in SLOW_KEYS for key in part)
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part
    return keys, choices, is_slow


def _length(value: Any) -> int:
    """About the characters of the value as JSON."""
    length, parts = 0, [value]
    while parts:
        part = parts.pop()
        length += 4 + (len(part) if isinstance(part, str) else 0)
        if isinstance(part, Mapping):
            length += sum(len(key) for key in part)
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part
    return length
