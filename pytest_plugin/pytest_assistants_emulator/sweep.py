"""`--assistants-sweep`: a test that has passed is run again, once for each variant of the calls that it made.

Each of these runs is as isolated as a test: fixtures of its own, an empty project with the same seed. Their reports
are the sweep's own, of those alone whose verdict fails.
"""

from __future__ import annotations

import gc
import inspect
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

import pytest
from _pytest.runner import runtestprotocol

from assistants_emulator.sweep import Variant
from pytest_assistants_emulator import probe as probes
from pytest_assistants_emulator.marker import SweepSettings, settings_of
from pytest_assistants_emulator.probe import Bounds, Probe
from pytest_assistants_emulator.session import COMMAND, SWEPT_TESTS, project_name, session_of
from pytest_assistants_emulator.sleeps import install, sleeping_by
from pytest_assistants_emulator.sweep_table import Cell, SweptTest, legend, summary, table
from pytest_assistants_emulator.swept_run import SWEEP_TITLE, VARIANT, SweptRun, end_of, report_of
from pytest_assistants_emulator.verdicts import ABSENT, UNMET, XFAIL

if TYPE_CHECKING:
    from pytest_assistants_emulator.local import LocalServer

UNSWEPT = "tests that ask for a sweep were not swept: it needs the emulator of this process"


