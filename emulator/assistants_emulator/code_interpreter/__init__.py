"""Really runs the code of a code interpreter call, for users who ask for that: `execute(code, files)`.

The code runs in a process of its own with a scratch directory, an environment of ours and limits on time, memory,
disk and output. On Linux the system itself refuses it the network, new processes and the emulator's memory. It is no
security boundary all the same: the process runs as the emulator's user and reads the files that this user can read;
elsewhere than on Linux, compiled code passes by the refusals. Code that is not trusted belongs in a container or a
virtual machine. docs/security.md says more.
"""

from assistants_emulator.code_interpreter.isolation import make_undumpable
from assistants_emulator.code_interpreter.job import Executed, execute
from assistants_emulator.code_interpreter.limits import DEFAULT, Limits
from assistants_emulator.code_interpreter.process import Stopper
from assistants_emulator.code_interpreter.scratch import safe_name

__all__ = ["DEFAULT", "Executed", "Limits", "Stopper", "execute", "make_undumpable", "safe_name"]
