"""Finding, comparing and reading in the browser: at three widths, in both themes, by the keyboard, by axe-core."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from assistants_emulator import Emulator, FunctionCall, Text

Shot = Callable[..., None]
WIDTHS = (1280, 390, 360)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
WEATHER = {"type": "function", "function": {"name": "get_weather"}}


class Things(NamedTuple):
    """The paths of the pages of a project with one object of each kind and more, below the project's own."""

    answered: str
    failed: str
    waiting: str
    thread: str
    others: list[str]


@pytest.fixture
def things(emulator: Emulator) -> Things:
    emulator.respond([FunctionCall("get_weather", {"city": "Oslo"}), Text("It *rains*.")], when="in Oslo")
    emulator.respond("Once upon a time.", when={"message": "story"})
    emulator.respond(Text("Booked."), when={"message": "Bergen", "model": "gpt-4o-mini"})
    client = emulator.client()
    file = client.files.create(file=("rain-" * 20 + ".txt", b"It rains in Oslo every other day."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        name="Weather desk",
        instructions="Supercalifragilistic" * 10,
        tools=[WEATHER],
        metadata={"a": "x" * 90},
    )

    def ask(text: str, **metadata: str) -> Any:
        thread = client.beta.threads.create(messages=[{"role": "user", "content": text}], metadata=metadata)
        return client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)

    waiting, failed = ask("The weather in Oslo?", user="carol"), ask("And in Bergen? " * 8, user="dave")
    emulator.clock.advance(90)
    answered, other = ask("Tell me a story"), ask("Tell me another story", user="carol")
    conversation = client.conversations.create()
    response = client.responses.create(model="gpt-4o", input="Tell me a story", conversation=conversation.id)
    container = client.containers.create(name="Workbench")
    client.containers.files.create(container.id, file=("sales.csv", b"a,b"))
    runs = [f"/threads/{run.thread_id}/runs/{run.id}" for run in (answered, failed, waiting)]
    lists = ("", "/threads", "/runs", "/assistants", "/files", "/vector_stores", "/requests", "/controls")
    lists += ("/responses", "/conversations", "/containers", "/playground", "/go?id=run_", "/threads/thread_x")
    objects = [f"/vector_stores/{store.id}?query=rains+daily", f"/files/{file.id}", f"/assistants/{assistant.id}"]
    objects += [f"/responses/{response.id}", f"/conversations/{conversation.id}", f"/containers/{container.id}"]
    objects += ["/requests/2", f"/compare?a={answered.id}&b={other.id}", f"/compare?a={answered.id}"]
    return Things(*runs, f"/threads/{answered.thread_id}", [*lists, *objects])


@pytest.fixture
def base(emulator: Emulator) -> str:
    return f"{emulator.inspector_url}projects/default"


