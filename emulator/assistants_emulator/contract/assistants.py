"""Bodies of assistants. Only creating one requires a model."""

from __future__ import annotations

from assistants_emulator.contract.base import Body, Description, Fraction, Instructions, Metadata, Name, Temperature
from assistants_emulator.contract.tools import NewToolResources, ReasoningEffort, ResponseFormat, ToolResources, Tools


class _Assistant(Body):
    name: Name | None = None
    description: Description | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: Fraction | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None


class CreateAssistant(_Assistant):
    model: str
    tool_resources: NewToolResources | None = None


class ModifyAssistant(_Assistant):
    model: str | None = None
    tool_resources: ToolResources | None = None
