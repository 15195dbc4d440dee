"""A recorded session as a script of the model's replies: one rule for each run, or turn of responses, and its message.

The emulator does everything else, so a test may change its order, its polling, its paging, its ids and its SDK and
still gets the recorded replies. What a recording does not show of a run is left out, with a warning. YAML is written
to be read: texts as blocks, the chunks of streams on shared lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from assistants_emulator.convert.observed import ObservedSession, text_of
from assistants_emulator.convert.response_turns import response_turns
from assistants_emulator.convert.run_actions import NOT_RECORDED, run_actions
from assistants_emulator.recording.exchange import Exchange
from assistants_emulator.store import Object

LONGEST_PATTERN = 2000  # characters of a message; of a longer one the first and the last are matched
ENDS_OF_LONG = 500  # characters of each
WIDTH = 110  # characters of a line of YAML
_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")


@dataclass(slots=True)
class ScriptOf:
    """`script` is as in a script file; `runs` are the ids of its rules' runs or first responses, in their order."""

    script: Object
    runs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def script_of(exchanges: Iterable[Exchange]) -> ScriptOf:
    """Rules for known messages stand before those for any run, so that these take no run whose message is known."""
    recorded = list(exchanges)
    session = ObservedSession.of(recorded)
    warnings: list[str] = []
    for_message: list[tuple[str, Object]] = []
    for_any: list[tuple[str, Object]] = []
    for run_id in _run_ids(session):
        replies = run_actions(session, run_id)
        if replies is None:
            continue
        warnings += [f"{run_id}: {problem}" for problem in replies.problems]
        question = _question(session, run_id)
        rule: Object = {} if question is None else {"when": {"message": pattern_of(question)}}
        rule |= {"times": 1, "do": replies.actions or [{"text": NOT_RECORDED}]}
        if question is None:
            warnings.append(f"{run_id}: the user's message is not recorded, so its rule takes any run")
        (for_any if question is None else for_message).append((run_id, rule))
    for turn in response_turns(recorded, session):
        warnings += [f"{turn.id}: {problem}" for problem in turn.problems]
        when = {} if turn.question is None else {"when": {"message": pattern_of(turn.question)}}
        rule = {**when, "times": 1, "do": turn.actions or [{"text": NOT_RECORDED}]}
        (for_message if when else for_any).append((turn.id, rule))
    rules = [*for_message, *for_any]
    script = {"version": 1, "replies": [rule for _, rule in rules]}
    return ScriptOf(script, [run_id for run_id, _ in rules], warnings)


def pattern_of(message: str) -> str:
    """A regular expression for this text and no other; of a long one for its beginning and its end."""
    if len(message) > LONGEST_PATTERN:
        return f"^{_escaped(message[:ENDS_OF_LONG])}[\\s\\S]*{_escaped(message[-ENDS_OF_LONG:])}\\Z"
    return f"^{_escaped(message)}\\Z"


def _escaped(text: str) -> str:
    """As `re.escape`, but blanks and dashes stay readable."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", text)


def _run_ids(session: ObservedSession) -> list[str]:
    """In the order of creation; those from before the session come first."""
    runs = session.tables["runs"]
    earlier = [run_id for run_id in runs if run_id not in session.created_runs]
    earlier += [id for id in dict.fromkeys(_run_ids_of_children(session)) if id not in runs]
    return [*sorted(earlier, key=lambda id: session.age(runs.get(id, {}))), *session.created_runs]


def _run_ids_of_children(session: ObservedSession) -> Iterable[str]:
    for table in ("steps", "messages"):
        yield from (str(item["run_id"]) for item in session.tables[table].values() if item.get("run_id"))


def _question(session: ObservedSession, run_id: str) -> str | None:
    """The user's last message before the run: as it was posted, else as a list had it."""
    if (post := session.questions.get(run_id)) is not None:
        return post.text
    run = session.get("runs", run_id)
    thread_id, created = run.get("thread_id"), run.get("created_at")
    if thread_id is None:
        thread_id, created = _from_children(session, run_id)
    earlier = [
        message
        for message in session.tables["messages"].values()
        if message.get("thread_id") == thread_id and message.get("role") == "user" and _is_before(message, created)
    ]
    if not earlier:
        return None
    return text_of(max(earlier, key=session.age).get("content"))


def _from_children(session: ObservedSession, run_id: str) -> tuple[Any, Any]:
    children = [*session.of_run("steps", run_id), *session.of_run("messages", run_id)]
    oldest = min(children, key=session.age, default={})
    return oldest.get("thread_id"), oldest.get("created_at")


def _is_before(message: Object, created: Any) -> bool:
    return not isinstance(created, int) or int(message.get("created_at") or 0) <= created


def script_text(script: ScriptOf, *, as_json: bool) -> str:
    """The content of the script's file; in YAML a comment names the run of each rule."""
    if as_json:
        return json.dumps(script.script, indent=2, ensure_ascii=False) + "\n"
    lines = [f"version: {script.script['version']}\nreplies:\n"]
    for run_id, rule in zip(script.runs, script.script["replies"], strict=True):
        text = yaml.dump([_styled(rule)], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
        lines.append("".join(f"  {line}\n" if line else "\n" for line in [f"# {run_id}", *text.splitlines()]))
    return "".join(lines)


def yaml_text(script: Object) -> str:
    """Any script as YAML, in the same style."""
    return yaml.dump(script, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


class _OneLine(dict[str, Any]):
    """An object that is written on one line."""


class _FewLines(list[str]):
    """A list whose items share lines."""


def _styled(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "do": [_styled_action(action) for action in rule["do"]]}


def _styled_action(action: dict[str, Any]) -> dict[str, Any]:
    if "usage" in action:
        return {"usage": _OneLine(action["usage"])}
    if isinstance(text := action.get("text"), dict) and "chunks" in text:
        return {"text": {**text, "chunks": _FewLines(text["chunks"])}}
    return action


class _Dumper(yaml.SafeDumper):
    """Indents lists as the README does, and never writes an anchor."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """A block if the text has several lines and a block would keep it as it is."""
    block = "\n" in text and text.isprintable() is False and all(char.isprintable() or char == "\n" for char in text)
    fits = block and not any(line.endswith(" ") for line in text.split("\n")) and not text[:1].isspace()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if fits else None)


_Dumper.add_representer(str, _text_node)
_Dumper.add_representer(
    _OneLine, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)
)
_Dumper.add_representer(
    _FewLines, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)
