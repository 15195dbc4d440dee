"""The `assistants-emulator` command in this process, for commands that end before anything is served."""

from __future__ import annotations

import inspect
from typing import Any

from click.testing import CliRunner, Result

# click before 8.2 mixes stdout and stderr unless told not to, and later ones cannot be told
_APART: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


def invoke(*arguments: str) -> Result:
    """Run the command with these arguments; `stdout` and `stderr` of the result are apart."""
    from assistants_emulator.cli.main import cli

    return CliRunner(**_APART).invoke(cli, arguments)
