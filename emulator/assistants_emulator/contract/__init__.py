"""Request validation: a file of pydantic models for each resource, and their violations as the API's errors.

The models only check. Resources get the client's own JSON, so that an answer can show it exactly as it came; only
under v1 metadata becomes strings, as the service did it (docs/reference/behaviour.md#metadata).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from assistants_emulator.contract.assistants import CreateAssistant, ModifyAssistant
from assistants_emulator.contract.base import Body, NoBody
from assistants_emulator.contract.files import CompleteUpload, CreateUpload
from assistants_emulator.contract.messages import CreateMessage, CreateThread, ModifyMessage, ModifyThread
from assistants_emulator.contract.ordered import OrderedBody
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
    """Return `body`, parsed JSON, if it fits `model`; None, a missing body, counts as {}.

    An empty array counts as {} too where no field is required: PHP encodes an empty map so
    (docs/reference/behaviour.md#request-bodies).

    The result is the same dict, but {} for NoBody and, under v1, a copy where metadata had to become strings.
    Raises InvalidParameter with the path and code of the first error (docs/reference/behaviour.md#validation).
    """
    parsed: Any = {} if body is None or (body == [] and not _requires_fields(model)) else body
    if issubclass(model, OrderedBody):
        return model.check_in_order(parsed)
    try:
        model.__pydantic_validator__.validate_python(parsed)
    except ValidationError as error:
        raise first_error(model, parsed, error) from None
    return model.accepted(parsed) if issubclass(model, Body) else parsed


def _requires_fields(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
