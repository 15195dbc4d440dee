"""The API's error texts for request bodies, beyond the general ones of `assistants_emulator.errors`.

Each function takes the path as the API writes it (`tools[0].function.name`) and builds the error; nothing here raises.
Sources: docs/reference/behaviour.md#validation, docs/reference/behaviour.md#metadata and
docs/reference/behaviour.md#pagination; texts that were seen on chat completions only come from the same validator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from assistants_emulator.errors import InvalidParameter, unsupported_value, wrong_type

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def kind(value: object) -> str:
    """The API's words for the kind of a JSON value: "a string", "an array", "null"."""
    return _KINDS[type(value)]


def _quoted(names: Iterable[str]) -> list[str]:
    return [f"'{name}'" for name in names]


def either(words: Sequence[str]) -> str:
    """Joined as the API joins alternatives: `a or b`, `a, b, or c`."""
    return " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])}, or {words[-1]}"


def choice_of(names: Sequence[str]) -> str:
    """The expected values of an enumeration: `one of 'a', 'b', or 'c'`; of a single value just `'a'`."""
    listed = either(_quoted(names))
    return listed if len(names) == 1 else f"one of {listed}"


def wrong_root(value: object) -> InvalidParameter:
    """A body that is JSON but no object. See docs/reference/behaviour.md#request-bodies."""
    return InvalidParameter(f"Invalid type: expected an object, but got {kind(value)} instead.", code="invalid_type")


def wrong_choice(path: str, value: object, supported: list[str]) -> InvalidParameter:
    """A value that is none of an enumeration, be it another string or no string at all."""
    if isinstance(value, str):
        return unsupported_value(path, value, supported)
    return wrong_type(path, choice_of(supported), kind(value))


def _too_long(path: str, noun: str, limit: int, length: int, code: str) -> InvalidParameter:
    article = f"an {noun}" if noun == "array" else f"a {noun}"
    message = (
        f"Invalid '{path}': {noun} too long. "
        f"Expected {article} with maximum length {limit}, but got {article} with length {length} instead."
    )
    return InvalidParameter(message, param=path, code=code)


def long_string(path: str, limit: int, length: int) -> InvalidParameter:
    return _too_long(path, "string", limit, length, "string_above_max_length")


def long_array(path: str, limit: int, length: int) -> InvalidParameter:
    return _too_long(path, "array", limit, length, "array_above_max_length")


def empty_string(path: str) -> InvalidParameter:
    message = (
        f"Invalid '{path}': empty string. Expected a string with minimum length 1, but got an empty string instead."
    )
    return InvalidParameter(message, param=path, code="empty_string")


def empty_array(path: str) -> InvalidParameter:
    message = f"Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead."
    return InvalidParameter(message, param=path, code="empty_array")


def no_match(path: str, pattern: str) -> InvalidParameter:
    message = (
        f"Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '{pattern}'."
    )
    return InvalidParameter(message, param=path, code="invalid_value")


def unsupported_parameter(name: str, param: str, code: str = "unsupported_parameter") -> InvalidParameter:
    """A parameter that a reasoning model does not take. See docs/reference/behaviour.md#reasoning-models."""
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    return InvalidParameter(message, param=param, code=code)


def not_a_url(path: str) -> InvalidParameter:
    message = f"Invalid '{path}'. Expected a valid URL, but got a value with an invalid format."
    return InvalidParameter(message, param=path, code="invalid_value")


def not_unicode(path: str) -> InvalidParameter:
    """Half of a surrogate pair, which no JSON answer could carry back. The text is ours: nothing is recorded."""
    return InvalidParameter(f"Invalid '{path}': string is not valid Unicode.", param=path, code="invalid_value")


def many_properties(path: str, limit: int, count: int) -> InvalidParameter:
    message = (
        f"Invalid '{path}': too many properties. Expected an object with at most {limit} properties, "
        f"but got an object with {count} properties instead."
    )
    return InvalidParameter(message, param=path, code="object_above_max_properties")


