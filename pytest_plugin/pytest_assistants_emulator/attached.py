"""An emulator in another process: the one at `--assistants-url`, or one that the session starts by a command.

Needs nothing but pytest, the standard library and the SDK of the tests. Python responders run in this process.
"""

from __future__ import annotations

import base64
import copy
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from assistants_emulator.config import key_of_project
from assistants_emulator.errors import EmulatorError, ScriptError
from assistants_emulator.project.state_file import read_state
from pytest_assistants_emulator.code_server import CodeServer
from pytest_assistants_emulator.control import Control, Refused
from pytest_assistants_emulator.marker import Settings, settings_of
from pytest_assistants_emulator.remote_project import INPROCESS, RemoteProject, naming

if TYPE_CHECKING:
    from pytest_assistants_emulator.session import RunningTest, Session

SEPARATE = (
    "keys='separate' needs an emulator of the session's own: one in this process, or that of "
    "`assistants_emulator_command`"
)


class RemoteServer:
    """The emulator at the session's URL, or one that its command starts and that ends with the session.

    That one is the session's own: there every key belongs to the running test, on the other the session's key only.
    """

    calls_upstream = False

    def __init__(self, session: Session, transport: str) -> None:
        self.left_behind: list[str] = []
        self._is_stopped = False
        if transport == "inprocess":
            raise EmulatorError(INPROCESS)
        self._session = session
        self._process = None if session.url is not None else session.process()
        url = session.url or cast(Any, self._process).url
        try:
            self.control = Control(url)
        except EmulatorError as error:
            option = "assistants_emulator_command" if session.url is None else "--assistants-url"
            raise EmulatorError(f"{option}: {error}") from None
        self.url = self.control.url
        self.code = CodeServer()
        self._handles: dict[str, RemoteProject] = {}
        self._files: dict[tuple[Path, int], Any] = {}
        self.select()

    def select(self) -> None:
        """Tell the emulator which test is running, and how its project begins."""
        session = self._session
        running, plan, separate, name = session.running, None, False, None
        if session.module is not None and session.wider_fixtures:
            name = session.module
        elif running is not None:
            name = running.name
            settings = settings_of(running.item)
            separate = settings.keys == "separate"
            try:
                plan = self._plan_of(running.name, settings.seed or running.item.nodeid, settings)
            except EmulatorError:  # its fixture says so
                plan = None
        values = {
            "running": name,
            "plan": plan,
            "separate": separate,
            "every_key": session.url is None,
            "refusal": session.refusal,
        }
        self.control.call("PUT", "session", self._key_header, values)

    def open(self, name: str, seed: str, settings: Settings) -> RemoteProject:
        if settings.transport == "inprocess":
            raise EmulatorError(INPROCESS)
        if settings.keys == "separate" and self._session.url is not None:
            raise EmulatorError(SEPARATE)
        project = RemoteProject(self, name)
        with naming(settings.script):
            project.control("POST", "project", self._plan_of(name, seed, settings))
        self._handles[name] = project
        return project

    def handle(self, name: str) -> RemoteProject:
        if name not in self._handles:
            self._handles[name] = RemoteProject(self, name)
        return self._handles[name]

    def close(self, name: str, test: str) -> None:
        self._handles.pop(name, None)
        self.control.call("POST", "session/close", self._key_header, {"name": name, "test": test})

    def is_used(self, running: RunningTest) -> bool:
        try:
            return bool(self.handle(running.name).control("POST", "leftovers", {"settle": False})["calls"])
        except EmulatorError:  # it is gone, which the next control call says in a place that can fail
            return False

    def earlier(self, ids: Iterable[str]) -> Mapping[str, str]:
        answer = self.control.call("POST", "session/earlier", self._key_header, {"ids": list(ids)})
        tests: dict[str, str] = answer["tests"]
        return tests

    def inspector_url(self, name: str) -> str:
        return f"{self.url}/_emulator/projects/{quote(name, safe='')}"

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None:
        """End the session there, and the process that is its own. Stopping twice changes nothing."""
        if self._is_stopped:
            return
        self._is_stopped = True
        try:
            self._session.refused.update(self.control.call("GET", "session", self._key_header)["refused"])
            self.control.call("DELETE", "session", self._key_header)
        except EmulatorError as error:  # it was stopped before
            self._session.notes.append(str(error))
        self.left_behind = self.code.stop()
        if self._process is not None:
            self._process.stop()

    def key_of(self, name: str) -> str:
        """The API key of a project: the session's for the running test's."""
        running = self._session.running
        return self._session.key if running is not None and running.name == name else key_of_project(name)

    def script_of(self, script: str | Path | Mapping[str, Any]) -> dict[str, Any]:
        """The script as plain data, with its images in it; ScriptError for a file that cannot be read."""
        if isinstance(script, Mapping):
            return with_images(dict(script), Path())
        path = Path(script)
        if isinstance(script, str) and "\n" in script:
            return with_images(self._yaml("script", script), Path())
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except (OSError, ValueError) as error:
            raise ScriptError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
        parse = _json if path.suffix.lower() == ".json" else self._yaml
        return with_images(parse(str(path), text), path.parent)

    def state_of(self, state: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
        return read_state(state, lambda path, content: self._yaml(str(path), content.decode("utf-8", "replace")))

    def _yaml(self, source: str, text: str) -> Any:
        """Parsed by the emulator: there need not be a parser here."""
        try:
            return self.control.call("POST", "yaml", self._key_header, {"source": source, "text": text})["data"]
        except Refused as error:
            raise ScriptError(str(error)) from None

    def _plan_of(self, name: str, seed: str, settings: Settings) -> dict[str, Any]:
        """The beginning of a project; that of a test has a copy of the module's objects, where there are any."""
        clock = "system" if settings.clock == "system" else "manual"
        strict: bool = self._session.config.getini("assistants_strict_tools")
        plan = {
            "seed": seed,
            "clock": clock,
            "autojump": clock == "manual",
            "time": settings.clock if isinstance(settings.clock, int | float) else None,
            "strict_tools": strict if settings.strict_tools is None else settings.strict_tools,
            "adopt_ids": self._session.adopts_ids,
            "script": None if settings.script is None else self._read(self.script_of, settings.script),
            "state": None if settings.state is None else self._read(self.state_of, settings.state),
        }
        module = self._session.module
        if module is not None and module != name and module in self._handles and not settings.has_own_state:
            plan["state"] = self._handles[module].state()
        return plan

    def _read(self, read: Callable[[Any], Any], source: Path | dict[str, Any]) -> Any:
        """Read a file once a session: a module's tests share its marker."""
        if not isinstance(source, Path):
            return read(source)
        key = (source, source.stat().st_mtime_ns)
        if key not in self._files:
            self._files[key] = read(source)
        return self._files[key]

    @property
    def _key_header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._session.key}"}


