"""Test sessions in other processes that use this server: the project that their calls belong to.

A session has an API key of its own, which selects the project of the test that is running there. On a server that one
session has for itself, that is so for every key that was not handed out for another project.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assistants_emulator.clock import is_instant
from assistants_emulator.config import KEY_PREFIX, project_of_key
from assistants_emulator.errors import EmulatorError, NoProject, UnusableProject
from assistants_emulator.object_kinds import KINDS
from assistants_emulator.project.project import Project
from assistants_emulator.project.registry import Projects
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.store.steps import run_at_once

_NAME, _FLAG, _OBJECT = (str, type(None)), (bool,), (dict, type(None))
SESSION: dict[str, tuple[type, ...]] = {
    "running": _NAME,
    "plan": _OBJECT,
    "separate": _FLAG,
    "every_key": _FLAG,
    "refusal": (str,),
}
PLAN: dict[str, tuple[type, ...]] = {
    "seed": (str,),
    "clock": _NAME,
    "autojump": _FLAG,
    "time": (int, float, type(None)),
    "strict_tools": (bool, type(None)),
    "adopt_ids": _FLAG,
    "script": _OBJECT,
    "state": _OBJECT,
}
MOST_EARLIER = 100_000  # ids of objects of tests that have ended


class EarlierIds:
    """The tests that have ended, by the ids of their objects: the newest MOST_EARLIER ids."""

    def __init__(self) -> None:
        self._tests: dict[str, str] = {}

    def add(self, project: Project, test: str) -> None:
        """Note the objects of a project that is about to be closed."""
        for kind in KINDS:
            if kind.table:
                self._tests.update((object["id"], test) for object in project.context.store.all(kind.table))
        while len(self._tests) > MOST_EARLIER:
            del self._tests[next(iter(self._tests))]

    def test_of(self, id: str) -> str | None:
        return self._tests.get(id)


@dataclass
class PytestSession:
    """A session: `running` is the name of the project that its calls belong to, None while no test is running.

    That project begins as its `plan` says. With `separate` each key has a project of its own beside it. `refusal`
    answers calls that come while no test is running; `refused` counts them.
    """

    key: str
    running: str | None = None
    plan: dict[str, Any] | None = None
    separate: bool = False
    every_key: bool = False
    refusal: str = ""
    refused: Counter[str] = field(default_factory=Counter)


class PytestSessions:
    """The sessions of one server. Used on its loop only."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._sessions: dict[str, PytestSession] = {}
        self._earlier = EarlierIds()

    def __bool__(self) -> bool:
        """True if there is a session."""
        return bool(self._sessions)

    def update(self, key: str, values: Mapping[str, Any]) -> PytestSession:
        """Begin the session of that key, or change what it says of itself."""
        _check("a session", values, SESSION)
        if values.get("plan") is not None:
            _check("a plan", values["plan"], PLAN)
        session = self._sessions.setdefault(key, PytestSession(key))
        for name, value in values.items():
            setattr(session, name, value)
        return session

    def end(self, key: str) -> None:
        self._sessions.pop(key, None)

    def project_of(self, key: str) -> str:
        """The name of the project that an API key selects; NoProject for a session's that runs no test."""
        if not self._sessions:
            return project_of_key(key)
        session = self._sessions.get(key)
        if session is None:
            if key.startswith(KEY_PREFIX) and key.removeprefix(KEY_PREFIX) in self._projects:
                return project_of_key(key)
            session = next((each for each in self._sessions.values() if each.every_key), None)
        if session is None:
            return project_of_key(key)
        if session.running is None:
            raise NoProject(session.refusal, session.refused)
        if not session.separate or key in (session.key, ""):
            return session.running
        return f"{session.running}/{key.removeprefix(KEY_PREFIX)}"

    def prepare(self, project: Project) -> None:
        """Let a project of a running test begin as its plan says. UnusableProject for a plan that it cannot have."""
        for session in self._sessions.values():
            if session.plan is not None and (project.name + "/").startswith(f"{session.running}/"):
                seed = session.plan.get("seed", "") + project.name.removeprefix(str(session.running))
                try:
                    begin(project, {**session.plan, "seed": seed})
                except EmulatorError as error:
                    raise UnusableProject(str(error)) from error

    async def close(self, name: str, test: str) -> None:
        """Remove the project of a test and those beside it, but for the ids of its objects."""
        for each in [each for each in self._projects.opened() if each == name or each.startswith(f"{name}/")]:
            self._earlier.add(self._projects.open(each), test)
            await self._projects.remove(each)

    def earlier(self, id: str) -> str | None:
        """The test that has ended and had the object of that id."""
        return self._earlier.test_of(id)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The beginning of a test's project: `time` is in unix seconds; None leaves a thing as the server has it."""

    seed: str | None
    clock: str | None
    autojump: bool
    time: float | None
    strict_tools: bool | None
    script: Script | None
    state: Mapping[str, Any] | None

    def apply(self, project: Project, transport: str | None = None) -> None:
        """Let a new project begin so. EmulatorError for a state that it cannot have."""
        project.configure(seed=self.seed, clock=self.clock, autojump=self.autojump, transport=transport)
        if self.strict_tools is not None:
            project.context.strict_tools = self.strict_tools
        if self.time is not None:
            project.context.clock.jump(self.time)
        if self.script is not None:
            project.set_script(self.script)
        if self.state is not None:
            run_at_once(project.load_state(self.state))


def begin(project: Project, plan: Mapping[str, Any]) -> None:
    """Empty the project, and let it begin as the plan says. EmulatorError for a plan, script or state that it cannot
    have."""
    _check("a plan", plan, PLAN)
    time, script = plan.get("time"), plan.get("script")
    if time is not None and not is_instant(time):
        raise EmulatorError(f"the time of a plan is a unix time, not {time}")
    project.reset(plan.get("seed"))
    if plan.get("adopt_ids"):
        project.adopt_ids()
    Beginning(
        seed=plan.get("seed"),
        clock=plan.get("clock"),
        autojump=plan.get("autojump", False),
        time=time,
        strict_tools=plan.get("strict_tools"),
        script=None if script is None else load_script(script, allow_paths=False),
        state=plan.get("state"),
    ).apply(project)


def _check(what: str, values: Mapping[str, Any], kinds: Mapping[str, tuple[type, ...]]) -> None:
    for name, value in values.items():
        if name not in kinds:
            raise EmulatorError(f"{what} has {', '.join(kinds)}, not {name!r}")
        if not isinstance(value, kinds[name]):
            raise EmulatorError(f"the {name} of {what} cannot be {value!r}")
