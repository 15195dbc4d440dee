"""Slow checks: each generation of the SDK in an environment of its own, a browser, fuzzing, a soak test, the docs."""

import os
from pathlib import Path

import nox

SDKS = {
    "1.6.1": ("httpx<0.28",),  # the first with `assistants=v1` that our clients support; it passes `proxies` to httpx
    "1.20.0": ("httpx<0.28",),  # the last of v1
    "1.21.2": ("httpx<0.28",),  # the first of v2
    "1.59.9": (),
    "1.109.1": (),
    "2.54.0": (),
}
PYTHONS = ("3.11", "3.12", "3.13")
TESTS = "tests/matrix"
FUZZ_REQUESTS = 27  # of all tests of tests/fuzz together, for each example

# pyenv hides all Pythons except its current one behind shims that refuse to run
_VERSIONS = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
_HIDDEN = [str(folder / "bin") for version in PYTHONS for folder in sorted(_VERSIONS.glob(f"{version}.*"))]
os.environ["PATH"] = os.pathsep.join([*_HIDDEN, os.environ["PATH"]])

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False


@nox.session
@nox.parametrize("openai", list(SDKS), ids=list(SDKS))
def sdk(session: nox.Session, openai: str) -> None:
    """One generation of the SDK, on the Python that runs nox."""
    _run(session, f"openai=={openai}", *SDKS[openai])


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """The newest SDK on each supported Python that is installed."""
    _run(session, "openai>=3")


def _run(session: nox.Session, *requirements: str) -> None:
    session.install("-e", ".", *requirements)
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", TESTS, *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """The inspector and the playground in Chromium, which must be installed.

    `nox -s browser -- --screenshots docs/images` also takes the documentation's pictures.
    """
    session.install("-e", ".[browser]")
    session.run(
        "python", "-m", "pytest", "-p", "no:cacheprovider", "tests/browser", *session.posargs, env={"BROWSER": "1"}
    )


@nox.session
def fuzz(session: nox.Session) -> None:
    """20,000 requests and no server fault; 300,000 with `-- 300000`.

    Near misses on existing objects, of the control API, forms and pages, and what the description allows.
    """
    session.install("-e", ".", "hypothesis", "schemathesis")
    requests = int(session.posargs[0]) if session.posargs else 20_000
    examples = max(1, requests // FUZZ_REQUESTS)
    session.run("python", "-m", "pytest", "-p", "no:schemathesis", "tests/fuzz", env={"FUZZ": str(examples)})
    session.run("python", "tests/fuzz/describe.py")


@nox.session
def crash(session: nox.Session) -> None:
    """200 kills of a process that writes, and a kill at every call that changes the disk."""
    session.install("-e", ".")
    session.run(
        *("python", "-m", "pytest", "-p", "no:cacheprovider", "-n", "2"),
        *(
            "tests/store/test_store_kill.py",
            "tests/store/test_store_crashes.py",
            "tests/runs/test_kill_at_every_event.py",
        ),
        *session.posargs,
        env={"KILLS": "100"},
    )


@nox.session
def soak(session: nox.Session) -> None:
    """30,000 mixed requests without an error or growing memory; 200,000 with `-- 200000`."""
    session.install("-e", ".")
    session.run("python", "tests/benchmarks/soak.py", *(session.posargs or ("30000", "--projects", "1")))


@nox.session
def docs(session: nox.Session) -> None:
    session.install(".[docs]")
    session.run("mkdocs", "build", "--strict", "--site-dir", session.create_tmp())
