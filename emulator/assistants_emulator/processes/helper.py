"""A helper process's main program: tasks from standard input, one after another, their results to standard output.

A task is a line of JSON, {"task": "module:function", "arguments": [...], "bytes": n, "seconds": s}, and n bytes, which
the function gets as its last argument if there are any. An empty line says that the task begins, with its module and
that module's LIBRARIES imported: only from then on its time counts. A result is a line of JSON: {"result": ...}, or
{"error": name of the exception's type, "arguments": [...]}. The system ends the process when a task takes too long, for
code that never returns to Python as much as for any other.
"""

from __future__ import annotations

import importlib
import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

GRACE_SECONDS = 1.0  # the parent's limit comes first, unless the parent is gone
LARGEST_BYTES = 512 * 1024 * 1024  # of memory that is kept for the next task


def main(memory_bytes: int) -> None:
    tasks, results = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # libraries that print must not disturb the results
    _limit(memory_bytes)
    while line := tasks.readline():
        task = json.loads(line)
        data = tasks.read(task["bytes"]) if task["bytes"] is not None else None
        function = _function(task["task"])
        results.write(b"\n")
        results.flush()
        _set_alarm(task["seconds"] + GRACE_SECONDS)
        result = _result(function, [*task["arguments"], *([] if data is None else [data])])
        _set_alarm(0)
        results.write(json.dumps(result).encode() + b"\n")
        results.flush()
        if result.get("error") == "MemoryError" or _peak_bytes() > LARGEST_BYTES:
            return


def _function(name: str) -> Callable[..., Any]:
    module_name, _, function = name.partition(":")
    module = importlib.import_module(module_name)
    for library in getattr(module, "LIBRARIES", ()):
        importlib.import_module(library)
    found: Callable[..., Any] = getattr(module, function)
    return found


def _result(function: Callable[..., Any], arguments: list[Any]) -> dict[str, Any]:
    try:
        return {"result": function(*arguments)}
    except MemoryError:
        return {"error": "MemoryError", "arguments": []}
    except Exception as error:
        return {"error": type(error).__name__, "arguments": [str(argument) for argument in error.args]}


def _limit(memory_bytes: int) -> None:
    """Ctrl-C is the parent's affair, and so is the end of the helper."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_AS: memory_bytes,
    }
    for kind, most in limits.items():
        with suppress(OSError, ValueError):  # macOS refuses some
            resource.setrlimit(kind, (most, most))


def _set_alarm(seconds: float) -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM ends the process


def _peak_bytes() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read_result(results: BinaryIO) -> dict[str, Any] | None:
    """For the parent: the next result, None if the helper has ended."""
    line = results.readline()
    return json.loads(line) if line.endswith(b"\n") else None
