"""Which responder answers a run: rules in the order of registration, Python's before the script's, fallbacks last.

A newcomer would put the fallback where it was registered; it is tried after all others, and the newest one wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.sources import Echo, Source
from assistants_emulator.responders.turn import Turn
from assistants_emulator.responders.validation import FLAG, NAME, POSITIVE, FieldError, Kind, check, display, unknown

KEYS = ("message", "assistant", "model", "instructions", "metadata")
_METADATA = Kind("an object of strings", lambda value: isinstance(value, Mapping) and _are_strings(value))


@dataclass(frozen=True, slots=True)
class When:
    """All that is given must hold. `message` and `instructions` are searched for; `assistant` is a name or an id;
    `metadata` must be contained in the run's; `holds` is a function of the turn."""

    message: re.Pattern[str] | None = None
    assistant: str | None = None
    model: str | None = None
    instructions: re.Pattern[str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    holds: Callable[[Turn], object] | None = None

    @classmethod
    def of(cls, condition: object) -> When:
        """From a pattern, a compiled one, a dict or a function; ScriptError says what is wrong with it."""
        match condition:
            case When():
                return condition
            case str() | re.Pattern():
                return cls(message=_pattern("message", condition))
            case Mapping():
                return cls._of_keys(condition)
            case _ if callable(condition):
                return cls(holds=condition)
        raise ScriptError(f"when must be a pattern, an object or a function of the turn, not {display(condition)}")

    @classmethod
    def _of_keys(cls, keys: Mapping[str, object]) -> When:
        if not keys:
            raise ScriptError(f"when is empty; leave it out, or give some of {', '.join(KEYS)}")
        for key in keys:
            if key not in KEYS:
                raise ScriptError(f"when: {unknown('key', key, KEYS)}")
        return cls(**{key: _PARSERS[key](key, value) for key, value in keys.items()})  # type: ignore[arg-type]

    def match(self, turn: Turn) -> object:
        """The match of the message pattern (else of the instructions, else True) if all holds; something false if not.

        What a function returns is taken as it is, so it may return a match too.
        """
        match: object = True
        for _, _, result in self._tests(turn):
            if not result:
                return None
            match = result if match is True and isinstance(result, re.Match) else match
        return match if self.holds is None else self.holds(turn)

    def differences(self, turn: Turn) -> list[str]:
        """What the turn has instead, for each key that does not hold: `model is 'gpt-4o'`. Calls no function."""
        found = [f"{key} is {display(has)}" for key, has, result in self._tests(turn) if not result]
        return found or (["the function said no"] if self.holds else [])

    def describe(self) -> str:
        """`message matches 'weather in (?P<city>\\w+)' and model is 'gpt-4o'`."""
        said = [f"{key} matches '{pattern.pattern}'" for key, pattern in self._patterns()]
        exact = {"assistant": self.assistant, "model": self.model}
        said += [f"{key} is '{value}'" for key, value in exact.items() if value is not None]
        said += [f"metadata has {dict(self.metadata)}"] if self.metadata else []
        said += [f"{getattr(self.holds, '__name__', 'a function')}(turn) is true"] if self.holds else []
        return " and ".join(said) or "any run"

    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        both = (("message", self.message), ("instructions", self.instructions))
        return [(key, pattern) for key, pattern in both if pattern is not None]

    def _tests(self, turn: Turn) -> Iterator[tuple[str, object, object]]:
        """For each key given: the key, what the turn has, and what the test of it found."""
        texts = {"message": turn.last_message.text if turn.last_message else None, "instructions": turn.instructions}
        for key, pattern in self._patterns():
            text = texts[key]
            yield key, text, text is not None and pattern.search(text)
        if self.assistant is not None:
            names = (turn.assistant.get("name"), turn.assistant.get("id"))
            yield "assistant", names[0] or names[1], self.assistant in names
        if self.model is not None:
            yield "model", turn.run.get("model"), self.model == turn.run.get("model")
        if self.metadata:
            has = turn.run.get("metadata") or {}
            yield "metadata", dict(has), self.metadata.items() <= has.items()


def _pattern(key: str, value: object) -> re.Pattern[str]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        return value
    if not isinstance(value, str):
        raise FieldError("when", key, f"must be a pattern, not {display(value)}")
    try:
        return re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise FieldError("when", key, f"must be a regular expression, not {display(value)}: {error}") from None


def _exact(key: str, value: object) -> object:
    kind = _METADATA if key == "metadata" else NAME
    if (problem := kind.problem(value)) is not None:
        raise FieldError("when", key, problem)
    return value


def _are_strings(value: Mapping[object, object]) -> bool:
    return all(isinstance(text, str) for pair in value.items() for text in pair)


_PARSERS: dict[str, Callable[[str, object], object]] = {
    "message": _pattern,
    "instructions": _pattern,
    "assistant": _exact,
    "model": _exact,
    "metadata": _exact,
}
ECHO = "echo"


@dataclass(slots=True, eq=False)
class Rule:
    """A source and the runs it answers: those that `when` matches, of that assistant (name or id), at most `times`.

    `when` is a When or what `When.of` takes. `live` marks a source that takes its time, so requests do not wait for
    it. `id` is given by the RuleBook and is the same after a restart.
    """

    source: Source
    when: object = None
    assistant: str | None = None
    times: int | None = None
    live: bool = False
    label: str = ""
    id: str = ""
    used: int = 0
    condition: When = field(init=False)

    def __post_init__(self) -> None:
        check(self, assistant=NAME.or_none(), times=POSITIVE.or_none(), live=FLAG)
        self.condition = When() if self.when is None else When.of(self.when)
        if self.assistant is not None:
            if self.condition.assistant is not None:
                raise ScriptError("the assistant is given twice: as the rule's assistant and in when; keep one")
            self.condition = replace(self.condition, assistant=self.assistant)

    @property
    def is_fallback(self) -> bool:
        return self.when is None and self.assistant is None and self.times is None

    @property
    def is_used_up(self) -> bool:
        return self.times is not None and self.used >= self.times

    def wants(self, turn: Turn) -> object:
        """The pattern's match, or something true, if the rule wants this run; used up or not."""
        return self.condition.match(turn)

    def match(self, turn: Turn) -> re.Match[str] | None:
        """What `turn.match` is under this rule."""
        return _match(self.wants(turn))

    def describe(self) -> str:
        """`weather: message matches 'weather in (?P<city>\\w+)'`."""
        return f"{self.label or self.id}: {self.condition.describe()}"

    def obstacle(self, turn: Turn) -> str:
        """Why the rule did not take this run."""
        if self.is_used_up:
            return f"used up ({self._uses()})"
        return f"but {' and '.join(self.condition.differences(turn))}"

    def leftover(self) -> str | None:
        return None if self.times is None or self.is_used_up else f"{self.describe()} (used {self._uses()})"

    def _uses(self) -> str:
        return f"{self.used} of {self.times} times"


class RuleBook:
    """The rules of one project. Changed on the server's loop only, and asked by one caller at a time."""

    def __init__(self) -> None:
        self._python: list[Rule] = []
        self._script: list[Rule] = []
        self._echo = Rule(Echo(), label="built-in echo", id=ECHO)

    def add(self, rule: Rule) -> Rule:
        """Register a rule of Python code; it gets its id."""
        rule.id = f"python:{len(self._python)}"
        self._python.append(rule)
        return rule

    def set_script(self, rules: Iterable[Rule]) -> None:
        """Replace the script's rules, unused again; Python's stay. One loaded script may serve several books."""
        self._script = [replace(rule, id=f"script:{index}", used=0) for index, rule in enumerate(rules)]

    def clear(self) -> None:
        self._python, self._script = [], []

    def choose(self, turn: Turn) -> tuple[Rule, re.Match[str] | None] | None:
        """The rule that answers this run, which is one use of it, and its pattern's match; None if none wants it."""
        for rule in self._in_order():
            if not rule.is_used_up and (found := rule.wants(turn)):
                rule.used += 1
                return rule, _match(found)
        return None

    @property
    def asks_user_code(self) -> bool:
        """Whether choosing calls a function of somebody's: then it must not happen on the loop."""
        return any(rule.condition.holds is not None for rule in self._python)

    def find(self, rule_id: str) -> Rule | None:
        """The rule of that id, for a run that began before a restart."""
        return next((rule for rule in [*self._python, *self._script, self._echo] if rule.id == rule_id), None)

    def explain(self, turn: Turn) -> str:
        """Why no rule took this run: what was asked, and for each rule what it wanted and what it got."""
        said = display(turn.last_message.text) if turn.last_message else "none"
        asked = f"last user message {said}, assistant {_assistant(turn)}, model {display(turn.run.get('model'))}"
        lines = [f"- {rule.describe()}; {rule.obstacle(turn)}" for rule in self._in_order()]
        return "\n".join([f"No rule matches this run: {asked}. The rules, in the order they were tried:", *lines])

    def unused(self) -> list[str]:
        """The rules with `times` left over, and how many of how many were used."""
        return [text for rule in [*self._python, *self._script] if (text := rule.leftover())]

    def _in_order(self) -> Iterator[Rule]:
        if not self._python and not self._script:
            yield self._echo
        for rules in (self._python, self._script):
            yield from (rule for rule in rules if not rule.is_fallback)
        for rules in (self._python, self._script):
            yield from (rule for rule in reversed(rules) if rule.is_fallback)


def _match(found: object) -> re.Match[str] | None:
    return found if isinstance(found, re.Match) else None


def _assistant(turn: Turn) -> str:
    return display(turn.assistant.get("name") or turn.assistant.get("id"))
