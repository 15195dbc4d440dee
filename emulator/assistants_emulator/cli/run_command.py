"""Run a subprocess while a server is up, or wait for Ctrl-C; and a line that shows progress meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

import click

from assistants_emulator.errors import EmulatorError

REDRAW_SECONDS = 0.1


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
