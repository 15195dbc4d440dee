"""The replies of one recorded run as a script's actions, from whatever the recording shows of it.

Steps show most; where they were not listed, the run's messages and the calls that it waited for stand in. Images and
files that code made belong to the code's action: the message after it shows them by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from assistants_emulator.convert.action_writer import ActionWriter
from assistants_emulator.convert.observed import ObservedSession
from assistants_emulator.responders.replies import FAIL_CODES, INCOMPLETE_REASONS
from assistants_emulator.retrieval import MARKER
from assistants_emulator.store import Object

NOT_RECORDED = "(the reply is not in the recording)"
_OTHER_ENDS = ("failed", "incomplete", "expired", "cancelled", "cancelling", "requires_action")
_ENDED = ("completed", *_OTHER_ENDS)
CUT_OFF = "the recording ends before the run does"


_Output = tuple[tuple[float, int], Literal["step", "message", "calls"], Any]
"""Age, kind, and the step, the message or the list of calls."""


@dataclass(slots=True)
class RunActions:
    """`problems` are what the recording does not show of the run, or a script cannot say, in a few words each."""

    actions: list[Object] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run_actions(session: ObservedSession, run_id: str) -> RunActions | None:
    """None for a run that was only listed: nothing is known of it, and the session did not ask for it."""
    run = session.get("runs", run_id)
    outputs = sorted(_outputs(session, run_id), key=lambda output: output[0])
    if run.get("status") == "completed" and [kind for _, kind, _ in outputs[-2:]] == ["message", "calls"]:
        outputs[-2:] = outputs[:-3:-1]  # the outputs of calls are always answered; the two clocks were not that exact
    if not outputs and run_id not in session.created_runs and not run.get("last_error"):
        return None
    writer = _RunWriter(session, run_id)
    for _, kind, value in outputs:
        match kind:
            case "step":
                writer.add_step(value)
            case "message":
                writer.add_message(value)
            case "calls":
                writer.add_calls(value)
    if not writer.actions and run.get("status") not in _OTHER_ENDS and run_id not in session.busy:
        writer.add_message({})
    writer.add_total_usage(run.get("usage"))
    writer.add_end(run)
    return RunActions(writer.actions, writer.problems)


def _outputs(session: ObservedSession, run_id: str) -> Iterator[_Output]:
    """The run's steps, then the messages and the calls that no step has."""
    steps = session.of_run("steps", run_id)
    for step in steps:
        yield session.age(step), "step", step
    in_steps = {_message_id(step) for step in steps}
    for message in session.of_run("messages", run_id):
        if message.get("role", "assistant") == "assistant" and message["id"] not in in_steps:
            yield session.age(message), "message", message
    call_ids = {call.get("id") for step in steps for call in _tool_calls(step)}
    for required in session.required_calls.get(run_id, []):
        if not call_ids & {call.get("id") for call in required.calls}:
            yield (int(required.when), -1), "calls", required.calls


