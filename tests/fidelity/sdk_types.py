"""Differences between an object or event and the SDK's types, checked more strictly than the SDK does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from openai.types import (
    FileDeleted,
    FileObject,
    Model,
    Upload,
    VectorStore,
    VectorStoreDeleted,
    VectorStoreSearchResponse,
)
from openai.types.beta import Assistant, AssistantDeleted, AssistantStreamEvent, Thread, ThreadDeleted
from openai.types.beta.threads import Message, MessageDeleted, MessageDeltaEvent, Run
from openai.types.beta.threads.runs import RunStep, RunStepDeltaEvent
from openai.types.uploads import UploadPart
from openai.types.vector_stores import (
    FileContentResponse,
    VectorStoreFile,
    VectorStoreFileBatch,
    VectorStoreFileDeleted,
)
from pydantic import BaseModel, TypeAdapter, ValidationError

OBJECTS: dict[str, Any] = {
    "assistant": Assistant,
    "assistant.deleted": AssistantDeleted,
    "thread": Thread,
    "thread.deleted": ThreadDeleted,
    "thread.message": Message,
    "thread.message.deleted": MessageDeleted,
    "thread.message.delta": MessageDeltaEvent,
    "thread.run": Run,
    "thread.run.step": RunStep,
    "thread.run.step.delta": RunStepDeltaEvent,
    "file": FileObject,
    "upload": Upload,
    "upload.part": UploadPart,
    "vector_store": VectorStore,
    "vector_store.deleted": VectorStoreDeleted,
    "vector_store.file": VectorStoreFile,
    "vector_store.file.deleted": VectorStoreFileDeleted,
    "vector_store.file_batch": VectorStoreFileBatch,
    "vector_store.files_batch": VectorStoreFileBatch,
    "model": Model,
}
PAGES: dict[str, Any] = {
    "list": None,  # its items have their own types
    "vector_store.search_results.page": VectorStoreSearchResponse,
    "vector_store.file_content.page": FileContentResponse,
}


def faults(body: Any) -> Iterator[str]:
    """A line for each difference from the type of the object, or of a page's items: `thread.run: model: missing`."""
    kind = body["object"]
    if kind in PAGES:
        for item in body["data"]:
            yield from _faults(PAGES[kind], kind, item) if PAGES[kind] is not None else faults(item)
    else:
        yield from _faults(FileDeleted if kind == "file" and "deleted" in body else OBJECTS[kind], kind, body)


def event_faults(name: str, data: Any) -> Iterator[str]:
    """Of the event's data, and of the event as the SDK takes it apart."""
    yield from faults(data)
    known = _adapter(AssistantStreamEvent)
    try:
        known.validate_python({"event": name, "data": data})
    except ValidationError as error:
        unknown = [fault for fault in error.errors() if fault["type"] in ("union_tag_invalid", "union_tag_not_found")]
        yield from (f"{name}: {fault['type']}" for fault in unknown)


@cache
def _adapter(type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type)


def _faults(type: Any, kind: str, value: Any) -> Iterator[str]:
    try:
        parsed = _adapter(type).validate_python(value, strict=True)
    except ValidationError as error:
        parsed = type.construct(**value)
        others = {fault["loc"][:-1] for fault in error.errors() if _is_other_branch(fault)}
        for fault in error.errors():
            if not any(fault["loc"][: len(branch)] == branch for branch in others):
                yield f"{kind}: {_place(fault['loc'])}: {fault['type']}"
    yield from (f"{kind}: {place}: extra_forbidden" for place in _extra(parsed, ""))


def _extra(value: Any, place: str) -> Iterator[str]:
    """Where a key is that the type does not have; pydantic before 2.12 cannot be asked to forbid them."""
    if isinstance(value, BaseModel):
        yield from (f"{place}{name}" for name in value.model_extra or {})
        for name, inner in value:
            if name not in (value.model_extra or {}):
                yield from _extra(inner, f"{place}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from _extra(inner, f"{place}*.")


def _is_other_branch(fault: Any) -> bool:
    """True for a branch of a union that cannot match: its name is a class's, and its `type` is not the value's."""
    *before, last = fault["loc"]
    return last == "type" and fault["type"] == "literal_error" and bool(before) and str(before[-1])[0].isupper()


def _place(steps: Iterable[str | int]) -> str:
    named = ("*" if isinstance(step, int) else step for step in steps)
    return ".".join(step for step in named if not step[0].isupper())
