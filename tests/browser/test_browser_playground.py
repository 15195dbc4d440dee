"""The demos, played as a person plays them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistants_emulator import Emulator, Fail, Pause, Text

Demo = Callable[[str], str]
Shot = Callable[..., None]
LISTED = "- SK4711 at 8:15 for 1,490 kroner\n- TP759 at 13:40 for 1,120 kroner"


def test_a_trip_is_booked_by_answering_function_calls(page: Any, demo: Demo, shot: Shot) -> None:
    page.goto(demo("travel_desk"))
    page.get_by_role("button", name="Find me a flight to Lisbon").click()
    page.get_by_label("Output").fill(LISTED)
    page.get_by_role("button", name="Submit output").click()
    page.locator("#messages").get_by_text("TP759 at 13:40").wait_for()
    page.locator("#send:enabled").wait_for()
    page.get_by_label("Your message").fill("Book SK4711, please")
    page.keyboard.press("Enter")
    page.locator("[data-call]:focus").wait_for()
    fields = page.get_by_label("Output")
    fields.nth(1).fill("sent")
    fields.nth(0).fill("QX7R2P")
    shot(page, "playground", {"width": 1200, "height": 900})
    page.get_by_role("button", name="Submit outputs").click()
    page.locator("#messages").get_by_text("Booking: QX7R2P").wait_for()
    page.locator("#steps [data-head]").get_by_text("completed").wait_for()


def test_an_answer_is_seen_while_it_is_written(slow: Emulator, page: Any) -> None:
    slow.respond(Text("One two three four five six seven eight nine ten eleven twelve."))
    assistant = slow.client().beta.assistants.create(model="gpt-4o", name="Counter")
    page.goto(f"{slow.inspector_url}projects/default/playground?assistant={assistant.id}")
    page.get_by_label("Your message").fill("Count")
    page.get_by_role("button", name="Send").click()
    page.locator("#messages [data-writes]", has_text="One two three").wait_for()
    assert "twelve" not in page.locator("#messages").inner_text()
    page.locator("#messages .prose:not(.pending)", has_text="twelve").wait_for()
    assert "thread=thread_" in page.url
    page.reload()
    page.locator("#messages").get_by_text("twelve").wait_for()


def test_a_file_is_attached_and_searched(page: Any, demo: Demo, emulator: Emulator, tmp_path: Path) -> None:
    page.goto(demo("handbook"))
    note = tmp_path / "note.md"
    note.write_text("The vacation of the lighthouse keeper is in May.")
    page.locator("#files").set_input_files(note)
    page.get_by_role("button", name="Remove note.md").wait_for()
    page.get_by_label("Your message").fill("When is the keeper's vacation?")
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator("#messages").get_by_role("link", name="note.md").wait_for()
    page.locator("#steps .hits").get_by_text("note.md").wait_for()


def test_a_citation_opens_its_passage(page: Any, demo: Demo) -> None:
    page.goto(demo("handbook"))
    page.get_by_role("button", name="How many vacation days do I have?").click()
    page.locator("#messages .cite a").click()
    page.locator("#messages mark", has_text="can be carried over").wait_for()


def test_the_analyst_shows_its_chart(page: Any, demo: Demo, shot: Shot) -> None:
    page.goto(demo("data_analyst"))
    page.get_by_role("button", name="Draw a chart of the quarters").click()
    chart = page.locator("#messages img")
    chart.wait_for()
    assert chart.evaluate("image => image.decode().then(() => image.naturalWidth)") == 720
    page.locator("#steps").get_by_text("plt.savefig").wait_for()
    page.locator("#steps").get_by_role("link", name="Run").click()
    page.locator("#timeline .kn", has_text="import").first.wait_for()
    page.emulate_media(color_scheme="dark")
    shot(page, "run", {"width": 1200, "height": 900})


def test_the_tutor_solves_its_equation(page: Any, demo: Demo) -> None:
    page.goto(demo("math_tutor"))
    page.get_by_role("button", name="3x + 11 = 14").click()
    page.locator("#messages").get_by_text("the solution is x = 1").wait_for()


def test_an_assistant_is_made_and_talked_to(page: Any, emulator: Emulator) -> None:
    page.goto(f"{emulator.inspector_url}projects/default/playground")
    page.get_by_label("Name", exact=True).fill("Parrot")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Your message").fill("Hello")
    page.get_by_role("button", name="Send").click()
    page.locator("#messages").get_by_text("Echo: Hello").wait_for()


def test_a_run_is_cancelled(page: Any, emulator: Emulator) -> None:
    emulator.respond([Text("A moment."), Pause(), Text("Done.")])
    emulator.client().beta.assistants.create(model="gpt-4o")
    page.goto(f"{emulator.inspector_url}projects/default/playground")
    page.get_by_label("Your message").fill("Go")
    page.get_by_role("button", name="Send").click()
    page.locator("#messages").get_by_text("A moment.").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("The run is cancelled").wait_for()
    page.locator("#send:enabled").wait_for()


def test_a_failed_run_shows_its_error_next_to_the_chat(page: Any, emulator: Emulator) -> None:
    emulator.respond(Fail("server_error", "The model fell asleep."))
    emulator.client().beta.assistants.create(model="gpt-4o")
    page.goto(f"{emulator.inspector_url}projects/default/playground")
    page.get_by_label("Your message").fill("Go")
    page.get_by_role("button", name="Send").click()
    page.locator("#problem").get_by_text("server_error The model fell asleep.").wait_for()
    page.locator("#steps").get_by_text("The model fell asleep.").wait_for()
    page.locator("#send:enabled").wait_for()


def test_a_failed_run_still_says_why_when_the_chat_is_opened_again(page: Any, demo: Demo) -> None:
    page.goto(demo("travel_desk"))
    page.get_by_role("button", name="Cancel my booking").click()
    page.get_by_text("The run failed").wait_for()
    page.reload()
    page.locator("#problem").get_by_text("The booking system of the airline cannot be reached.").wait_for()
