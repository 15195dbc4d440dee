"""Rules whose Python code runs in another process: pytest's, where the emulator is a process of its own.

That process keeps the responder of each run and is asked for one reply after another; `when` functions are asked too.
Replies travel as the actions of script files, turns as JSON and by look-ups that it makes while its code runs. Whatever
the code raises stays there, with its traceback: here the run fails with the text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from assistants_emulator.config import is_loopback
from assistants_emulator.errors import EmulatorError, ModelError, ScriptError, text_of
from assistants_emulator.responders.replies import (
    Cancel,
    Chunk,
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Pause,
    Refusal,
    Step,
    Text,
    Usage,
    Wait,
)
from assistants_emulator.responders.rules import Rule, When
from assistants_emulator.responders.sources import Listed, Outputs, Session, Source
from assistants_emulator.responders.turn import Turn

if TYPE_CHECKING:
    import httpx2

FLAGS: dict[type, str] = {Pause: "pause", Expire: "expire", Cancel: "cancel"}
SINGLE_FIELDS: dict[type, tuple[str, str]] = {
    Refusal: ("refusal", "value"),
    Wait: ("wait", "seconds"),
    Incomplete: ("incomplete", "reason"),
    Chunk: ("chunk", "value"),
}
LOOKUPS = ("messages", "steps", "search", "file")


class RaisedElsewhere(ScriptError):
    """Code of the other process raised; that process has the exception itself."""


class RemoteTurns:
    """The turns that code in other processes may look up, by the ids of their runs. From any thread."""

    def __init__(self) -> None:
        self._turns: dict[str, list[Turn]] = {}

    @contextmanager
    def open(self, turn: Turn) -> Iterator[str]:
        """Let the turn be looked up, by the id that is returned, until the block ends."""
        id: str = turn.run["id"]
        self._turns.setdefault(id, []).append(turn)
        try:
            yield id
        finally:
            self._turns[id].remove(turn)
            if not self._turns[id]:
                del self._turns[id]

    def look_up(self, id: str, name: str, arguments: Mapping[str, Any]) -> Any:
        """The value of a turn's attribute or method as JSON; EmulatorError for a run that no responder is at."""
        if id not in self._turns or name not in LOOKUPS:
            raise EmulatorError(f"no responder of another process is at {id}, to look up {name}")
        turn = self._turns[id][-1]
        match name:
            case "messages":
                return turn.messages
            case "steps":
                return turn.steps
            case "search":
                hits = turn.search(arguments["query"], arguments["max_num_results"])
                return [{name: getattr(hit, name) for name in ("file_id", "filename", "score", "text")} for hit in hits]
            case _:
                import base64

                file = turn.file(arguments["file_id"])
                return {"file": file, "content_base64": base64.b64encode(file.__dict__["content"]).decode()}


