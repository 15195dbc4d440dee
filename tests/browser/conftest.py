"""The inspector in a real browser: Chromium, driven by playwright. Without either these tests are skipped.

Each test ends with the check that the browser's console is clean and that no other host was contacted. Some take
the documentation's pictures on their way, where `--screenshots docs/images` asks for them; the clock stands still, so
that the same pages give the same pictures.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from assistants_emulator import Emulator
from assistants_emulator.cli.demos import prepare, shipped

if os.environ.get("BROWSER"):
    playwright = pytest.importorskip("playwright.sync_api")
else:  # the nox session `browser` sets it: playwright leaves an event loop running, and other tests begin their own
    collect_ignore_glob = ["test_*.py"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 20_000  # milliseconds
HERE = Path(__file__).parent
MORNING = 1748854800  # 2025-06-02 09:00:00
WIDE = {"width": 1200, "height": 720}
REFUSED = "the server responded with a status of 400 (Bad Request)"  # Chromium notes each form that is refused so
COLOURS = 256  # enough for a page, in a third of the bytes

Shot = Callable[..., None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", type=Path, help="write the documentation's pictures here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.skip("needs chromium"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The browser, with a profile of its own."""
    with playwright.sync_playwright() as driver:
        profile = tmp_path_factory.mktemp("profile")
        context = driver.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=ARGUMENTS, viewport={"width": 1280, "height": 800}
        )
        context.set_default_timeout(PATIENCE)
        yield context
        context.close()


@pytest.fixture
def new_page(chromium: Any, emulator: Emulator) -> Iterator[Callable[[], Any]]:
    """`new_page()`: a page of its own. All are closed before the emulator is, and their consoles are checked then."""
    complaints: list[str] = []
    asked: set[str | None] = set()
    pages: list[Any] = []

    def new_page() -> Any:
        page = chromium.new_page()
        pages.append(page)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
        page.emulate_media(color_scheme="light")
        return page

    yield new_page
    for page in reversed(pages):
        page.goto("about:blank")  # Chromium never closes a page that is asked to in the middle of a navigation
        page.close()
    assert [complaint for complaint in complaints if REFUSED not in complaint] == []
    assert asked == {"127.0.0.1"}


@pytest.fixture
def page(new_page: Callable[[], Any]) -> Any:
    return new_page()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual") as running:
        yield running


@pytest.fixture
def slow() -> Iterator[Emulator]:
    """An emulator that streams at reading speed; a test requests it before the page."""
    with Emulator(tokens_per_second=20) as running:
        yield running


@pytest.fixture
def demo(emulator: Emulator) -> Callable[[str], str]:
    """`demo(name)`: the address of its playground; its project has the demo's name."""

    def demo(name: str) -> str:
        project = emulator.project(name)
        project.clock.set(MORNING)
        project.load_script(shipped(f"scripts/{name}.yaml"))
        assistant, thread = prepare(project.client(), name)
        return f"{emulator.inspector_url}projects/{name}/playground?assistant={assistant}&thread={thread}"

    return demo


@pytest.fixture
def shot(pytestconfig: pytest.Config) -> Shot:
    """`shot(page, name)`: the page as it is now, as a picture of the documentation; `size` is the window's."""
    folder: Path | None = pytestconfig.getoption("--screenshots", None)

    def shot(page: Any, name: str, size: dict[str, int] = WIDE) -> None:
        if folder is None:
            return
        from PIL import Image

        before = page.viewport_size
        page.set_viewport_size(size)
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(folder / f"{name}.png", optimize=True)
        page.set_viewport_size(before)

    return shot
