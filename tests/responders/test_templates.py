import pytest

from assistants_emulator.responders.replies import CodeInterpreter, Fail, FileSearch, FunctionCall, Refusal, Text, Wait
from assistants_emulator.responders.templates import fill, fill_step

NAMES = {"city": "Oslo", "message": "weather in Oslo"}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{city}: {outputs[0]}, {outputs[1]}", "Oslo: 4 C, rain"),
        ("You said {message}", "You said weather in Oslo"),
        (
            "{unknown} {outputs[2]} {outputs} {} {city[0]} { city }",
            "{unknown} {outputs[2]} {outputs} {} {city[0]} { city }",
        ),
        ("{{city}}", "{Oslo}"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
    ],
)
def test_braces_that_name_something_are_filled_and_others_stay(template, filled):
    assert fill(template, NAMES, ["4 C", "rain"]) == filled


def test_inserted_values_are_not_filled_again():
    assert fill("{message}", {"message": "{city}", "city": "Oslo"}, []) == "{city}"


def test_lists_and_objects_are_walked_and_keys_kept():
    assert fill({"{city}": ["{city}", 1, {"a": "{city}"}]}, NAMES, []) == {"{city}": ["Oslo", 1, {"a": "Oslo"}]}


@pytest.mark.parametrize(
    ("step", "filled"),
    [
        (Text("{city}"), Text("Oslo")),
        (Refusal("{city}"), Refusal("Oslo")),
        (FunctionCall("{city}", {"q": "{city}"}), FunctionCall("{city}", {"q": "Oslo"})),
        (FunctionCall("f", '{"q": "{city}"}'), FunctionCall("f", '{"q": "{city}"}')),
        ([FunctionCall("f", {"q": "{city}"})], [FunctionCall("f", {"q": "Oslo"})]),
        (CodeInterpreter("{city}", "{city}"), CodeInterpreter("Oslo", "Oslo")),
        (CodeInterpreter("1"), CodeInterpreter("1")),
        (FileSearch("{city}"), FileSearch("Oslo")),
        (Fail(message="{city}"), Fail(message="Oslo")),
        (Wait(3), Wait(3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_texts_of_every_reply_are_filled(step, filled):
    assert fill_step(step, NAMES, []) == filled


def test_chunks_are_filled_one_by_one_and_the_value_follows():
    step = fill_step(Text("{city}! {city}", chunks=["{city}! ", "{ci", "ty}"]), NAMES, [])
    assert step == Text("Oslo! {city}", chunks=["Oslo! ", "{ci", "ty}"])
