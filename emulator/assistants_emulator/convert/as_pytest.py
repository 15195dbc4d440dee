"""A stored thread as a whole test: objects that must exist, replies, the client's calls, and its transcript.

The test needs nothing but the fixture, and passes as it is.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from assistants_emulator.convert.observed import ObservedSession, text_of
from assistants_emulator.convert.run_actions import run_actions
from assistants_emulator.convert.stored import StoredRun, StoredThread, assistant_body, message_body, thread_body
from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import FunctionCall
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import decode_base64

WIDTH = 110  # characters of a line
LONGEST_NAME = 60  # characters of the test's name
FIXTURE = "assistants_emulator"
_ENDED_BY_CLIENT = ("cancelled", "cancelling")


def pytest_of(stored: StoredThread, transcript: str) -> str:
    """The test's source; `transcript` is that of the thread as far as it was read."""
    return _Test(stored, transcript).source()


class _Test:
    def __init__(self, stored: StoredThread, transcript: str) -> None:
        self._stored = stored
        self._transcript = transcript
        self._session = ObservedSession.of(stored.exchanges(with_quotes=True))
        self._imports: set[str] = set()

    def source(self) -> str:
        parts = [self._objects(), self._replies(), self._calls(), self._assertion()]
        body = "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"
        marker = "@pytest.mark.assistants(strict_tools=False)\n" if self._is_undeclared() else ""
        head = f"def {self._name()}({FIXTURE}):\n"
        indented = "".join(f"    {line}" if line.strip() else line for line in body.splitlines(keepends=True))
        return f"{self._import_lines(bool(marker))}{marker}{head}{indented}"

    def _import_lines(self, with_pytest: bool) -> str:
        lines = ["import pytest"] if with_pytest else []
        if self._imports:
            lines += [*([""] if lines else []), f"from assistants_emulator import {', '.join(sorted(self._imports))}"]
        return "".join(f"{line}\n" for line in lines) + ("\n\n" if lines else "")

    def _name(self) -> str:
        text = text_of(self._stored.messages[0]["content"]) if self._stored.messages else "thread"
        words = re.sub(r"[^a-z0-9]+", "_", text.lower())[:LONGEST_NAME].strip("_")
        return f"test_{words or 'thread'}"

    def _is_undeclared(self) -> bool:
        """A run used a tool that it does not declare."""
        for run in self._stored.runs:
            declared = {tool.get("function", {}).get("name", tool["type"]) for tool in run.run["tools"]}
            for step in run.steps:
                calls = step["step_details"].get("tool_calls") or []
                used = {call.get("function", {}).get("name", call["type"]) for call in calls}
                if used - declared:
                    return True
        return False

    def _objects(self) -> list[str]:
        lines = []
        for file in self._stored.files:
            purpose = {} if file["purpose"] == "assistants" else {"purpose": file["purpose"]}
            content = self._stored.contents[file["id"]]
            options = {"id": file["id"], "filename": file["filename"], **purpose}
            lines.append(_call(f"{FIXTURE}.add_file", [content], options))
        for store, file_ids in self._stored.stores:
            options = {"files": file_ids, **({"name": store["name"]} if store["name"] else {})}
            lines.append(_call(f"{FIXTURE}.add_vector_store", [store["id"]], options))
        name = f"{FIXTURE}.add_assistant"
        lines += [_call(name, [each["id"]], assistant_body(each)) for each in self._stored.assistants]
        return lines

    def _replies(self) -> list[str]:
        return [line for run in self._stored.runs for line in self._replies_of(run)]

    def _replies_of(self, run: StoredRun) -> Iterator[str]:
        found = run_actions(self._session, run.id)
        actions = [] if found is None else [action for action in found.actions if "usage" not in action]
        if run.run["status"] == "in_progress" and not any("pause" in action for action in actions):
            actions.append({"pause": True})
        replies = [self._reply(action) for action in actions]
        plain = len(replies) == 1 and isinstance(replies[0], str)
        yield _call(f"{FIXTURE}.respond", [replies[0] if plain else replies], {"times": 1})

    def _reply(self, action: Object) -> Any:
        """The reply of an action of a script: text as it is, or an expression."""
        ((kind, value),) = action.items()
        match kind:
            case "text":
                return self._text(value)
            case "refusal":
                return self._new("Refusal", [value])
            case "function_call":
                return self._function_call(value)
            case "function_calls":
                return [self._function_call(call) for call in value]
            case "code_interpreter":
                made = [name for name in ("images", "files") if name in value]
                images = {name: [self._image(each) for each in value[name]] for name in made}
                return self._new("CodeInterpreter", [value["input"]], {**_rest(value, "input"), **images})
            case "file_search":
                return self._new("FileSearch", [], value)
            case "image_file":
                return self._image(value)
            case "fail":
                return self._new("Fail", [value["code"], value["message"]])
            case "incomplete":
                return self._new("Incomplete", [value])
            case _:
                return self._new({"pause": "Pause", "expire": "Expire", "cancel": "Cancel"}[kind], [])

    def _text(self, value: Any) -> Any:
        """A text alone is written as it is; chunks only keep a script's braces from being filled in."""
        if isinstance(value, str) or "citations" not in value:
            return value if isinstance(value, str) else value["value"]
        return self._new("Text", [value["value"]], {"citations": value["citations"]})

    def _function_call(self, call: Object) -> _Expression:
        arguments = _parsed(call["arguments"])
        return self._new("FunctionCall", [call["name"], arguments], _rest(call, "name", "arguments"))

    def _image(self, image: Object) -> _Expression:
        if "content_base64" not in image:
            return self._new("Image", [], image)
        content = decode_base64(image["content_base64"])
        return self._new("Image", [], {"content": content, **_rest(image, "content_base64")})

    def _new(self, name: str, values: list[Any], options: Object | None = None) -> _Expression:
        self._imports.add(name)
        return _Expression(name, values, options or {})

    def _calls(self) -> list[str]:
        lines = [f"client = {FIXTURE}.client()"]
        lines.append("thread = " + _call("client.beta.threads.create", [], thread_body(self._stored.thread)))
        for entry in self._stored.entries:
            if isinstance(entry, StoredRun):
                lines += _run_calls(entry)
            else:
                lines.append(_call("client.beta.threads.messages.create", [_Name("thread.id")], message_body(entry)))
        return lines

    def _assertion(self) -> list[str]:
        lines = self._transcript.splitlines(keepends=True)
        literals = [f"    {_quoted(line)}" for line in lines]
        return [f"assert {FIXTURE}.transcript(thread.id) == (", *(literals or ['    ""']), ")"]


