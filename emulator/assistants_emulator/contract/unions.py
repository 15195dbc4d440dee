"""Unions that say which alternative was meant, so that only that one's faults are reported.

Their branches appear in pydantic's error locations; they begin with BRANCH, which no name of the API does, so that the
translator can leave them out of the path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from assistants_emulator.errors import InvalidParameter

BRANCH = "\0"

Fault = Callable[[str], InvalidParameter]
"""Builds the error for the value at a path, once the translator knows the path."""


def refuse(fault: Fault) -> PydanticCustomError:
    """To be raised by a validator whose rule pydantic cannot say; `fault` gets the path of the value validated."""
    return PydanticCustomError("refused", "refused", {"fault": fault})


class ByType:
    """Marks a union of models that differ in their literal `type`; the API lists the types in the union's order."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        branches = {BRANCH + tag: handler.generate_schema(model) for model in get_args(source) for tag in _tags(model)}
        supported = "\n".join(branch.removeprefix(BRANCH) for branch in branches)
        return _tagged(branches, _type_of, "wrong_tag", supported)


class ByKind:
    """Marks a union of different JSON kinds.

    `words` has, in the union's order, the kind of each alternative (string, number, boolean, array, object) and the
    API's words for it, of which only the first has its article: `{"string": "a string", "array": "array of objects"}`.
    """

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pairs = zip(self._words, get_args(source), strict=True)
        branches = {BRANCH + kind: handler.generate_schema(alternative) for kind, alternative in pairs}
        return _tagged(branches, _kind_of, "wrong_kind", "\n".join(self._words.values()))


def _tagged(
    branches: dict[str, CoreSchema], branch_of: Callable[[Any], str | None], error: str, listed: str
) -> CoreSchema:
    return core_schema.tagged_union_schema(
        dict(branches),
        branch_of,
        custom_error_type=error,
        custom_error_message=error,
        custom_error_context={"listed": listed},
    )


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    return get_args(model.model_fields["type"].annotation)


def _type_of(value: Any) -> str | None:
    tag = value.get("type") if isinstance(value, dict) else None
    return BRANCH + tag if isinstance(tag, str) else None


_BRANCH_OF: dict[type, str] = {
    str: BRANCH + "string",
    bool: BRANCH + "boolean",
    int: BRANCH + "number",
    float: BRANCH + "number",
    list: BRANCH + "array",
    dict: BRANCH + "object",
}


def _kind_of(value: Any) -> str | None:
    return _BRANCH_OF.get(type(value))