def violations(page: Any) -> list[str]:
    """What axe-core has against the page: the rule, and the first element that breaks it."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{page.url} {each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_fits_and_is_accessible(page: Any, things: Things, base: str, width: int, theme: str) -> None:
    page.set_viewport_size({"width": width, "height": 760})
    page.emulate_media(color_scheme=theme)
    wrong: list[str] = []
    for path in (*things[:4], *things.others):
        if path != "/threads/thread_x":  # its 404 is an error in the console
            page.goto(base + path)
            wrong += violations(page)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wrong.append(f"{page.url} is wider than {width} pixels")
    assert wrong == []


@pytest.mark.parametrize("width", WIDTHS)
def test_threads_are_found_by_their_words_metadata_and_status(
    page: Any, things: Things, base: str, width: int, shot: Shot
) -> None:
    page.set_viewport_size({"width": width, "height": 760})
    page.goto(f"{base}/threads")
    page.get_by_label("Words of a message").fill("user:carol")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Tell me another story").wait_for()
    assert page.locator("#list .title").count() == 2
    if width == max(WIDTHS):
        shot(page, "threads", {"width": 1200, "height": 420})
    page.get_by_role("link", name="waiting 1", exact=True).click()
    page.get_by_role("link", name="The weather in Oslo?").wait_for()
    assert page.locator("#list .title").count() == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_runs_are_chosen_by_status_and_the_navigation_counts_them(
    page: Any, things: Things, base: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 760})
    page.goto(f"{base}/runs")
    assert page.locator(".side .badge").all_text_contents() == ["1 failed", "1 waiting"]
    page.get_by_role("link", name="failed 1", exact=True).click()
    page.locator("#list .title", has_text="And in Bergen?").click()
    page.locator(".trials li", has_text="model is 'gpt-4o-mini'").locator(".verdict", has_text="✗").first.wait_for()
    page.locator(".holds", has_text="message matches 'Bergen'").wait_for()


@pytest.mark.parametrize("width", WIDTHS)
def test_an_id_leads_to_its_page(page: Any, things: Things, base: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 760})
    page.goto(base)
    page.keyboard.press("/")
    page.keyboard.type(things.failed.rpartition("/")[2][:12])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}{things.failed}", wait_until="commit")


def test_letters_lead_to_pages(page: Any, things: Things, base: str) -> None:
    page.goto(base)
    page.keyboard.type("gt")
    page.wait_for_url(f"{base}/threads")
    page.keyboard.type("gr")
    page.wait_for_url(f"{base}/runs")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type("gt?")
    assert page.url == f"{base}/runs"
    assert page.get_by_label("Words of the question").input_value() == "gt?"


def test_the_help_lists_the_keys_and_switches_them_off(page: Any, things: Things, base: str) -> None:
    page.goto(base)
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard shortcuts").wait_for()
    page.get_by_label("Shortcuts of a single key are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.type("gt?")
    assert not page.get_by_role("heading", name="Keyboard shortcuts").is_visible()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Shortcuts of a single key are on").check()
    assert page.url == base


def test_the_theme_is_kept(page: Any, things: Things, base: str) -> None:
    page.goto(f"{base}/threads?text=story")
    page.get_by_role("button", name="Theme: as the system").click()
    page.get_by_role("button", name="Theme: dark").wait_for()
    assert page.url == f"{base}/threads?text=story"
    page.goto(f"{base}/runs")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(18, 21, 24)"
    page.get_by_role("button", name="Theme: dark").click()
    page.get_by_role("button", name="Theme: light").click()
    page.get_by_role("button", name="Theme: as the system").wait_for()


def test_times_are_relative_to_the_projects_clock(page: Any, things: Things, base: str) -> None:
    page.goto(f"{base}{things.waiting}")
    time = page.locator("#facts time").first
    assert time.text_content() == "1 minute ago"
    assert time.get_attribute("title") == "2025-01-01 00:00:00 UTC"


@pytest.mark.parametrize("width", WIDTHS)
def test_requests_are_filtered_and_gone_through(page: Any, things: Things, base: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 760})
    page.goto(f"{base}/requests")
    page.get_by_text("live", exact=True).wait_for()
    page.get_by_label("Method", exact=True).select_option("POST")
    page.get_by_label("Method and path contain").fill("/runs")
    page.get_by_role("button", name="Filter").click()
    page.locator(".pills [href*='method=POST']").first.wait_for()
    assert page.locator("#list tr").count() == 4
    page.locator("#list a").first.click()
    page.get_by_role("heading", name="Response").wait_for()
    page.locator("#help-button").wait_for()  # the script listens to keys by now
    before = page.url
    page.keyboard.press("[")
    page.wait_for_url(lambda url: url != before)
    page.keyboard.press("]")
    page.wait_for_url(before, wait_until="commit")


@pytest.mark.parametrize("width", WIDTHS)
def test_two_runs_are_compared(page: Any, things: Things, base: str, width: int, shot: Shot) -> None:
    page.set_viewport_size({"width": width, "height": 760})
    page.goto(f"{base}{things.answered}")
    page.get_by_role("link", name="Compare with another run").click()
    page.get_by_role("link", name="Tell me another story").click()
    page.locator(".differs mark", has_text="another").wait_for()
    assert page.locator(".differs mark", has_text="Once").count() == 0
    if width == max(WIDTHS):
        shot(page, "compare", {"width": 1200, "height": 620})


@pytest.mark.parametrize("width", WIDTHS)
def test_the_composer_covers_no_message(page: Any, emulator: Emulator, base: str, width: int) -> None:
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o")
    thread = beta.threads.create(messages=[{"role": "user", "content": "Some words.\n\n" * 5} for _ in range(12)])
    page.set_viewport_size({"width": width, "height": 760})
    page.goto(f"{base}/playground?assistant={assistant.id}&thread={thread.id}")
    page.locator("#messages .message").last.wait_for()
    message, composer = page.locator("#messages .message").last, page.locator("#composer")
    for position in (0, 300, 100_000):
        page.evaluate("(top) => { scrollTo(0, top); document.getElementById('messages').scrollTop = top; }", position)
        messages, below = page.locator("#messages").bounding_box(), composer.bounding_box()
        assert messages["y"] + messages["height"] <= below["y"]
    message.scroll_into_view_if_needed()
    assert message.is_visible()
