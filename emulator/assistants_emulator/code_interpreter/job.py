"""One call of the code interpreter: its files in, its logs and files out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from assistants_emulator.code_interpreter.limits import DEFAULT, Limits
from assistants_emulator.code_interpreter.process import Ended, Stopper, run
from assistants_emulator.code_interpreter.scratch import Scratch, scratch
from assistants_emulator.errors import EmulatorError

_RUNNER = Path(__file__).with_name("runner.py")


@dataclass(frozen=True, slots=True)
class Executed:
    """`logs` as the API shows them; `files` that are new or changed, by their path below /mnt/data."""

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
    """Runs the code with the files at /mnt/data/NAME, in a new process of that interpreter (3.11 or later).

    Blocks up to `limits.wall_seconds`. What the code does wrong is in the logs, with `error`. EmulatorError if the
    interpreter is missing or broken, or a file or the scratch directory cannot be used. `names.safe_name` says where
    a file with an odd name is. `stopper` ends the code from another thread.
    """
    interpreter = _found(python)
    try:
        with scratch() as place:
            place.place(files)
            return _executed(code, place, limits, interpreter, stopper or Stopper())
    except OSError as error:
        raise EmulatorError(f"cannot execute code: {error.filename}: {error.strerror or error}") from error


def _found(python: str) -> str:
    """Absolute, for the process has another directory; links stay, for they are what makes a virtual environment."""
    found = shutil.which(python)
    if found is None:
        raise EmulatorError(f"cannot execute code: there is no Python interpreter {python!r}")
    return os.path.abspath(found)


def _executed(code: str, place: Scratch, limits: Limits, python: str, stopper: Stopper) -> Executed:
    job = place.root / "job.json"
    job.write_text(
        json.dumps({"code": code, "data": place.data.as_posix(), "limits": asdict(limits), "parent": os.getpid()})
    )
    command = [python, "-s", "-B", "-u", str(_RUNNER), str(job)]
    ended = run(
        command,
        place.data,
        _environment(place),
        limits.wall_seconds,
        limits.log_bytes,
        lambda: place.takes_more_than(limits.disk_bytes),
        stopper,
    )
    if job.exists() and not ended.timed_out and not stopper.stopped:  # the runner's first act is to remove it
        raise EmulatorError(f"cannot execute code: {python} is no working Python interpreter ({_last_words(ended)})")
    files, left_out = place.collect(limits)
    notes = "".join(f"{note}\n" for note in _notes(ended, limits, left_out))
    return Executed(
        _joined(_logs(ended, place, limits), notes), files, ended.timed_out or ended.filled_disk or ended.status != 0
    )


def _environment(place: Scratch) -> dict[str, str]:
    """Nothing of ours. Not by `-I`, which would ignore the hash seed along with the user's variables."""
    system = {
        name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ
    }  # Windows starts nothing without
    return system | {
        "HOME": str(place.home),
        "TMPDIR": str(place.tmp),
        "TEMP": str(place.tmp),
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


def _logs(ended: Ended, place: Scratch, limits: Limits) -> str:
    """Cut at the end of a line where there is one, so that no half of a path of ours is left."""
    output = ended.output
    if len(output) > limits.log_bytes:
        output = output[: limits.log_bytes]
        output = output[: output.rfind(b"\n") + 1] or output
    return place.shown(output.decode("utf-8", "replace"))


def _notes(ended: Ended, limits: Limits, left_out: int) -> Iterator[str]:
    """What the code did not say itself."""
    if len(ended.output) > limits.log_bytes:
        yield f"Output was cut after {limits.log_bytes} bytes."
    if ended.filled_disk:
        yield f"Execution was stopped: its files took more than {limits.disk_bytes} bytes."
    elif ended.timed_out:
        yield f"Execution was stopped after {limits.wall_seconds:g} s."
    elif ended.status < 0:
        yield _killed_by(-ended.status, limits)
    elif ended.status > 1:  # 1 is the runner's, after a traceback
        yield f"Execution ended with status {ended.status}."
    if left_out:
        yield (
            f"{left_out} new or changed files were left out: at most {limits.kept_files} files and "
            f"{limits.kept_bytes} bytes are kept."
        )


def _killed_by(number: int, limits: Limits) -> str:
    if number == getattr(signal, "SIGXCPU", None):
        return f"Execution was stopped after {limits.cpu_seconds} s of CPU time."
    return f"Execution was ended by signal {number} ({signal.strsignal(number)})."


def _joined(logs: str, notes: str) -> str:
    return f"{logs}\n{notes}" if notes and logs and not logs.endswith("\n") else logs + notes


def _last_words(ended: Ended) -> str:
    lines = ended.output.decode("utf-8", "replace").strip().splitlines()
    return f"status {ended.status}" + (f": {lines[-1][:200]}" if lines else "")
