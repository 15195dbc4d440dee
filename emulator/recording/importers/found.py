"""A value in somebody's recording and where it stands, so that a mistake in the file is one line with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.errors import EmulatorError


class ImportFault(EmulatorError):
    """A recording that cannot be read; the message names the file and the place in it."""


@dataclass(frozen=True, slots=True)
class Found:
    """`path` is the keys on the way to it: `interactions[3].response`."""

    value: Any
    file: str
    path: str = ""

    def wrong(self, problem: str) -> ImportFault:
        return ImportFault(": ".join(part for part in (self.file, self.path, problem) if part))

    def child(self, key: str) -> Found:
        """The value under that key, None where there is none; ImportFault if this is no object."""
        return Found(self.object().get(key), self.file, f"{self.path}.{key}".lstrip("."))

    def object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong(f"must be an object, not {_shown(self.value)}")
        return self.value

    def items(self) -> list[Found]:
        if not isinstance(self.value, list):
            raise self.wrong(f"must be a list, not {_shown(self.value)}")
        return [Found(item, self.file, f"{self.path}[{index}]") for index, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong(f"must be a string, not {_shown(self.value)}")
        return self.value

    def whole(self) -> int:
        """A whole number, also where it was written as a string."""
        try:
            if isinstance(self.value, bool):
                raise ValueError
            return int(self.value)
        except (TypeError, ValueError):
            raise self.wrong(f"must be a whole number, not {_shown(self.value)}") from None


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
