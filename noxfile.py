"""Slow checks: each generation of the SDK, what applications pin, and frameworks, in environments of their own; the
lowest versions of all dependencies; a browser, fuzzing, a soak test, the docs."""

import os
import shutil
from pathlib import Path

import nox

SDKS = {
    "1.6.1": ("httpx<0.28",),  # the first with `assistants=v1` that our clients support; it passes `proxies` to httpx
    "1.20.0": ("httpx<0.28",),  # the last of v1
    "1.21.2": ("httpx<0.28",),  # the first of v2
    "1.59.9": (),
    "1.66.0": (),  # the first with responses
    "1.101.0": (),  # the first with conversations
    "1.109.1": (),
    "2.54.0": (),
}
NEIGHBOURS = {
    "fastapi-0.95": ("starlette==0.26.1",),  # its Starlette; itself it needs pydantic 1, beside which we do not install
    "fastapi-0.103": ("fastapi==0.103.2",),
    "fastapi-0.110": ("fastapi==0.110.3",),
    "fastapi-0.115": ("fastapi==0.115.6",),
    "uvicorn-0.22": ("uvicorn==0.22.0",),
    "uvicorn-0.30": ("uvicorn==0.30.6",),
    "uvicorn-0.34": ("uvicorn==0.34.0",),
    "pydantic-2.0": ("pydantic==2.0.3",),
    "pydantic-2.6": ("pydantic==2.6.4",),
    "pytest-7.4": ("pytest==7.4.4",),
    "langchain-0.2": ("langchain==0.2.17", "langchain-openai==0.1.25"),
    "chainlit-1.0": ("chainlit==1.0.506",),
    "chainlit-1.3": ("chainlit==1.3.2",),
    "streamlit-1.37": ("streamlit==1.37.1",),
}
"""What applications of 2023 and 2024 pin."""
FRAMEWORKS = {
    "openai-agents": ("openai-agents>=0.24",),
    "langchain": ("langchain-openai>=1.7",),
    "semantic-kernel": ("semantic-kernel>=1.45",),
}
OLD_APPLICATION = ("openai==1.10.0", "httpx<0.28", "pydantic==1.10.*", "pytest==7.4.4")
"""Pins beside which the emulator's dependencies cannot be installed."""
PYTHONS = ("3.11", "3.12", "3.13")
TESTS = "tests/matrix"
FUZZ_REQUESTS = 27  # of all tests of tests/fuzz together, for each example
SMOKE = "tests/matrix/test_end_to_end.py"  # imports nothing of `tests`, a name that chainlit's dependencies take

# pyenv hides all Pythons except its current one behind shims that refuse to run
_VERSIONS = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
_HIDDEN = [str(folder / "bin") for version in PYTHONS for folder in sorted(_VERSIONS.glob(f"{version}.*"))]
os.environ["PATH"] = os.pathsep.join([*_HIDDEN, os.environ["PATH"]])

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["sdk", "newest", "apart", "browser", "fuzz", "soak", "docs"]
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


@nox.session
@nox.parametrize("pins", list(NEIGHBOURS.values()), ids=list(NEIGHBOURS))
def neighbours(session: nox.Session, pins: tuple[str, ...]) -> None:
    """Installs beside what an application pins, and a smoke suite passes there.

    Warnings are no errors there: old libraries warn of one another.
    """
    session.install("-e", ".", *pins)
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-W", "default", SMOKE, *session.posargs)


@nox.session
@nox.parametrize("framework", list(FRAMEWORKS), ids=list(FRAMEWORKS))
def frameworks(session: nox.Session, framework: str) -> None:
    """A framework's newest version over Responses, its code as its users write it; warnings are its own."""
    session.install("-e", ".", *FRAMEWORKS[framework])
    test = f"tests/frameworks/test_{framework.replace('-', '_')}.py"
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", test, *session.posargs)


@nox.session
def apart(session: nox.Session) -> None:
    """The plugin without its dependencies, beside an application of 2024; the emulator in an environment of its own."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    session.install("-q", *OLD_APPLICATION)
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder / "wheels"), ".")
    (wheel,) = (folder / "wheels").iterdir()
    server = folder / "server"
    if not server.exists():
        session.run("python", "-m", "venv", str(server))
    scripts = server / ("Scripts" if os.name == "nt" else "bin")
    install = (str(scripts / "python"), "-m", "pip", "install", "-q")
    session.run(*install, str(wheel), external=True)
    session.run(*install, "--force-reinstall", "--no-deps", str(wheel), external=True)
    session.install("-q", "--force-reinstall", "--no-deps", str(wheel))
    shutil.copy("tests/matrix/apart_smoke.py", folder)
    (folder / "pytest.ini").write_text(f"[pytest]\nassistants_emulator_command = {scripts / 'assistants-emulator'}\n")
    with session.chdir(folder):
        session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "apart_smoke.py", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """The plain suite on the lowest versions that pyproject.toml declares, then the oldest SDK on them.

    The plain suite is written for the newest SDK, which here is the newest that works with pydantic 2.0. Not among the
    default sessions: it takes half an hour.
    """
    session.install("uv")
    python = Path(session.virtualenv.location) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ("uv", "pip", "install", "-q", "--python", str(python))
    tools = ("openai==3.3.0", "mypy>=1.13", "pytest-xdist>=3.5", "trustme>=1.2")
    session.run(*install, "--resolution", "lowest-direct", "-e", ".[documents]", *tools)
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", *session.posargs)
    session.run(*install, "--resolution", "lowest-direct", "-e", ".", "httpx2<2.7", "openai==1.6.1", *SDKS["1.6.1"])
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", TESTS)


def _run(session: nox.Session, *requirements: str) -> None:
    session.install("-e", ".", *requirements)
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", TESTS, *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """The inspector and the playground in Chromium, which must be installed. A test that fails is tried once more, and
    told: a browser on a busy machine may need longer than any wait.

    `nox -s browser -- --screenshots docs/images` also takes the documentation's pictures.
    """
    session.install("-e", ".[browser,documents]")
    command = ["python", "-m", "pytest", "-v", "-rR", "--reruns", "1", "-p", "no:cacheprovider", "tests/browser"]
    session.run(*command, *session.posargs, env={"BROWSER": "1"})


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
    session.install("-e", ".", "pytest-xdist")
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
