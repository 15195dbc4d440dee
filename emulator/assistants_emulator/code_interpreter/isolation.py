"""Isolation of the process that executes code, by the system where it can: Linux namespaces and a system call filter.

Imported by the runner, so by the standard library alone. Nothing here raises: `isolate` says what it could do.
"""

from __future__ import annotations

import os
import platform
import signal
import struct
import sys
from collections.abc import Iterator

CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC, CLONE_THREAD = 0x10000000, 0x40000000, 0x08000000, 0x00010000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
EPERM, ENOSYS = 1, 38
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, HAS_BITS, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in the data that the filter sees
X32 = 0x40000000  # from here on the numbers of another interface on x86-64
SYSTEMS = {
    "x86_64": (0xC000003E, {"socket": 41, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322}),
    "aarch64": (0xC00000B7, {"socket": 198, "clone": 220, "execve": 221, "execveat": 281}),
}
SIGNALS = {"x86_64": (62, 234), "aarch64": (129, 131)}  # kill, tgkill
MEMORY = {"x86_64": (101, 310, 311), "aarch64": (117, 270, 271)}  # ptrace, process_vm_readv and _writev
IO_URING, PIDFD_SEND_SIGNAL, CLONE3 = 425, 424, 435
Instruction = tuple[int, int, int, int]  # code, instructions to skip if true, and if false, operand


def isolate(network: bool, processes: bool, parent: int) -> bool:
    """Take away what is not allowed, and end with the parent; True if namespaces of our own were to be had.

    Without namespaces processes are not allowed, whatever `processes` says.
    """
    if sys.platform != "linux":
        return False
    has_namespaces = _unshare(network)
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    _filter_calls(network or has_namespaces, processes and has_namespaces)
    return has_namespaces


def make_undumpable() -> None:
    """Keep other processes of the same user from reading this one's memory and environment."""
    if sys.platform == "linux":
        _call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def _unshare(network: bool) -> bool:
    """A namespace of users, in which the emulator's process is out of reach, and one of networks, which has none."""
    user, group = os.getuid(), os.getgid()
    if not _call("unshare", CLONE_NEWUSER | CLONE_NEWIPC | (0 if network else CLONE_NEWNET)):
        return False
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except OSError:
        return False
    return True


def _filter_calls(network: bool, processes: bool) -> None:
    import ctypes

    machine = platform.machine()
    if machine not in SYSTEMS:
        return
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _program(machine, network, processes))
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    if _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        _call("prctl", PR_SET_SECCOMP, 2, ctypes.create_string_buffer(program), 0, 0)


def _program(machine: str, network: bool, processes: bool) -> Iterator[Instruction]:
    architecture, numbers = SYSTEMS[machine]
    yield LOAD, 0, 0, ARCHITECTURE
    yield EQUAL, 1, 0, architecture
    yield _refuse(EPERM)
    yield LOAD, 0, 0, NUMBER
    if machine == "x86_64":
        yield from _refuse_if(AT_LEAST, X32)
    for number in MEMORY[machine]:
        yield from _refuse_if(EQUAL, number)
    if not network:
        yield from _refuse_if(EQUAL, IO_URING)
        yield from _allow_only(numbers["socket"], EQUAL, 1)  # AF_UNIX
    if not processes:
        yield from _allow_only(numbers["clone"], HAS_BITS, CLONE_THREAD)
        yield from _refuse_if(EQUAL, CLONE3, ENOSYS)  # the C library takes `clone` then
        for name in ("fork", "vfork", "execve", "execveat"):
            if name in numbers:
                yield from _refuse_if(EQUAL, numbers[name])
        yield from _refuse_if(EQUAL, PIDFD_SEND_SIGNAL)
        for number in SIGNALS[machine]:
            yield from _allow_only(number, EQUAL, os.getpid())
    yield RETURN, 0, 0, ALLOW


def _refuse(error: int) -> Instruction:
    return RETURN, 0, 0, ERRNO | error


def _refuse_if(test: int, operand: int, error: int = EPERM) -> Iterator[Instruction]:
    """Refuse the call if its number, which is loaded, passes the test."""
    yield test, 0, 1, operand
    yield _refuse(error)


def _allow_only(number: int, test: int, operand: int) -> Iterator[Instruction]:
    """Decide on the call of that number by its first argument; the number stays loaded for other calls."""
    yield EQUAL, 0, 4, number
    yield LOAD, 0, 0, FIRST_ARGUMENT
    yield test, 0, 1, operand
    yield RETURN, 0, 0, ALLOW
    yield _refuse(EPERM)


def _call(name: str, *arguments: object) -> bool:
    """Call the C library's function; True if it succeeds."""
    import ctypes

    try:
        return bool(getattr(ctypes.CDLL(None), name)(*arguments) == 0)
    except (OSError, AttributeError):
        return False
