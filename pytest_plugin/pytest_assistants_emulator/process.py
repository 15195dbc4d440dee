"""An emulator that the session starts by a command, as a process of its own, and that ends with it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
import threading
import time

from assistants_emulator.errors import EmulatorError

ARGUMENTS = ("serve", "--port", "0", "--until-stdin-ends")
ADDRESS = re.compile(r"^assistants-emulator (\S+) on (http\S+?)/v1,", re.MULTILINE)
STARTING_SECONDS = 120.0  # real ones: a command may install the emulator first
ENDING_SECONDS = 5.0
LOOK_SECONDS = 0.02
MOST_SHOWN = 2000  # characters of the command's output in an error


class EmulatorProcess:
    """The process; `url` is the address that it printed. EmulatorError, with its output, if it prints none in time.

    It ends when `stop` is called, and when this process is gone: its standard input is a pipe from here.
    """

    def __init__(self, command: str, seconds: float = STARTING_SECONDS) -> None:
        try:
            self._arguments = [*shlex.split(command, posix=os.name != "nt"), *ARGUMENTS]
        except ValueError as error:
            raise EmulatorError(f"assistants_emulator_command {command!r} is no command line: {error}") from None
        number, self._output = tempfile.mkstemp(prefix="assistants-emulator-")
        try:
            self._process = subprocess.Popen(
                self._arguments, stdin=subprocess.PIPE, stdout=number, stderr=subprocess.STDOUT
            )
        except OSError as error:
            os.unlink(self._output)
            problem = f"{self._arguments[0]} cannot be run: {error.strerror}"
            raise EmulatorError(f"assistants_emulator_command: {problem}") from None
        finally:
            os.close(number)
        try:
            self.url = self._address(seconds)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process: by the end of its standard input, then by a signal, then by force."""
        assert self._process.stdin is not None
        if self._process.returncode is not None and not os.path.exists(self._output):
            return
        self._process.stdin.close()
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(ENDING_SECONDS)
                break
            except subprocess.TimeoutExpired:
                end()
        self._process.wait()
        os.unlink(self._output)

    def _address(self, seconds: float) -> str:
        """The address in the output, waited for."""
        deadline = time.monotonic() + seconds
        while (match := ADDRESS.search(self._printed())) is None:
            if (status := self._process.poll()) is not None:
                raise EmulatorError(self._problem(f"ended with status {status} before it printed an address"))
            if time.monotonic() > deadline:
                raise EmulatorError(self._problem(f"printed no address within {seconds:g} s"))
            threading.Event().wait(LOOK_SECONDS)  # no `time.sleep`, which may be virtual
        return match[2]

    def _printed(self) -> str:
        with open(self._output, "rb") as output:  # an offset of its own: the process writes at the other
            return output.read().decode("utf-8", "replace")

    def _problem(self, problem: str) -> str:
        output = self._printed()[-MOST_SHOWN:].strip() or "nothing"
        return f"assistants_emulator_command: `{shlex.join(self._arguments)}` {problem}; its output:\n{output}"
