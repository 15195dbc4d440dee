"""A script written so that people like to read it: texts as blocks, pieces of streams on lines they share."""

from __future__ import annotations

import json
from typing import Any

import yaml

from emulator.recording.semantic import ScriptOf

WIDTH = 110


class _Dumper(yaml.SafeDumper):
    """Indents lists as the README does, and never writes an anchor."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Flow(dict[str, Any]):
    """An object on one line."""


class _Pieces(list[str]):
    """A list on one line, or on as many as it takes."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    block = "\n" in text and text.isprintable() is False and all(char.isprintable() or char == "\n" for char in text)
    fits = block and not any(line.endswith(" ") for line in text.split("\n")) and not text[:1].isspace()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if fits else None)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    _Flow, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)
)
_Dumper.add_representer(
    _Pieces, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


def script_text(made: ScriptOf, *, as_json: bool) -> str:
    """The script's file; in YAML a comment says which run each rule is from."""
    if as_json:
        return json.dumps(made.script, indent=2, ensure_ascii=False) + "\n"
    lines = [f"version: {made.script['version']}\nreplies:\n"]
    for run_id, rule in zip(made.runs, made.script["replies"], strict=True):
        shown = yaml.dump([_shown(rule)], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
        lines.append("".join(f"  {line}\n" if line else "\n" for line in [f"# {run_id}", *shown.splitlines()]))
    return "".join(lines)


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "do": [_action(action) for action in rule["do"]]}


def _action(action: dict[str, Any]) -> dict[str, Any]:
    if "usage" in action:
        return {"usage": _Flow(action["usage"])}
    if isinstance(text := action.get("text"), dict) and "chunks" in text:
        return {"text": {**text, "chunks": _Pieces(text["chunks"])}}
    return action
