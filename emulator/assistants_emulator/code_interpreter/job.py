"""One call of the code interpreter: code and files in, logs and files out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from assistants_emulator.code_interpreter.process import DEFAULT, Limits, Result, Stopper, run
from assistants_emulator.code_interpreter.scratch import Scratch, scratch
from assistants_emulator.errors import EmulatorError

_RUNNER = Path(__file__).with_name("runner.py")


@dataclass(frozen=True, slots=True)
class Executed:
    """`logs` as the API has them; new and changed `files` by their path below /mnt/data."""

    logs: str
    files: dict[str, bytes]
    error: bool


def execute(
    code: str,
    files: Mapping[str, bytes | Path],
    limits: Limits = DEFAULT,
    python: str = sys.executable,
    stopper: Stopper | None = None,
) -> Executed:
    """Run the code with the files at /mnt/data/NAME, in a new process of that interpreter (3.11 or later).

    Blocks up to `limits.wall_seconds`. Errors of the code are in the logs, with `error`. EmulatorError if the
    interpreter is missing or broken, or a file or the scratch directory cannot be used. A file with an unusual name is
    at `scratch.safe_name(NAME)`. `stopper` ends the code from another thread.
    """
    interpreter = _interpreter(python)
    try:
        with scratch() as directory:
            directory.write_inputs(files)
            return _execute(code, directory, limits, interpreter, stopper or Stopper())
    except OSError as error:
        raise EmulatorError(f"cannot execute code: {error.filename}: {error.strerror or error}") from error


def _interpreter(python: str) -> str:
    """Return an absolute path, for the process has another directory; links stay, as a virtual environment needs."""
    path = shutil.which(python)
    if path is None:
        raise EmulatorError(f"cannot execute code: there is no Python interpreter {python!r}")
    return os.path.abspath(path)


def _execute(code: str, directory: Scratch, limits: Limits, python: str, stopper: Stopper) -> Executed:
    job = directory.root / "job.json"
    job.write_text(
        json.dumps({"code": code, "data": directory.data.as_posix(), "limits": asdict(limits), "parent": os.getpid()})
    )
    command = [python, "-s", "-B", "-u", str(_RUNNER), str(job)]
    result = run(
        command,
        directory.data,
        _environment(directory),
        limits.wall_seconds,
        limits.log_bytes,
        lambda: directory.takes_more_than(limits.disk_bytes),
        stopper,
    )
    if job.exists() and not result.timed_out and not stopper.stopped:  # the runner removes it first of all
        raise EmulatorError(f"cannot execute code: {python} is no working Python interpreter ({_last_line(result)})")
    files, left_out = directory.collect(limits)
    notes = "".join(f"{note}\n" for note in _notes(result, limits, left_out))
    is_error = result.timed_out or result.filled_disk or result.status != 0
    return Executed(_joined(_logs(result, directory, limits), notes), files, is_error)


def _environment(directory: Scratch) -> dict[str, str]:
    """Return the variables of the process, none of them the user's.

    Not by `-I`, which would ignore the hash seed too.
    """
    system = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}  # needed to start on Windows
    return system | {
        "HOME": str(directory.home),
        "TMPDIR": str(directory.tmp),
        "TEMP": str(directory.tmp),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",  # a thread for each core reserves more memory than the limit
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONSAFEPATH": "1",
        "PYTHONUTF8": "1",
    }


def _logs(result: Result, directory: Scratch, limits: Limits) -> str:
    """Return the output, cut at the end of a line if there is one, so that no half of a scratch path is left."""
    output = result.output
    if len(output) > limits.log_bytes:
        output = output[: limits.log_bytes]
        output = output[: output.rfind(b"\n") + 1] or output
    return directory.hosted_paths(output.decode("utf-8", "replace"))


def _notes(result: Result, limits: Limits, left_out: int) -> Iterator[str]:
    """Yield lines on why and how the execution was limited."""
    if len(result.output) > limits.log_bytes:
        yield f"Output was cut after {limits.log_bytes} bytes."
    if result.filled_disk:
        yield f"Execution was stopped: its files took more than {limits.disk_bytes} bytes."
    elif result.timed_out:
        yield f"Execution was stopped after {limits.wall_seconds:g} s."
    elif result.status < 0:
        yield _signal_note(-result.status, limits)
    elif result.status > 1:  # 1 is the runner's, after a traceback
        yield f"Execution ended with status {result.status}."
    if left_out:
        yield (
            f"{left_out} new or changed files were left out: at most {limits.kept_files} files and "
            f"{limits.kept_bytes} bytes are kept."
        )


def _signal_note(number: int, limits: Limits) -> str:
    if number == getattr(signal, "SIGXCPU", None):
        return f"Execution was stopped after {limits.cpu_seconds} s of CPU time."
    return f"Execution was ended by signal {number} ({signal.strsignal(number)})."


def _joined(logs: str, notes: str) -> str:
    return f"{logs}\n{notes}" if notes and logs and not logs.endswith("\n") else logs + notes


def _last_line(result: Result) -> str:
    lines = result.output.decode("utf-8", "replace").strip().splitlines()
    return f"status {result.status}" + (f": {lines[-1][:200]}" if lines else "")
