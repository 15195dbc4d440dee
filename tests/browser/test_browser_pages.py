"""The pages in a browser: live updates, search, dark mode, a phone's width, the keyboard alone."""

from collections.abc import Callable
from typing import Any

from assistants_emulator import Emulator, FunctionCall, Pause, Text

Demo = Callable[[str], str]
Shot = Callable[..., None]
WCAG_AA = 4.5
CONTRAST = """(least) => {
  const number = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const bent = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = number(colour).map((v) => bent(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (number(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!says || !element.checkVisibility() || element.matches(":disabled")) continue;
    const [a, b] = [getComputedStyle(element).color, behind(element)].map(light).sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least) low.push(`${element.className} ${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return low;
}"""


def paused_run(emulator: Emulator) -> Any:
    emulator.respond([Text("First part."), Pause(), Text("Second part.")])
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o", name="Storyteller")
    thread = beta.threads.create(messages=[{"role": "user", "content": "Tell me a story"}])
    run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    return beta.threads.runs.retrieve(run.id, thread_id=thread.id)


def test_a_run_is_followed_live(page: Any, emulator: Emulator) -> None:
    run = paused_run(emulator)
    page.goto(f"{emulator.inspector_url}projects/default/threads/{run.thread_id}/runs/{run.id}")
    page.get_by_text("live", exact=True).wait_for()
    page.locator("#timeline").get_by_text("First part.").wait_for()
    assert page.get_by_text("Second part.").count() == 0
    emulator.resume(run.id)
    page.locator("#timeline").get_by_text("Second part.").wait_for()
    page.locator("h1").get_by_text("completed").wait_for()


def test_a_thread_grows_while_it_is_looked_at(page: Any, emulator: Emulator) -> None:
    beta = emulator.client().beta
    thread = beta.threads.create()
    page.goto(f"{emulator.inspector_url}projects/default/threads/{thread.id}")
    page.get_by_text("live", exact=True).wait_for()
    beta.threads.messages.create(thread.id, role="user", content="Is anybody there?")
    page.locator("#conversation").get_by_text("Is anybody there?").wait_for()


def test_a_thread_shows_the_passages_that_it_cites(page: Any, demo: Demo, emulator: Emulator, shot: Shot) -> None:
    thread = demo("handbook").partition("thread=")[2]
    beta = emulator.project("handbook").client().beta
    beta.threads.messages.create(thread, role="user", content="How many vacation days do I have?")
    beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=beta.assistants.list().data[0].id)
    page.goto(f"{emulator.inspector_url}projects/handbook/threads/{thread}")
    page.locator("#conversation .cite a").click()
    page.locator("#conversation mark", has_text="can be carried over").wait_for()
    shot(page, "thread")


def test_a_failed_run_begins_with_its_cause(page: Any, emulator: Emulator, shot: Shot) -> None:
    emulator.respond("Oslo: rain", when="weather in Oslo")
    emulator.respond(FunctionCall("book_flight", {}), assistant="Travel Desk")
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o", name="Weather desk", instructions="Tell the weather.")
    thread = beta.threads.create(messages=[{"role": "user", "content": "The weather in Bergen?"}])
    beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    page.goto(f"{emulator.inspector_url}projects/default")
    page.locator("#runs").get_by_role("link", name="The weather in Bergen?").click()
    page.locator(".why", has_text="No rule matches this run").wait_for()
    shot(page, "failed", {"width": 1200, "height": 560})


def test_the_request_log_follows(page: Any, emulator: Emulator) -> None:
    page.goto(f"{emulator.inspector_url}projects/default/requests")
    emulator.client().beta.threads.create()
    page.get_by_role("link", name="/v1/threads").click()
    page.get_by_role("button", name="Copy as curl").wait_for()


def test_a_store_is_searched(page: Any, demo: Demo) -> None:
    page.goto(demo("handbook"))
    page.get_by_role("link", name="Vector stores").click()
    page.locator("#list a").first.click()
    page.get_by_label("Search this store").fill("laptop and headset")
    page.keyboard.press("Enter")
    page.locator(".results li").first.get_by_role("link", name="employee_handbook.pdf").wait_for()


def test_faults_and_the_clock_are_handled(page: Any, emulator: Emulator) -> None:
    before = emulator.clock.now()
    page.goto(f"{emulator.inspector_url}projects/default/controls")
    page.get_by_role("button", name="+ 1 day").click()
    page.get_by_label("Status").fill("429")
    page.get_by_role("button", name="Add fault").click()
    page.get_by_text("POST /threads/*/runs").wait_for()
    assert emulator.clock.now() >= before + 86400
    page.get_by_role("button", name="Clear all faults").click()
    page.get_by_text("No faults.").wait_for()


def test_dark_and_light_are_both_readable(page: Any, demo: Demo) -> None:
    page.goto(demo("travel_desk"))
    page.get_by_role("button", name="Find me a flight to Lisbon").click()
    page.get_by_label("Output").wait_for()
    base = page.url.partition("/playground")[0]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in (page.url, f"{base}/runs", f"{base}/requests", f"{base}/controls", base):
            page.goto(path)
            assert page.evaluate(CONTRAST, WCAG_AA) == []
    shade = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert shade == "rgb(18, 21, 24)"


def test_a_phone_needs_no_sideways_scrolling(page: Any, demo: Demo, shot: Shot) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(demo("data_analyst"))
    page.get_by_role("button", name="Which region sold best?").click()
    page.locator("#steps [data-head]").get_by_text("completed").wait_for()
    page.locator("#say:focus").wait_for()
    shot(page, "phone", page.viewport_size)
    base = page.url.partition("/playground")[0]
    run = page.locator("#steps").get_by_role("link", name="Run").get_attribute("href")
    for path in (page.url, base, f"{base}/runs", f"{base}/requests", f"{base}/controls", f"{base}/files"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.goto(base.partition("/_emulator")[0] + run)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_keyboard_is_enough(page: Any, demo: Demo) -> None:
    page.goto(demo("travel_desk"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Find me a flight to Lisbon":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.locator("[data-call]:focus").wait_for()
    page.keyboard.type("SK4711 at 8:15")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#messages").get_by_text("SK4711 at 8:15").wait_for()
    page.locator("#say:focus").wait_for()


def test_without_script_a_function_call_is_answered_in_the_runs_page(page: Any, demo: Demo, emulator: Emulator) -> None:
    demo("travel_desk")
    client = emulator.project("travel_desk").client()
    (assistant,) = client.beta.assistants.list().data
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "A flight to Rome"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    page.route("**/*.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.goto(f"{emulator.inspector_url}projects/travel_desk/threads/{thread.id}/runs/{run.id}")
    page.get_by_label("Output").fill("none today")
    page.get_by_role("button", name="Submit output").click()
    page.locator("#timeline").get_by_text("none today").first.wait_for()
