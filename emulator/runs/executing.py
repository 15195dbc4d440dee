"""Running the code of a CodeInterpreter reply for real, where the emulator was told that it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from emulator.context import Context
from emulator.errors import ScriptError
from emulator.execution import execute
from emulator.responders.parts import Image
from emulator.responders.replies import CodeInterpreter
from emulator.store import Object

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
    assistant = context.store.get("assistants", run["assistant_id"]) or {}
    thread = context.store.get("threads", run["thread_id"]) or {}
    for held in (assistant.get("tool_resources"), thread.get("tool_resources"), run.get("_tool_resources")):
        for file_id in ((held or {}).get("code_interpreter") or {}).get("file_ids", []):
            if (file := context.store.get("files", file_id)) is not None:
                yield file_id, file
                yield file["filename"], file
