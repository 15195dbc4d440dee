import asyncio
import re
from functools import partial

import pytest

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import FunctionCall, Pause, Text, Wait
from assistants_emulator.responders.sources import END, AsyncSession, Echo, Listed, Scripted, UserCode, as_source

OSLO = FunctionCall("get_weather", {"city": "Oslo"})
ROME = FunctionCall("get_weather", {"city": "Rome"})


def steps(responder, turn, *sent):
    """A responder's replies until its end; its steps are sent the values of `sent` in turn, then None."""
    session = as_source(responder).open(turn)
    answers = [None, *sent]
    said = []
    while (step := session.send(answers.pop(0) if answers else None)) is not END:
        said.append(step)
    return said


def async_steps(responder, turn, *sent):
    async def ask():
        session = as_source(responder).open(turn)
        answers = [None, *sent]
        said = []
        while (step := await session.asend(answers.pop(0) if answers else None)) is not END:
            said.append(step)
        return said

    return asyncio.run(ask())


def weather(turn):
    (output,) = yield FunctionCall("get_weather", {"city": turn.said})
    yield f"{turn.said}: {output}"


async def async_weather(turn):
    (output,) = yield FunctionCall("get_weather", {"city": turn.said})
    yield f"{turn.said}: {output}"


class Weather:
    def __call__(self, turn):
        return f"sunny in {turn.said}"

    def method(self, turn):
        yield f"sunny in {turn.said}"

    async def async_method(self, turn):
        return f"sunny in {turn.said}"


class AsyncWeather:
    async def __call__(self, turn):
        yield f"sunny in {turn.said}"


def test_listed_replies_come_in_order_whatever_is_sent(turn):
    assert steps(["a", OSLO, [OSLO, ROME], "b"], turn(), None, ["4 C"], ["1", "2"]) == [
        Text("a"),
        OSLO,
        [OSLO, ROME],
        Text("b"),
    ]


def test_listed_and_scripted_replies_and_the_echo_never_leave_the_loop():
    assert [Listed([]).inline, Scripted([]).inline, Echo().inline, as_source(weather).inline] == [
        True,
        True,
        True,
        False,
    ]


def test_an_inline_source_starts_as_a_plain_generator(turn):
    generator = Listed([OSLO, Text("a")]).start(turn())
    assert [generator.send(None), generator.send(["4 C"])] == [OSLO, Text("a")]


def test_scripted_replies_are_filled_from_match_message_and_outputs(turn):
    source = Scripted([Text("{outputs[0]}"), FunctionCall("f", {"q": "{city}"}), Text("{message}: {outputs[0]}")])
    generator = source.start(turn("in Oslo", match=re.search(r"in (?P<city>\w+)", "in Oslo")))
    said = [generator.send(None), generator.send(None), generator.send(["4 C"])]
    assert said == [Text("{outputs[0]}"), FunctionCall("f", {"q": "Oslo"}), Text("in Oslo: 4 C")]


def test_outputs_stay_until_the_next_calls(turn):
    generator = Scripted([OSLO, Wait(1), Text("{outputs[0]}"), Text("{outputs[0]}")]).start(turn())
    said = [generator.send(sent) for sent in (None, ["4 C"], None, None)]
    assert said[2:] == [Text("4 C"), Text("4 C")]


def test_a_group_that_took_no_part_is_empty(turn):
    match = re.search("a(?P<b>b)?", "a")
    assert next(Scripted([Text("[{b}]")]).start(turn("a", match=match))) == Text("[]")


def test_without_a_user_message_its_braces_stay(turn):
    assert next(Scripted([Text("{message}")]).start(turn(None))) == Text("{message}")


@pytest.mark.parametrize(
    "responder",
    [
        lambda turn: f"sunny in {turn.said}",
        Weather(),
        Weather().method,
        partial(lambda word, turn: f"{word} in {turn.said}", "sunny"),
        lambda turn: Weather().method(turn),
        lambda *turns: f"sunny in {turns[0].said}",
    ],
    ids=["lambda", "callable object", "bound generator method", "partial", "generator returned", "any arguments"],
)
def test_every_form_of_code_is_a_responder(turn, responder):
    assert steps(responder, turn("Oslo")) == [Text("sunny in Oslo")]


@pytest.mark.parametrize(
    "responder",
    [Weather().async_method, AsyncWeather(), partial(Weather().async_method)],
    ids=["bound method", "callable object", "partial"],
)
def test_every_form_of_async_code_is_a_responder(turn, responder):
    assert isinstance(as_source(responder).open(turn()), AsyncSession)
    assert async_steps(responder, turn("Oslo")) == [Text("sunny in Oslo")]


def test_a_builtin_without_a_signature_is_given_the_turn():
    assert steps(max, "ab") == [Text("b")]


def test_a_function_may_take_nothing(turn):
    assert steps(lambda: "hi", turn()) == [Text("hi")]


