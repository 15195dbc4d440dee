"""One suite for the application before and after its port: the same responders, the same portable transcripts."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from tests.porting.applications import (
    DESKS,
    INSTRUCTIONS,
    PORTS,
    AssistantsDesk,
    InstructionsOnlyAtFirst,
    OneAnswerPerFunction,
    OneRoundOnly,
)

from assistants_emulator import (
    CodeInterpreter,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    ProjectHandle,
    Refusal,
    Text,
)

WEATHER = {"Oslo": "15 C", "Rome": "28 C"}


def get_weather(city: str) -> str:
    return WEATHER[city]


@pytest.fixture(params=DESKS)
def desk_type(request: pytest.FixtureRequest) -> Any:
    return DESKS[request.param]


@pytest.fixture
def desk(desk_type: Any, client: openai.OpenAI) -> Any:
    return desk_type(client, {"get_weather": get_weather}, [])


def text_of(project: ProjectHandle) -> str:
    """The portable transcript of all that was said in the test."""
    (text,) = project.transcripts(portable=True).values()
    return text


def test_two_questions(desk: Any, project: ProjectHandle) -> None:
    project.respond(lambda turn: f"{len(turn.messages)}: {turn.last_message}")
    desk.ask("One")
    desk.ask("Two")
    assert text_of(project) == (
        "user: One\nassistant: 1: One\nrun completed\nuser: Two\nassistant: 3: Two\nrun completed\n"
    )


def test_a_function_is_called_once(desk: Any, project: ProjectHandle) -> None:
    @project.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Any) -> Any:
        (found,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
        yield f"It is {found}."

    desk.ask("weather in Oslo")
    assert text_of(project) == (
        'user: weather in Oslo\nfunction get_weather({"city":"Oslo"}) -> 15 C\nassistant: It is 15 C.\nrun completed\n'
    )


def test_a_function_is_called_twice_in_parallel(desk: Any, project: ProjectHandle) -> None:
    @project.respond
    def weather() -> Any:
        oslo, rome = yield [FunctionCall("get_weather", {"city": city}) for city in ("Oslo", "Rome")]
        yield f"{oslo} and {rome}"

    desk.ask("Hi")
    assert text_of(project) == (
        'user: Hi\nfunction get_weather({"city":"Oslo"}) -> 15 C\nfunction get_weather({"city":"Rome"}) -> 28 C\n'
        "assistant: 15 C and 28 C\nrun completed\n"
    )


def test_a_call_follows_a_call(desk: Any, project: ProjectHandle) -> None:
    @project.respond
    def weather() -> Any:
        yield "Let me see."
        (oslo,) = yield FunctionCall("get_weather", {"city": "Oslo"})
        (rome,) = yield FunctionCall("get_weather", {"city": "Rome"})
        yield f"{oslo}, then {rome}"

    desk.ask("Hi")
    desk.ask("Hi")
    turn = (
        'user: Hi\nassistant: Let me see.\nfunction get_weather({"city":"Oslo"}) -> 15 C\n'
        'function get_weather({"city":"Rome"}) -> 28 C\nassistant: 15 C, then 28 C\nrun completed\n'
    )
    assert text_of(project) == 2 * turn


def test_a_script_calls_and_goes_on(desk: Any, project: ProjectHandle) -> None:
    call = {"function_call": {"name": "get_weather", "arguments": {"city": "{city}"}}}
    when = {"message": r"weather in (?P<city>\w+)"}
    reply = {"when": when, "do": [call, {"text": "{city}: {outputs[0]}"}]}
    project.load_script({"version": 1, "replies": [reply, {"do": [{"text": "Ask me about the weather."}]}]})
    desk.ask("Hello")
    desk.ask("weather in Rome")
    assert text_of(project) == (
        "user: Hello\nassistant: Ask me about the weather.\nrun completed\n"
        'user: weather in Rome\nfunction get_weather({"city":"Rome"}) -> 28 C\nassistant: Rome: 28 C\nrun completed\n'
    )


def test_a_file_is_searched_and_cited(desk_type: Any, client: openai.OpenAI, project: ProjectHandle) -> None:
    cake = client.files.create(file=("cake.txt", b"Cake is the favourite food."), purpose="assistants")
    store = client.vector_stores.create(name="Notes", file_ids=[cake.id])
    project.respond([FileSearch(), Text("It is cake.", citations=[{"file": "cake.txt", "quote": "Cake"}])])
    desk_type(client, {}, [store.id]).ask("What is the favourite food?")
    assert text_of(project) == (
        "user: What is the favourite food?\nfile_search: 1 results\nassistant: It is cake. [cake.txt]\nrun completed\n"
    )


def test_code_makes_files_and_images(desk_type: Any, client: openai.OpenAI, project: ProjectHandle) -> None:
    table, plot = Image(content=b"a,b", filename="table.csv"), Image(content=b"png", filename="plot.png")
    project.respond([CodeInterpreter("plot()", logs="done", files=[table], images=[plot]), Text("Look.")])
    desk_type(client, {}, [], code=True).ask("Plot it")
    assert text_of(project) == (
        "user: Plot it\ncode_interpreter: plot() -> done\n"
        "assistant: [image] Look.\n    \n    [Download table.csv](sandbox:/mnt/data/table.csv)\nrun completed\n"
    )


def test_an_answer_is_streamed(desk: Any, project: ProjectHandle) -> None:
    project.respond("Hello, how are you?")
    assert desk.ask_streamed("Hi") == "Hello, how are you?"
    assert text_of(project) == "user: Hi\nassistant: Hello, how are you?\nrun completed\n"


@pytest.mark.parametrize(
    ("replies", "lines"),
    [
        ([Fail("server_error", "Broken.")], "run failed: Broken.\n"),
        (
            [Text("So far"), Incomplete("max_completion_tokens")],
            "assistant (incomplete): So far\nrun incomplete: max_completion_tokens\n",
        ),
        ([Refusal("No.")], "assistant: [refusal] No.\nrun completed\n"),
    ],
    ids=["failed", "incomplete", "refused"],
)
def test_an_answer_that_is_none(desk: Any, project: ProjectHandle, replies: list[Any], lines: str) -> None:
    project.respond(replies)
    desk.ask("Hi")
    assert text_of(project) == f"user: Hi\n{lines}"


def test_a_rule_by_instructions_fits_before_and_after(desk: Any, project: ProjectHandle) -> None:
    project.respond("From the desk.", when={"instructions": "travel agency"})
    desk.ask("One")
    desk.ask("Two")
    assert text_of(project).count("assistant: From the desk.\n") == 2


# The mistakes that ports make


def asks_for_both(project: ProjectHandle) -> None:
    @project.respond
    def weather() -> Any:
        oslo, rome = yield [FunctionCall("get_weather", {"city": city}) for city in ("Oslo", "Rome")]
        yield f"{oslo} and {rome}"


def asks_one_after_the_other(project: ProjectHandle) -> None:
    @project.respond
    def weather() -> Any:
        for city in WEATHER:
            yield FunctionCall("get_weather", {"city": city})
        yield "Done."


def test_one_answer_for_two_calls_of_a_function_is_the_apis_error(
    client: openai.OpenAI, project: ProjectHandle
) -> None:
    asks_for_both(project)
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call call_"):
        OneAnswerPerFunction(client, {"get_weather": get_weather}, []).ask("Hi")


def test_a_call_that_is_never_answered_leaves_the_turn_open(client: openai.OpenAI, project: ProjectHandle) -> None:
    asks_one_after_the_other(project)
    OneRoundOnly(client, {"get_weather": get_weather}, []).ask("Hi")
    assert text_of(project) == (
        'user: Hi\nfunction get_weather({"city":"Oslo"}) -> 15 C\nfunction get_weather({"city":"Rome"})\n'
        "run requires_action\n"
    )


@pytest.mark.parametrize(
    ("desk_type", "second"),
    [
        (AssistantsDesk, INSTRUCTIONS),
        *((port, INSTRUCTIONS) for port in PORTS.values()),
        (InstructionsOnlyAtFirst, "None"),
    ],
)
def test_instructions_that_are_lost_show_in_the_answers(
    client: openai.OpenAI, project: ProjectHandle, desk_type: Any, second: str
) -> None:
    project.respond(lambda turn: str(turn.instructions))
    desk = desk_type(client, {}, [])
    desk.ask("One")
    desk.ask("Two")
    assert text_of(project).splitlines()[1::3] == [f"assistant: {INSTRUCTIONS}", f"assistant: {second}"]
