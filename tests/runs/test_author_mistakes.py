"""Replies that a run does not allow fail the run with the reason."""

import json

import pytest

from assistants_emulator import CodeInterpreter, Emulator, FunctionCall, Incomplete, ProjectHandle, Text

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "sum", "schema": {"type": "object", "required": ["total"]}},
}


@pytest.mark.parametrize(
    ("reply", "options", "told"),
    [
        (
            FunctionCall("weather", {"city": "Oslo"}),
            {"tool_choice": "none"},
            "the run has tool_choice 'none', but its responder replies with FunctionCall 'weather'; reply with Text",
        ),
        (
            CodeInterpreter("1 + 1"),
            {"tool_choice": "none"},
            "the run has tool_choice 'none', but its responder replies with CodeInterpreter; reply with Text",
        ),
        (
            FunctionCall("weather", {"town": "Oslo"}),
            {"tools": [WEATHER]},
            "the arguments of weather do not fit its parameters: at $: 'city' is a required property",
        ),
        (
            [[FunctionCall("weather", {"city": "Oslo"}), FunctionCall("weather", {"city": "Rome"})]],
            {"parallel_tool_calls": False},
            "the run has parallel_tool_calls false, but its responder makes 2 calls at once; yield them one by one",
        ),
        (
            Text("{}"),
            {"response_format": SCHEMA},
            (
                "the run has response_format json_schema, but its responder's text does not fit it: "
                "at $: 'total' is a required property"
            ),
        ),
        (
            Text("[1]"),
            {"response_format": {"type": "json_object"}},
            (
                "the run has response_format json_object, but its responder's text does not fit it: "
                "at $: [1] is not of type 'object'"
            ),
        ),
    ],
)
def test_a_mistake_is_in_last_error_and_fails_the_test(
    project: ProjectHandle, asking, reply: object, options: dict[str, object], told: str
) -> None:
    project.respond(reply)
    run = asking.poll(**options)
    assert (run.status, run.last_error.code, run.last_error.message) == ("failed", "server_error", told)
    assert [str(failure.error) for failure in project.failures] == [told]


def test_replies_that_the_run_allows_pass(project: ProjectHandle, asking) -> None:
    project.respond(json.dumps({"total": 3}))
    assert asking.poll(response_format=SCHEMA).status == "completed"


def test_a_text_that_ends_in_its_middle_need_not_fit(project: ProjectHandle, asking) -> None:
    project.respond(Text('{"tot', then=Incomplete("max_completion_tokens")))
    assert asking.poll(response_format=SCHEMA).status == "incomplete"


def test_broken_arguments_are_let_through_for_programs_that_must_bear_them(project: ProjectHandle, asking) -> None:
    project.respond(FunctionCall("weather", '{"city": "Os'))
    run = asking.poll(tools=[WEATHER])
    assert run.required_action.submit_tool_outputs.tool_calls[0].function.arguments == '{"city": "Os'


@pytest.mark.parametrize(("strict", "status"), [(True, "failed"), (False, "requires_action")])
def test_an_option_of_the_emulator_lets_replies_use_undeclared_tools(strict: bool, status: str) -> None:
    with Emulator(strict_tools=strict) as emulator, emulator.client() as client:
        emulator.respond(FunctionCall("book"))
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="Hi")
        assert client.beta.threads.create_and_run_poll(assistant_id=assistant.id).status == status
