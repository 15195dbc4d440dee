"""Threads. The messages of a new thread may be any of those that a client could add one by one, up to 32."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from emulator.contract.base import Body, Metadata
from emulator.contract.messages import CreateMessage
from emulator.contract.tool_resources import NewToolResources, ToolResources

MAX_FIRST_MESSAGES = 32


class CreateThread(Body):
    messages: Annotated[list[CreateMessage], Field(max_length=MAX_FIRST_MESSAGES)] | None = None
    tool_resources: NewToolResources | None = None
    metadata: Metadata | None = None


class ModifyThread(Body):
    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None
