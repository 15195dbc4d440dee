"""The child process: `python runner.py JOB.json`, with {"code", "data", "limits"}; exit status 1 on an error.

It imports the standard library only, all of it before the code runs. `/mnt/data` in the code's literals becomes the
scratch directory; a path that is joined from smaller pieces, or read from a file, stays as it is.
"""

from __future__ import annotations

import ast
import errno
import json
import linecache
import os
import re
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

if sys.platform != "win32":
    import resource

_CELL = "<cell>"
_MOUNT = r"(?<![\w.~-])/mnt/data(?![\w.-])"
_REFUSED = {
    "network": (
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
    ),
    "processes": (
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.killpg",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
        "subprocess.Popen",
    ),
}


def main(path: str) -> int:
    """Return the exit status: 0, or 1 if the code raised, with its traceback in stderr."""
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    os.remove(path)  # the parent takes this for a working Python interpreter
    sys.argv[:] = [""]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")  # type: ignore[union-attr]
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")  # of `plt.show()`
    _limit(job["limits"])
    limits = _isolated(job["limits"], job["parent"])
    _refuse(limits)
    completed = [_completes(lambda: _run(job["code"], job["data"])), _completes(lambda: _save_figures(job["data"]))]
    return 0 if all(completed) else 1


def _limit(limits: dict[str, Any]) -> None:
    """Set the limits in this process: between fork and exec a process with threads can hang."""
    if sys.platform != "win32":
        _set(resource.RLIMIT_CORE, 0, 0)
        _set(resource.RLIMIT_CPU, limits["cpu_seconds"], limits["cpu_seconds"] + 1)
        _set(resource.RLIMIT_FSIZE, limits["file_bytes"], limits["file_bytes"])
        _set(resource.RLIMIT_NOFILE, limits["open_files"], limits["open_files"])
        _set(resource.RLIMIT_AS, limits["memory_bytes"], limits["memory_bytes"])


def _set(kind: int, soft: int, hard: int) -> None:
    """Set a limit, at most as high as the present one. macOS refuses some, and only the wall clock limits there."""
    if sys.platform != "win32":
        present = resource.getrlimit(kind)[1]
        hard = hard if present == resource.RLIM_INFINITY else min(hard, present)
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (min(soft, hard), hard))


def _isolated(limits: dict[str, Any], parent: int) -> dict[str, Any]:
    """By the system where it can; the limits with `processes` False if it cannot isolate those."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        from isolation import isolate  # type: ignore[import-not-found]
    finally:
        del sys.path[0]
    has_namespaces = isolate(limits["network"], limits["processes"], parent)
    del sys.modules["isolation"]
    return {**limits, "processes": limits["processes"] and has_namespaces}


def _refuse(limits: dict[str, Any]) -> None:
    """Refuse network and processes to accidents, not to attacks: calls outside Python's own modules raise no event."""
    refused = {event: name for name, events in _REFUSED.items() if not limits[name] for event in events}

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event in refused:
            raise PermissionError(errno.EPERM, f"{event} is refused: the limits allow no {refused[event]}")

    sys.addaudithook(hook)
    if not limits["processes"]:
        _refuse_fork_exec()


def _refuse_fork_exec() -> None:
    """`multiprocessing` calls it without an audit event."""
    try:
        import _posixsubprocess
    except ImportError:
        return

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "fork_exec is refused: the limits allow no processes")

    setattr(_posixsubprocess, "fork_exec", refuse)  # noqa: B010


def _run(code: str, data: str) -> None:
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    linecache.cache[_CELL] = (len(code), None, code.splitlines(keepends=True), _CELL)
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    for part in list(_parts(code, data)):
        exec(part, module.__dict__)


def _parts(code: str, data: str) -> Iterator[types.CodeType]:
    """Compile the statements, and a last expression apart from them so that its value is printed."""
    tree = compile(code, _CELL, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    _mount(tree, data)
    last = tree.body.pop() if tree.body and _is_printed(tree.body[-1], code) else None
    yield compile(tree, _CELL, "exec", dont_inherit=True)
    if last is not None:
        yield compile(ast.Interactive([last]), _CELL, "single", dont_inherit=True)


def _mount(tree: ast.Module, data: str) -> None:
    """Replace /mnt/data in the tree, not in the text, whose lines a traceback shows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = re.sub(_MOUNT, lambda _: data, node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            node.value = re.sub(_MOUNT.encode(), lambda _: os.fsencode(data), node.value)


def _is_printed(statement: ast.stmt, code: str) -> bool:
    """Tell whether a last statement's value is printed: an expression without a semicolon, as in a notebook."""
    if not isinstance(statement, ast.Expr):
        return False
    line = code.split("\n")[(statement.end_lineno or 1) - 1].encode("utf-8", "replace")
    return not line[statement.end_col_offset :].lstrip().startswith(b";")


def _save_figures(data: str) -> None:
    """Save the figures that are still open, as a notebook shows them, but over no file of the code."""
    plt = sys.modules.get("matplotlib.pyplot")
    for number in plt.get_fignums() if plt else []:
        path = os.path.join(data, f"figure-{number}.png")
        if not os.path.exists(path):
            plt.figure(number).savefig(path)  # type: ignore[union-attr]


def _completes(task: Callable[[], None]) -> bool:
    try:
        task()
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code:
            return True
        _report(error)
        return False
    return True


def _report(error: BaseException) -> None:
    """Print the traceback without frames of this file to the real stderr, even if the code replaced it."""
    report = traceback.TracebackException.from_exception(error)
    chain = [report]
    for link in chain:
        link.stack[:] = [frame for frame in link.stack if frame.filename != __file__]
        links = (link.__cause__, link.__context__, *(getattr(link, "exceptions", None) or ()))
        chain += [other for other in links if other is not None]
    print("".join(report.format()), end="", file=sys.__stderr__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
