"""Unions that choose one alternative by the value, so that only the errors of that one are reported.

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

BuildError = Callable[[str], InvalidParameter]
"""Builds the error for the value at a path, once the translator knows the path."""


def refuse(build: BuildError) -> PydanticCustomError:
    """The exception that a validator raises for a rule of its own; `build` gets the path of the validated value."""
    return PydanticCustomError("refused", "refused", {"error": build})


class ByType:
    """Marks a union of models that differ in their literal `type`; the API lists the types in the union's order."""

    def branches(self, union: Any) -> dict[str, Any]:
        """The alternatives of `union` by the tag that pydantic puts into locations."""
        return {BRANCH + tag: model for model in get_args(union) for tag in _tags(model)}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        branches = {tag: handler.generate_schema(model) for tag, model in self.branches(source).items()}
        supported = [tag.removeprefix(BRANCH) for tag in branches]
        return _tagged(branches, _type_of, "wrong_tag", supported)


class ByKind:
    """Marks a union of different JSON kinds.

    `words` has, in the union's order, the kind of each alternative (string, number, boolean, array, object) and the
    API's words for it, of which only the first has its article: `{"string": "a string", "array": "array of objects"}`.
    """

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words

    def branches(self, union: Any) -> dict[str, Any]:
        """The alternatives of `union` by the tag that pydantic puts into locations."""
        return dict(zip((BRANCH + kind for kind in self._words), get_args(union), strict=True))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        branches = {tag: handler.generate_schema(alternative) for tag, alternative in self.branches(source).items()}
        return _tagged(branches, _kind_of, "wrong_kind", list(self._words.values()))


def _tagged(
    branches: dict[str, CoreSchema], branch_of: Callable[[Any], str | None], error: str, listed: list[str]
) -> CoreSchema:
    return core_schema.tagged_union_schema(
        dict(branches),
        branch_of,
        custom_error_type=error,
        custom_error_message=error,
        custom_error_context={"listed": "\n".join(listed)},
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
