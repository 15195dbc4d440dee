"""The code interpreter of runs: executes code where that is allowed, and keeps what code makes for the next message.

Images and files of purpose `assistants_output` belong to the tool's step, but the API put images before the text of the
message that follows, and annotated the `sandbox:/mnt/data/...` paths in it.
See docs/reference/behaviour.md#code-interpreter-files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import new_file
from assistants_emulator.resources.tool_resources import code_file_ids, resources_of_run
from assistants_emulator.responders.replies import CodeInterpreter, Image
from assistants_emulator.store import Object

PURPOSE = "assistants_output"
SANDBOX = "sandbox:/mnt/data/"
UNNAMED_IMAGE = "image.png"
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a step made or displayed, as far as the next message needs to know it."""

    file_id: str
    filename: str
    is_image: bool

    def as_json(self) -> Object:
        return {"file_id": self.file_id, "filename": self.filename, "is_image": self.is_image}


def make(context: Context, images: Iterable[Image], files: Iterable[Image]) -> tuple[list[OutputFile], list[Object]]:
    """The output files of a call, images first, and the new file objects among them, which are not stored yet."""
    outputs, new = [], []
    for image, is_image in (*((image, True) for image in images), *((file, False) for file in files)):
        if image.file_id is not None:
            stored = context.store.get("files", image.file_id)
            outputs.append(OutputFile(image.file_id, stored["filename"] if stored else image.file_id, is_image))
            continue
        content = image.content or b""
        name = image.filename or UNNAMED_IMAGE
        file = new_file(context, name, PURPOSE, len(content), context.contents.add(content))
        new.append(file)
        outputs.append(OutputFile(file["id"], name, is_image))
    return outputs, new


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


def execution(context: Context, run: Object, reply: CodeInterpreter) -> Callable[[], CodeInterpreter]:
    """A function for a worker: returns the reply with the logs and files of its code. ScriptError unless allowed."""
    if not context.config.allow_code_execution:
        raise ScriptError(
            "CodeInterpreter(execute=True) runs code on this machine, which was not allowed; start the emulator with "
            "--allow-code-execution, or Emulator(allow_code_execution=True)"
        )
    files = {name: context.contents.whole(file["_content"]) for name, file in _attached(context, run)}

    def run_code() -> CodeInterpreter:
        from assistants_emulator.code_interpreter import execute

        result = execute(reply.input, files)
        outputs = [Image(content=content, filename=name) for name, content in result.files.items()]
        images = [output for output in outputs if str(output.filename).lower().endswith(IMAGES)]
        others = [output for output in outputs if output not in images]
        logs = (reply.logs or "") + result.logs
        return replace(reply, logs=logs or None, images=(*reply.images, *images), files=(*reply.files, *others))

    return run_code


def _attached(context: Context, run: Object) -> Iterator[tuple[str, Object]]:
    """The run's files by the names that its code finds them under: the API's, which is the id, and their own."""
    for resources in resources_of_run(context, run):
        for file_id in code_file_ids(resources):
            if (file := context.store.get("files", file_id)) is not None:
                yield file_id, file
                yield file["filename"], file
