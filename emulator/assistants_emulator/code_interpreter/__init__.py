"""Execution of a code interpreter call's code, for users who allow it: `execute(code, files)`.

The code runs in a process of its own with a scratch directory, an environment of its own and limits on time, memory,
files and output. That contains mistakes: endless loops, huge lists, floods of output, a request sent by accident. It is
no security boundary: the process runs as the emulator's user, can read all that this user can read, and can get around
the refusal of network and processes (an audit hook, which compiled code bypasses). Code that is not trusted belongs in
a container or a virtual machine.
"""

from assistants_emulator.code_interpreter.job import Executed, execute
from assistants_emulator.code_interpreter.process import Limits
from assistants_emulator.code_interpreter.scratch import safe_name

__all__ = ["Executed", "Limits", "execute", "safe_name"]