class Sweep:
    """The sweep of a session, a plugin of pytest; of a pytest-xdist worker, or of its controller."""

    def __init__(self, config: pytest.Config) -> None:
        self.tests: dict[str, SweptTest] = {}
        self._config = config
        self._session = session_of(config)
        name: str | None = config.getoption("--assistants-variant")
        try:
            self._variant = None if name is None else Variant.parse(name)
        except ValueError as error:
            raise pytest.UsageError(f"--assistants-variant: {error}") from None
        elsewhere = "--assistants-url" if self._session.url is not None else COMMAND if config.getini(COMMAND) else None
        if elsewhere is not None and (name is not None or config.getoption("--assistants-sweep")):
            raise pytest.UsageError(f"--assistants-sweep needs the emulator of this process: leave out {elsewhere}")
        self._limit: int = config.getoption("--assistants-sweep-limit")
        report: str | None = config.getoption("--assistants-sweep-report")
        self._report = None if report is None else config.invocation_params.dir / report
        self._failed_before = _failed_before(config)
        self._is_installed = False

    # The protocol of a test

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        settings = self._settings_of(item)
        server = None if settings is None else self._server()
        if settings is None or server is None:
            return None
        self._install()
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        assert item.parent is not None
        rest = _Rest.from_parent(item.parent, name=item.name)
        first = SweptRun(item, server, settings, self._probe(item, server, None))
        reports = self._run(first, rest, log=True)
        if all(report.passed and not hasattr(report, "wasxfail") for report in reports):
            self._sweep(first, rest)
        _tear_down(item, nextitem)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _settings_of(self, item: pytest.Item) -> SweepSettings | None:
        """The settings of a test that is to be swept."""
        names = getattr(item, "fixturenames", ())
        if not (self._session.is_whole or "assistants_emulator" in names) or self._config.getoption("setupplan", False):
            return None
        try:
            settings = settings_of(item)
        except pytest.fail.Exception:  # it is told in the test's setup
            return None
        if settings.cassette is not None or settings.sweep is False:
            return None
        is_asked = self._config.getoption("--assistants-sweep") or self._variant is not None
        if settings.sweep is None and not is_asked and item.nodeid not in self._failed_before:
            return None
        return settings.sweep or SweepSettings()

    def _server(self) -> LocalServer | None:
        """The session's server; None, and a line at the session's end, for one in another process."""
        try:
            server = self._session.server()
        except pytest.fail.Exception:  # it is told in the test's setup
            return None
        local: Any = sys.modules.get("pytest_assistants_emulator.local")  # it needs what only the emulator needs
        if local is not None and isinstance(server, local.LocalServer):
            return cast("LocalServer", server)
        if UNSWEPT not in self._session.notes:
            self._session.notes.append(UNSWEPT)
        return None

    def _install(self) -> None:
        if not self._is_installed:
            probes.install(self._config)
            self._is_installed = True
        install(self._config)

    def _probe(self, item: pytest.Item, server: LocalServer, bounds: Bounds | None) -> Probe:
        function = inspect.unwrap(getattr(item, "function", None) or _none)
        handle = server.handle(project_name(item.nodeid))
        root = handle.base_url.removesuffix("/v1")
        return Probe(root, handle.clock.advance, getattr(function, "__code__", None), bounds)

    def _run(self, run: SweptRun, rest: pytest.Item, *, log: bool) -> list[pytest.TestReport]:
        """Set the test up, call it and tear it down."""
        self._session.swept = run
        try:
            with probes.watching(run.probe), sleeping_by(run.probe.sleep, run.probe.threads):
                return runtestprotocol(run.item, log=log, nextitem=rest)
        finally:
            self._session.swept = None

    def _sweep(self, first: SweptRun, rest: pytest.Item) -> None:
        item, settings = first.item, first.settings
        test = self.tests[item.nodeid] = SweptTest(item.nodeid)
        variants = self._chosen(first, test)
        bounds = Bounds.of(first.probe, settings.bounds)
        with _collecting_what_is_left():
            for number, variant in enumerate(variants, 1):
                if item.session.shouldfail or item.session.shouldstop:
                    break
                with self._progress(f" {number}/{len(variants)}"), _as_new(item):
                    probe = self._probe(item, first.server, bounds)
                    run = SweptRun(item, first.server, settings, probe, variant, first)
                    run.keeps_trace, run.trace_folder = self._report is not None, self._session.trace_folder
                    reports = self._run(run, rest, log=False)
                self._add(test, run, reports)
        test.remarks += _unused_xfails(test, settings)

    def _chosen(self, first: SweptRun, test: SweptTest) -> list[Variant]:
        """The variants to run, in their fixed order; adds to `test` the ones that are left out."""
        variants = first.variants
        if self._variant is not None:
            return [variant for variant in variants if variant == self._variant]
        if first.settings.effects is not None:
            variants = [each for each in variants if {each.effect, each.entry.name} & set(first.settings.effects)]
        if names := self._failed_before.get(first.item.nodeid):
            variants = [variant for variant in variants if variant.name in names] or variants
        absent = {each for each in variants if each.entry.needs_transport and _is_unseen(each.route, first.unseen)}
        test.cells += [Cell(variant.name, ABSENT.name) for variant in variants if variant in absent]
        variants = [variant for variant in variants if variant not in absent]
        limit = first.settings.limit or self._limit
        test.beyond_limit = max(0, len(variants) - limit)
        return variants[:limit]

    def _add(self, test: SweptTest, run: SweptRun, reports: list[pytest.TestReport]) -> None:
        assert run.variant is not None
        verdict = run.verdict or UNMET
        if run.has_report:
            report = report_of(run, reports)
            if run.xfail is not None:
                verdict, report.outcome = XFAIL, "skipped"
                report.wasxfail = f"reason: {run.xfail}"
            if hasattr(self._config, "workerinput"):  # xdist accepts a worker's reports of the test's own name only
                report.nodeid = run.item.nodeid
            for each in (report, end_of(report)):
                run.item.ihook.pytest_runtest_logreport(report=each)
        has_failed = run.has_report and verdict is not XFAIL
        test.cells.append(Cell(run.variant.name, verdict.name, run.detail, run.trace, has_failed))

    @contextmanager
    def _progress(self, text: str) -> Iterator[None]:
        """The text at the end of the terminal's line until the block ends, past pytest, which counts what it writes."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        file = getattr(getattr(reporter, "_tw", None), "_file", None)
        if file is None or not file.isatty() or hasattr(self._config, "workerinput"):
            yield
            return
        file.write(text + "\b" * len(text))
        file.flush()
        try:
            yield
        finally:
            file.write(" " * len(text) + "\b" * len(text))

    # The phases of a run

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Arm the variant where a call of any fixture may be the first of the test's project."""
        __tracebackhide__ = True
        run = self._session.swept
        if run is None:
            return (yield)
        if self._session.is_whole:
            self._session.begin(item)
            run.begin(run.handle)
        with probes.time_limit(run.probe):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        __tracebackhide__ = True
        run = self._session.swept
        if run is None:
            return (yield)
        with probes.time_limit(run.probe):
            result = yield
        run.body_passed()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        __tracebackhide__ = True
        run = self._session.swept
        if run is None:
            return (yield)
        try:
            with probes.time_limit(run.probe):
                return (yield)
        except (Exception, probes.Hung, pytest.fail.Exception) as error:
            run.failed(error)
            raise
        finally:
            run.ended()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Judge a variant's exception. One that gets no report of its own is not formatted, which takes long."""
        run = self._session.swept
        if run is None or run.variant is None:
            return None
        own: list[pytest.ExceptionInfo[BaseException]] = item.__dict__.get("_excinfo") or []  # of a unittest.TestCase
        excinfo = call.excinfo or (own[0] if own else None)
        if excinfo is None:
            return None
        run.failed(excinfo.value)
        if run.has_report:
            return None
        item.__dict__.pop("_excinfo", None)
        keywords: dict[str, Any] = dict.fromkeys(item.keywords, 1)
        when: Any = call.when
        return pytest.TestReport(item.nodeid, item.location, keywords, "failed", run.detail, when)

    # The session

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(
        self, report: pytest.TestReport
    ) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
        """Name a variant's report after the variant on its way to xdist's controller."""
        values = yield
        if values is not None and (name := getattr(report, VARIANT, None)) is not None:
            values["nodeid"] = f"{report.nodeid}[{name}]"
        return values

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Count a variant in the place of some test in the percentage of tests."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        names: set[Any] = getattr(reporter, "_progress_nodeids_reported", set())
        if getattr(report, VARIANT, None) is None or not names:
            return (yield)
        some = names.pop()
        try:
            return (yield)
        finally:
            names.discard(getattr(report, "id", report.nodeid))
            names.add(some)

    def add_worker(self, tests: list[dict[str, Any]]) -> None:
        """Add the tests that a worker has swept."""
        for values in tests:
            self.tests[values["test"]] = SweptTest.from_json(values)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output[SWEPT_TESTS] = [test.as_json() for test in self.tests.values()]
            return
        _forget_passed(session.config, self.tests.values())
        if self._report is not None:
            from pytest_assistants_emulator.sweep_report import write_report

            write_report(self._report, self._sorted())
        is_absent = self._variant is not None and not any(test.cells for test in self.tests.values())
        if is_absent and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        tests = self._sorted()
        if not tests and self._variant is None:
            return
        terminalreporter.section(SWEEP_TITLE)
        for line in self._lines(tests, whole=terminalreporter.verbosity > 0):
            terminalreporter.line(line)

    def _lines(self, tests: list[SweptTest], *, whole: bool) -> Iterator[str]:
        tables = [lines for test in tests if (lines := table(test, whole=whole))]
        for lines in tables:
            yield from lines
            yield ""
        if tables:
            yield from legend(tests, whole=whole)
            yield ""
        if self._variant is not None and not any(test.cells for test in tests):
            yield f"no test that was run has the variant {self._variant.name!r}"
        else:
            yield from summary(tests)

    def _sorted(self) -> list[SweptTest]:
        """The tests by name: workers end in any order."""
        return sorted(self.tests.values(), key=lambda test: test.test)


