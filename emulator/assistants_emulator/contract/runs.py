"""Bodies of runs. Settings that are left out come from the assistant; many clients repeat all of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assistants_emulator.contract.base import Body, Fraction, Instructions, Metadata, Temperature, TokenCount
from assistants_emulator.contract.messages import CreateMessage, CreateThread
from assistants_emulator.contract.tools import ReasoningEffort, ResponseFormat, ToolChoice, ToolResources, Tools


class Truncation(Body):
    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Field(ge=1)] | None = None


class _Run(Body):
    assistant_id: str
    model: str | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: Fraction | None = None
    stream: bool | None = None
    max_prompt_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    truncation_strategy: Truncation | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None


class CreateRun(_Run):
    additional_instructions: str | None = None
    additional_messages: list[CreateMessage] | None = None
    reasoning_effort: ReasoningEffort | None = None


class CreateThreadAndRun(_Run):
    thread: CreateThread | None = None
    tool_resources: ToolResources | None = None


class ModifyRun(Body):
    metadata: Metadata | None = None


class ToolOutput(Body):
    """Neither key is required: the run's state decides which calls must be answered."""

    tool_call_id: str | None = None
    output: str | None = None


class SubmitToolOutputs(Body):
    tool_outputs: list[ToolOutput]
    stream: bool | None = None
