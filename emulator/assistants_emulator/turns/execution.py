"""The execution of a code interpreter reply's code in a worker, for both APIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assistants_emulator.code_interpreter import Stopper, execute
from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.responders.replies import CodeInterpreter, Image

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


def require_allowed(context: Context) -> None:
    """ScriptError unless the emulator was started with the permission to run code."""
    if not context.config.allow_code_execution:
        raise ScriptError(
            "CodeInterpreter(execute=True) runs code on this machine, which was not allowed; start the emulator with "
            "--allow-code-execution, or Emulator(allow_code_execution=True)"
        )


class Execution:
    """A function for a worker: returns the reply with the logs and files of its code. `stop` ends the code early."""

    def __init__(self, reply: CodeInterpreter, files: Mapping[str, bytes]) -> None:
        self._reply = reply
        self._files = files
        self._stopper = Stopper()

    def __call__(self) -> CodeInterpreter:
        reply = self._reply
        result = execute(reply.input, self._files, stopper=self._stopper)
        outputs = [Image(content=content, filename=name) for name, content in result.files.items()]
        images = [output for output in outputs if str(output.filename).lower().endswith(IMAGES)]
        others = [output for output in outputs if output not in images]
        logs = (reply.logs or "") + result.logs
        return replace(reply, logs=logs or None, images=(*reply.images, *images), files=(*reply.files, *others))

    def stop(self) -> None:
        self._stopper.stop()
