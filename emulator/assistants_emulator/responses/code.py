"""The code interpreter of responses: the container that code works in, the files it makes, and their citations.

Files that a text links to are cited where it does, images without a place in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assistants_emulator.resources import containers
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import require_file
from assistants_emulator.responders.replies import CodeInterpreter, Image
from assistants_emulator.responses import tools
from assistants_emulator.store import Object
from assistants_emulator.turns.execution import Execution, require_execution

SANDBOX = "sandbox:/mnt/data/"
UNNAMED_IMAGE = "image.png"


def container_of(context: Context, response: Object) -> tuple[str, list[tuple[str, Object]]]:
    """The container's id, and what has to be stored: one is made when `auto` is first used in a chain."""
    tool = tools.declared(response, "code_interpreter") or {"container": {"type": "auto"}}
    named = tool["container"] if isinstance(tool["container"], str) else response.get("_container_id")
    container = context.store.get("containers", named) if named is not None else None
    if container is not None and container["status"] != "expired":
        used = containers.used(context, container)
        return container["id"], [("containers", used)]
    if isinstance(tool["container"], str):
        containers.require_running(context, tool["container"])
    fresh = containers.new_container(context, "auto", {})
    files = containers.copied(context, fresh["id"], tool["container"].get("file_ids") or [])
    changed = {**response, "_container_id": fresh["id"]}
    puts = [("containers", fresh), ("responses", changed), *(("container_files", file) for file in files)]
    return fresh["id"], puts


def new_file(
    context: Context, container_id: str, image: Image, is_image: bool = True
) -> tuple[Object, list[tuple[str, Object]]]:
    """A file of the container: given with its content, or a copy of an uploaded one."""
    if image.file_id is not None:
        (file,) = containers.copied(context, container_id, [image.file_id])
    else:
        content, name = image.content or b"", image.filename or UNNAMED_IMAGE
        names = context.contents.add(content)
        file = containers.new_file(context, container_id, name, names, len(content), "assistant")
    file = {**file, "_is_image": is_image}
    return file, [("container_files", file)]


def waiting(context: Context, output: Iterable[Object]) -> list[Object]:
    """The container files that code has made since the last message."""
    ids: list[str] = []
    for item in output:
        ids = [] if item["type"] == "message" else [*ids, *item.get("_made", ())]
    files = (context.store.get("container_files", id) for id in ids)
    return [file for file in files if file is not None]


def linked(value: str, files: Iterable[Object]) -> tuple[str, list[Object]]:
    """The text with a link to each file that it does not mention yet, and the citations of all of them."""
    annotations: list[Object] = []
    for file in files:
        if file["_is_image"]:
            annotations.append(cited_image(file))
            continue
        path = SANDBOX + file["_filename"]
        if path not in value:
            value += f"\n\n[Download {file['_filename']}]({path})"
        annotations += [cited(file, *match.span()) for match in re.finditer(re.escape(path), value)]
    return value, sorted(annotations, key=lambda annotation: annotation["start_index"])


def cited(file: Object, start: int, end: int) -> Object:
    return {
        "type": "container_file_citation",
        "container_id": file["container_id"],
        "end_index": end,
        "file_id": file["id"],
        "filename": file["_filename"],
        "start_index": start,
    }


def cited_image(file: Object) -> Object:
    """An image that code has made is cited without a place in the text."""
    return cited(file, 0, 0)


def execution(context: Context, response: Object, reply: CodeInterpreter) -> Execution:
    """Return the execution of the reply's code, for a worker. ScriptError unless that is allowed."""
    require_execution(context)
    return Execution(reply, dict(_attached(context, response)))


def _attached(context: Context, response: Object) -> Iterator[tuple[str, bytes]]:
    """The files that the response's code finds, by name: those of its container, or those that will be copied there."""
    tool = tools.declared(response, "code_interpreter") or {"container": {}}
    container = tool["container"]
    id = container if isinstance(container, str) else response.get("_container_id")
    if id is not None:
        for file in containers.files_in(context, id):
            yield file["_filename"], context.contents.whole(file["_content"])
        return
    for file_id in container.get("file_ids") or []:
        file = require_file(context, file_id, "tools")
        yield file["filename"], context.contents.whole(file["_content"])
