"""Bodies of threads, and of messages, also those that come with a thread or a run.

An attachment must name its tools, whatever the documents say (openai-python issue 1335). A new thread brings up to 32
messages, each as a client could add it by itself.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from assistants_emulator.contract import error_texts
from assistants_emulator.contract.base import MAX_TEXT, Body, Metadata, Text
from assistants_emulator.contract.tools import CodeInterpreterTool, FileSearchTool, NewToolResources, ToolResources
from assistants_emulator.contract.unions import ByKind, ByType, refuse

Role = Literal["user", "assistant"]
Detail = Literal["auto", "low", "high"]


class TextPart(Body):
    type: Literal["text"]
    text: Text


def _on_the_web(url: str) -> str:
    """The address; a `data:` URL is none that the service takes (docs/reference/behaviour.md#string-formats)."""
    if not is_web_address(url):
        raise refuse(error_texts.not_a_url)
    return url


def is_web_address(text: str) -> bool:
    """Return whether the text is a URL by http or https with a host."""
    if any(character.isspace() for character in text):
        return False
    try:
        address = urlsplit(text)
        return address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:  # an invalid port, or brackets that do not match
        return False


WebAddress = Annotated[str, AfterValidator(_on_the_web)]


class ImageUrl(Body):
    url: WebAddress
    detail: Detail | None = None


class ImageUrlPart(Body):
    type: Literal["image_url"]
    image_url: ImageUrl


class ImageFile(Body):
    file_id: str
    detail: Detail | None = None


class ImageFilePart(Body):
    type: Literal["image_file"]
    image_file: ImageFile


ContentPart = Annotated[TextPart | ImageUrlPart | ImageFilePart, ByType()]
ContentText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
ContentParts = Annotated[list[ContentPart], Field(min_length=1)]
Content = Annotated[ContentText | ContentParts, ByKind({"string": "a string", "array": "array of objects"})]


class Attachment(Body):
    file_id: str
    tools: list[Annotated[CodeInterpreterTool | FileSearchTool, ByType()]]


class CreateMessage(Body):
    role: Role
    content: Content
    attachments: list[Attachment] | None = None
    metadata: Metadata | None = None


class ModifyMessage(Body):
    metadata: Metadata | None = None


MAX_FIRST_MESSAGES = 32


class CreateThread(Body):
    messages: Annotated[list[CreateMessage], Field(max_length=MAX_FIRST_MESSAGES)] | None = None
    tool_resources: NewToolResources | None = None
    metadata: Metadata | None = None


class ModifyThread(Body):
    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None
