"""`assistants-emulator record` and `replay`: write a session to a file, and serve from it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assistants_emulator import __version__
from assistants_emulator.cli.run_command import serve_beside, stopped_by_signals
from assistants_emulator.config import DEFAULT_HOST, DEFAULT_PORT

REDRAW_SECONDS = 0.1
HOST = click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
PORT = click.option("--port", default=DEFAULT_PORT, show_default=True, help="0 takes a free port.")
SCRUB = click.option(
    "--scrub", multiple=True, metavar="NAME", help="A name (header, key) whose values are secret, or /PATTERN/."
)
COMMAND = click.argument("command", nargs=-1, type=click.UNPROCESSED)


@click.command()
@click.option("--upstream", required=True, metavar="URL", help="Base URL of the server to record, with its /v1.")
@click.option("--cassette", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to record to.")
@click.option(
    "--mode",
    type=click.Choice(["all", "new_episodes"]),
    default="all",
    show_default=True,
    help="all replaces what FILE has; new_episodes answers from FILE what it has, and adds the rest.",
)
@click.option(
    "--upstream-key",
    envvar="ASSISTANTS_UPSTREAM_KEY",
    help="Key for upstream in place of the client's; better set as ASSISTANTS_UPSTREAM_KEY.",
)
@SCRUB
@HOST
@PORT
@COMMAND
def record(upstream: str, cassette: Path, scrub: tuple[str, ...], command: tuple[str, ...], **options: Any) -> None:
    """Forward calls to a server and record them, until Ctrl-C or while `-- COMMAND ...` runs."""
    from assistants_emulator.recording.recorder import Recorder

    stop = stopped_by_signals()
    progress = ProgressLine(lambda calls, size: f"{_calls(calls)}, {size / 1e6:.1f} MB ")
    recorder = Recorder(upstream, cassette, scrub=scrub, progress=progress, **options)
    with recorder:
        _announce(f"recording {upstream} to {cassette} on {recorder.base_url}", command)
        key = os.environ.get("OPENAI_API_KEY") or recorder.api_key  # the client's own passes through
        variables = {"OPENAI_BASE_URL": recorder.base_url} | ({"OPENAI_API_KEY": key} if command else {})
        status = serve_beside(command, variables, stop)
    progress.end()
    click.echo(f"{_calls(recorder.recorded)} recorded to {cassette}", err=True)
    sys.exit(status)


@click.command()
@click.argument("cassette", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--timing",
    type=click.Choice(["none", "recorded"]),
    default="none",
    show_default=True,
    help="none answers at once; recorded after the recorded time.",
)
@SCRUB
@HOST
@PORT
@COMMAND
def replay(cassette: Path, command: tuple[str, ...], **options: Any) -> None:
    """Answer with what was recorded in FILE, until Ctrl-C or while `-- COMMAND ...` runs.

    Calls that were not recorded are answered 501, and listed on standard error at the end, with the recorded ones that
    were never asked for.
    """
    from assistants_emulator.recording.player import Player

    stop = stopped_by_signals()
    player = Player(cassette, **options)
    with player:
        _announce(f"replaying {cassette} on {player.base_url}", command)
        variables = {"OPENAI_BASE_URL": player.base_url, "OPENAI_API_KEY": player.api_key}
        status = serve_beside(command, variables, stop)
    for line in player.report():
        click.echo(line, err=True)
    sys.exit(status)


class ProgressLine:
    """A line on a terminal, drawn at most every 0.1 seconds; nothing if standard error is no terminal.

    Called with two numbers, of which `text` makes the line.
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
        if self._drawn:
            click.echo("\r\033[K", nl=False, err=True)


def _announce(text: str, command: tuple[str, ...]) -> None:
    """Print the line, on standard error if standard output is the command's."""
    click.echo(f"assistants-emulator {__version__} {text}", err=bool(command))


def _calls(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"
