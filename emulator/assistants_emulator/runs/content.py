"""The content of messages and tool calls: the parts as they are stored, and the deltas that a stream builds them from.

The first delta of a text carries `annotations`, later ones do not. Shapes: docs/reference/behaviour.md#deltas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from assistants_emulator.store.model import add_delta
from assistants_emulator.turns.measures import cut


class Part(Protocol):
    """A part of a message's content; `index` is its place there."""

    def stored(self) -> dict[str, Any]: ...

    def deltas(self, index: int) -> Iterator[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text. `annotations` are as stored (without index), their offsets count characters of `value`.

    `chunks` are the pieces of a stream, None for the usual cut; `quotes` are cited passages by their markers.
    """

    value: str
    chunks: Sequence[str] | None = None
    annotations: Sequence[dict[str, Any]] = ()
    quotes: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        return {"type": "text", "text": {"value": self.value, "annotations": list(self.annotations)}}

    def deltas(self, index: int) -> Iterator[dict[str, Any]]:
        first: dict[str, Any] = {"annotations": []}
        for piece, marked in self._pieces():
            text = {"value": piece, **({"annotations": marked} if marked else first)}
            yield {"index": index, "type": "text", "text": text}
            first = {}

    def _pieces(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Each annotated stretch of the text as a piece of its own; the text between is cut as usual."""
        if self.chunks is not None and not self.annotations:
            yield from ((chunk, []) for chunk in self.chunks)
            return
        position = 0
        for number, annotation in sorted(enumerate(self.annotations), key=lambda item: item[1]["start_index"]):
            start, end = annotation["start_index"], annotation["end_index"]
            yield from ((piece, []) for piece in cut(self.value[position:start]))
            yield self.value[start:end], [_annotation_delta(number, annotation)]
            position = end
        yield from ((piece, []) for piece in cut(self.value[position:]))


@dataclass(frozen=True, slots=True)
class RefusalPart:
    value: str

    def stored(self) -> dict[str, Any]:
        return {"type": "refusal", "refusal": self.value}

    def deltas(self, index: int) -> Iterator[dict[str, Any]]:
        for piece in cut(self.value):
            yield {"index": index, "type": "refusal", "refusal": piece}


@dataclass(frozen=True, slots=True)
class ImagePart:
    file_id: str

    def stored(self) -> dict[str, Any]:
        return {"type": "image_file", "image_file": {"file_id": self.file_id, "detail": "auto"}}

    def deltas(self, index: int) -> Iterator[dict[str, Any]]:
        yield {"index": index, **self.stored()}


def quoted(parts: Sequence[Part]) -> dict[str, Any]:
    """The fields of a message that keep its cited passages: v2 does not show them, v1 does."""
    quotes = {marker: quote for part in parts if isinstance(part, TextPart) for marker, quote in part.quotes.items()}
    return {"_quotes": quotes} if quotes else {}


def chunk_delta(index: int, value: str, *, first: bool) -> dict[str, Any]:
    """A piece of a text that is streamed as it comes."""
    return {"index": index, "type": "text", "text": {"value": value, **({"annotations": []} if first else {})}}


def closing_delta(index: int, value: str, annotations: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The last delta of a text that was streamed as it came: further text and annotations; None if there are none."""
    if not value and not annotations:
        return None
    deltas = [_annotation_delta(number, annotation) for number, annotation in enumerate(annotations)]
    return {"index": index, "type": "text", "text": {"value": value, "annotations": deltas}}


def code_interpreter_deltas(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The call's input piece by piece, then its outputs one by one."""
    code = call["code_interpreter"]
    yield {"index": 0, "id": call["id"], "type": "code_interpreter", "code_interpreter": {"input": "", "outputs": []}}
    for piece in cut(code["input"]):
        yield {"index": 0, "type": "code_interpreter", "code_interpreter": {"input": piece}}
    for number, output in enumerate(code["outputs"]):
        outputs = [{"index": number, **output}]
        yield {"index": 0, "type": "code_interpreter", "code_interpreter": {"outputs": outputs}}


def file_search_deltas(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One delta without results: those come only with the completed step (dotnet FileSearchStreamingWorks)."""
    search = {"ranking_options": call["file_search"]["ranking_options"], "results": []}
    yield {"index": 0, "id": call["id"], "type": "file_search", "file_search": search}


def function_deltas(calls: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for index, call in enumerate(calls):
        function = {"name": call["function"]["name"], "arguments": "", "output": None}
        yield {"index": index, "id": call["id"], "type": "function", "function": function}
        for piece in cut(call["function"]["arguments"]):
            yield {"index": index, "type": "function", "function": {"arguments": piece}}


def accumulate(deltas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The content that a client builds from these deltas; a message that is cut short keeps it."""
    message: dict[str, Any] = {"content": []}
    for delta in deltas:
        add_delta(message, {"content": [delta]})
    return [_stored_part(part) for part in sorted(message["content"], key=lambda part: int(part["index"]))]


def _stored_part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    if kind != "text":
        return {"type": kind, kind: part[kind]}
    annotations = [_stored_annotation(annotation) for annotation in part["text"].get("annotations", [])]
    return {"type": kind, "text": {"value": part["text"]["value"], "annotations": annotations}}


def _annotation_delta(number: int, annotation: dict[str, Any]) -> dict[str, Any]:
    """Streams number annotations and give citations an empty quote (dotnet FileSearchStreamingWorks)."""
    delta = {"index": number, **annotation}
    if "file_citation" in delta:
        delta["file_citation"] = {**delta["file_citation"], "quote": ""}
    return delta


def _stored_annotation(delta: dict[str, Any]) -> dict[str, Any]:
    stored = {key: value for key, value in delta.items() if key != "index"}
    if "file_citation" in stored:
        stored["file_citation"] = {"file_id": stored["file_citation"]["file_id"]}
    return stored