def _run_calls(stored: StoredRun) -> Iterator[str]:
    runs, of_thread = "client.beta.threads.runs", {"thread_id": _Name("thread.id")}
    is_cancelled = stored.run["status"] in _ENDED_BY_CLIENT
    ends_alone = not is_cancelled and stored.run["status"] not in ("in_progress", "queued")
    polls = [True] * len(stored.submitted) + [ends_alone or stored.waits]
    suffix = "_and_poll" if polls[0] else ""
    yield "run = " + _call(f"{runs}.create{suffix}", [], {**of_thread, **stored.body})
    for outputs, is_polled in zip(stored.submitted, polls[1:], strict=True):
        suffix = "_and_poll" if is_polled else ""
        options = {"run_id": _Name("run.id"), **of_thread, "tool_outputs": outputs}
        yield "run = " + _call(f"{runs}.submit_tool_outputs{suffix}", [], options)
    if is_cancelled:
        yield _call(f"{runs}.cancel", [_Name("run.id")], of_thread)
    if stored.waits and stored.run["status"] == "expired":
        yield f"{FIXTURE}.clock.set(run.expires_at + 1)"


class _Name:
    """A variable of the test."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


class _Expression:
    """A call: `Text("Hello", chunks=["Hel", "lo"])`."""

    def __init__(self, name: str, values: list[Any], options: Object) -> None:
        self.name, self.values, self.options = name, values, options


def _call(name: str, values: Iterable[Any], options: Object) -> str:
    return _source(_Expression(name, list(values), options), 4, len("thread = "))


def _source(value: Any, indent: int, prefix: int = 0) -> str:
    """The value as source; what does not fit behind so many columns has a line for each of its parts."""
    line = _line(value)
    if indent + prefix + len(line) < WIDTH or not (parts := _parts(value)):
        return line
    opening, items, closing = parts
    sources = [name + _source(item, indent + 4, len(name)) for name, item in items]
    inner = "".join(textwrap.indent(f"{source},\n", "    ") for source in sources)
    return f"{opening}\n{inner}{closing}"


def _parts(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:
    match value:
        case _Expression():
            options = [(f"{name}=", item) for name, item in value.options.items()]
            return f"{value.name}(", [*(("", item) for item in value.values), *options], ")"
        case list() | tuple():
            return "[", [("", item) for item in value], "]"
        case dict():
            return "{", [(f"{_quoted(str(name))}: ", item) for name, item in value.items()], "}"
        case _:
            return None


def _line(value: Any) -> str:
    if (parts := _parts(value)) is None:
        return _quoted(value) if isinstance(value, str | bytes) else repr(value)
    opening, items, closing = parts
    return opening + ", ".join(f"{prefix}{_line(item)}" for prefix, item in items) + closing


def _quoted(text: str | bytes) -> str:
    """A literal with double quotation marks where that needs no more escapes."""
    start, _, rest = repr(text).partition("'")
    if len(start) > 1 or '"' in rest:
        return repr(text)
    return f'{start}"{rest[:-1]}"'


def _parsed(arguments: str) -> Any:
    """The object that is written as this JSON by FunctionCall; the text itself where there is none."""
    try:
        value = json.loads(arguments)
        is_same = isinstance(value, dict) and FunctionCall("name", value).arguments_json() == arguments
    except (ValueError, RecursionError, ScriptError):
        return arguments
    return value if is_same else arguments


def _rest(value: Object, *names: str) -> Object:
    return {name: item for name, item in value.items() if name not in names}
