"""The code interpreter of runs: executes code where that is allowed, and keeps what code makes for the next message.

Images and files of purpose `assistants_output` belong to the tool's step, but the API put images before the text of the
message that follows, and annotated the `sandbox:/mnt/data/...` paths in it.
See docs/reference/behaviour.md#code-interpreter-files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import MADE_IN, new_file, short_name
from assistants_emulator.resources.tool_resources import code_file_ids, resources_of_run
from assistants_emulator.responders.replies import CodeInterpreter, Image
from assistants_emulator.store import Object
from assistants_emulator.turns.execution import Execution, require_execution

PURPOSE = "assistants_output"
SANDBOX = f"sandbox:{MADE_IN}"
UNNAMED_IMAGE = "image.png"


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a step made or displayed, for the next message; `filename` is without a folder."""

    file_id: str
    filename: str
    is_image: bool

    def as_json(self) -> Object:
        return {"file_id": self.file_id, "filename": self.filename, "is_image": self.is_image}


def make(context: Context, images: Iterable[Image], files: Iterable[Image]) -> tuple[list[OutputFile], list[Object]]:
    """The output files of a call, images first, and the new file objects among them, which are not stored yet."""
    with context.contents.dropped_on_error():
        return _make(context, (*((image, True) for image in images), *((file, False) for file in files)))


def _make(context: Context, images: Iterable[tuple[Image, bool]]) -> tuple[list[OutputFile], list[Object]]:
    outputs, new = [], []
    for image, is_image in images:
        if image.file_id is not None:
            stored = context.store.get("files", image.file_id)
            name = short_name(stored) if stored else image.file_id
            outputs.append(OutputFile(image.file_id, name, is_image))
            continue
        content = image.content or b""
        name = (image.filename or UNNAMED_IMAGE).removeprefix(MADE_IN)
        file = new_file(context, MADE_IN + name, PURPOSE, len(content), context.contents.add(content))
        new.append({**file, "filename": _image_name(file["id"])} if is_image else file)
        outputs.append(OutputFile(file["id"], name, is_image))
    return outputs, new


def _image_name(file_id: str) -> str:
    """The name of an image that code made: a UUID, see docs/reference/behaviour.md#code-interpreter-files."""
    return str(uuid5(NAMESPACE_OID, file_id))


def waiting(steps: Iterable[Object]) -> list[OutputFile]:
    """The output files of the run's steps since its last message."""
    outputs: list[OutputFile] = []
    for step in steps:
        if step["type"] == "message_creation":
            outputs = []
        outputs += [OutputFile(**fields) for fields in step.get("_made", ())]
    return outputs


def linked(value: str, files: Iterable[OutputFile]) -> tuple[str, list[Object]]:
    """The text with a link to each file that it does not mention yet, and an annotation for each mention."""
    annotations: list[Object] = []
    for file in files:
        path = SANDBOX + file.filename
        if path not in value:
            value += f"\n\n[Download {file.filename}]({path})"
        annotations += _mentions(value, path, file.file_id)
    return value, sorted(annotations, key=lambda annotation: annotation["start_index"])


def _mentions(value: str, path: str, file_id: str) -> Iterator[Object]:
    for match in re.finditer(re.escape(path), value):
        start, end = match.span()
        place = {"start_index": start, "end_index": end, "file_path": {"file_id": file_id}}
        yield {"type": "file_path", "text": path, **place}


def execution(context: Context, run: Object, reply: CodeInterpreter) -> Execution:
    """Return the execution of the reply's code, for a worker. ScriptError unless that is allowed."""
    require_execution(context)
    files = {name: context.contents.whole(file["_content"]) for name, file in _attached(context, run)}
    return Execution(reply, files)


def _attached(context: Context, run: Object) -> Iterator[tuple[str, Object]]:
    """The run's files by the names that its code finds them under: the API's, which is the id, and their own."""
    for resources in resources_of_run(context, run):
        for file_id in code_file_ids(resources):
            if (file := context.store.get("files", file_id)) is not None:
                yield file_id, file
                yield short_name(file), file
