"""A person plays the assistant: the application streams in a thread, the browser types."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assistants_emulator import Emulator

NewPage = Callable[[], Any]
PATIENCE = 20.0  # seconds
BOOK: Any = {
    "type": "function",
    "function": {
        "name": "book",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "seats": {"type": "integer"}},
            "required": ["city", "seats"],
        },
    },
}


class Application:
    """A program that asks one question and streams the run; `pieces` are the texts as they come."""

    def __init__(self, emulator: Emulator, question: str, **options: Any) -> None:
        self.client = emulator.client()
        beta = self.client.beta
        self.assistant = beta.assistants.create(**{"model": "gpt-4o", "name": "Travel Desk", **options})
        self.thread = beta.threads.create(messages=[{"role": "user", "content": question}])
        self.pieces: queue.Queue[str] = queue.Queue()
        self.events: list[str] = []
        self._streaming = threading.Thread(target=self._stream, daemon=True)
        self._streaming.start()

    def _stream(self) -> None:
        runs = self.client.beta.threads.runs
        with runs.stream(thread_id=self.thread.id, assistant_id=self.assistant.id) as stream:
            for event in stream:
                self.events.append(event.event)
                if event.event == "thread.message.delta":
                    for part in event.data.delta.content:
                        self.pieces.put(part.text.value if part.type == "text" else part.refusal)

    def next(self) -> str:
        return self.pieces.get(timeout=PATIENCE)

    def join(self) -> Any:
        """The run, once its stream has ended."""
        self._streaming.join(PATIENCE)
        assert not self._streaming.is_alive()
        return self.client.beta.threads.runs.list(self.thread.id).data[0]

    def answer(self) -> Any:
        """The newest message."""
        return self.client.beta.threads.messages.list(self.thread.id).data[0]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual", person=True) as running:
        yield running


@pytest.fixture
def desk(page: Any, emulator: Emulator) -> str:
    """The address of the runs that wait; the page is signed in and open there."""
    address = f"{emulator.inspector_url}projects/default/play"
    page.goto(f"{address}?token={emulator.token}")
    page.get_by_text("live", exact=True).wait_for()
    return address


def sit_down(page: Any, question: str) -> None:
    """Open the run that has begun to wait meanwhile."""
    page.locator("#turns").get_by_role("link", name=question).click()
    page.locator("#text:focus").wait_for()


def ended(page: Any) -> None:
    """Wait for the page that says so: one that is closed on its way there hangs the browser."""
    page.get_by_text("This run no longer waits for a person.").wait_for()


def test_the_application_reads_along_while_the_person_types(page: Any, desk: str, emulator: Emulator) -> None:
    application = Application(emulator, "How are you?")
    sit_down(page, "How are you?")
    page.keyboard.type("I am ")
    assert [application.next(), application.next()] == ["I ", "am "]
    page.keyboard.type("fine")
    page.locator("#streamed", has_text="I am").wait_for()
    page.get_by_role("button", name="Send and end the run").click()
    assert application.next() == "fine"
    assert application.join().status == "completed"
    assert application.answer().content[0].text.value == "I am fine"
    ended(page)


def test_a_reply_can_be_sent_whole(page: Any, desk: str, emulator: Emulator) -> None:
    application = Application(emulator, "How are you?")
    sit_down(page, "How are you?")
    page.get_by_label("Stream as I type").uncheck()
    page.get_by_label("Message").fill("Fine, and you?")
    page.get_by_role("button", name="Send and go on").click()
    page.locator("#said").get_by_text("Fine, and you?").wait_for()
    page.get_by_label("Stream as I type").uncheck()
    page.get_by_label("Message").fill("Goodbye.")
    page.keyboard.press("Control+Enter")
    ended(page)
    application.join()
    assert application.events.count("thread.message.completed") == 2


def test_a_function_is_called_and_its_output_comes_back(page: Any, desk: str, emulator: Emulator, shot: Any) -> None:
    told = "You are a travel desk. Search for flights, and book what the customer chooses."
    application = Application(emulator, "Book me a flight", tools=[BOOK], instructions=told)
    sit_down(page, "Book me a flight")
    page.get_by_text("Call functions").click()
    page.get_by_label("city").fill("Oslo")
    page.get_by_label("seats").fill("2")
    shot(page, "play", {"width": 1200, "height": 900})
    page.get_by_label("seats").fill("two")
    page.get_by_role("button", name="Call book").click()
    page.get_by_role("alert").get_by_text("seats is a whole number").wait_for()
    page.get_by_label("seats").fill("2")
    page.get_by_role("button", name="Call book").click()
    run = application.join()
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert call.function.arguments == '{"city":"Oslo","seats":2}'
    page.get_by_text("The run waits for the outputs").wait_for()
    runs = application.client.beta.threads.runs
    runs.submit_tool_outputs(
        run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "QX7R2P"}]
    )
    page.locator("#timeline").get_by_text("QX7R2P").wait_for()
    page.locator("#text").fill("Booked: QX7R2P")
    page.get_by_role("button", name="Send and end the run").click()
    ended(page)
    assert application.answer().content[0].text.value == "Booked: QX7R2P"


def test_passages_are_chosen_and_cited(page: Any, desk: str, emulator: Emulator) -> None:
    client = emulator.client()
    file = client.files.create(file=("rules.md", b"Vacation is 25 days a year."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    application = Application(emulator, "How many days?", tools=[{"type": "file_search"}], tool_resources=resources)
    sit_down(page, "How many days?")
    page.get_by_label("Find passages to cite").fill("vacation")
    page.keyboard.press("Enter")
    page.get_by_label("Cite rules.md, passage 1").check()
    page.get_by_label("Message").fill("It is 25 days.")
    page.get_by_role("button", name="Send and end the run").click()
    ended(page)
    application.join()
    (note,) = application.answer().content[0].text.annotations
    assert note.file_citation.file_id == file.id


def test_a_run_fails_or_is_refused(page: Any, desk: str, emulator: Emulator) -> None:
    application = Application(emulator, "Do it")
    sit_down(page, "Do it")
    page.get_by_text("Refuse, fail or end").click()
    page.get_by_label("Error code").select_option("rate_limit_exceeded")
    page.get_by_label("Error", exact=True).fill("Too many flights")
    page.get_by_role("button", name="Fail", exact=True).click()
    ended(page)
    error = application.join().last_error
    assert (error.code, error.message) == ("rate_limit_exceeded", "Too many flights")
    second = Application(emulator, "Do it anyway")
    page.goto(desk)
    sit_down(page, "Do it anyway")
    page.get_by_text("Refuse, fail or end").click()
    page.get_by_label("Refusal").fill("No.")
    page.get_by_role("button", name="Refuse", exact=True).click()
    ended(page)
    second.join()
    assert second.answer().content[0].refusal == "No."


def test_one_tab_plays_the_user_and_one_the_assistant(
    page: Any, new_page: NewPage, desk: str, emulator: Emulator
) -> None:
    emulator.client().beta.assistants.create(model="gpt-4o", name="Desk")
    user = new_page()
    user.goto(f"{emulator.inspector_url}projects/default/playground?token={emulator.token}")
    user.get_by_label("Your message").fill("Is anybody there?")
    user.keyboard.press("Enter")
    page.locator(".badge", has_text="1").wait_for()
    sit_down(page, "Is anybody there?")
    page.keyboard.type("Yes, here ")
    user.locator("#messages").get_by_text("Yes, here").wait_for()
    page.keyboard.type("I am.")
    page.get_by_role("button", name="Send and end the run").click()
    user.locator("#messages").get_by_text("Yes, here I am.").wait_for()
    user.locator("#send:enabled").wait_for()
    ended(page)


def test_the_second_person_is_told(page: Any, new_page: NewPage, desk: str, emulator: Emulator) -> None:
    application = Application(emulator, "Who is it?")
    sit_down(page, "Who is it?")
    page.keyboard.type("Me ")
    application.next()
    second = new_page()
    second.goto(page.url.partition("?")[0])
    second.get_by_text("Another person plays this run.").wait_for()
    assert second.locator("#reply").count() == 0
    second.get_by_role("button", name="Take over").click()
    second.locator("#text").fill("and I")
    page.keyboard.type("too ")
    page.get_by_text("Another person plays this run.").first.wait_for()
    second.get_by_role("button", name="Send and end the run").click()
    ended(second)
    application.join()
    assert application.answer().content[0].text.value == "Me and I"


@pytest.mark.parametrize("width", [1280, 390, 360])
def test_no_page_of_it_scrolls_sideways(page: Any, desk: str, emulator: Emulator, width: int) -> None:
    application = Application(emulator, "Book me a flight " + "very " * 30 + "x" * 60, tools=[BOOK])
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(desk)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sit_down(page, "Book me a flight")
    page.get_by_text("Call functions").click()
    page.get_by_text("Refuse, fail or end").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Completed, without more").click()
    ended(page)
    application.join()


# The playground


def test_the_settings_are_used_by_the_next_run(page: Any, emulator: Emulator) -> None:
    emulator.respond(lambda turn: f"I was told: {turn.instructions}", when="Hello")
    emulator.client().beta.assistants.create(model="gpt-4o", name="Desk")
    page.goto(f"{emulator.inspector_url}projects/default/playground?token={emulator.token}")
    page.get_by_text("Settings", exact=True).click()
    page.locator("#set-functions").fill('[{"name": "a",\n x}]')
    page.get_by_role("button", name="Save settings").click()
    page.get_by_text("Functions: no JSON at line 2, column 2.").wait_for()
    page.locator("#set-functions").fill("")
    page.locator("#set-instructions").fill("Be kind.")
    with page.expect_event("load"):
        page.get_by_role("button", name="Save settings").click()
    page.get_by_label("Your message").fill("Hello")
    page.keyboard.press("Enter")
    page.locator("#messages").get_by_text("I was told: Be kind.").wait_for()


def test_a_message_is_edited_and_run_again_in_a_branch(page: Any, emulator: Emulator) -> None:
    emulator.respond(lambda turn: f"You said {turn.last_message}", when="Hello")
    emulator.client().beta.assistants.create(model="gpt-4o", name="Desk")
    page.goto(f"{emulator.inspector_url}projects/default/playground?token={emulator.token}")
    page.get_by_label("Your message").fill("Hello one")
    page.keyboard.press("Enter")
    page.locator("#messages").get_by_text("You said Hello one").wait_for()
    before = page.url
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Edit the message").fill("Hello two")
    page.get_by_role("button", name="Run from here").click()
    page.locator("#messages").get_by_text("You said Hello two").wait_for()
    assert page.url != before
    page.locator("#send:enabled").wait_for()
    before = page.url
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: url != before)
    page.locator("#messages").get_by_text("You said Hello two").wait_for()
    page.locator("#send:enabled").wait_for()
    assert page.locator("#messages > li").count() == 2


def test_an_output_that_is_empty_is_asked_about(page: Any, demo: Any, emulator: Emulator) -> None:
    page.goto(f"{demo('travel_desk')}&token={emulator.token}")
    page.get_by_role("button", name="Find me a flight to Lisbon").click()
    page.locator("[data-call]:focus").wait_for()
    page.get_by_role("button", name="Submit output").click()
    page.get_by_text("The output of search_flights is empty.").wait_for()
    page.get_by_label("Output").fill("SK4711")
    page.get_by_role("button", name="Submit output").click()
    page.locator("#messages").get_by_text("SK4711", exact=True).wait_for()
    page.locator("#send:enabled").wait_for()
    page.get_by_label("Your message").fill("Find me a flight to Rome")
    page.keyboard.press("Enter")
    page.locator("[data-call]:focus").wait_for()
    page.get_by_role("button", name="SK4711").click()
    assert page.get_by_label("Output").input_value() == "SK4711"


def test_the_composer_never_lies_over_the_chat(page: Any, emulator: Emulator) -> None:
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o", name="Desk")
    thread = beta.threads.create(messages=[{"role": "user", "content": f"Message {n}"} for n in range(20)])
    query = f"assistant={assistant.id}&thread={thread.id}&token={emulator.token}"
    for size in ({"width": 1280, "height": 700}, {"width": 360, "height": 740}):
        page.set_viewport_size(size)
        page.goto(f"{emulator.inspector_url}projects/default/playground?{query}")
        page.locator("#messages").get_by_text("Message 19").wait_for()
        chat, composer = (page.locator(id).bounding_box() for id in ("#messages", "#composer"))
        assert chat["y"] + chat["height"] <= composer["y"]
        assert page.evaluate("messages.scrollHeight - messages.scrollTop - messages.clientHeight") <= 1