class _RunWriter(ActionWriter):
    """Writes the actions of one run."""

    def __init__(self, session: ObservedSession, run_id: str) -> None:
        super().__init__(session)
        self._run_id = run_id

    def add_step(self, step: Object) -> None:
        start = len(self.actions)
        if (message_id := _message_id(step)) is not None:
            self.add_message(self._session.get("messages", message_id) or {"id": message_id})
        else:
            self._add_tool_calls(step)
        self._add_usage(step.get("usage"), start)

    def add_calls(self, calls: list[Object]) -> None:
        self._add_functions([_function_call(call) for call in calls])

    # Messages

    def add_message(self, message: Object) -> None:
        parts = [part for part in message.get("content") or [] if isinstance(part, dict)]
        texts = [part["text"] for part in parts if part.get("type") == "text" and isinstance(part.get("text"), dict)]
        images = [part["image_file"]["file_id"] for part in parts if part.get("type") == "image_file"]
        refusals = [str(part["refusal"]) for part in parts if part.get("type") == "refusal"]
        self._add_message_images([id for id in images if id not in self._code_images], bool(texts))
        if len(texts) > 1:
            self.problems.append(f"the {len(texts)} texts of {message.get('id')} become one")
        if texts:
            self._add_linked_files(texts)
            value = "\n\n".join(str(text.get("value", "")) for text in texts)
            chunks = self._session.chunks.get(message.get("id", ""), [])
            self._add_text(value, self._citations(value, texts), chunks)
        for refusal in refusals:
            self.actions.append({"refusal": self._plain(refusal)})
        if not parts:
            missing = f"the content of {message['id']}" if "id" in message else "its reply"
            self.problems.append(f"{missing} is not recorded")
            self.actions.append({"text": self._unknown_text()})
        self._code, self._code_images = None, set()

    def _unknown_text(self) -> str:
        """A text that is JSON too, for a run that must answer in JSON."""
        format = self._session.get("runs", self._run_id).get("response_format")
        return "{}" if isinstance(format, dict) and str(format.get("type")).startswith("json") else NOT_RECORDED

    def _citations(self, value: str, texts: list[Object]) -> list[Object]:
        notes = [note for text in texts for note in text.get("annotations") or [] if "file_citation" in note]
        notes.sort(key=lambda note: note.get("start_index") or 0)
        if not notes:
            return []
        files = [self._uploaded_name(note["file_citation"].get("file_id")) for note in notes]
        if None in files or [note.get("text") for note in notes] != MARKER.findall(value):
            self.problems.append("its citations name files that the recording did not upload; their marks stay text")
            return []
        quotes = [str(note["file_citation"].get("quote") or "") for note in notes]
        return [{"file": file, "quote": quote} for file, quote in zip(files, quotes, strict=True)]

    def _add_linked_files(self, texts: list[Object]) -> None:
        """Files that the texts link to were made by the code before them."""
        names = {
            note["file_path"]["file_id"]: PurePosixPath(str(note.get("text", ""))).name
            for text in texts
            for note in text.get("annotations") or []
            if note.get("type") == "file_path"
        }
        self._add_code_files(names)

    # Tools

    def _add_tool_calls(self, step: Object) -> None:
        functions = []
        for call in _tool_calls(step):
            match call.get("type"):
                case "function":
                    functions.append(call)
                case "code_interpreter":
                    self._add_code(call.get("code_interpreter") or {})
                case _:
                    self._add_search(call.get("file_search") or call.get("retrieval") or {})
        if functions:
            self.add_calls(functions)
        elif not _tool_calls(step):
            self.problems.append(f"the tool calls of {step.get('id')} are not recorded")

    def _add_code(self, tool: Object) -> None:
        outputs = [output for output in tool.get("outputs") or [] if isinstance(output, dict)]
        logs = "".join(str(output.get("logs", "")) for output in outputs if output.get("type") == "logs")
        images = [output["image"]["file_id"] for output in outputs if output.get("type") == "image"]
        self._begin_code(self._plain(str(tool.get("input") or "")), self._plain(logs))
        self._add_code_images(images)

    def _add_search(self, tool: Object) -> None:
        results = [result for result in tool.get("results") or [] if isinstance(result, dict)]
        texts = [_result_text(result) for result in results]
        self.actions.append({"file_search": self._search(results, texts)})

    # Usage and end

    def add_total_usage(self, usage: Any) -> None:
        """The run's own, if no step's is known."""
        if not self._has_usage:
            self._add_usage(usage, 0)

    def add_end(self, run: Object) -> None:
        status = run.get("status")
        if self._run_id in self._session.cancelled or status in ("cancelled", "cancelling"):
            self.actions.append({"pause": True})
        elif status == "failed":
            self._add_failure(run.get("last_error") or {})
        elif status == "incomplete":
            self._add_incomplete((run.get("incomplete_details") or {}).get("reason"))
        elif status == "expired":
            self._add_expiry()
        elif status not in _ENDED and self._run_id in self._session.busy:
            self.actions.append({"pause": True})
            self.problems.append(f"{CUT_OFF}; it stays in progress, as it was seen last")
        elif status not in _ENDED:
            self.problems.append(CUT_OFF)

    def _add_failure(self, error: Object) -> None:
        code = error.get("code")
        if code not in FAIL_CODES:
            self.problems.append(f"its error {code!r} becomes {FAIL_CODES[0]}")
        message = self._plain(str(error.get("message") or "Sorry, something went wrong."))
        self.actions.append({"fail": {"code": code if code in FAIL_CODES else FAIL_CODES[0], "message": message}})

    def _add_incomplete(self, reason: Any) -> None:
        """A message is cut short if no action stands between the two, so its usage is left out."""
        messages = self._session.of_run("messages", self._run_id)
        if messages and messages[-1].get("status") == "incomplete" and "usage" in self.actions[-1]:
            self.actions.pop()
        self.actions.append({"incomplete": reason if reason in INCOMPLETE_REASONS else INCOMPLETE_REASONS[0]})

    def _add_expiry(self) -> None:
        """A run that waits for outputs expires by itself when the clock passes its `expires_at`."""
        waited = bool(self.actions) and not {"function_call", "function_calls"}.isdisjoint(self.actions[-1])
        if waited:
            self.problems.append("it expired waiting for outputs; so it will, when the clock gets there")
        else:
            self.actions.append({"expire": True})


def _message_id(step: Object) -> str | None:
    """The message that a step wrote; None for steps of tools."""
    message_id: str | None = ((step.get("step_details") or {}).get("message_creation") or {}).get("message_id")
    return message_id


def _tool_calls(step: Object) -> list[Object]:
    calls: list[Object] = (step.get("step_details") or {}).get("tool_calls") or []
    return calls


def _function_call(call: Object) -> Object:
    function = call.get("function") or {}
    action = {"name": str(function.get("name") or "unnamed"), "arguments": str(function.get("arguments") or "{}")}
    return {**action, "id": call["id"]} if call.get("id") else action


def _result_text(result: Object) -> str:
    content = result.get("content")
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
