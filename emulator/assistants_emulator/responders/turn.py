"""The run as its responder sees it. Read-only: a responder changes the run by its replies alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, Protocol

TEXTS = ("text", "input_text", "output_text")  # the types of content parts that are text
Api = Literal["assistants", "responses"]


class TurnSource(Protocol):
    """Lookups of a turn, about its run; called from any thread."""

    def messages(self) -> list[dict[str, Any]]: ...

    def last_message(self) -> dict[str, Any] | None: ...

    def steps(self) -> list[dict[str, Any]]: ...

    def search(self, query: str, max_num_results: int | None) -> list[Any]: ...

    def file(self, file_id: str) -> tuple[dict[str, Any], bytes]: ...

    def client(self, **options: Any) -> Any: ...

    def may_run_code(self) -> bool: ...


class ApiObject(dict[str, Any]):
    """An API object, as a dict and with its fields as attributes, as the SDK's objects have them."""

    def __getattr__(self, name: str) -> Any:
        try:
            value = self[name]
        except KeyError:
            fields = ", ".join(self)
            raise AttributeError(f"this {self.get('object', 'object')} has no {name!r}; it has {fields}") from None
        return ApiObject(value) if isinstance(value, dict) and name != "metadata" else value

    @property
    def text(self) -> str:
        """For a message: its text parts joined by newlines."""
        parts = self.get("content", [])
        texts = (part["text"] for part in parts if part["type"] in TEXTS)
        return "\n".join(text if isinstance(text, str) else text["value"] for text in texts)

    def __str__(self) -> str:
        return self.text if "message" in (self.get("type"), self.get("object", "")[7:]) else super().__str__()


class FileWithContent(ApiObject):
    """A file object with its bytes in `content`."""

    def __init__(self, file: Mapping[str, Any], content: bytes) -> None:
        super().__init__(file)
        self.__dict__["content"] = content


class Turn:
    """One run as its responder sees it.

    `run`, `assistant` and `thread` are as they were when the run began; `messages` are the thread's, oldest first, as
    the run's truncation leaves them, read again at each use. `match` is the rule's match (`turn.match["city"]`).

    For a response, `api` is "responses", `run` is the response, `request` the body of its request, and `assistant` and
    `thread` are empty. `outputs` are those of calls that this responder did not make, where it goes on from such.
    """

    def __init__(
        self,
        run: Mapping[str, Any],
        assistant: Mapping[str, Any],
        thread: Mapping[str, Any],
        source: TurnSource,
        match: re.Match[str] | None = None,
        *,
        api: Api = "assistants",
        request: Mapping[str, Any] | None = None,
    ) -> None:
        self.run = ApiObject(run)
        self.assistant = ApiObject(assistant)
        self.thread = ApiObject(thread)
        self.match: Any = match
        self.api: Api = api
        self.request: Mapping[str, Any] = request or {}
        self.outputs: Sequence[str] = ()
        self.earlier_calls: Sequence[Sequence[Mapping[str, Any]]] = ()
        """For a response: the calls that were answered before it, by the reply that made them."""
        self.first_reply = 0
        """The number of the first reply that is not written yet: after a restart there are some."""
        self.is_in_message = False
        """True if a restart has interrupted the message of that reply."""
        self._source = source

    @property
    def messages(self) -> list[ApiObject]:
        return [ApiObject(message) for message in self._source.messages()]

    @cached_property
    def last_message(self) -> ApiObject | None:
        """The newest user message, or the newest of any role if the user wrote none; None in an empty thread.

        `when` patterns and `{message}` use it; `str()` or `.text` of it is its text. As it was when the run began.
        """
        message = self._source.last_message()
        return None if message is None else ApiObject(message)

    @property
    def instructions(self) -> str | None:
        """The run's, `additional_instructions` included."""
        instructions: str | None = self.run["instructions"]
        return instructions

    @property
    def tools(self) -> list[dict[str, Any]]:
        tools: list[dict[str, Any]] = self.run["tools"]
        return tools

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The run's steps so far, oldest first; when a responder is called there are some only after a restart."""
        return self._source.steps()

    def search(self, query: str, max_num_results: int | None = None) -> list[Any]:
        """Search the run's vector stores; results have `file_id`, `filename`, `score` (0..1) and `text`."""
        return self._source.search(query, max_num_results)

    def file(self, file_id: str) -> FileWithContent:
        """An uploaded file with its bytes in `.content`; ApiError 404 for an unknown id."""
        file, content = self._source.file(file_id)
        return FileWithContent(file, content)

    @property
    def may_run_code(self) -> bool:
        """True if `CodeInterpreter(..., execute=True)` is allowed."""
        return self._source.may_run_code()

    def client(self, **options: Any) -> Any:
        """An SDK client of this project whose calls never wait for this run."""
        return self._source.client(**options)
