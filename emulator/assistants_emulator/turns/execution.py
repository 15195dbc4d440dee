"""Execution of the code of a code interpreter reply, for runs and responses: in a worker, within limits, if allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.responders.replies import CodeInterpreter, Image

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
NOT_ALLOWED = (
    "CodeInterpreter(execute=True) runs code on this machine, which was not allowed; start the emulator with "
    "--allow-code-execution, or Emulator(allow_code_execution=True)"
)


def require_execution(context: Context) -> None:
    """ScriptError unless code may be executed."""
    if not context.config.allow_code_execution:
        raise ScriptError(NOT_ALLOWED)


class Execution:
    """A function for a worker: returns the reply with the logs and files of its code. `stop` ends the code early."""

    def __init__(self, reply: CodeInterpreter, files: Mapping[str, bytes]) -> None:
        from assistants_emulator.code_interpreter import Stopper

        self._reply = reply
        self._files = files
        self._stopper = Stopper()

    def __call__(self) -> CodeInterpreter:
        from assistants_emulator.code_interpreter import execute

        reply = self._reply
        result = execute(reply.input, self._files, stopper=self._stopper)
        outputs = [Image(content=content, filename=name) for name, content in result.files.items()]
        images = [output for output in outputs if str(output.filename).lower().endswith(IMAGES)]
        others = [output for output in outputs if output not in images]
        logs = (reply.logs or "") + result.logs
        return replace(reply, logs=logs or None, images=(*reply.images, *images), files=(*reply.files, *others))

    def stop(self) -> None:
        self._stopper.stop()
