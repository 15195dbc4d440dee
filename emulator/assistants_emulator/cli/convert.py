"""`assistants-emulator convert`: recordings to cassettes, scripts and state files."""

from __future__ import annotations

from pathlib import Path

import click

from assistants_emulator.cli.run_command import ProgressLine

FORMATS = ("cassette", "vcrpy", "vcr-ruby", "har", "session-records")
TARGETS = ("cassette", "script", "state")


@click.command()
@click.argument("recordings", nargs=-1, required=True, metavar="IN...", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(TARGETS), required=True, help="Kind of file to write.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--from", "format", type=click.Choice(FORMATS), help="Format of IN; by default by its content.")
def convert(recordings: tuple[Path, ...], to: str, output: Path, format: str | None) -> None:
    """Turn recorded sessions into a cassette, a responder script or a state file.

    IN is a cassette of `record`, a cassette of VCR.py or VCR (Ruby), a HAR file, or a session record of OpenAI's .NET
    SDK. Several files are one session, in the order given. Calls that cannot be converted are listed on standard error.
    """
    from assistants_emulator.convert.conversion import Conversion

    progress = ProgressLine(read_so_far)
    try:
        conversion = Conversion.of(*recordings, to=to, format=format, progress=progress)
    finally:
        progress.end()
    for line in conversion.left_out:
        click.echo(f"left out: {line}", err=True)
    for line in conversion.warnings:
        click.echo(f"warning: {line}", err=True)
    conversion.save(output)
    click.echo(f"wrote {output}: {conversion.summary}")


def read_so_far(done: int, size: int) -> str:
    """A progress line, of bytes."""
    return f"read {done / 1e6:.1f} of {size / 1e6:.1f} MB"