@dataclass(frozen=True)
class Process:
    """The other process, which answers at `url` for one rule."""

    url: str
    turns: RemoteTurns

    def ask(self, http: httpx2.Client, call: str, id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a call; for an exception there, the error that fails the run."""
        import httpx2

        try:
            response = http.post(self.url, json={"call": call, "id": id, **values})
            answer: dict[str, Any] = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise RaisedElsewhere(f"the process that has this rule's code does not answer: {error!r}") from None
        if "raised" not in answer:
            return answer
        if "code" in answer:
            raise ModelError(answer["raised"], answer["code"])
        raise RaisedElsewhere(answer["raised"])

    def client(self) -> httpx2.Client:
        """A client without a time limit: user code may take as long as it likes."""
        import httpx2

        return httpx2.Client(trust_env=False, timeout=None, verify=False)


@dataclass(frozen=True)
class RemoteResponder:
    """A source whose replies come from the other process, one by one."""

    process: Process
    inline: bool = False

    def open(self, turn: Turn) -> Session:
        return Session(self._steps(turn))

    def _steps(self, turn: Turn) -> Generator[Step, Outputs, None]:
        with self.process.turns.open(turn) as id, self.process.client() as http:
            answer = self.process.ask(http, "begin", id, {"turn": shown(turn)})
            ended = False
            try:
                while not (ended := answer["action"] is None):
                    outputs = yield read_step(answer["action"])
                    ended = True  # also if it raises instead of answering
                    answer = self.process.ask(http, "next", id, {"outputs": None if outputs is None else list(outputs)})
            finally:
                if not ended:
                    self.process.ask(http, "leave", id, {})


@dataclass(frozen=True)
class RemoteCondition:
    """A `when` function of the other process."""

    process: Process
    __name__: str

    def __call__(self, turn: Turn) -> object:
        with self.process.turns.open(turn) as id, self.process.client() as http:
            return self.process.ask(http, "when", id, {"turn": shown(turn)})["holds"]


def shown(turn: Turn) -> dict[str, Any]:
    """The turn as JSON, for the other process."""
    return {
        **{name: getattr(turn, name) for name in ("run", "assistant", "thread", "api", "request", "last_message")},
        "outputs": list(turn.outputs),
        "may_run_code": turn.may_run_code,
    }


# Rules and replies as JSON


def rule_as_json(rule: Rule) -> dict[str, Any]:
    """The rule but for its source, which a listed one has in `do`; `when_name` is the name of a `when` function."""
    when = rule.condition
    values: dict[str, Any] = {
        **{key: [pattern.pattern, pattern.flags] for key in PATTERNS if (pattern := getattr(when, key)) is not None},
        **{key: getattr(when, key) for key in ("assistant", "model") if getattr(when, key) is not None},
        "metadata": dict(when.metadata),
        "when_name": None if when.holds is None else getattr(when.holds, "__name__", "a function"),
    }
    source = {"do": [as_action(step) for step in rule.source.replies]} if isinstance(rule.source, Listed) else {}
    rest = {name: getattr(rule, name) for name in ("times", "live", "label", "is_fallback")}
    return {"when": values, **rest, **source}


def rule_of(body: Mapping[str, Any], turns: RemoteTurns) -> Rule:
    """The rule that `rule_as_json` described, with the `url` of its code. ScriptError for one of another machine.

    `origin` is a text that rules of the same code have in common.
    """
    if not is_loopback(urlsplit(body["url"]).hostname or ""):
        raise ScriptError(f"the code of a rule is called on this machine only, not at {body['url']!r}")
    process = Process(body["url"], turns)
    values = dict(body["when"])
    name = values.pop("when_name")
    for key in PATTERNS:
        if key in values:
            pattern, flags = values[key]
            values[key] = re.compile(pattern, flags)
    when = When(**values, holds=None if name is None else RemoteCondition(process, name))
    source: Source = Listed([read_step(action) for action in body["do"]]) if "do" in body else RemoteResponder(process)
    condition = None if body["is_fallback"] else when
    origin = None if body["origin"] is None else sys.intern(body["origin"])  # equal ones are one object
    return Rule(source, condition, None, body["times"], body["live"], body["label"], origin)


PATTERNS = ("message", "instructions")


def as_action(step: Step) -> dict[str, Any]:
    """`{"text": {"value": "Hello"}}`, as in script files, where pieces of a text have an action too."""
    if isinstance(step, list):
        return {"function_calls": [_call(call) for call in step]}
    if type(step) in FLAGS:
        return {FLAGS[type(step)]: True}
    if type(step) in SINGLE_FIELDS:
        name, field = SINGLE_FIELDS[type(step)]
        return {name: getattr(step, field)}
    match step:
        case FunctionCall():
            return {"function_call": _call(step)}
        case Text():
            citations = [_without_none(asdict(citation)) for citation in step.citations]
            then = None if step.then is None else as_action(step.then)
            return {
                "text": _without_none(
                    {"value": step.value, "citations": citations, "chunks": step.chunks, "then": then}
                )
            }
        case Image():
            return {"image_file": _image(step)}
        case CodeInterpreter():
            files = {"images": [*map(_image, step.images)], "files": [*map(_image, step.files)]}
            return {
                "code_interpreter": _without_none(
                    {"input": step.input, "logs": step.logs, **files, "execute": step.execute}
                )
            }
        case FileSearch():
            return {"file_search": _without_none(asdict(step))}
        case Fail():
            return {"fail": asdict(step)}
        case Usage():
            return {"usage": asdict(step)}
    raise ScriptError(f"{type(step).__name__} has no action")


def read_step(action: dict[str, Any]) -> Step:
    """The reply that `as_action` described; ScriptError for a value that is none."""
    from assistants_emulator.responders.scripts.actions import action_of
    from assistants_emulator.responders.scripts.located import Located, Origin

    if "chunk" in action:
        return Chunk(action["chunk"])
    return action_of(Located(action, (), Origin("a reply")))


def _call(call: FunctionCall) -> dict[str, Any]:
    then = None if call.then is None else as_action(call.then)
    fields = {"name": call.name, "arguments": call.arguments_json(), "id": call.id, "then": then, "after": call.after}
    return _without_none(fields)


def _image(image: Image) -> dict[str, Any]:
    import base64

    content = None if image.content is None else base64.b64encode(image.content).decode()
    return _without_none({"content_base64": content, "filename": image.filename, "file_id": image.file_id})


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def failure_text(error: BaseException) -> str:
    """The text of a run's `last_error` after its responder raised this."""
    text = text_of(error)
    return text if isinstance(error, ScriptError) else f"The responder raised {type(error).__name__}: {text}"
