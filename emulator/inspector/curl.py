"""A logged call as a command that makes it again."""

from __future__ import annotations

import shlex

from emulator.requests import MOST_BODY_BYTES, LoggedRequest


def curl(call: LoggedRequest, origin: str, key: str) -> str:
    """A command for any POSIX shell. An upload is told as a comment: the log does not keep whole files."""
    lines = [f"curl {shlex.quote(origin + call.path)}"]
    if call.method != "GET":
        lines[0] = f"curl -X {call.method} {shlex.quote(origin + call.path)}"
    lines.append(f"-H {shlex.quote(f'Authorization: Bearer {key}')}")
    lines.append("-H 'OpenAI-Beta: assistants=v2'")
    if _is_form(call):
        return " \\\n  ".join([*lines, "-F purpose=assistants", "-F file=@FILE"])
    if call.raw:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"--data-raw {shlex.quote(call.raw.decode('utf-8', 'replace'))}")
    return " \\\n  ".join(lines)


def is_cut(call: LoggedRequest) -> bool:
    return len(call.raw) >= MOST_BODY_BYTES


def _is_form(call: LoggedRequest) -> bool:
    return call.raw.startswith(b"--") and b"Content-Disposition: form-data" in call.raw[:2000]
