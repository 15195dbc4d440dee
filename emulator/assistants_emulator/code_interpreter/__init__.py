"""Execution of a code interpreter call's code, for users who allow it: `execute(code, files)`.

The code runs in a process of its own with a scratch directory, an environment of its own and limits on time, memory,
disk and output. On Linux the system itself refuses it the network, new processes and the emulator's memory. It is no
security boundary all the same: the process runs as the emulator's user and can read the files that this user can read;
on other systems than Linux, compiled code bypasses the refusals. Code that is not trusted belongs in a container or a
virtual machine. docs/security.md says more.
"""

from assistants_emulator.code_interpreter.isolation import make_undumpable
from assistants_emulator.code_interpreter.job import Executed, execute
from assistants_emulator.code_interpreter.process import Limits, Stopper
from assistants_emulator.code_interpreter.scratch import safe_name

__all__ = ["Executed", "Limits", "Stopper", "execute", "make_undumpable", "safe_name"]