def long_property_name(path: str, name: str, limit: int) -> InvalidParameter:
    """The message shows the first and last three characters of the name, `param` all of it."""
    message = (
        f"Invalid property name in '{path}': '{name[:3]}...{name[-3:]}' is too long. "
        f"Expected a string with maximum length {limit}, but got a string with length {len(name)} instead."
    )
    return InvalidParameter(message, param=f"{path}.{name}", code="property_name_above_max_length")


def below_minimum(path: str, limit: float, value: float) -> InvalidParameter:
    return _out_of_bounds(path, "below minimum", ">=", limit, value, "below_min_value")


def above_maximum(path: str, limit: float, value: float) -> InvalidParameter:
    return _out_of_bounds(path, "above maximum", "<=", limit, value, "above_max_value")


def _out_of_bounds(path: str, where: str, sign: str, limit: float, value: float, code: str) -> InvalidParameter:
    # the type of the limit is the type of the field: 3 for a temperature is a decimal that is too large
    number = "decimal" if isinstance(limit, float) else "integer"
    bound = int(limit) if limit == int(limit) else limit
    message = f"Invalid '{path}': {number} {where} value. Expected a value {sign} {bound}, but got {value} instead."
    return InvalidParameter(message, param=path, code=f"{number}_{code}")


def mutually_exclusive(path: str, *names: str) -> InvalidParameter:
    """Several of `names` in the object at `path`, of which it takes one; the wording is that of the Responses API."""
    quoted = _quoted(names)
    message = f"Mutually exclusive parameters: '{path}'. Ensure you are only providing one of: {either(quoted)}."
    return InvalidParameter(message, param=path or None, code="mutually_exclusive_parameters")


def function_schema(path: str, name: str, schema: dict[str, Any]) -> InvalidParameter:
    """`parameters` of the function at `path` that describe something else than an object.

    See docs/reference/behaviour.md#validation.
    """
    message = (
        f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"', "
        f"got 'type: \"{schema.get('type')}\"'."
    )
    return InvalidParameter(message, param=f"{path}.parameters", code="invalid_function_parameters")


def long_overlap(path: str, limit: int, overlap: int) -> InvalidParameter:
    """An overlap of more than half a chunk. The rule is documented, its text is not known.

    See docs/reference/behaviour.md#chunking.
    """
    message = (
        f"Invalid '{path}.chunk_overlap_tokens': overlap above half of 'max_chunk_size_tokens'. "
        f"Expected a value <= {limit}, but got {overlap} instead."
    )
    return InvalidParameter(message, param=f"{path}.chunk_overlap_tokens", code="invalid_value")


def many_assistant_files(limit: int) -> InvalidParameter:
    """More files than a v1 assistant takes. See docs/reference/behaviour.md#v1."""
    return InvalidParameter(f"Assistant support at most {limit} files, remove some files before adding new ones.")


def long_list_v1(path: str, limit: int) -> InvalidParameter:
    """The text of v1's own validator, without param and code (openai-php/client#269).

    See docs/reference/behaviour.md#v1.
    """
    finding = f"ensure this value has at most {limit} items (type=value_error.list.max_items; limit_value={limit})"
    return _pydantic(path, finding)


def missing_v1(path: str) -> InvalidParameter:
    """The same for a field that a tool output has to have (microsoft/teams-sdk#925)."""
    return _pydantic(path, "field required (type=value_error.missing)")


def _pydantic(path: str, finding: str) -> InvalidParameter:
    where = " -> ".join(["body", *path.split(".")])
    return InvalidParameter(f"1 validation error for Request\n{where}\n  {finding}")


def wrong_limit(lowest: int, highest: int) -> InvalidParameter:
    """The list of files has texts of its own, without param and code. See docs/reference/behaviour.md#pagination."""
    return InvalidParameter(f"limit must be between {lowest} and {highest}.")


def wrong_order() -> InvalidParameter:
    return InvalidParameter("order must be asc or desc.")