def test_a_function_may_return_a_list_of_replies(turn):
    assert steps(lambda turn: ["a", OSLO, Pause()], turn(), None, ["4 C"]) == [Text("a"), OSLO, Pause()]


def test_a_generator_is_sent_the_output_of_its_call(turn):
    assert steps(weather, turn("Oslo"), ["4 C"]) == [OSLO, Text("Oslo: 4 C")]


def test_an_async_generator_is_sent_the_output_of_its_call(turn):
    assert async_steps(async_weather, turn("Oslo"), ["4 C"]) == [OSLO, Text("Oslo: 4 C")]


def test_parallel_calls_get_their_outputs_in_order(turn):
    def compare(turn):
        oslo, rome = yield [OSLO, ROME]
        yield f"{oslo} and {rome}"

    assert steps(compare, turn(), ("4 C", "20 C")) == [[OSLO, ROME], Text("4 C and 20 C")]


def test_replies_that_call_nothing_are_sent_none(turn):
    got = []

    def responder(turn):
        got.append((yield "a"))
        got.append((yield Wait(1)))

    steps(responder, turn(), ["stray"], ["stray"])
    assert got == [None, None]


def test_the_return_value_of_a_generator_is_its_last_reply(turn):
    def responder(turn):
        yield "a"
        return ["b", OSLO]

    assert steps(responder, turn()) == [Text("a"), Text("b"), OSLO]


def test_a_generator_that_says_nothing_is_no_error(turn):
    def responder(turn):
        yield from ()

    assert steps(responder, turn()) == []


def test_opening_calls_nothing_yet(turn):
    called = []
    session = as_source(lambda turn: called.append(turn)).open(turn())
    session.close()
    assert called == []


def test_errors_of_user_code_come_through_as_they_were_raised(turn):
    def responder(turn):
        yield "a"
        raise KeyError("mine")

    session = as_source(responder).open(turn())
    session.send(None)
    with pytest.raises(KeyError, match="mine"):
        session.send(None)


@pytest.mark.parametrize(
    ("responder", "message"),
    [
        (lambda turn: None, "responder '<lambda>' returned nothing; expected text"),
        (lambda turn: 5, "responder '<lambda>' cannot say 5 (int); expected text"),
        (lambda turn: (each for each in [5]), "responder '<lambda>' cannot say 5 (int)"),
        (lambda turn: Weather().async_method(turn), "responder '<lambda>' returned a coroutine; register the async "),
    ],
)
def test_a_yielded_value_that_is_no_reply_is_an_error(turn, responder, message):
    with pytest.raises(ScriptError) as caught:
        steps(responder, turn())
    assert str(caught.value).startswith(message)


def test_an_async_function_without_a_reply_is_an_error(turn):
    async def silent(turn):
        pass

    with pytest.raises(ScriptError, match="responder 'silent' returned nothing"):
        async_steps(silent, turn())


def test_a_generator_that_is_left_can_clean_up(turn):
    cleaned = []

    def responder(turn):
        try:
            yield "a"
        finally:
            cleaned.append(True)

    session = as_source(responder).open(turn())
    session.send(None)
    session.close()
    assert cleaned == [True]
    assert session.send(None) is END


def test_an_async_generator_that_is_left_can_clean_up(turn):
    cleaned = []

    async def responder(turn):
        try:
            yield "a"
        finally:
            cleaned.append(True)

    async def leave():
        session = as_source(responder).open(turn())
        await session.asend(None)
        await session.aclose()

    asyncio.run(leave())
    assert cleaned == [True]


def test_a_generator_that_continues_after_close_is_an_error(turn):
    def stubborn(turn):
        try:
            yield "a"
        except GeneratorExit:
            yield "b"

    session = as_source(stubborn).open(turn())
    session.send(None)
    with pytest.raises(ScriptError, match="responder 'stubborn' yielded after its run had ended"):
        session.close()


def test_an_async_generator_that_continues_after_close_is_an_error(turn):
    async def stubborn(turn):
        try:
            yield "a"
        except GeneratorExit:
            yield "b"

    async def leave():
        session = as_source(stubborn).open(turn())
        await session.asend(None)
        await session.aclose()

    with pytest.raises(ScriptError, match="responder 'stubborn' yielded after its run had ended"):
        asyncio.run(leave())


def test_a_session_ends_once_and_for_all(turn):
    session = as_source("a").open(turn())
    assert [session.send(None), session.send(None), session.send(None)] == [Text("a"), END, END]


def test_a_function_that_needs_more_than_the_turn_is_refused_when_registered():
    def greedy(turn, city):
        return city

    with pytest.raises(ScriptError, match=r"responder 'greedy' takes \(turn, city\); a responder takes the turn or"):
        UserCode(greedy)


@pytest.mark.parametrize("value", [None, 5, {"text": "a"}, Pause])
def test_a_value_that_is_no_responder_is_refused(value):
    with pytest.raises(ScriptError, match="a responder is text, a reply, a list of replies or a function of the turn"):
        as_source(value)
