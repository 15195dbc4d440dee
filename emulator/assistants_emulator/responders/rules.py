"""Rules: which runs a responder answers. A rule's `when` is a pattern, a dict as in script files, or a function.

Rules are tried in the order of registration, Python's before the script's. Fallbacks are not tried where they were
registered but after all others, the newest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from assistants_emulator.errors import ScriptError
from assistants_emulator.processes.patterns import Match, PatternTookTooLong, is_cheap, search
from assistants_emulator.responders.person import PERSON, Person, PersonMode
from assistants_emulator.responders.sources import Echo, Source
from assistants_emulator.responders.turn import Turn
from assistants_emulator.responders.validation import FLAG, NAME, POSITIVE, FieldError, Kind, check, display, unknown

AnyMatch: TypeAlias = re.Match[str] | Match
KEYS = ("message", "assistant", "model", "instructions", "metadata")
_METADATA = Kind("an object of strings", lambda value: isinstance(value, Mapping) and _are_strings(value))


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule for a turn: `holds` is None for a function, which is not called again."""

    text: str
    value: object
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule that was tried for a turn; `outcome` is `answered`, `used up` or `did not match`."""

    rule: str
    outcome: str
    conditions: list[Condition]


@dataclass(frozen=True, slots=True)
class When:
    """The condition of a rule: all fields that are set must hold.

    `message` and `instructions` are searched for; `assistant` is a name or an id; `metadata` must be contained in the
    run's; `holds` is a function of the turn.
    """

    message: re.Pattern[str] | None = None
    assistant: str | None = None
    model: str | None = None
    instructions: re.Pattern[str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    holds: Callable[[Turn], object] | None = None

    @classmethod
    def of(cls, condition: object) -> When:
        """From a pattern, a compiled one, a dict or a function; ScriptError for anything else."""
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
        """The match of the message pattern (else of the instructions, else True) if all holds; a false value if not.

        A function's result is returned as it is, so it may be a match too.
        """
        match: object = True
        for _, _, result in self._tests(turn):
            if not result:
                return None
            match = result if match is True and isinstance(result, re.Match | Match) else match
        return match if self.holds is None else self.holds(turn)

    def differences(self, turn: Turn) -> list[str]:
        """The turn's value for each key that does not hold: `model is 'gpt-4o'`. Calls no function."""
        differences = [f"{key} is {display(value)}" for key, value, result in self._tests(turn) if not result]
        return differences or (["the function said no"] if self.holds else [])

    def describe(self) -> str:
        """`message matches 'weather in (?P<city>\\w+)' and model is 'gpt-4o'`."""
        return " and ".join(self._parts()) or "any run"

    def _parts(self) -> list[str]:
        parts = [f"{key} matches '{pattern.pattern}'" for key, pattern in self._patterns()]
        exact = {"assistant": self.assistant, "model": self.model}
        parts += [f"{key} is '{value}'" for key, value in exact.items() if value is not None]
        parts += [f"metadata has {dict(self.metadata)}"] if self.metadata else []
        return parts + ([f"{getattr(self.holds, '__name__', 'a function')}(turn) is true"] if self.holds else [])

    def _keys(self) -> list[str]:
        """The names of the fields that are set, in the order of their parts."""
        names = [key for key, _ in self._patterns()]
        names += [name for name in ("assistant", "model") if getattr(self, name) is not None]
        return names + [name for name in ("metadata", "holds") if getattr(self, name)]

    def conditions(self, turn: Turn) -> list[Condition]:
        """Each condition with its result. Calls no function."""
        texts = dict(zip(self._keys(), self._parts(), strict=True))
        tests = [Condition(texts[key], value, bool(result)) for key, value, result in self._tests(turn)]
        return [*tests, *([Condition(texts["holds"], None, None)] if self.holds else [])]

    def is_slow(self, turn: Turn) -> bool:
        """True if a pattern may take long with the turn's texts."""
        texts = self._texts(turn) if self.message or self.instructions else {}
        return any(
            (text := texts[key]) is not None and not is_cheap(pattern, text) for key, pattern in self._patterns()
        )

    def _texts(self, turn: Turn) -> dict[str, str | None]:
        return {"message": turn.last_message.text if turn.last_message else None, "instructions": turn.instructions}

    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        both = (("message", self.message), ("instructions", self.instructions))
        return [(key, pattern) for key, pattern in both if pattern is not None]

    def _tests(self, turn: Turn) -> Iterator[tuple[str, object, object]]:
        """Each key that is set, the turn's value, and the result of its test."""
        if patterns := self._patterns():
            texts = self._texts(turn)
            for key, pattern in patterns:
                text = texts[key]
                yield key, text, text is not None and _search(pattern, text)
        if self.assistant is not None:
            names = (turn.assistant.get("name"), turn.assistant.get("id"))
            none = "none: a response has no assistant: use model, instructions or metadata"
            name = none if turn.api == "responses" else names[0] or names[1]
            yield "assistant", name, self.assistant in names
        if self.model is not None:
            yield "model", turn.run.get("model"), self.model == turn.run.get("model")
        if self.metadata:
            metadata = turn.run.get("metadata") or {}
            yield "metadata", dict(metadata), self.metadata.items() <= metadata.items()


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

    `when` is anything that `When.of` takes. `live` marks a source that takes its time, so that requests do not wait
    for it. The RuleBook sets `id`, which is the same after a restart.
    """

    source: Source
    when: object = None
    assistant: str | None = None
    times: int | None = None
    live: bool = False
    label: str = ""
    origin: object = None
    """The code that registered it: of two fallbacks with one origin the first could never answer. None if unknown."""
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

    def match(self, turn: Turn) -> AnyMatch | None:
        """The value of `turn.match` under this rule."""
        return match_of(self.wants(turn))

    def describe(self) -> str:
        """`weather: message matches 'weather in (?P<city>\\w+)'`."""
        return f"{self.label or self.id}: {self.condition.describe()}"

    def obstacle(self, turn: Turn) -> str:
        """The reason that the rule did not take this run."""
        if self.is_used_up:
            return f"used up ({self._uses()})"
        return f"but {' and '.join(self.condition.differences(turn))}"

    def leftover(self) -> str | None:
        """A description of a rule with `times` left over; None for any other."""
        return None if self.times is None or self.is_used_up else f"{self.describe()} (used {self._uses()})"

    def _uses(self) -> str:
        return f"{self.used} of {self.times} times"


def second_fallback(first: str) -> str:
    return (
        f"a rule without `when` and `times` is the fallback, and there is one already: {first}, which would never "
        "answer. Give it `times=1` if they answer one run after another, or one of them a `when`; a list is what one "
        "run does"
    )


class RuleBook:
    """The rules of one project. Changed on the server's loop only; one caller at a time chooses."""

    def __init__(self) -> None:
        self._python: list[Rule] = []
        self._script: list[Rule] = []
        self._echo = Rule(Echo(), label="built-in echo", id=ECHO)
        self._person = Rule(Person(), live=True, label="a person", id=PERSON)
        self.person: PersonMode = "off"

    def add(self, rule: Rule) -> Rule:
        """Register a rule of Python code, and set its id; ScriptError for a fallback that hides another."""
        if rule.is_fallback and rule.origin is not None:
            hidden = [other for other in self._python if other.is_fallback and other.origin is rule.origin]
            if any(other.used == 0 for other in hidden):
                raise ScriptError(second_fallback(hidden[0].label))
        rule.id = f"python:{len(self._python)}"
        self._python.append(rule)
        return rule

    def set_script(self, rules: Iterable[Rule]) -> None:
        """Replace the script's rules, unused again; Python's stay. One loaded script may serve several books."""
        self._script = [replace(rule, id=f"script:{index}", used=0) for index, rule in enumerate(rules)]

    def add_to_script(self, rule: Rule) -> None:
        """Add a rule after the script's; those before it keep their uses."""
        number = len(self._script)
        self._script.append(replace(rule, id=f"script:{number}", label=f"script replies[{number}]", used=0))

    def clear(self) -> None:
        self._python, self._script = [], []
        self.person = "off"

    def rewind(self) -> None:
        """Keep all rules, unused again."""
        for rule in (*self._python, *self._script):
            rule.used = 0

    def choose(self, turn: Turn) -> tuple[Rule, AnyMatch | None] | None:
        """As `wanting`; it counts as one use."""
        if (choice := self.wanting(turn)) is not None:
            choice[0].used += 1
        return choice

    def wanting(self, turn: Turn) -> tuple[Rule, AnyMatch | None] | None:
        """The rule that answers this run, and its pattern's match; None if none does."""
        for rule in self._in_order():
            if not rule.is_used_up and (result := rule.wants(turn)):
                return rule, match_of(result)
        return None

    @property
    def asks_user_code(self) -> bool:
        """True if choosing calls a function of the user: then it must not happen on the loop."""
        return any(rule.condition.holds is not None for rule in self._python)

    def is_slow(self, turn: Turn) -> bool:
        """True if choosing for this turn searches by a pattern that may take long: not on the loop either."""
        return any(rule.condition.is_slow(turn) for rule in [*self._python, *self._script])

    def find(self, rule_id: str) -> Rule | None:
        """The rule with that id, for a run that began before a restart."""
        rules = [*self._python, *self._script, self._echo, self._person]
        return next((rule for rule in rules if rule.id == rule_id), None)

    def explain(self, turn: Turn) -> str:
        """A text about a run that no rule took: its message, assistant and model, and each rule with its obstacle."""
        message = display(turn.last_message.text) if turn.last_message else "none"
        question = f"last user message {message}, assistant {_assistant(turn)}, model {display(turn.run.get('model'))}"
        lines = [f"- {rule.describe()}; {rule.obstacle(turn)}" for rule in self._in_order()]
        return "\n".join([f"No rule matches this run: {question}. The rules, in the order they were tried:", *lines])

    def verdicts(self, turn: Turn, chosen: Rule | None) -> list[str]:
        """A line for each rule that was tried for the turn, in order: the reason that it did not take it, or did."""
        lines: list[str] = []
        for rule in self._in_order():
            if rule is chosen:
                return [*lines, f"{rule.describe()}; it answered"]
            differences = " and ".join(rule.condition.differences(turn))
            lines.append(f"{rule.describe()}; {f'but {differences}' if differences else 'used up'}")
        return lines

    def trials(self, turn: Turn, chosen: Rule | None) -> list[Trial]:
        """As `verdicts`, condition by condition."""
        trials: list[Trial] = []
        for rule in self._in_order():
            conditions = rule.condition.conditions(turn)
            is_refused = any(not condition.holds for condition in conditions)
            outcome = "answered" if rule is chosen else "did not match" if is_refused else "used up"
            trials.append(Trial(rule.label or rule.id, outcome, conditions))
            if rule is chosen:
                break
        return trials

    def unused(self) -> list[str]:
        """A line for each rule with `times` left over: `weather: ... (used 1 of 2 times)`."""
        return [text for rule in [*self._python, *self._script] if (text := rule.leftover())]

    def _in_order(self) -> Iterator[Rule]:
        if self.person == "all":
            yield self._person
        for rules in (self._python, self._script):
            yield from (rule for rule in rules if not rule.is_fallback)
        if self.person == "rest":
            yield self._person
        for rules in (self._python, self._script):
            yield from (rule for rule in reversed(rules) if rule.is_fallback)
        if not self._python and not self._script:
            yield self._echo


def _search(pattern: re.Pattern[str], text: str) -> AnyMatch | None:
    try:
        return search(pattern, text)
    except PatternTookTooLong as error:
        raise ScriptError(str(error)) from None


def match_of(result: object) -> AnyMatch | None:
    return result if isinstance(result, re.Match | Match) else None


def _assistant(turn: Turn) -> str:
    return display(turn.assistant.get("name") or turn.assistant.get("id"))
