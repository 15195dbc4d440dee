"""One run of a test that is swept: its verdict, what is taken of its project, and its report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from assistants_emulator.sweep import Variant
from pytest_assistants_emulator.marker import SweepSettings
from pytest_assistants_emulator.probe import Probe
from pytest_assistants_emulator.report import TITLE, section
from pytest_assistants_emulator.session import project_name
from pytest_assistants_emulator.verdicts import (
    HUNG,
    OTHER,
    SAME,
    STUCK,
    SWALLOWED,
    UNMET,
    Verdict,
    detail_of,
    verdict_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from assistants_emulator.handle import ProjectHandle
    from pytest_assistants_emulator.local import LocalServer

MOST_REQUESTS = 30  # in a variant's trace
VARIANT = "assistants_variant"  # the attribute of a variant's report that has its name
SWEEP_TITLE = "assistants sweep"
"""The title of a section of a failing variant's report, and of the terminal's."""


@dataclass(slots=True)
class SweptRun:
    """One run of a test: the first, without a variant, or one with a variant, whose `first` is the first.

    `answers` are the test's variables at its end, `active` the threads whose run is active then.
    """

    item: pytest.Item
    server: LocalServer
    settings: SweepSettings
    probe: Probe
    variant: Variant | None = None
    first: SweptRun | None = None
    keeps_trace: bool = False
    trace_folder: Path | None = None
    verdict: Verdict | None = None
    detail: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    variants: list[Variant] = field(default_factory=list)
    unseen: Counter[str] = field(default_factory=Counter)
    """The calls that no client of this process has made."""
    section: str = ""
    trace_file: Path | None = None
    trace: str = ""
    _has_begun: bool = False

    @property
    def name(self) -> str:
        """The node id of a variant's report."""
        return self.item.nodeid if self.variant is None else f"{self.item.nodeid}[{self.variant.name}]"

    @property
    def handle(self) -> ProjectHandle:
        return self.server.handle(project_name(self.item.nodeid))

    @property
    def has_report(self) -> bool:
        """True if the verdict has a report of its own."""
        return self.verdict is not None and (self.verdict.fails or (self.verdict is OTHER and self.settings.strict))

    @property
    def xfail(self) -> str | None:
        """The reason of the first pattern of `xfail` that the variant's name matches."""
        name = "" if self.variant is None else self.variant.name
        return next((why for pattern, why in self.settings.xfail.items() if fnmatchcase(name, pattern)), None)

    def begin(self, handle: ProjectHandle) -> None:
        """Arm the variant, before the first call of the test's project."""
        if self.variant is not None and not self._has_begun:
            handle.vary(self.variant)
        self._has_begun = True

    def body_passed(self) -> None:
        """Note what is left when the test's body has passed."""
        self.answers = self.probe.answers()
        if self.server.is_open(project_name(self.item.nodeid)):
            self.handle.leftovers()  # settles all runs
            self.active = self.server.active_threads(project_name(self.item.nodeid))

    def failed(self, error: BaseException) -> None:
        """Judge the exception with which a phase of the test ended; of several the first."""
        if self.variant is None or self.verdict is not None:
            return
        if self.probe.reason:
            self.verdict, self.detail = HUNG, self.probe.reason
        elif isinstance(error, pytest.skip.Exception):
            self.verdict, self.detail = OTHER, f"skipped: {error}"
        else:
            self.verdict = verdict_of(error, self.item.path, self.settings.allowed)
            self.detail = detail_of(error, self.item.config.rootpath)

    def ended(self) -> None:
        """Take what is needed of the project, which is about to be closed."""
        is_open = self.server.is_open(project_name(self.item.nodeid))
        if self.variant is None or self.first is None:
            if is_open:
                self.variants = self.handle.variants()
                log = Counter(f"{call.method} {call.path}" for call in self.handle.requests)
                self.unseen = log - self.probe.seen
            return
        is_met = is_open and self.handle.variant_met
        if self.probe.reason:
            self.verdict, self.detail = HUNG, self.probe.reason
        elif not is_met:
            self.verdict, self.detail = UNMET, ""
        elif self.verdict is None:
            self.verdict, self.detail = self._passed(self.first, self.variant)
        if is_open and self.has_report:
            self.section = section(self.handle, None, lambda ids: {})
            if self.trace_folder is not None:
                from pytest_assistants_emulator.trace import write_trace

                self.trace_file = write_trace(self.trace_folder, self.name, self.detail, self.handle)
        if is_open and self.keeps_trace:
            from pytest_assistants_emulator.trace import trace_of

            self.trace = trace_of(self.handle, MOST_REQUESTS)

    def _passed(self, first: SweptRun, variant: Variant) -> tuple[Verdict, str]:
        if threads := sorted(self.active - first.active):
            return STUCK, f"{threads[0]} is left with an active run"
        is_write = not variant.route.startswith("GET ") and not variant.route.endswith("/search")
        if variant.entry.refuses_for_ever and is_write and self.answers == first.answers:
            return SWALLOWED, "the test passes as if the call had not been refused"
        return SAME, ""


def report_of(run: SweptRun, reports: list[pytest.TestReport]) -> pytest.TestReport:
    """The report of a variant: that of the phase that failed, or a new one for a run that passed."""
    assert run.variant is not None
    assert run.verdict is not None
    item = run.item
    report = next((each for each in reports if each.failed), None)
    path, line, domain = item.location
    text = f"{run.verdict.name}: {run.detail}"
    if report is None:
        keywords: dict[str, Any] = dict.fromkeys(item.keywords, 1)
        report = pytest.TestReport(item.nodeid, item.location, keywords, "failed", text, "call")
        report.sections.append((TITLE, run.section))
    report.nodeid, report.when, report.outcome = run.name, "call", "failed"
    report.location = path, line, f"{domain}[{run.variant.name}]"
    again = f"again: pytest '{item.nodeid}' --assistants-variant '{run.variant.name}'"
    about = [run.variant.entry.description, text, again]
    about += [f"trace: {run.trace_file}"] if run.trace_file is not None else []
    report.sections.insert(0, (SWEEP_TITLE, "\n".join(about)))
    setattr(report, VARIANT, run.variant.name)
    return report


def end_of(report: pytest.TestReport) -> pytest.TestReport:
    """The report of a teardown, which reports of other plugins wait for."""
    end = pytest.TestReport(report.nodeid, report.location, report.keywords, "passed", None, "teardown")
    setattr(end, VARIANT, getattr(report, VARIANT))
    return end
