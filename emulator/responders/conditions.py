"""The `when` of a rule: a pattern, a dict as in script files, or a function of the turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from emulator.errors import ScriptError
from emulator.responders.checks import NAME, FieldError, Kind, shown, unknown
from emulator.responders.sources import TurnLike

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
    holds: Callable[[TurnLike], object] | None = None

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
        raise ScriptError(f"when must be a pattern, an object or a function of the turn, not {shown(condition)}")

    @classmethod
    def _of_keys(cls, keys: Mapping[str, object]) -> When:
        if not keys:
            raise ScriptError(f"when is empty; leave it out, or give some of {', '.join(KEYS)}")
        for key in keys:
            if key not in KEYS:
                raise ScriptError(f"when: {unknown('key', key, KEYS)}")
        return cls(**{key: _PARSERS[key](key, value) for key, value in keys.items()})  # type: ignore[arg-type]

    def match(self, turn: TurnLike) -> object:
        """The match of the message pattern (else of the instructions, else True) if all holds; something false if not.

        What a function returns is taken as it is, so it may return a match too.
        """
        match: object = True
        for _, _, result in self._tests(turn):
            if not result:
                return None
            match = result if match is True and isinstance(result, re.Match) else match
        return match if self.holds is None else self.holds(turn)

    def differences(self, turn: TurnLike) -> list[str]:
        """What the turn has instead, for each key that does not hold: `model is 'gpt-4o'`. Calls no function."""
        found = [f"{key} is {shown(has)}" for key, has, result in self._tests(turn) if not result]
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

    def _tests(self, turn: TurnLike) -> Iterator[tuple[str, object, object]]:
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
        raise FieldError("when", key, f"must be a pattern, not {shown(value)}")
    try:
        return re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise FieldError("when", key, f"must be a regular expression, not {shown(value)}: {error}") from None


def _exact(key: str, value: object) -> object:
    kind = _METADATA if key == "metadata" else NAME
    if not kind.accepts(value):
        raise FieldError("when", key, f"must be {kind.name}, not {shown(value)}")
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
