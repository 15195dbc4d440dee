"""A person plays the assistant by the forms of the inspector, without JavaScript."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.inspector.schema_form import FormError, fields_of, value_of

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
ME, OTHER = "me", "other"
BOOK = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Books a flight",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "seats": {"type": "integer"},
                "class": {"enum": ["economy", "business"]},
                "window": {"type": "boolean"},
                "guests": {"type": "array", "items": {"type": "string"}},
                "payer": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
                "extra": {"anyOf": [{"type": "number"}, {"type": "string"}]},
            },
            "required": ["city", "seats"],
        },
    },
}


class Desk:
    """The application and the person of one emulator; `run` is the run that was asked for last."""

    def __init__(self, emulator: Emulator, project: str = "default") -> None:
        self.emulator = emulator
        self.client = emulator.project(project).client()
        base_url = f"{emulator.inspector_url}projects/{project}/"
        headers = {"Sec-Fetch-Site": "same-origin", "X-Assistants-Emulator-Token": emulator.token}
        self.browser = httpx2.Client(base_url=base_url, headers=headers)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *error: object) -> None:
        self.browser.close()
        self.client.close()

    def ask(self, text: str = "Hello", **options: Any) -> Any:
        """A run of a new assistant that waits for the person."""
        beta = self.client.beta
        assistant = beta.assistants.create(**{"model": "gpt-4o", "name": "Desk", **options})
        thread = beta.threads.create(messages=[{"role": "user", "content": text}])
        run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        self.run = beta.threads.runs.retrieve(run.id, thread_id=thread.id)
        return self.run

    def now(self) -> Any:
        self.run = self.client.beta.threads.runs.retrieve(self.run.id, thread_id=self.run.thread_id)
        return self.run

    def page(self, me: str = ME, id: str = "", **query: str) -> str:
        answer = self.browser.get(f"play/{id or self.run.id}", params={"me": me, **query})
        assert answer.status_code == 200
        return answer.text

    def post(self, do: str, me: str = ME, id: str = "", **fields: str) -> httpx2.Response:
        """Fill in the form as the page shows it now."""
        id = id or self.run.id
        number = re.search(r'name="number" value="(\d+)"', self.page(me, id))
        fields = {"do": do, "person": me, "number": number[1] if number else "0", **fields}
        return self.browser.post(f"play/{id}", data=fields)

    def say(self, do: str, **fields: str) -> None:
        answer = self.post(do, **fields)
        assert answer.status_code == 303, answer.text

    def texts(self) -> list[str]:
        """The texts of the thread, oldest first."""
        messages = self.client.beta.threads.messages.list(self.run.thread_id, order="asc")
        return [part.text.value for message in messages for part in message.content]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Emulator(clock="manual", person=True) as emulator, Desk(emulator) as desk:
        yield desk


def test_a_run_waits_and_the_persons_reply_ends_it(desk: Desk) -> None:
    desk.ask("How are you?")
    assert "How are you?" in desk.browser.get("play").text
    assert desk.run.status == "in_progress"
    desk.say("say", text="Fine,\r\nthanks.")
    assert desk.now().status == "completed"
    assert desk.texts() == ["How are you?", "Fine,\nthanks."]


def test_a_person_goes_on_after_a_message(desk: Desk) -> None:
    desk.ask()
    desk.say("go_on", text="One moment.")
    assert desk.texts()[1:] == ["One moment."]
    assert desk.now().status == "in_progress"
    desk.say("say", text="Here it is.")
    assert desk.texts()[1:] == ["One moment.", "Here it is."]


def test_pieces_are_one_message_that_streams(desk: Desk) -> None:
    desk.ask()
    for piece in ("Hel", "lo"):
        desk.say("piece", text=piece)
    assert "Hello" in desk.page()
    desk.say("say", text="!")
    assert desk.now().status == "completed"
    assert desk.texts()[1:] == ["Hello!"]
    steps = desk.client.beta.threads.runs.steps.list(desk.run.id, thread_id=desk.run.thread_id)
    assert [step.type for step in steps] == ["message_creation"]


def test_a_typed_piece_has_to_follow_the_one_before(desk: Desk) -> None:
    run = desk.ask()
    chunk = {"person": ME, "offset": "0", "text": "Once "}
    assert desk.browser.post(f"play/{run.id}/chunk", data=chunk).json() == {"offset": 5}
    assert "moved on" in desk.browser.post(f"play/{run.id}/chunk", data=chunk).json()["error"]
    desk.say("say", text="more")
    assert desk.texts()[1:] == ["Once more"]


def test_a_streaming_client_gets_each_piece_at_once(desk: Desk) -> None:
    desk.ask()
    thread = desk.run.thread_id
    desk.say("finish")
    desk.now()
    pieces: list[str] = []
    with desk.client.beta.threads.runs.stream(thread_id=thread, assistant_id=desk.run.assistant_id) as stream:
        for event in stream:
            if event.event == "thread.run.in_progress":
                desk.run = event.data
                desk.say("piece", text="Good ")
            if event.event == "thread.message.delta":
                pieces.append(event.data.delta.content[0].text.value)
                if pieces == ["Good "]:
                    desk.say("say", text="day")
    assert pieces == ["Good ", "day"]


def test_a_function_is_called_by_a_form_of_its_schema(desk: Desk) -> None:
    desk.ask("Book it", tools=[BOOK])
    fields = {
        "arg-book.0": "Oslo",
        "arg-book.1": "2",
        "arg-book.2": '"business"',
        "arg-book.3": "true",
        "arg-book.4": "Ann\r\nBob",
        "arg-book.5.0": "Ann",
        "arg-book.6": "1.5",
    }
    assert {f'name="{name}"' in desk.page() for name in fields} == {True}
    desk.say("call", function="book", **fields)
    (call,) = desk.now().required_action.submit_tool_outputs.tool_calls
    assert json.loads(call.function.arguments) == {
        "city": "Oslo",
        "seats": 2,
        "class": "business",
        "window": True,
        "guests": ["Ann", "Bob"],
        "payer": {"name": "Ann"},
        "extra": 1.5,
    }


def test_the_outputs_come_back_to_the_person(desk: Desk) -> None:
    desk.ask("Book it", tools=[BOOK])
    desk.say("call", function="book", **{"arg-book.0": "Oslo", "arg-book.1": "2"})
    (call,) = desk.now().required_action.submit_tool_outputs.tool_calls
    assert "waits for the outputs" in desk.page()
    assert desk.post("say", text="Too early").status_code == 409
    outputs = [{"tool_call_id": call.id, "output": "seat 12A"}]
    desk.client.beta.threads.runs.submit_tool_outputs(desk.run.id, thread_id=desk.run.thread_id, tool_outputs=outputs)
    assert desk.now().status == "in_progress"
    assert "seat 12A" in desk.page()
    desk.say("say", text="Booked: 12A")
    assert desk.texts()[1:] == ["Booked: 12A"]


def test_several_calls_are_gathered_and_made_at_once(desk: Desk) -> None:
    desk.ask(tools=[BOOK])
    for city in ("Oslo", "Rome", "Riga"):
        desk.say("add", function="book", **{"arg-book.0": city, "arg-book.1": "1"})
    assert desk.now().status == "in_progress"
    desk.say("remove:1")
    desk.say("make")
    calls = desk.now().required_action.submit_tool_outputs.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Oslo", "Riga"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"arg-book.0": "Oslo", "arg-book.1": "two"}, "seats is a whole number, not &#39;two&#39;"),
        ({"arg-book.0": "Oslo", "arg-book.1": "1", "arg-book.6": "{"}, "extra is no JSON at line 1, column 2"),
        ({"json": '{"city": "Oslo",\n "seats" 1}'}, "no JSON at line 2, column 10"),
        ({"json": '{"city": "Oslo"}'}, "do not fit the function&#39;s parameters: at $: &#39;seats&#39; is a required"),
        ({"json": "[1]"}, "The arguments are a JSON object"),
        ({"function": "unknown"}, "declares no function"),
    ],
)
def test_arguments_are_checked_before_they_are_sent(desk: Desk, fields: dict[str, str], problem: str) -> None:
    desk.ask(tools=[BOOK])
    answer = desk.post("call", **{"function": "book", **fields})
    assert answer.status_code == 400
    assert problem in answer.text
    assert desk.now().status == "in_progress"


def test_broken_arguments_are_sent_where_the_person_insists(desk: Desk) -> None:
    desk.ask(tools=[BOOK])
    desk.say("call", function="book", json='{"city": "Os', as_is="1")
    (call,) = desk.now().required_action.submit_tool_outputs.tool_calls
    assert call.function.arguments == '{"city": "Os'


def test_passages_are_searched_and_cited(desk: Desk) -> None:
    client = desk.client
    file = client.files.create(file=("rules.md", b"Vacation is 25 days a year."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    desk.ask("How many days?", tools=[{"type": "file_search"}], tool_resources=resources)
    page = desk.page(q="vacation")
    assert "Vacation is 25 days a year." in page
    name = re.findall(r'name="(cite:[^"]+)"', page)[0]
    desk.say("say", text="It is 25 days.", q="vacation", **{name: "1"})
    desk.now()
    message = client.beta.threads.messages.list(desk.run.thread_id).data[0]
    assert message.content[0].text.annotations[0].file_citation.file_id == file.id
    steps = client.beta.threads.runs.steps.list(desk.run.id, thread_id=desk.run.thread_id, order="asc").data
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]
    shown = desk.browser.get(f"threads/{desk.run.thread_id}").text
    assert "Vacation is 25 days a year." in shown


def test_code_has_the_output_that_the_person_gives(desk: Desk) -> None:
    desk.ask(tools=[{"type": "code_interpreter"}])
    desk.say("code", input="print(6 * 7)", logs="42")
    assert "print" in desk.page()
    desk.say("say", text="It is 42.")
    desk.now()
    steps = desk.client.beta.threads.runs.steps.list(desk.run.id, thread_id=desk.run.thread_id, order="asc").data
    call = steps[0].step_details.tool_calls[0].code_interpreter
    assert (call.input, call.outputs[0].logs) == ("print(6 * 7)", "42")
    assert [step.status for step in steps] == ["completed", "completed"]


@pytest.mark.parametrize(
    ("do", "fields", "status"),
    [
        ("fail", {"code": "rate_limit_exceeded", "message": "Too much"}, "failed"),
        ("incomplete", {"reason": "content_filter"}, "incomplete"),
        ("expire", {}, "expired"),
        ("cancel", {}, "cancelled"),
        ("finish", {}, "completed"),
        ("refuse", {"refusal": "I would rather not."}, "completed"),
    ],
)
def test_a_run_ends_as_the_person_chooses(desk: Desk, do: str, fields: dict[str, str], status: str) -> None:
    desk.ask()
    desk.say(do, **fields)
    assert desk.now().status == status
    page = desk.page()
    assert "no longer waits for a person" in page
    assert status in page


def test_a_failure_and_a_refusal_have_the_persons_words(desk: Desk) -> None:
    desk.ask()
    desk.say("fail", code="rate_limit_exceeded", message="Too much")
    assert (desk.now().last_error.code, desk.run.last_error.message) == ("rate_limit_exceeded", "Too much")
    desk.ask()
    desk.say("refuse", refusal="I would rather not.")
    desk.now()
    (part,) = desk.client.beta.threads.messages.list(desk.run.thread_id).data[0].content
    assert part.refusal == "I would rather not."


def test_a_run_ends_in_the_middle_of_a_message(desk: Desk) -> None:
    desk.ask()
    desk.say("piece", text="The answer is")
    desk.say("incomplete", reason="max_completion_tokens")
    assert desk.now().incomplete_details.reason == "max_completion_tokens"
    assert desk.texts()[1:] == ["The answer is"]
    (message,) = (row for row in desk.emulator.state()["messages"] if row["role"] == "assistant")
    assert message["incomplete_details"] == {"reason": "max_tokens"}


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("say", {"text": " "}),
        ("code", {"input": "1"}),
        ("fail", {"code": "bad_luck"}),
        ("incomplete", {"reason": "boredom"}),
        ("dance", {}),
        ("make", {}),
        ("refuse", {"refusal": ""}),
    ],
)
def test_what_the_run_does_not_allow_is_refused_on_the_page(desk: Desk, do: str, fields: dict[str, str]) -> None:
    desk.ask()
    answer = desk.post(do, **fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert desk.now().status == "in_progress"


def test_a_text_that_is_no_json_is_refused_where_json_is_asked_for(desk: Desk) -> None:
    desk.ask("Answer in JSON", response_format={"type": "json_object"})
    answer = desk.post("say", text="hello")
    assert answer.status_code == 400
    assert "response_format json_object" in answer.text
    desk.say("say", text='{"ok": true}')
    assert desk.now().status == "completed"


def test_the_second_person_is_told_and_can_take_over(desk: Desk) -> None:
    desk.ask()
    desk.say("go_on", text="Mine.")
    assert "Another person plays this run." in desk.page(OTHER)
    answer = desk.post("say", me=OTHER, text="No, mine.")
    assert (answer.status_code, "Another person plays this run." in answer.text) == (409, True)
    assert desk.post("take", me=OTHER).status_code == 303
    assert "Another person plays this run." in desk.page(ME)
    assert desk.post("say", me=OTHER, text="Now mine.").status_code == 303
    assert desk.texts()[1:] == ["Mine.", "Now mine."]


def test_a_form_from_before_sends_nothing(desk: Desk) -> None:
    desk.ask()
    desk.say("go_on", text="First.")
    answer = desk.post("say", text="Again.", number="0")
    assert (answer.status_code, "The run has moved on" in answer.text) == (409, True)
    assert desk.texts()[1:] == ["First."]


def test_a_waiting_run_expires_under_the_clock_and_can_be_cancelled(desk: Desk) -> None:
    desk.ask()
    before = desk.emulator.clock.now()
    desk.page()
    assert desk.emulator.clock.now() == before
    desk.emulator.clock.advance(601)
    assert desk.now().status == "expired"
    desk.ask()
    desk.client.beta.threads.runs.cancel(desk.run.id, thread_id=desk.run.thread_id)
    assert desk.now().status == "cancelled"


def test_a_run_waits_again_after_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path, clock="manual", person=True) as emulator, Desk(emulator) as desk:
        desk.ask(tools=[{"type": "code_interpreter"}])
        desk.say("code", input="1 + 1", logs="2")
        desk.say("go_on", text="Before.")
        desk.say("piece", text="Lost")
        run = desk.run
    with Emulator(tmp_path, clock="manual") as emulator, Desk(emulator) as desk:
        desk.run = run
        assert desk.now().status == "in_progress"
        desk.say("say", text="After.")
        assert desk.now().status == "completed"
        assert desk.texts()[1:] == ["Before.", "After."]


def test_a_script_answers_what_it_has_a_condition_for() -> None:
    script = {"version": 1, "replies": [{"when": {"message": "weather"}, "do": [{"text": "Rain"}]}]}
    with Emulator(clock="manual", person=True, script=script) as emulator, Desk(emulator) as desk:
        desk.ask("The weather?")
        assert desk.now().status == "completed"
        assert desk.ask("And you?").status == "in_progress"


# The switch


@pytest.fixture
def off() -> Iterator[Desk]:
    with Emulator(clock="manual") as emulator, Desk(emulator) as off:
        yield off


def test_a_switch_lets_all_new_runs_wait(off: Desk) -> None:
    off.emulator.respond("From a rule", when="Hello")
    assert off.browser.post("play", data={"mode": "all"}).status_code == 303
    assert off.ask().status == "in_progress"
    off.browser.post("play", data={"mode": "off"})
    off.say("say", text="From me")
    off.now()
    assert off.texts()[1:] == ["From me"]
    off.ask()
    off.now()
    assert off.texts()[1:] == ["From a rule"]


def test_a_mode_that_does_not_exist_is_refused(off: Desk) -> None:
    assert off.browser.post("play", data={"mode": "sometimes"}).status_code == 400


def test_the_browser_that_switches_stays_signed_in_and_others_need_the_token(off: Desk) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    with httpx2.Client(base_url=off.browser.base_url, headers=headers) as browser:
        assert browser.get("play").status_code == 200
        browser.post("play", data={"mode": "rest"})
        assert browser.get("play").status_code == 200
    stranger = httpx2.get(f"{off.browser.base_url}threads")
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/_emulator/sign-in")
    assert "token" in httpx2.get(f"{off.emulator.inspector_url}sign-in").text


def test_a_seat_that_there_is_not_is_said_to_be_gone(desk: Desk) -> None:
    answer = desk.browser.get("play/run_none", params={"me": ME})
    assert (answer.status_code, "no longer waits" in answer.text) == (404, True)
    assert desk.browser.post("play/run_none", data={"do": "say"}).status_code == 409


def test_an_address_without_a_person_is_given_one(desk: Desk) -> None:
    desk.ask()
    answer = desk.browser.get(f"play/{desk.run.id}", params={"q": "days"})
    assert answer.status_code == 303
    assert re.search(r"me=\w+&q=days", answer.headers["location"])


def test_all_that_a_user_sets_is_escaped(desk: Desk) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "book",
            "description": HOSTILE,
            "parameters": {
                "type": "object",
                "properties": {HOSTILE: {"type": "string", "description": HOSTILE, "enum": [HOSTILE]}},
            },
        },
    }
    desk.ask(HOSTILE, name=HOSTILE, instructions=HOSTILE, tools=[tool])
    desk.say("piece", text=HOSTILE)
    for page in (desk.page(), desk.page(q=HOSTILE), desk.browser.get("play").text):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert not re.search(r"""\son\w+=["']|<style|style=|<script>""", page)