def _json(source: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ScriptError(f"{source}:{error.lineno}: is not JSON: {error.msg}, column {error.colno}") from None


def with_images(script: Any, folder: Path) -> dict[str, Any]:
    """The script with the bytes of images in the place of their paths, which another process does not read."""
    copied = copy.deepcopy(script)
    for rule in _objects(copied, "replies"):
        for action in _objects(rule, "do"):
            if isinstance(action.get("image_file"), dict):
                action["image_file"] = _image(action["image_file"], folder)
            if isinstance(code := action.get("code_interpreter"), dict):
                for name in ("images", "files"):
                    if isinstance(code.get(name), list):
                        code[name] = [_image(each, folder) for each in code[name]]
    return cast(dict[str, Any], copied)


def _objects(value: Any, key: str) -> list[dict[str, Any]]:
    """The objects in the list under that key; the emulator refuses what else is there."""
    items = value.get(key) if isinstance(value, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _image(image: Any, folder: Path) -> Any:
    if not isinstance(image, dict) or not isinstance(image.get("path"), str | os.PathLike):
        return image
    path = folder / image["path"]
    try:
        content = base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        problem = f"Image.path must be a file that can be read, not '{path}': {error.strerror}"
        raise ScriptError(problem) from None
    rest = {name: value for name, value in image.items() if name != "path"}
    return {"filename": path.name, **rest, "content_base64": content}
