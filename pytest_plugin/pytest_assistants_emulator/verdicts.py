"""Verdicts on a variant of a test: the effect that a failure of the service has on the application.

The first that fits, in the order of VERDICTS. The user's code is everything that is neither a library, nor Python's,
nor the emulator; of it the test module and conftest files are the test, and the rest is the application.
"""

from __future__ import annotations

import functools
import json
import re
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import TracebackType

from assistants_emulator.guard import LIBRARIES, TEST_RUNNER


@dataclass(frozen=True, slots=True)
class Verdict:
    """`symbol` is one character, `description` a clause that begins in lower case."""

    name: str
    symbol: str
    description: str
    fails: bool = False


HUNG = Verdict("hung", "H", "goes on past its bound of polls, calls or time", fails=True)
OTHER = Verdict("other", "o", "answers something else: the test's own check fails")
TOLD = Verdict("told", "t", "raises an exception of the SDK, or one of `allowed`")
CRASHED = Verdict("crashed", "C", "raises any other exception", fails=True)
STUCK = Verdict("stuck", "K", "returns and leaves its thread with an active run, which refuses messages", fails=True)
SWALLOWED = Verdict("swallowed", "W", "answers as ever though a write was refused for good", fails=True)
SAME = Verdict("same", ".", "passes the test")
XFAIL = Verdict("xfail", "x", "fails, as its `xfail` says")
UNMET = Verdict("unmet", "?", "never made the call that was to fail")
ABSENT = Verdict("left out", "-", "needs a client of this process")
VERDICTS = {
    verdict.name: verdict for verdict in (HUNG, OTHER, TOLD, CRASHED, STUCK, SWALLOWED, SAME, XFAIL, UNMET, ABSENT)
}
WORST_FIRST = (HUNG, CRASHED, STUCK, SWALLOWED, XFAIL, OTHER, UNMET, TOLD, SAME, ABSENT)

SDK = ("openai", "httpx", "httpx2", "httpcore", "httpcore2")
READERS = ("openai._base_client", "openai._response", "openai._legacy_response", "openai._streaming", "openai.lib")
"""Modules of the SDK that send a request and read its answer; those of the resources check the caller's arguments."""
LONGEST_DETAIL = 160  # characters
_STDLIB = tuple({str(Path(sysconfig.get_paths()[name]).resolve()) for name in ("stdlib", "platstdlib")})
_PACKAGES = re.compile(r"[/\\](?:site|dist)-packages[/\\]([^/\\.]+)")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_PORT = re.compile(r"(127\.0\.0\.1|localhost):\d+")


def verdict_of(error: BaseException, test: Path, allowed: Sequence[type[BaseException]]) -> Verdict:
    """OTHER, TOLD or CRASHED, for the exception with which the test whose file is `test` ended."""
    verdicts = [_of_one(leaf, frames, test, allowed) for leaf, frames in _leaves(error)]
    return next(verdict for verdict in (CRASHED, OTHER, TOLD) if verdict in verdicts)


def _of_one(
    error: BaseException, frames: Sequence[tuple[str, str]], test: Path, allowed: Sequence[type[BaseException]]
) -> Verdict:
    users = [index for index, (path, module) in enumerate(frames) if is_users(path, module)]
    innermost = users[-1] if users else -1
    if innermost < 0 or _is_test(frames[innermost][0], test):
        return OTHER
    within = [module for _, module in frames[innermost + 1 :]]
    is_told = isinstance(error, tuple(allowed)) or _is_of_the_sdk(error) or any(map(_reads_answers, within))
    return TOLD if is_told else CRASHED


def _leaves(error: BaseException, *outer: tuple[str, str]) -> Iterator[tuple[BaseException, list[tuple[str, str]]]]:
    """The exception, or those of a group, each with its frames, outermost first."""
    frames = [*outer, *_frames(error.__traceback__)]
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner, *frames)
    else:
        yield error, frames


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, str]]:
    """The file and the module of each frame, outermost first."""
    while traceback is not None:
        frame = traceback.tb_frame
        yield frame.f_code.co_filename, frame.f_globals.get("__name__", "")
        traceback = traceback.tb_next


def _is_test(path: str, test: Path) -> bool:
    return Path(path) == test or Path(path).name == "conftest.py"


def _is_of_the_sdk(error: BaseException) -> bool:
    return any(base.__module__.partition(".")[0] in SDK for base in type(error).__mro__)


def _reads_answers(module: str) -> bool:
    return module in READERS or module.startswith("openai.lib.")


@functools.lru_cache(maxsize=4096)
def is_users(path: str, module: str) -> bool:
    """True for the user's own code: the application, also where it is installed from a folder, and its tests."""
    package = module.partition(".")[0]
    if package in LIBRARIES or package in TEST_RUNNER or path.startswith("<"):
        return False
    installed = _PACKAGES.search(path)
    if installed is not None:
        return installed[1] in _local_packages()
    return not str(Path(path).resolve()).startswith(_STDLIB)


@functools.cache
def _local_packages() -> frozenset[str]:
    """The packages that were installed from a folder or an archive of this machine, as tox does with the project."""
    local: set[str] = set()
    for distribution in metadata.distributions():
        source = distribution.read_text("direct_url.json")
        if source is not None and json.loads(source).get("url", "").startswith("file:"):
            local.update(path.parts[0].partition(".")[0] for path in distribution.files or ())
    return frozenset(local)


def detail_of(error: BaseException, root: Path) -> str:
    """`KeyError: 'order' (desk.py:31)`: the error in one line, with the innermost line of the user's code."""
    place = _place(error.__traceback__, root)
    error, _ = next(_leaves(error))
    place = _place(error.__traceback__, root) or place
    lines = str(error).strip().splitlines() or [""]
    name = type(error).__name__
    text = lines[0] if name in ("AssertionError", "Failed") and lines[0] else f"{name}: {lines[0]}".removesuffix(": ")
    if len(text) > LONGEST_DETAIL:
        text = f"{text[:LONGEST_DETAIL]}..."
    return stable(f"{text} ({place})" if place else text)


def _place(traceback: TracebackType | None, root: Path) -> str:
    place = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_users(code.co_filename, traceback.tb_frame.f_globals.get("__name__", "")):
            path = Path(code.co_filename)
            place = (
                f"{path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name}:{traceback.tb_lineno}"
            )
        traceback = traceback.tb_next
    return place


def stable(text: str) -> str:
    """The text without what differs from one session to the next: ports and addresses in memory."""
    return _ADDRESS.sub("0x...", _PORT.sub(r"\1:PORT", text))
