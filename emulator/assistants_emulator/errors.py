"""The errors that the API answers, and the emulator's own.

    EmulatorError                 a mistake of the emulator's user: never a response of the API
    ├── ScriptError               a script file or reply that cannot be used; names file, line and key
    ├── StoreError                the data directory cannot be used, or has files that cannot be read
    │   └── DirectoryInUse        another process uses the data directory
    ├── StoppedError              a call on an emulator that was stopped
    └── ModelError                a live model did not answer; a run fails with its code and message
    ApiError                      400 invalid_request_error
    ├── InvalidParameter          400 param and code: what the contract refuses
    ├── InvalidState              400 no param, no code: the thread or run is in the wrong state
    ├── NoProject                 400 a key that selects no project
    ├── UnusableProject           400 a test's script or state that cannot be used; an EmulatorError too
    ├── Unauthorized              401
    ├── NotFound                  404
    ├── MethodNotAllowed          405
    ├── TooLarge                  413
    └── ServerFault               500 server_error

One handler, in `web/`, renders an ApiError. The texts are the API's own, word for word; where they were recorded is
said in docs/reference/behaviour.md, resource by resource.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SURROGATE = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """The text as a plain `str` with U+FFFD for each lone surrogate, which neither UTF-8 nor JSON can hold."""
    text = str.__str__(text)  # of a subclass too, whose methods are the user's
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def text_of(error: BaseException) -> str:
    """The exception's text, well formed; raises nothing, though the exception's own `str` may."""
    try:
        return well_formed(str(error))
    except BaseException:
        return "(it has no text: str() of it failed)"


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that a responder raised, kept for the test that caused it."""

    run_id: str
    error: BaseException

    @property
    def text(self) -> str:
        """The exception's text, well formed."""
        return text_of(self.error)


class EmulatorError(Exception):
    """A mistake that the emulator's user can correct; the message says what it is and how, in one line."""


class ScriptError(EmulatorError):
    """A script or a reply that cannot be used."""


class StoreError(EmulatorError):
    """The data directory cannot be used, or has files that cannot be read."""


class DirectoryInUse(StoreError):
    """Another process uses the data directory."""


class StoppedError(EmulatorError):
    """A call on an emulator that is not running."""


class ModelError(EmulatorError):
    """The model behind a responder did not answer. Raised in a responder it fails the run, but not the test.

    `code` is that of the run's `last_error`.
    """

    def __init__(self, message: str, code: str = "server_error") -> None:
        super().__init__(message)
        self.code = code


def unknown_option(call: str, name: str, names: Sequence[str]) -> TypeError:
    """For a keyword that a function of ours does not take: `Emulator() has no option 'clok'; did you mean 'clock'?`"""
    return TypeError(f"{call}() has no option {name!r}{suggestion(name, names)}")


def suggestion(name: str, names: Iterable[str], otherwise: str | None = None) -> str:
    """The end of a message about an unknown name: `; did you mean 'clock'?`.

    `otherwise` is the end where no name is near; by default all of them are listed.
    """
    from difflib import get_close_matches

    known = list(names)
    if close := get_close_matches(name, known, 1):
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(known)}" if otherwise is None else otherwise


class ApiError(Exception):
    """A response in the API's error envelope: `{"error": {message, type, param, code}}`."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.under_v1: ApiError = self

    def body(self) -> dict[str, object]:
        """Return the envelope, keys in wire order."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class InvalidParameter(ApiError):
    """A parameter that the contract refuses: `param` is its path, `code` the kind of error."""


class InvalidState(ApiError):
    """A well-formed request that the state of the thread or the run does not allow."""


class NoProject(ApiError):
    """A key that selects no project, on a server whose keys mean the test that is running.

    `refused` counts such calls, as `POST /v1/threads`, where that is not done elsewhere.
    """

    def __init__(self, message: str, refused: Counter[str] | None = None) -> None:
        super().__init__(message)
        self.refused = refused


class UnusableProject(ApiError, EmulatorError):
    """A test's script or state cannot be used: a 400 for its calls, an EmulatorError for its fixture."""


class Unauthorized(ApiError):
    status = 401


class NotFound(ApiError):
    status = 404


class MethodNotAllowed(ApiError):
    status = 405


class TooLarge(ApiError):
    status = 413


class ServerFault(ApiError):
    status = 500
    type = "server_error"


def no_such(thing: str, id: str) -> NotFound:
    """404 for an unknown id; `thing` is the API's word for the object: assistant, thread, run step, ..."""
    return NotFound(f"No {thing} found with id '{id}'.")


def wrong_prefix(param: str, id: str, prefix: str, thing: str) -> InvalidParameter:
    """400 for an unknown id that does not begin with the prefix of its kind.

    v1 ignored prefixes and answered the 404 of the `thing` (ruby-openai threads_retrieve, 2023-11).
    """
    message = f"Invalid '{param}': '{id}'. Expected an ID that begins with '{prefix}'."
    error = InvalidParameter(message, param=param, code="invalid_value")
    error.under_v1 = no_such(thing, id)
    return error


def missing_parameter(path: str) -> InvalidParameter:
    return InvalidParameter(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def unknown_parameter(path: str) -> InvalidParameter:
    return InvalidParameter(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")


def wrong_type(path: str, expected: str, got: str) -> InvalidParameter:
    """`expected` and `got` with their articles: "a string", "an array of strings"; null has none."""
    message = f"Invalid type for '{path}': expected {expected}, but got {got} instead."
    return InvalidParameter(message, param=path, code="invalid_type")


def unsupported_value(path: str, value: object, supported: Iterable[str]) -> InvalidParameter:
    """400 for a value outside an enumeration."""
    names = [f"'{name}'" for name in supported]
    listed = " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])}, and {names[-1]}"
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return InvalidParameter(message, param=path, code="invalid_value")
