"""Bodies under `OpenAI-Beta: assistants=v1` (docs/reference/behaviour.md#v1).

Files on assistants and messages, the tool `retrieval`, no tool resources, attachments or content parts.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, Field

from assistants_emulator.contract import assistants, base, error_texts, messages, runs
from assistants_emulator.contract import messages as threads
from assistants_emulator.contract.base import (
    MAX_TOOLS,
    Attributes,
    Body,
    Description,
    Instructions,
    Name,
    Temperature,
    TokenCount,
)
from assistants_emulator.contract.error_texts import choice_of
from assistants_emulator.contract.tools import (
    CodeInterpreterTool,
    FunctionChoice,
    FunctionTool,
    JsonObjectFormat,
    TextFormat,
)
from assistants_emulator.contract.unions import ByKind, ByType, refuse
from assistants_emulator.errors import InvalidParameter

MAX_ASSISTANT_FILES = 20
MAX_MESSAGE_FILES = 10

Metadata = Attributes
"""Under v1 metadata took what attributes take today: strings, numbers and booleans."""


class V1Body(Body):
    """A v1 body: metadata of any scalars is taken and becomes strings the Python way, `true` "True" (recorded 2023)."""

    @classmethod
    def accepted(cls, body: dict[str, Any]) -> dict[str, Any]:
        return with_text_metadata(body)


def with_text_metadata(body: dict[str, Any]) -> dict[str, Any]:
    """A copy in which all metadata, also of nested threads and messages, has strings for values."""
    return {key: _with_text(key, value) for key, value in body.items()}


def _with_text(key: str, value: Any) -> Any:
    if key == "metadata" and value:
        return {name: str(scalar) for name, scalar in value.items()}
    if key == "thread" and value:
        return with_text_metadata(value)
    if key in ("messages", "additional_messages") and value:
        return [with_text_metadata(message) for message in value]
    return value


class RetrievalTool(Body):
    type: Literal["retrieval"]


Tool = Annotated[CodeInterpreterTool | FunctionTool | RetrievalTool, ByType()]
Tools = Annotated[list[Tool], Field(max_length=MAX_TOOLS)]


class BuiltInChoice(Body):
    type: Literal["code_interpreter", "retrieval"]


AnswerName = Literal["none", "auto"]
"""The one-word values of both a tool choice and a response format."""

ToolChoice = Annotated[
    AnswerName | Annotated[FunctionChoice | BuiltInChoice, ByType()],
    ByKind({"string": choice_of(get_args(AnswerName)), "object": "object"}),
]
ResponseFormat = Annotated[
    AnswerName | Annotated[JsonObjectFormat | TextFormat, ByType()],
    ByKind({"string": choice_of(get_args(AnswerName)), "object": "object"}),
]


def _few_enough(file_ids: list[str]) -> list[str]:
    if len(file_ids) > MAX_ASSISTANT_FILES:
        raise refuse(lambda _: error_texts.many_assistant_files(MAX_ASSISTANT_FILES))
    return file_ids


AssistantFiles = Annotated[list[str], AfterValidator(_few_enough)]


class _Assistant(V1Body):
    name: Name | None = None
    description: Description | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    file_ids: AssistantFiles | None = None
    metadata: base.Metadata | None = None
    """Strings only, unlike that of threads and messages (docs/reference/behaviour.md#metadata)."""


class CreateAssistant(_Assistant):
    model: str


class ModifyAssistant(_Assistant):
    model: str | None = None


class CreateAssistantFile(V1Body):
    file_id: str


class CreateMessage(V1Body):
    role: messages.Role
    content: messages.ContentText
    file_ids: Annotated[list[str], Field(max_length=MAX_MESSAGE_FILES)] | None = None
    metadata: Metadata | None = None


def _few_messages(messages: list[CreateMessage]) -> list[CreateMessage]:
    if len(messages) > threads.MAX_FIRST_MESSAGES:
        raise refuse(lambda path: error_texts.long_list_v1(path, threads.MAX_FIRST_MESSAGES))
    return messages


class CreateThread(V1Body):
    messages: Annotated[list[CreateMessage], AfterValidator(_few_messages)] | None = None
    metadata: Metadata | None = None


class _Run(V1Body):
    assistant_id: str
    model: str | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    stream: bool | None = None
    max_prompt_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    truncation_strategy: runs.Truncation | None = None
    tool_choice: ToolChoice | None = None
    response_format: ResponseFormat | None = None


class CreateRun(_Run):
    additional_instructions: str | None = None
    additional_messages: list[CreateMessage] | None = None
    file_ids: AssistantFiles | None = None


class CreateThreadAndRun(_Run):
    thread: CreateThread | None = None


def _with_call_ids(outputs: list[runs.ToolOutput]) -> list[runs.ToolOutput]:
    for index, output in enumerate(outputs):
        if "tool_call_id" not in output.model_fields_set:
            raise refuse(partial(_no_call_id, index))
    return outputs


def _no_call_id(index: int, path: str) -> InvalidParameter:
    return error_texts.missing_v1(f"{path}.{index}.tool_call_id")


class SubmitToolOutputs(V1Body):
    tool_outputs: Annotated[list[runs.ToolOutput], AfterValidator(_with_call_ids)]
    stream: bool | None = None


class ModifyMetadata(V1Body):
    """A thread, message or run: under v1 nothing else of them can be modified."""

    metadata: Metadata | None = None


_V1_OF: dict[type[BaseModel], type[BaseModel]] = {
    assistants.CreateAssistant: CreateAssistant,
    assistants.ModifyAssistant: ModifyAssistant,
    threads.CreateThread: CreateThread,
    threads.ModifyThread: ModifyMetadata,
    messages.CreateMessage: CreateMessage,
    messages.ModifyMessage: ModifyMetadata,
    runs.CreateRun: CreateRun,
    runs.CreateThreadAndRun: CreateThreadAndRun,
    runs.ModifyRun: ModifyMetadata,
    runs.SubmitToolOutputs: SubmitToolOutputs,
}


def for_version(model: type[BaseModel], version: Literal["v1", "v2"]) -> type[BaseModel]:
    """The model for bodies of `version`, given the one of v2; the same where the versions agree."""
    return _V1_OF.get(model, model) if version == "v1" else model
