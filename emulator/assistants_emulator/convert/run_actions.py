"""The replies of one recorded run, as a script's actions, from whatever the recording shows of it.

Steps say most; where they were not listed, the run's messages and the calls that it waited for stand in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from assistants_emulator.convert.observed import ObservedSession
from assistants_emulator.convert.sanitize import count
from assistants_emulator.responders.replies import FAIL_CODES, INCOMPLETE_REASONS
from assistants_emulator.retrieval import MARKER
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import encode_base64
from assistants_emulator.turns.measures import cut

NOT_RECORDED = "(what the assistant said is not in the recording)"
CODE_NOT_RECORDED = "# this code is not in the recording"
BLANK_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_FILLED = re.compile(r"\{(?=message\}|outputs\[\d+\]\})")


class Said:
    """Writes down what one run said, action by action."""

    def __init__(self, session: ObservedSession, run_id: str) -> None:
        self.session = session
        self.run_id = run_id
        self.actions: list[Object] = []
        self.problems: list[str] = []
        self._code: Object | None = None  # the code interpreter's action since the last message
        self._shown: set[str] = set()  # images that the next message shows by itself

    def message(self, message: Object) -> None:
        parts = [part for part in message.get("content") or [] if isinstance(part, dict)]
        texts = [part["text"] for part in parts if part.get("type") == "text" and isinstance(part.get("text"), dict)]
        images = [part["image_file"]["file_id"] for part in parts if part.get("type") == "image_file"]
        refusals = [str(part["refusal"]) for part in parts if part.get("type") == "refusal"]
        self._show([id for id in images if id not in self._shown], bool(texts))
        if len(texts) > 1:
            self.problems.append(f"the {len(texts)} texts of {message.get('id')} become one")
        if texts:
            self._link(texts)
            self.actions.append({"text": self._text(message, texts)})
        for refusal in refusals:
            self.actions.append({"refusal": self._plain(refusal)})
        if not parts:
            self.problems.append(f"what {message.get('id', 'it')} said is not recorded")
            self.actions.append({"text": self._unknown()})
        self._code, self._shown = None, set()

    def _unknown(self) -> str:
        """Something that a run which must answer in JSON may say too."""
        wanted = self.session.get("runs", self.run_id).get("response_format")
        return "{}" if isinstance(wanted, dict) and str(wanted.get("type")).startswith("json") else NOT_RECORDED

    def _begin_code(self, input: str, logs: str = "") -> Object:
        self._code = {"input": input, **({"logs": logs} if logs else {})}
        self.actions.append({"code_interpreter": self._code})
        return self._code

    def _show(self, images: list[str], with_text: bool) -> None:
        """Images that no recorded code made."""
        if not images:
            return
        if self._code is not None or with_text:
            self._add_images(images)
        else:
            self.actions += [{"image_file": self._made(file_id, f"{file_id}.png")} for file_id in images]

    def _add_images(self, images: list[str]) -> None:
        if images:
            code = self._code or self._begin_code(CODE_NOT_RECORDED)
            code.setdefault("images", []).extend(self._made(file_id, f"{file_id}.png") for file_id in images)
            self._shown |= set(images)

    def _link(self, texts: list[Object]) -> None:
        """Files that the texts link to were made by the code before them."""
        linked = {
            note["file_path"]["file_id"]: PurePosixPath(str(note.get("text", ""))).name
            for text in texts
            for note in text.get("annotations") or []
            if note.get("type") == "file_path"
        }
        if linked:
            code = self._code or self._begin_code(CODE_NOT_RECORDED)
            code["files"] = [self._made(file_id, name) for file_id, name in linked.items()]

    def _text(self, message: Object, texts: list[Object]) -> Any:
        value = "\n\n".join(str(text.get("value", "")) for text in texts)
        citations = self._citations(value, texts)
        pieces = self.session.pieces.get(message.get("id", ""), [])
        if citations:
            return {"value": self._plain(value), "citations": citations}
        if _FILLED.search(value):  # a brace at the end of a piece is filled with nothing
            pieces = [piece for piece in re.split(r"(?<=\{)(?=message\}|outputs\[)", value) if piece]
        if len(pieces) > 1 and "".join(pieces) == value and pieces != cut(value):
            return {"value": value, "chunks": pieces}
        return value

    def _citations(self, value: str, texts: list[Object]) -> list[Object]:
        notes = [note for text in texts for note in text.get("annotations") or [] if "file_citation" in note]
        notes.sort(key=lambda note: note.get("start_index") or 0)
        if not notes:
            return []
        files = [self._file(note["file_citation"].get("file_id")) for note in notes]
        if None in files or [note.get("text") for note in notes] != MARKER.findall(value):
            self.problems.append("its citations name files that the recording did not upload; their marks stay text")
            return []
        quotes = [str(note["file_citation"].get("quote") or "") for note in notes]
        return [{"file": file, "quote": quote} for file, quote in zip(files, quotes, strict=True)]

    def _made(self, file_id: str, name: str) -> Object:
        """A file of the assistant's, with its bytes where the recording downloaded it."""
        filename = PurePosixPath(str(self.session.get("files", file_id).get("filename") or name)).name or file_id
        content = self.session.contents.get(file_id)
        if content is None:
            self.problems.append(f"{file_id} was not downloaded; an empty {filename} stands for it")
            encoded = BLANK_PNG if filename.endswith(".png") else ""
        else:
            encoded = encode_base64(content)
        return {"content_base64": encoded, "filename": filename}

    def _file(self, file_id: Any) -> str | None:
        """The name by which the test's own upload will be found."""
        return self.session.get("files", file_id).get("filename") if file_id in self.session.uploaded else None

    def _plain(self, text: str) -> str:
        """A text that has no pieces cannot keep a script's braces from being filled."""
        if _FILLED.search(text):
            self.problems.append("it says {message} or {outputs[0]}, which the script will fill")
        return text


