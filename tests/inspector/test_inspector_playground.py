"""The playground's forms: settings of an assistant, branches of a thread, outputs that are offered or asked about."""

import json
from typing import Any

import httpx2
import pytest
from inspector_helpers import Ask, page_of

from assistants_emulator import Emulator, FunctionCall, Text

WEATHER = {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}
TOOL: Any = {"type": "function", "function": WEATHER}


def settings(emulator: Emulator, browser: httpx2.Client, **fields: str) -> httpx2.Response:
    """Save the settings of the only assistant."""
    (assistant,) = emulator.client().beta.assistants.list().data
    posted = {"form": "settings", "assistant": assistant.id, "model": "gpt-4o", "response_format": "auto", **fields}
    return browser.post("playground/settings", data=posted)


@pytest.fixture
def assistant(emulator: Emulator) -> Any:
    return emulator.client().beta.assistants.create(model="gpt-4o", name="Desk")


@pytest.mark.usefixtures("assistant")
def test_the_panel_changes_the_assistant(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    store = client.vector_stores.create(name="Rules")
    file = client.files.create(file=("data.csv", b"a,b"), purpose="assistants")
    fields = {
        "instructions": "Be kind.",
        "model": "gpt-4.1",
        "temperature": "0.25",
        "response_format": "json_schema",
        "schema": '{"type": "object"}',
        "code_interpreter": "1",
        "file_search": "1",
        "store": store.id,
        f"file:{file.id}": "1",
        "functions": json.dumps([WEATHER]),
    }
    assert settings(emulator, browser, **fields).status_code == 303
    (saved,) = client.beta.assistants.list().data
    assert (saved.instructions, saved.model, saved.temperature) == ("Be kind.", "gpt-4.1", 0.25)
    assert [tool.type for tool in saved.tools] == ["code_interpreter", "file_search", "function"]
    assert saved.tool_resources.file_search.vector_store_ids == [store.id]
    assert saved.tool_resources.code_interpreter.file_ids == [file.id]
    assert saved.response_format.json_schema.schema_ == {"type": "object"}


@pytest.mark.usefixtures("assistant")
def test_the_panel_shows_what_it_has_saved(emulator: Emulator, browser: httpx2.Client) -> None:
    settings(emulator, browser, instructions="Be brief.", temperature="0.5", functions=json.dumps(WEATHER))
    page = browser.get("playground").text
    assert "Be brief." in page
    assert 'value="0.5"' in page
    assert "get_weather" in page
    settings(emulator, browser)
    (saved,) = emulator.client().beta.assistants.list().data
    assert (saved.instructions, saved.temperature, saved.tools) == (None, 1.0, [])


@pytest.mark.usefixtures("assistant")
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"functions": '[{"name": "a",\n x}]'}, "no JSON at line 2, column 2"),
        ({"response_format": "json_schema", "schema": "{"}, "schema is no JSON at line 1, column 2"),
        ({"response_format": "poem"}, "response format is one of"),
        ({"temperature": "9"}, "temperature"),
        ({"temperature": "warm"}, "The temperature is no JSON"),
        ({"store": "vs_none"}, "vs_none"),
    ],
)
def test_settings_that_are_wrong_change_nothing(
    emulator: Emulator, browser: httpx2.Client, fields: dict[str, str], problem: str
) -> None:
    answer = settings(emulator, browser, instructions="Changed <b>", **fields)
    assert answer.status_code == 400
    assert "The settings were not saved" in answer.text
    assert problem in answer.text
    assert "Changed &lt;b&gt;" in answer.text
    (saved,) = emulator.client().beta.assistants.list().data
    assert saved.instructions is None


def branch(browser: httpx2.Client, run: Any, message: Any, text: str = "") -> str:
    """The id of the new thread."""
    fields = {"assistant": run.assistant_id, "thread": run.thread_id, "message": message.id, "text": text}
    answer = browser.post("playground/branch", data=fields)
    assert answer.status_code == 303
    return answer.headers["location"].partition("thread=")[2]


def test_a_branch_has_the_messages_before_and_the_edited_one(
    emulator: Emulator, ask: Ask, browser: httpx2.Client
) -> None:
    run = ask("One")
    messages = emulator.client().beta.threads.messages
    second = messages.create(run.thread_id, role="user", content="Two")
    messages.create(run.thread_id, role="user", content="Three")
    thread = branch(browser, run, second, "Another two")
    copies = messages.list(thread, order="asc").data
    assert [message.content[0].text.value for message in copies] == ["One", "Echo: One", "Another two"]
    assert [message.role for message in copies] == ["user", "assistant", "user"]
    assert len(messages.list(run.thread_id).data) == 4


def test_a_branch_at_an_answer_runs_again_with_what_was_before(
    emulator: Emulator, ask: Ask, browser: httpx2.Client
) -> None:
    run = ask("One")
    beta = emulator.client().beta
    (answer, _) = beta.threads.messages.list(run.thread_id).data
    thread = branch(browser, run, answer)
    beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=run.assistant_id)
    copies = beta.threads.messages.list(thread, order="asc").data
    assert [message.content[0].text.value for message in copies] == ["One", "Echo: One"]


def test_last_outputs_of_a_function_are_offered_again(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond([FunctionCall("get_weather", {}), Text("Done.")])
    first = ask("The weather?", tools=[TOOL])
    (call,) = first.required_action.submit_tool_outputs.tool_calls
    browser.post(f"{page_of(first)}/outputs", data={f"output:{call.id}": "rain & wind"})
    second = ask("The weather?", tools=[TOOL])
    assert 'data-text="rain &amp; wind"' in browser.get(page_of(second)).text


@pytest.mark.parametrize(
    ("output", "problem"), [("", "An output is empty"), ('{"a" 1}', "no JSON at line 1, column 6")]
)
def test_a_doubtful_output_is_asked_about_before_it_is_submitted(
    emulator: Emulator, ask: Ask, browser: httpx2.Client, output: str, problem: str
) -> None:
    emulator.respond([FunctionCall("get_weather", {}), Text("Done.")])
    run = ask("The weather?", tools=[TOOL])
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    fields = {f"output:{call.id}": output}
    asked = browser.post(f"{page_of(run)}/outputs", data=fields)
    assert (asked.status_code, problem in asked.text) == (400, True)
    assert browser.post(f"{page_of(run)}/outputs", data={**fields, "sure": "1"}).status_code == 303
    assert "status-completed" in browser.get(page_of(run)).text
