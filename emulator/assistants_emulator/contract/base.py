"""The base of all request bodies, and the types and limits that several resources use."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assistants_emulator.contract.unions import ByKind

MAX_TOOLS = 128
MAX_TEXT = 256_000

NAME_PATTERN = "^[a-zA-Z0-9_-]+$"


class Body(BaseModel):
    """A request body, or an object in one. A model only checks: nothing is coerced, unknown keys are errors.

    A field that may be left out is `X | None = None`: clients send null for "not given" everywhere.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    @classmethod
    def accepted(cls, body: dict[str, Any]) -> dict[str, Any]:
        """Return the dict that operations get for a body that fits: the body itself, unless a model overrides this."""
        return body


class NoBody(Body):
    """For endpoints that take no body: any body is ignored."""

    @model_validator(mode="before")
    @classmethod
    def ignore(cls, _: object) -> dict[str, Any]:
        return {}

    @classmethod
    def accepted(cls, body: dict[str, Any]) -> dict[str, Any]:
        return {}


PropertyName = Annotated[str, Field(max_length=64)]
ShortText = Annotated[str, Field(max_length=512)]

Metadata = Annotated[dict[PropertyName, ShortText], Field(max_length=16)]
"""See docs/reference/behaviour.md#metadata."""

AttributeValue = Annotated[
    ShortText | float | bool, ByKind({"string": "a string", "number": "number", "boolean": "boolean"})
]
Attributes = Annotated[dict[PropertyName, AttributeValue], Field(max_length=16)]

Name = Annotated[str, Field(max_length=256)]
Description = ShortText
Instructions = Annotated[str, Field(max_length=MAX_TEXT)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]

FunctionName = Annotated[str, Field(min_length=1, max_length=64, pattern=NAME_PATTERN)]

Temperature = Annotated[float, Field(ge=0, le=2)]
Fraction = Annotated[float, Field(ge=0, le=1)]
ResultCount = Annotated[int, Field(ge=1, le=50)]
TokenCount = Annotated[int, Field(ge=1)]
"""The documents ask for at least 256, the service took 16 (recorded 2024-04)."""
