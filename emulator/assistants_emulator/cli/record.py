"""`assistants-emulator record` and `replay`: record a session to a file, and answer from that file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from assistants_emulator import __version__
from assistants_emulator.cli.run_command import ProgressLine, serve_beside, stopped_by_signals
from assistants_emulator.config import DEFAULT_HOST, DEFAULT_PORT

HOST = click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
PORT = click.option("--port", default=DEFAULT_PORT, show_default=True, help="0 takes a free port.")
SCRUB = click.option(
    "--scrub", multiple=True, metavar="NAME", help="Header or key whose values are secret, or /PATTERN/."
)
ALLOW_HOST = click.option(
    "--allow-host", "allow_hosts", multiple=True, help="Host name to accept, besides loopback; '*': any."
)
ALLOW_ORIGIN = click.option(
    "--allow-origin", "allow_origins", multiple=True, help="Pages to serve: http://localhost:3000; '*': any."
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
    help="all replaces the recording; new_episodes answers recorded calls from it and adds the others.",
)
@click.option(
    "--upstream-key",
    envvar="ASSISTANTS_UPSTREAM_KEY",
    help="Key for upstream in place of the client's; better set as ASSISTANTS_UPSTREAM_KEY.",
)
@SCRUB
@HOST
@PORT
@ALLOW_HOST
@ALLOW_ORIGIN
@COMMAND
def record(upstream: str, cassette: Path, scrub: tuple[str, ...], command: tuple[str, ...], **options: Any) -> None:
    """Forward calls to a server and record them, until Ctrl-C or while `-- COMMAND ...` runs."""
    from assistants_emulator.recording.recorder import Recorder

    stop = stopped_by_signals()
    progress = ProgressLine(lambda calls, size: f"{_calls(calls)}, {size / 1e6:.1f} MB ")
    recorder = Recorder(upstream, cassette, scrub=scrub, progress=progress, **options)
    with recorder:
        _announce(f"recording {recorder.upstream} to {cassette} on {recorder.base_url}", command)
        key = os.environ.get("OPENAI_API_KEY") or recorder.api_key  # the client's own passes through
        variables = {"OPENAI_BASE_URL": recorder.base_url} | ({"OPENAI_API_KEY": key} if command else {})
        status = serve_beside(command, variables, stop)
    progress.end()
    secrets = (
        f", {recorder.scrubbed} secret{'' if recorder.scrubbed == 1 else 's'} scrubbed" if recorder.scrubbed else ""
    )
    click.echo(f"{_calls(recorder.recorded)} recorded to {cassette}{secrets}", err=True)
    sys.exit(status)


@click.command()
@click.argument("cassette", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--timing",
    type=click.Choice(["none", "recorded"]),
    default="none",
    show_default=True,
    help="none answers at once; recorded takes as long as the recorded server did.",
)
@SCRUB
@HOST
@PORT
@ALLOW_HOST
@ALLOW_ORIGIN
@COMMAND
def replay(cassette: Path, command: tuple[str, ...], **options: Any) -> None:
    """Answer with the calls recorded in FILE, until Ctrl-C or while `-- COMMAND ...` runs.

    Calls that were not recorded are answered 501. At the end they are listed on standard error, with the recorded calls
    that no client made.
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


def _announce(text: str, command: tuple[str, ...]) -> None:
    """Print a line, on standard error where standard output is the command's."""
    click.echo(f"assistants-emulator {__version__} {text}", err=bool(command))


def _calls(number: int) -> str:
    return _counted(number, "call")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
