"""Script files, version 1: replies without Python, in YAML or JSON.

    version: 1
    replies:
      - when: {message: "weather in (?P<city>\\\\w+)"}
        times: 1
        do:
          - function_call: {name: get_weather, arguments: {city: "{city}"}}
          - text: "{city}: {outputs[0]}"

Every mistake is a ScriptError in one line that names file, line and key path and says what would be right. The parser
and the actions are imported for the first script: YAML alone takes as long as twenty tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.callback import Callback
from assistants_emulator.responders.rules import KEYS, Rule, When, second_fallback
from assistants_emulator.responders.sources import Scripted
from assistants_emulator.responders.templates import near_misses
from assistants_emulator.responders.validation import POSITIVE, FieldError, Kind

if TYPE_CHECKING:
    from assistants_emulator.responders.scripts.located import Located, ScriptSource

VERSION = 1
_VERSION = Kind(str(VERSION), lambda value: type(value) is int and value == VERSION)


@dataclass(frozen=True, slots=True)
class Script:
    """A checked script: its rules in order, its source as plain data, and lines about what may be a mistake."""

    rules: list[Rule]
    raw: dict[str, Any]
    remarks: tuple[str, ...] = ()


def load_script(source: ScriptSource, *, allow_paths: bool = True) -> Script:
    """A script from a path, from text with line breaks, or from an object.

    Paths of images are relative to the file, else to the current directory. Without `allow_paths`, for a script that
    came over the network, they are refused, and so is a path as the source.
    """
    from assistants_emulator.responders.scripts.located import read_script

    root = read_script(source, allow_paths=allow_paths)
    if isinstance(root.value, dict) and "version" in root.value:
        root.child("version").of_kind(_VERSION)
    fields = root.fields(("version", "replies"), ("version", "replies"))
    rules: list[Rule] = []
    for item in fields["replies"].items():
        rule = _rule(item)
        if rule.is_fallback and (other := next((other for other in rules if other.is_fallback), None)) is not None:
            raise item.wrong(second_fallback(other.label.removeprefix("script ")))
        rules.append(rule)
    remarks = [
        remark for item, rule in zip(fields["replies"].items(), rules, strict=True) for remark in _misses(item, rule)
    ]
    return Script(rules, root.value, tuple(dict.fromkeys(remarks)))


def _misses(item: Located, rule: Rule) -> Iterator[str]:
    """The placeholders of the rule that are nearly right, each with its place in the script."""
    patterns = (rule.condition.message, rule.condition.instructions)
    names = [name for pattern in patterns if pattern is not None for name in pattern.groupindex]
    for action in item.child("do").items() if "do" in item.object() else ():
        yield from (str(action.wrong(miss)) for miss in near_misses(action.value, [*names, "message", "outputs"]))


def _rule(located: Located) -> Rule:
    from assistants_emulator.responders.scripts.actions import actions

    fields = located.fields(("when", "times", "do", "call"))
    if ("do" in fields) == ("call" in fields):
        raise located.wrong("needs do, a list of actions, or call, the URL of a program that answers; one of them")
    when = _when(fields["when"]) if "when" in fields else None
    times = fields["times"].of_kind(POSITIVE) if "times" in fields else None
    place = str(located.wrong(""))
    source = Scripted(actions(fields["do"])) if "do" in fields else Callback(fields["call"].text(), place)
    return Rule(source, when=when, times=times, label=f"script replies[{located.path[-1]}]")


def _when(located: Located) -> When:
    located.fields(KEYS)
    try:
        return When.of(located.value)
    except FieldError as error:
        raise located.child(error.field).wrong(error.problem) from None
    except ScriptError as error:
        raise located.wrong(str(error).removeprefix("when ")) from None
