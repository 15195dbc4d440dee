"""What a request may say: pydantic models of our own, a resource a file, and their violations as the API's errors.

The models only check. What the resources get is the client's own JSON, so that whatever was sent can be shown again
exactly as it came; only under v1 metadata becomes strings, as the service did it (behaviour section 3.1).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from assistants_emulator.contract.assistants import CreateAssistant, ModifyAssistant
from assistants_emulator.contract.base import Body, NoBody
from assistants_emulator.contract.files import CompleteUpload, CreateUpload
from assistants_emulator.contract.messages import CreateMessage, CreateThread, ModifyMessage, ModifyThread
from assistants_emulator.contract.queries import ListQuery, files_query, includes, list_query, status_filter
from assistants_emulator.contract.runs import CreateRun, CreateThreadAndRun, ModifyRun, SubmitToolOutputs
from assistants_emulator.contract.v1 import CreateAssistantFile, for_version
from assistants_emulator.contract.vector_stores import (
    CreateVectorStore,
    CreateVectorStoreFile,
    CreateVectorStoreFileBatch,
    SearchVectorStore,
    UpdateVectorStore,
    UpdateVectorStoreFile,
)
from assistants_emulator.contract.violations import first_error

__all__ = [
    "Body",
    "CompleteUpload",
    "CreateAssistant",
    "CreateAssistantFile",
    "CreateMessage",
    "CreateRun",
    "CreateThread",
    "CreateThreadAndRun",
    "CreateUpload",
    "CreateVectorStore",
    "CreateVectorStoreFile",
    "CreateVectorStoreFileBatch",
    "ListQuery",
    "ModifyAssistant",
    "ModifyMessage",
    "ModifyRun",
    "ModifyThread",
    "NoBody",
    "SearchVectorStore",
    "SubmitToolOutputs",
    "UpdateVectorStore",
    "UpdateVectorStoreFile",
    "check",
    "files_query",
    "for_version",
    "includes",
    "list_query",
    "status_filter",
]


def check(model: type[BaseModel], body: object) -> dict[str, Any]:
    """`body`, parsed JSON, if it fits `model`; None, a missing body, counts as {}.

    Returns the very dict that came, but {} for NoBody and, under v1, a copy where metadata had to become strings.
    Raises InvalidParameter with the path and code of the first fault (behaviour section 3).
    """
    sent: Any = {} if body is None else body
    try:
        model.__pydantic_validator__.validate_python(sent)
    except ValidationError as error:
        raise first_error(model, sent, error) from None
    return model.accepted(sent) if issubclass(model, Body) else sent
