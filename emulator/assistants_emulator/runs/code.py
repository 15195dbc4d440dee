"""What the code interpreter makes: images and files of purpose `assistants_output`, shown by the message that follows.

A newcomer would show them in the tool's step alone; the API put images before the next message's text, and annotated
the `sandbox:/mnt/data/...` paths in it (behaviour.md section 6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from assistants_emulator.code_interpreter import execute
from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import new_file
from assistants_emulator.resources.tool_resources import code_file_ids, resources_of_run
from assistants_emulator.responders.replies import CodeInterpreter, Image
from assistants_emulator.store import Object

PURPOSE = "assistants_output"
SANDBOX = "sandbox:/mnt/data/"
UNNAMED_IMAGE = "image.png"


@dataclass(frozen=True, slots=True)
class Made:
    """A file that a step made, or showed: what the next message needs to know of it."""

    file_id: str
    filename: str
    is_image: bool

    def as_json(self) -> Object:
        return {"file_id": self.file_id, "filename": self.filename, "is_image": self.is_image}


def make(context: Context, images: Iterable[Image], files: Iterable[Image]) -> tuple[list[Made], list[Object]]:
    """What was made, and the new file objects among it, which are not stored yet."""
    made, new = [], []
    for given, is_image in (*((image, True) for image in images), *((file, False) for file in files)):
        if given.file_id is not None:
            known = context.store.get("files", given.file_id)
            made.append(Made(given.file_id, known["filename"] if known else given.file_id, is_image))
            continue
        content = given.content or b""
        name = given.filename or UNNAMED_IMAGE
        file = new_file(context, name, PURPOSE, len(content), context.contents.add(content))
        new.append(file)
        made.append(Made(file["id"], name, is_image))
    return made, new


def waiting(steps: Iterable[Object]) -> list[Made]:
    """What the run's steps have made since its last message."""
    made: list[Made] = []
    for step in steps:
        if step["type"] == "message_creation":
            made = []
        made += [Made(**one) for one in step.get("_made", ())]
    return made


def linked(value: str, made: Iterable[Made]) -> tuple[str, list[Object]]:
    """The text with a link to each file that it does not mention yet, and an annotation for each mention."""
    annotations: list[Object] = []
    for one in made:
        path = SANDBOX + one.filename
        if path not in value:
            value += f"\n\n[Download {one.filename}]({path})"
        annotations += _mentions(value, path, one.file_id)
    return value, sorted(annotations, key=lambda annotation: annotation["start_index"])


def _mentions(value: str, path: str, file_id: str) -> Iterator[Object]:
    for found in re.finditer(re.escape(path), value):
        start, end = found.span()
        place = {"start_index": start, "end_index": end, "file_path": {"file_id": file_id}}
        yield {"type": "file_path", "text": path, **place}


IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


def execution(context: Context, run: Object, reply: CodeInterpreter) -> Callable[[], CodeInterpreter]:
    """What to call in a worker: gives the reply with the logs and files of its code. ScriptError unless allowed."""
    if not context.config.allow_code_execution:
        raise ScriptError(
            "CodeInterpreter(execute=True) runs code on this machine, which was not allowed; start the emulator with "
            "--allow-code-execution, or Emulator(allow_code_execution=True)"
        )
    files = {name: context.contents.whole(file["_content"]) for name, file in _attached(context, run)}

    def run_code() -> CodeInterpreter:
        done = execute(reply.input, files)
        made = [Image(content=content, filename=name) for name, content in done.files.items()]
        images = [one for one in made if str(one.filename).lower().endswith(IMAGES)]
        others = [one for one in made if one not in images]
        logs = (reply.logs or "") + done.logs
        return replace(reply, logs=logs or None, images=(*reply.images, *images), files=(*reply.files, *others))

    return run_code


def _attached(context: Context, run: Object) -> Iterator[tuple[str, Object]]:
    """The run's files by the names that its code finds them under: the API's, which is the id, and their own."""
    for resources in resources_of_run(context, run):
        for file_id in code_file_ids(resources):
            if (file := context.store.get("files", file_id)) is not None:
                yield file_id, file
                yield file["filename"], file