_ENDED_OTHERWISE = ("failed", "incomplete", "expired", "cancelled", "cancelling", "requires_action")
_OVER = ("completed", *_ENDED_OTHERWISE)
_COUNTS = ("prompt_tokens", "completion_tokens")
_CUT_OFF = "the recording ends before the run does"


@dataclass(slots=True)
class Known:
    actions: list[Object] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def replies_of(session: ObservedSession, run_id: str) -> Known | None:
    """None for a run that was only listed: nothing is known of it, and nobody asked for it."""
    teller = _ActionWriter(session, run_id)
    run = session.get("runs", run_id)
    happened = sorted(teller.happenings(), key=lambda item: item[0])
    if run.get("status") == "completed" and [kind for _, kind, _ in happened[-2:]] == ["message", "calls"]:
        happened[-2:] = happened[:-3:-1]  # outputs are always answered; the clocks were not that exact
    if not happened and run_id not in session.created_runs and not run.get("last_error"):
        return None
    for _, kind, what in happened:
        getattr(teller, kind)(what)
    if not teller.actions and run.get("status") not in _ENDED_OTHERWISE and run_id not in session.held:
        teller.message({})
    teller.total_usage(run.get("usage"))
    teller.ending(run)
    return Known(teller.actions, teller.problems)


class _ActionWriter(Said):
    """Writes down one run, happening by happening: `(age, what kind, what)`."""

    _counted = False

    def happenings(self) -> list[tuple[tuple[float, int], str, Any]]:
        session = self.session
        steps = session.of_run("steps", self.run_id)
        found: list[tuple[tuple[float, int], str, Any]] = [(session.age(step), "step", step) for step in steps]
        told = {message_of(step) for step in steps}
        messages = [
            one for one in session.of_run("messages", self.run_id) if one.get("role", "assistant") == "assistant"
        ]
        found += [(session.age(one), "message", one) for one in messages if one["id"] not in told]
        called = {call.get("id") for step in steps for call in calls_of(step)}
        for asked in session.asked.get(self.run_id, []):
            if not called & {call.get("id") for call in asked.calls}:
                found.append(((int(asked.when), -1), "calls", asked.calls))
        return found

    # Happenings

    def step(self, step: Object) -> None:
        before = len(self.actions)
        if (message_id := message_of(step)) is not None:
            self.message(self.session.get("messages", message_id) or {"id": message_id})
        else:
            self._tools(step)
        self._spread(step.get("usage"), before)

    def calls(self, calls: list[Object]) -> None:
        functions = [_call(call) for call in calls]
        self.actions.append({"function_call": functions[0]} if len(functions) == 1 else {"function_calls": functions})

    def total_usage(self, usage: Any) -> None:
        """The run's own, where no step's is known."""
        if not self._counted:
            self._spread(usage, 0)

    def _spread(self, usage: Any, start: int) -> None:
        """All of it on the last action since then, and none on the others: only the sum is known."""
        counts = {name: count(usage.get(name)) for name in _COUNTS} if isinstance(usage, dict) else {}
        if not counts or None in counts.values():
            return
        actions, self.actions = self.actions[start:], self.actions[:start]
        for number, action in enumerate(actions, 1):
            self.actions += [action, {"usage": counts if number == len(actions) else dict.fromkeys(_COUNTS, 0)}]
            self._counted = True

    def ending(self, run: Object) -> None:
        status = run.get("status")
        if self.run_id in self.session.cancelled or status in ("cancelled", "cancelling"):
            self.actions.append({"pause": True})
        elif status == "failed":
            self._fail(run.get("last_error") or {})
        elif status == "incomplete":
            self._cut_short((run.get("incomplete_details") or {}).get("reason"))
        elif status == "expired":
            self._expire(run)
        elif status not in _OVER and self.run_id in self.session.held:
            self.actions.append({"pause": True})
            self.problems.append(f"{_CUT_OFF}; it stays in progress, as it was found")
        elif status not in _OVER:
            self.problems.append(_CUT_OFF)

    # Tools

    def _tools(self, step: Object) -> None:
        functions = []
        for call in calls_of(step):
            match call.get("type"):
                case "function":
                    functions.append(call)
                case "code_interpreter":
                    self._run_code(call.get("code_interpreter") or {})
                case _:
                    self._search(call.get("file_search") or call.get("retrieval") or {})
        if functions:
            self.calls(functions)
        elif not calls_of(step):
            self.problems.append(f"the tool calls of {step.get('id')} are not recorded")

    def _run_code(self, told: Object) -> None:
        outputs = [output for output in told.get("outputs") or [] if isinstance(output, dict)]
        logs = "".join(str(output.get("logs", "")) for output in outputs if output.get("type") == "logs")
        images = [output["image"]["file_id"] for output in outputs if output.get("type") == "image"]
        self._begin_code(self._plain(str(told.get("input") or "")), self._plain(logs))
        self._add_images(images)

    def _search(self, told: Object) -> None:
        results = [result for result in told.get("results") or [] if isinstance(result, dict)]
        known = [self._file(result.get("file_id")) for result in results]
        if not results or None in known:
            if results:
                self.problems.append("its search found files that the recording did not upload; it searches anew")
            self.actions.append({"file_search": {}})
            return
        shown = [
            {"file": file, "score": result.get("score") or 0.0, "text": _found_text(result)}
            for file, result in zip(known, results, strict=True)
        ]
        self.actions.append({"file_search": {"results": shown}})

    # Ends

    def _fail(self, error: Object) -> None:
        code = error.get("code")
        if code not in FAIL_CODES:
            self.problems.append(f"its error {code!r} becomes {FAIL_CODES[0]}")
        message = self._plain(str(error.get("message") or "Sorry, something went wrong."))
        self.actions.append({"fail": {"code": code if code in FAIL_CODES else FAIL_CODES[0], "message": message}})

    def _cut_short(self, reason: Any) -> None:
        """A message that was cut short is so where nothing stands between the two, so its usage is left out."""
        messages = self.session.of_run("messages", self.run_id)
        if messages and messages[-1].get("status") == "incomplete" and "usage" in self.actions[-1]:
            self.actions.pop()
        self.actions.append({"incomplete": reason if reason in INCOMPLETE_REASONS else INCOMPLETE_REASONS[0]})

    def _expire(self, run: Object) -> None:
        """One that waited for outputs expires when the clock passes its `expires_at`, as it did then."""
        waited = bool(self.actions) and not {"function_call", "function_calls"}.isdisjoint(self.actions[-1])
        if waited:
            self.problems.append("it expired waiting for outputs; so it will, when the clock gets there")
        else:
            self.actions.append({"expire": True})


def message_of(step: Object) -> str | None:
    """The message that a step wrote; None for steps of tools."""
    found: str | None = ((step.get("step_details") or {}).get("message_creation") or {}).get("message_id")
    return found


def calls_of(step: Object) -> list[Object]:
    calls: list[Object] = (step.get("step_details") or {}).get("tool_calls") or []
    return calls


def _call(call: Object) -> Object:
    function = call.get("function") or {}
    told = {"name": str(function.get("name") or "unnamed"), "arguments": str(function.get("arguments") or "{}")}
    return {**told, "id": call["id"]} if call.get("id") else told


def _found_text(result: Object) -> str:
    content = result.get("content")
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
