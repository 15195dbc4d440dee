"""Tools, tool choice, response format and tool resources. See docs/reference/behaviour.md#tools.

Only a new assistant or thread may bring `vector_stores` that are created with it.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from assistants_emulator.contract import error_texts
from assistants_emulator.contract.base import MAX_TOOLS, Body, Fraction, FunctionName, Metadata, ResultCount
from assistants_emulator.contract.error_texts import choice_of
from assistants_emulator.contract.unions import ByKind, ByType, refuse
from assistants_emulator.contract.vector_stores import ChunkingStrategy


class CodeInterpreterTool(Body):
    type: Literal["code_interpreter"]


class FileSearchRanking(Body):
    """`hybrid_search` is not documented, but answers hold it, and clients send back what they read."""

    ranker: Literal["auto", "default_2024_08_21"] | None = None
    score_threshold: Fraction
    hybrid_search: dict[str, Any] | None = None


class FileSearchSettings(Body):
    max_num_results: ResultCount | None = None
    ranking_options: FileSearchRanking | None = None


class FileSearchTool(Body):
    type: Literal["file_search"]
    file_search: FileSearchSettings | None = None


class Function(Body):
    """`parameters` of `{}` pass: SDKs send them for a function that takes nothing."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @model_validator(mode="after")
    def describes_an_object(self) -> Function:
        if self.parameters and self.parameters.get("type") != "object":
            raise refuse(partial(error_texts.function_schema, name=self.name, schema=self.parameters))
        return self


class FunctionTool(Body):
    type: Literal["function"]
    function: Function


Tool = Annotated[CodeInterpreterTool | FunctionTool | FileSearchTool, ByType()]
Tools = Annotated[list[Tool], Field(max_length=MAX_TOOLS)]


class NamedFunction(Body):
    name: str


class FunctionChoice(Body):
    type: Literal["function"]
    function: NamedFunction


class BuiltInChoice(Body):
    type: Literal["code_interpreter", "file_search"]


ToolChoiceName = Literal["none", "auto", "required"]
ToolChoice = Annotated[
    ToolChoiceName | Annotated[FunctionChoice | BuiltInChoice, ByType()],
    # the answer to a number has "one of" twice, as chat completions have it
    ByKind({"string": choice_of(get_args(ToolChoiceName)), "object": "object"}),
]


class JsonObjectFormat(Body):
    type: Literal["json_object"]


class JsonSchema(Body):
    name: FunctionName
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None


class JsonSchemaFormat(Body):
    type: Literal["json_schema"]
    json_schema: JsonSchema


class TextFormat(Body):
    type: Literal["text"]


ResponseFormatName = Literal["auto"]
ResponseFormat = Annotated[
    ResponseFormatName | Annotated[JsonObjectFormat | JsonSchemaFormat | TextFormat, ByType()],
    ByKind({"string": choice_of(get_args(ResponseFormatName)), "object": "object"}),
]

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

VectorStoreIds = Annotated[list[str], Field(max_length=1)]


class CodeInterpreterResources(Body):
    file_ids: Annotated[list[str], Field(max_length=20)] | None = None


class FileSearchResources(Body):
    vector_store_ids: VectorStoreIds | None = None


class ToolResources(Body):
    """For a modify or a run."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: FileSearchResources | None = None


class NewVectorStore(Body):
    file_ids: Annotated[list[str], Field(max_length=10_000)] | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: Metadata | None = None


class NewFileSearchResources(FileSearchResources):
    vector_stores: Annotated[list[NewVectorStore], Field(max_length=1)] | None = None

    @model_validator(mode="after")
    def names_or_makes_stores(self) -> NewFileSearchResources:
        if self.vector_store_ids and self.vector_stores:
            raise refuse(lambda path: error_texts.mutually_exclusive(path, "vector_store_ids", "vector_stores"))
        return self


class NewToolResources(Body):
    """For the creation of an assistant or a thread."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: NewFileSearchResources | None = None
