"""Errors of files that have no text, as the `last_error` of a vector store file that failed.

`unsupported_file` and "too large" are the API's own texts (docs/reference/behaviour.md#vector-store-files);
the others are worded after them.
"""

from __future__ import annotations

from typing import Literal

Code = Literal["server_error", "unsupported_file", "invalid_file"]


class Unreadable(Exception):
    """A file that no text can be read from."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def last_error(self) -> dict[str, str]:
        """Return `{"code", "message"}`."""
        return {"code": self.code, "message": self.message}


def unsupported(detail: str = "") -> Unreadable:
    return Unreadable("unsupported_file", f"The file type is not supported.{detail}")


def invalid(reason: str) -> Unreadable:
    """`reason` ends the sentence "The file could not be parsed because it ..."."""
    return Unreadable("invalid_file", f"The file could not be parsed because it {reason}.")


def too_large() -> Unreadable:
    return invalid("is too large")
