"""The end of a test: exceptions in responders, escaped clients, unmatched runs and unused rules fail it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

import pytest

from assistants_emulator.errors import EmulatorError, text_of

if TYPE_CHECKING:
    from assistants_emulator.handle import Leftovers

OWN_PACKAGES = ("assistants_emulator", "pytest_assistants_emulator", "concurrent", "asyncio")
OUTCOMES = (pytest.fail.Exception, pytest.skip.Exception)


class ResponderRaised(Exception):
    """A responder raised what is no Exception, SystemExit for example; the cause is what it raised."""


@dataclass(slots=True)
class Problems:
    """`errors` as responders raised them, `texts` about everything else."""

    errors: list[BaseException]
    texts: list[str]

    @classmethod
    def of(cls, leftovers: Leftovers, escapes: list[str], *, with_unused: bool) -> Problems:
        texts = [*escapes, *leftovers.unmatched]
        if with_unused and leftovers.unused:
            rules = (f"- {rule}" for rule in leftovers.unused)
            texts.append("\n".join(["Rules and faults with `times` left over, which the test did not use:", *rules]))
        errors = [without_own_frames(failure.error) for failure in leftovers.failures]
        places = [error for error in errors if not is_told_by_its_text(error)]
        told = [f"{type(error).__name__}: {text_of(error)}" for error in errors if is_told_by_its_text(error)]
        return cls(places, [*told, *texts])

    def __bool__(self) -> bool:
        return bool(self.errors or self.texts)

    def fail(self) -> NoReturn:
        """Raise a single error as it is; several, or one with texts, as a group."""
        __tracebackhide__ = True
        if not self.errors:
            pytest.fail("\n\n".join(self.texts), pytrace=False)
        if len(self.errors) == 1 and not self.texts:
            raise self.errors[0] if isinstance(self.errors[0], OUTCOMES) else as_raised(self.errors[0])
        errors = [as_raised(error) for error in self.errors]
        raise ExceptionGroup(
            "while the assistants emulator was used", [*errors, *(AssertionError(text) for text in self.texts)]
        )


def is_told_by_its_text(error: BaseException) -> bool:
    """True for a mistake that the emulator found itself, whose frames are all the emulator's."""
    return isinstance(error, EmulatorError) and _is_own(error.__traceback__)


def as_raised(error: BaseException) -> Exception:
    """The exception itself, or one in its place for what would end pytest's session or cannot be in a group."""
    error = without_own_frames(error)
    if isinstance(error, Exception) and not isinstance(error, pytest.exit.Exception):
        return error
    from assistants_emulator.errors import text_of

    raised = ResponderRaised(f"a responder raised {type(error).__name__}: {text_of(error)}")
    raised.__cause__ = error
    return raised


def without_own_frames(error: BaseException) -> BaseException:
    """The error with a traceback that begins at the responder; whole if all frames are the emulator's."""
    frame: TracebackType | None = error.__traceback__
    while frame is not None and _is_own(frame):
        frame = frame.tb_next
    return error.with_traceback(frame or error.__traceback__)


def _is_own(frame: TracebackType | None) -> bool:
    return frame is None or frame.tb_frame.f_globals.get("__name__", "").partition(".")[0] in OWN_PACKAGES
