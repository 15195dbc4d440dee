"""How one message of a recorded run is written down: its text with citations, its images, the files it links to.

Images and files that code made belong to the code's step: the message after it shows them by itself.
"""

from __future__ import annotations

import base64
import re
from pathlib import PurePosixPath
from typing import Any

from emulator.recording.accumulate import Object
from emulator.recording.session import Session
from emulator.runs.pieces import cut

NOT_RECORDED = "(what the assistant said is not in the recording)"
CODE_NOT_RECORDED = "# this code is not in the recording"
BLANK_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
MARKER = re.compile(r"【[^【】]*†[^【】]*】")
_FILLED = re.compile(r"\{(?=message\}|outputs\[\d+\]\})")


class Said:
    """Writes down what one run said, action by action."""

    def __init__(self, session: Session, run_id: str) -> None:
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
            encoded = base64.b64encode(content).decode()
        return {"content_base64": encoded, "filename": filename}

    def _file(self, file_id: Any) -> str | None:
        """The name by which the test's own upload will be found."""
        return self.session.get("files", file_id).get("filename") if file_id in self.session.uploaded else None

    def _plain(self, text: str) -> str:
        """A text that has no pieces cannot keep a script's braces from being filled."""
        if _FILLED.search(text):
            self.problems.append("it says {message} or {outputs[0]}, which the script will fill")
        return text
