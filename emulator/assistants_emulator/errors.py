"""The errors that the API answers, and the emulator's own.

    EmulatorError                 a mistake of the emulator's user: never an answer on the wire
    ├── ScriptError               a script file or reply that cannot be used; names file, line and key
    ├── StoreError                the data directory cannot be used, or holds what we cannot read
    │   └── DirectoryInUse        another process holds the data directory
    ├── StoppedError              a call on an emulator that was stopped
    └── ModelError                a live model gave no answer; a run fails with its code and message
    ApiError                      400 invalid_request_error
    ├── InvalidParameter          400 param and code: what the contract refuses
    ├── InvalidState              400 no param, no code: the thread or run is in the wrong state
    ├── Unauthorized              401
    ├── NotFound                  404
    ├── MethodNotAllowed          405
    ├── TooLarge                  413
    └── ServerFault               500 server_error

One handler, in `web/`, renders an ApiError. The texts are the API's own, word for word; where they were recorded is
said in `reference/behaviour.md` of the project's design material, by section.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class EmulatorError(Exception):
    """Something that the user of the emulator can mend; the message says what and how, in one line."""


class ScriptError(EmulatorError):
    """A script or a reply that cannot be used."""


class StoreError(EmulatorError):
    """The data directory cannot be written, or holds something that cannot be read."""


class DirectoryInUse(StoreError):
    """Another process holds the data directory."""


class StoppedError(EmulatorError):
    """The emulator that was asked is not running."""


class ModelError(EmulatorError):
    """What stands behind a responder gave no answer. Raised in one, it fails the run as it is; a test's author is not
    blamed. `code` is a `last_error`'s."""

    def __init__(self, message: str, code: str = "server_error") -> None:
        super().__init__(message)
        self.code = code


def unknown_option(call: str, name: str, names: Sequence[str]) -> TypeError:
    """For a keyword that a function of ours does not take: `Emulator() has no option 'clok'; did you mean 'clock'?`"""
    from difflib import get_close_matches

    close = get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
    return TypeError(f"{call}() has no option {name!r}; {hint}")


class ApiError(Exception):
    """An answer in the API's error envelope: `{"error": {message, type, param, code}}`."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.under_v1: ApiError = self

    def body(self) -> dict[str, object]:
        """The envelope, keys in wire order."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class InvalidParameter(ApiError):
    """A parameter that the contract refuses: `param` is its path, `code` the kind of fault."""


class InvalidState(ApiError):
    """The request is well formed, but the thread or the run is not in a state to take it."""


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
    """404 of a looked-up object; `thing` is the API's word for it: assistant, thread, run step, ..."""
    return NotFound(f"No {thing} found with id '{id}'.")


def wrong_prefix(param: str, id: str, prefix: str, thing: str) -> InvalidParameter:
    """400 for an id that nothing is known by and that does not begin as ids of its kind do.

    v1 looked at no prefix and answered the 404 of the `thing` (ruby-openai threads_retrieve, 2023-11).
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
    """400 for a value that is none of an enumeration."""
    names = [f"'{name}'" for name in supported]
    listed = " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])}, and {names[-1]}"
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return InvalidParameter(message, param=path, code="invalid_value")
