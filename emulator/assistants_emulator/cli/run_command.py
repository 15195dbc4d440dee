"""Run a subprocess while a server is up, or wait for Ctrl-C; and a line that shows progress meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import click

from assistants_emulator.errors import EmulatorError, StoppedError

REDRAW_SECONDS = 0.1
RELOAD_SECONDS = 0.3  # between two looks at the file


def stopped_by_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set; a second signal ends the process at once, with status 128 + its number."""
    stop = threading.Event()

    def stopped(number: int, frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    return stop


def stop_with_stdin(stop: threading.Event) -> None:
    """Set the event when standard input ends: the process at its other end has closed it, or is gone."""

    def read() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop.set()

    threading.Thread(target=read, name="assistants-emulator-stdin", daemon=True).start()


def leave(status: int) -> NoReturn:
    """End the process. Threads that user code has started are not waited for, unlike by `sys.exit`."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if any(not thread.daemon for thread in others):
        names = ", ".join(thread.name for thread in others if not thread.daemon)
        click.echo(f"left behind, still at work: threads {names}", err=True)
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)


def serve_beside(command: tuple[str, ...], variables: dict[str, str], stop: threading.Event) -> int:
    """Run the command with these variables and return its status; without one, print them for a shell and return 0 once
    stopped."""
    if command:
        return run_beside(command, variables, stop)
    for name, value in variables.items():
        click.echo(f"export {name}={value}")
    sys.stdout.flush()
    return wait_for(stop)


def keep_reloading(path: Path, load: Callable[[Path], object], stop: threading.Event) -> None:
    """Load the file again whenever it has changed, in a thread that ends with `stop` or the program. A mistake in it is
    one line on standard error, and what was loaded before stays."""

    loaded = _mtime(path)

    def watch() -> None:
        seen = loaded
        while not stop.wait(RELOAD_SECONDS):
            if (changed := _mtime(path)) is None or changed == seen:
                continue
            seen = changed
            try:
                load(path)
                click.echo(f"{path} has changed and was loaded again", err=True)
            except StoppedError:
                return
            except EmulatorError as error:
                click.echo(f"{path} has changed, and the rules before it stay: {error}", err=True)

    threading.Thread(target=watch, name="assistants-emulator-reload", daemon=True).start()


def _mtime(path: Path) -> int | None:
    """The file's time of change in nanoseconds; None while it does not exist, as in the middle of an editor's save."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def wait_for(stop: threading.Event) -> int:
    while not stop.wait(1.0):  # on Windows Ctrl-C does not interrupt a wait without a timeout
        pass
    return 0


def run_beside(command: tuple[str, ...], variables: Mapping[str, str], stop: threading.Event) -> int:
    """Return the command's exit status, 128 plus the signal's number if one killed it; `stop` terminates it."""
    try:
        process = subprocess.Popen(command, env={**os.environ, **variables})
    except OSError as error:
        raise EmulatorError(f"cannot run {command[0]}: {error.strerror}") from error
    while True:
        try:
            status = process.wait(0.1)
            return status if status >= 0 else 128 - status
        except subprocess.TimeoutExpired:
            if stop.is_set():
                process.terminate()


class ProgressLine:
    """One line on a terminal, redrawn every 0.1 s at most; nothing where standard error is no terminal.

    `text(done, size)` is the line, of the numbers that each call brings.
    """

    def __init__(self, text: Callable[[int, int], str]) -> None:
        self._text = text
        self._on_terminal = sys.stderr.isatty()
        self._drawn = 0.0

    def __call__(self, done: int, size: int) -> None:
        now = time.monotonic()
        if self._on_terminal and now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            click.echo(f"\r{self._text(done, size)}", nl=False, err=True)

    def end(self) -> None:
        """Erase the line."""
        if self._drawn:
            click.echo("\r\033[K", nl=False, err=True)
