"""The actions that runs and responses share: texts, code with its files, searches, usage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from assistants_emulator.convert.observed import ObservedSession
from assistants_emulator.convert.sanitize import count
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import encode_base64
from assistants_emulator.turns.measures import cut

CODE_NOT_RECORDED = "# this code is not in the recording"
BLANK_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
USAGE = ("prompt_tokens", "completion_tokens")
_PLACEHOLDER = re.compile(r"\{(?=message\}|outputs\[\d+\]\})")  # a script fills these in


class ActionWriter:
    """Writes the actions of one run or turn, output by output.

    `problems` are what the recording does not show, or a script cannot say, in a few words each.
    """

    def __init__(self, session: ObservedSession) -> None:
        self.actions: list[Object] = []
        self.problems: list[str] = []
        self._session = session
        self._code: Object | None = None  # the code interpreter's action since the last message
        self._code_images: set[str] = set()  # which the next message shows by itself
        self._has_usage = False

    # Texts

    def _add_text(self, value: str, citations: list[Object], chunks: Sequence[str]) -> None:
        """The text with its citations, else in the pieces of its stream if they are not the usual ones."""
        text: Any = value
        if citations:
            text = {"value": self._plain(value), "citations": citations}
        else:
            if _PLACEHOLDER.search(value):  # a brace at the end of a chunk is not filled in
                chunks = [chunk for chunk in re.split(r"(?<=\{)(?=message\}|outputs\[)", value) if chunk]
            if len(chunks) > 1 and "".join(chunks) == value and list(chunks) != cut(value):
                text = {"value": value, "chunks": list(chunks)}
        self.actions.append({"text": text})

    def _plain(self, text: str) -> str:
        """A text that has no chunks, so that its braces cannot be kept from being filled in."""
        if _PLACEHOLDER.search(text):
            self.problems.append("it says {message} or {outputs[0]}, which the script will fill")
        return text

    def _add_functions(self, calls: list[Object]) -> None:
        self.actions.append({"function_call": calls[0]} if len(calls) == 1 else {"function_calls": calls})

    # Files

    def _add_message_images(self, images: list[str], has_text: bool) -> None:
        """Images that no recorded code made."""
        if not images:
            return
        if self._code is not None or has_text:
            self._add_code_images(images)
        else:
            self.actions += [{"image_file": self._created_file(file_id, f"{file_id}.png")} for file_id in images]

    def _add_code_images(self, images: list[str]) -> None:
        if images:
            code = self._code or self._begin_code(CODE_NOT_RECORDED)
            code.setdefault("images", []).extend(self._created_file(file_id, f"{file_id}.png") for file_id in images)
            self._code_images |= set(images)

    def _add_code_files(self, names: dict[str, str]) -> None:
        """Files, by their ids, that a text links to: the code before it made them."""
        if names:
            code = self._code or self._begin_code(CODE_NOT_RECORDED)
            code["files"] = [self._created_file(file_id, name) for file_id, name in names.items()]

    def _created_file(self, file_id: str, name: str) -> Object:
        """A file that the model made, with its bytes if the session downloaded it."""
        filename = PurePosixPath(str(self._session.get("files", file_id).get("filename") or name)).name or file_id
        content = self._session.contents.get(file_id)
        if content is None:
            self.problems.append(f"{file_id} was not downloaded; an empty {filename} stands for it")
            encoded = BLANK_PNG if filename.endswith(".png") else ""
        else:
            encoded = encode_base64(content)
        return {"content_base64": encoded, "filename": filename}

    def _uploaded_name(self, file_id: Any) -> str | None:
        """The name by which the test's own upload will be found."""
        return self._session.get("files", file_id).get("filename") if file_id in self._session.uploaded else None

    # Tools

    def _begin_code(self, input: str, logs: str = "") -> Object:
        self._code = {"input": input, **({"logs": logs} if logs else {})}
        self.actions.append({"code_interpreter": self._code})
        return self._code

    def _search(self, results: list[Object], texts: list[str]) -> Object:
        """The results as a script has them, with their texts; {} where the search has to find them again."""
        files = [self._uploaded_name(result.get("file_id")) for result in results]
        if not results or None in files:
            if results:
                self.problems.append("its search found files that the recording did not upload; it will search again")
            return {}
        return {
            "results": [
                {"file": file, "score": result.get("score") or 0.0, "text": text}
                for file, result, text in zip(files, results, texts, strict=True)
            ]
        }

    # Usage

    def _add_usage(self, usage: Any, start: int, names: Sequence[str] = USAGE) -> None:
        """All of it after the last action from `start`, and none after the others: only the sum is known."""
        given = [count(usage.get(name)) for name in names] if isinstance(usage, dict) else [None]
        if None in given:
            return
        counts = dict(zip(USAGE, given, strict=True))
        actions, self.actions = self.actions[start:], self.actions[:start]
        for number, action in enumerate(actions, 1):
            self.actions += [action, {"usage": counts if number == len(actions) else dict.fromkeys(USAGE, 0)}]
            self._has_usage = True