# Responses


def respond(desk: Desk, call: Callable[[], Any]) -> tuple[threading.Thread, list[Any], str]:
    """Begin a response in a thread; its result and its id, once it waits for the person."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    before = set(_waiting(desk))
    thread.start()
    while not (new := set(_waiting(desk)) - before):
        assert thread.is_alive()
    return thread, results, new.pop()


def _waiting(desk: Desk) -> list[str]:
    return re.findall(r"play/(resp_\w+)", desk.browser.get("play").text)


def test_a_plain_response_waits_for_the_person(desk: Desk) -> None:
    responses = desk.client.responses
    thread, results, id = respond(desk, lambda: responses.create(model="gpt-4o", input="Hello"))
    assert "Hello" in desk.page(id=id)
    assert desk.post("say", id=id, text="Hi there").status_code == 303
    thread.join(20)
    assert results[0].output_text == "Hi there"


def test_a_background_response_waits_for_the_person(desk: Desk) -> None:
    response = desk.client.responses.create(model="gpt-4o", input="Hello", background=True)
    desk.client.responses.retrieve(response.id)
    assert desk.post("piece", id=response.id, text="Hi ").status_code == 303
    assert desk.post("say", id=response.id, text="there").status_code == 303
    assert desk.client.responses.retrieve(response.id).output_text == "Hi there"


def test_a_response_goes_on_with_the_outputs_of_its_calls(desk: Desk) -> None:
    tool = {"type": "function", **BOOK["function"], "strict": False}  # type: ignore[dict-item]
    responses = desk.client.responses
    first = responses.create(model="gpt-4o", input="Book", tools=[tool], background=True)
    responses.retrieve(first.id)
    desk.post("call", id=first.id, function="book", **{"arg-book.0": "Oslo", "arg-book.1": "2"})
    (call,) = responses.retrieve(first.id).output
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "12A"}
    second = responses.create(
        model="gpt-4o", input=[output], previous_response_id=first.id, tools=[tool], background=True
    )
    responses.retrieve(second.id)
    assert "12A" in desk.page(id=second.id)
    desk.post("say", id=second.id, text="Booked")
    assert responses.retrieve(second.id).output_text == "Booked"


def test_a_response_with_outputs_waits_again_after_a_restart(tmp_path: Path) -> None:
    tool = {"type": "function", **BOOK["function"], "strict": False}  # type: ignore[dict-item]
    with Emulator(tmp_path, clock="manual", person=True) as emulator, Desk(emulator) as desk:
        first = desk.client.responses.create(model="gpt-4o", input="Book", tools=[tool], background=True)
        desk.client.responses.retrieve(first.id)
        desk.post("call", id=first.id, function="book", **{"arg-book.0": "Oslo", "arg-book.1": "2"})
        (call,) = desk.client.responses.retrieve(first.id).output
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "12A"}
    with Emulator(tmp_path, clock="manual", person=True) as emulator, Desk(emulator) as desk:
        options = {"model": "gpt-4o", "previous_response_id": first.id, "tools": [tool], "background": True}
        second = desk.client.responses.create(input=[output], **options)
        desk.client.responses.retrieve(second.id)
        desk.post("go_on", id=second.id, text="One moment")
    with Emulator(tmp_path, clock="manual", person=True) as emulator, Desk(emulator) as desk:
        desk.client.responses.retrieve(second.id)
        assert desk.post("say", id=second.id, text="Booked").status_code == 303
        output = desk.client.responses.retrieve(second.id).output
        assert [item.content[0].text for item in output] == ["One moment", "Booked"]


# Forms of schemas


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": "string"}, ["string"]),
        ({"type": ["integer", "null"]}, ["integer"]),
        ({"enum": ["a", 1]}, ["choice"]),
        ({"const": 3}, ["choice"]),
        ({"type": "array", "items": {"type": "number"}}, ["lines"]),
        ({"type": "array", "items": {"type": "object"}}, ["json"]),
        ({"anyOf": [{"type": "string"}]}, ["json"]),
        ({"$ref": "#/x"}, ["json"]),
        ({}, ["json"]),
        (True, ["json"]),
        ({"type": "object", "properties": {"b": {"type": "boolean"}}}, ["group"]),
    ],
)
def test_each_schema_has_its_kind_of_field(schema: object, kinds: list[str]) -> None:
    fields = fields_of({"type": "object", "properties": {"a": schema}}, "f")
    assert fields is not None
    assert [field.kind for field in fields] == kinds


def test_an_object_without_properties_asks_for_nothing() -> None:
    assert fields_of(None, "f") == ()
    assert fields_of({"type": "object", "properties": {}}, "f") == ()
    assert fields_of({"anyOf": [{"type": "object"}]}, "f") is None


def test_empty_fields_are_left_out_null_or_empty() -> None:
    properties = {
        "left_out": {"type": "string"},
        "empty": {"type": "string"},
        "null": {"type": ["string", "null"]},
        "group": {"type": "object", "properties": {"x": {"type": "string"}}},
    }
    fields = fields_of({"type": "object", "properties": properties, "required": ["empty", "null"]}, "f")
    assert fields is not None
    assert value_of(fields, {}) == {"empty": "", "null": None}


def test_a_required_choice_has_to_be_made() -> None:
    fields = fields_of({"properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}, "f")
    assert fields is not None
    with pytest.raises(FormError, match="sure is required"):
        value_of(fields, {})