def _none() -> None:
    """Stand-in for the function of an item that has none."""


class _Rest(pytest.Item):
    """The next item of a run that is followed by another of the same test: fixtures of wider scopes stay."""

    def runtest(self) -> None:
        raise AssertionError("this item is never run")


def _tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tear down the fixtures that the next item does not use; their errors are the test's, as without a sweep."""
    call = pytest.CallInfo.from_call(
        lambda: item.session._setupstate.teardown_exact(nextitem), "teardown", reraise=(pytest.exit.Exception,)
    )
    if call.excinfo is not None:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)


@contextmanager
def _collecting_what_is_left() -> Iterator[None]:
    """Collect, at the end, what the runs have left, such as open clients: without a warning, as each of them is.

    The collector looks at no object that was there before: a program with the SDK has half a million.
    """
    is_frozen_already = gc.get_freeze_count() > 0
    if not is_frozen_already:
        gc.freeze()
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        if not is_frozen_already:
            gc.unfreeze()


@contextmanager
def _as_new(item: pytest.Item) -> Iterator[None]:
    """Run the item as if it had not been run: its class's instance is new, its warnings are none of the session's."""
    properties = list(item.user_properties)
    item._report_sections.clear()
    if getattr(item, "cls", None) is not None:
        for name in ("_obj", "_instance"):
            item.__dict__.pop(name, None)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("ignore", ResourceWarning)
        yield
    item._report_sections.clear()
    item.user_properties[:] = properties


def _is_unseen(route: str, unseen: Mapping[str, int]) -> bool:
    """True if a call of the route, `POST /threads/*/runs`, is among those that no client of this process has made."""
    method, _, path = route.partition(" ")
    pattern = re.compile(f"{method} .*" + "[^/]+".join(map(re.escape, path.split("*"))) + r"(\?.*)?")
    return any(pattern.fullmatch(call) for call in unseen)


def _unused_xfails(test: SweptTest, settings: SweepSettings) -> Iterator[str]:
    for pattern in settings.xfail:
        if not any(cell.judged is XFAIL and fnmatchcase(cell.variant, pattern) for cell in test.cells):
            yield f"{test.test}: xfail names {pattern!r}, and no such variant fails"


def _failed_before(config: pytest.Config) -> dict[str, set[str]]:
    """The variants that `--lf` is to run, by test. Their tests are made known as failed, so that they are selected."""
    last: Any = config.pluginmanager.get_plugin("lfplugin")
    if last is None or not config.getoption("lf", False):
        return {}
    failed: dict[str, set[str]] = {}
    for key in list(last.lastfailed):
        if (parts := _variant_of(str(key))) is not None:
            test, variant = parts
            failed.setdefault(test, set()).add(variant)
    keys = {str(key): key for key in last.lastfailed}
    for test in failed.keys() - keys.keys():
        kind: Any = type(next(iter(keys.values())))
        last.lastfailed[test if kind is str else kind.parse(test)] = True
    return {test: variants for test, variants in failed.items() if test not in keys}


def _variant_of(node_id: str) -> tuple[str, str] | None:
    """The test and the name of the variant of a variant's node id; None for that of a test."""
    test, bracket, name = node_id.removesuffix("]").rpartition("[")
    try:
        return (test, Variant.parse(name).name) if bracket else None
    except ValueError:
        return None


def _forget_passed(config: pytest.Config, tests: Any) -> None:
    """Take variants that fail no more out of what `--lf` runs the next time."""
    last: Any = config.pluginmanager.get_plugin("lfplugin")
    if last is None:
        return
    passed = {f"{test.test}[{cell.variant}]" for test in tests for cell in test.cells if not cell.has_failed}
    for key in [key for key in last.lastfailed if str(key) in passed]:
        del last.lastfailed[key]
