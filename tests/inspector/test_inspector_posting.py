"""Forms of the pages: their effects, and the check of their origin."""

import json

import httpx2
import pytest
from inspector_helpers import Ask, page_of

from assistants_emulator import Emulator, FunctionCall, Text

WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Says how it is outside"}}


def headers(**values: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in values.items()}


@pytest.mark.parametrize(
    "sent",
    [
        headers(),
        headers(Origin="http://evil.example"),
        headers(Origin="null"),
        headers(Sec_Fetch_Site="cross-site"),
        headers(Sec_Fetch_Site="same-site"),
        headers(Sec_Fetch_Site="none"),
        headers(Sec_Fetch_Site="same-origin", Origin="http://evil.example"),
    ],
)
def test_a_foreign_page_changes_nothing(emulator: Emulator, sent: dict[str, str]) -> None:
    before = emulator.clock.now()
    url = f"{emulator.inspector_url}projects/default/controls/advance"
    assert httpx2.post(url, data={"seconds": "60"}, headers=sent).status_code == 403
    assert emulator.clock.now() == before


def test_the_own_origin_may_post_without_fetch_metadata(emulator: Emulator) -> None:
    url = f"{emulator.inspector_url}projects/default/controls/advance"
    origin = {"Origin": emulator.base_url.removesuffix("/v1")}
    assert httpx2.post(url, data={"seconds": "60"}, headers=origin).status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8106", "127.0.0.1.evil.example"])
def test_another_name_pointed_here_sees_nothing(emulator: Emulator, host: str) -> None:
    assert httpx2.get(emulator.inspector_url, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8106", "my.localhost"])
def test_names_of_this_machine_and_its_network_are_let_in(emulator: Emulator, host: str) -> None:
    assert httpx2.get(f"{emulator.inspector_url}projects/default", headers={"Host": host}).status_code == 200


def test_reading_never_posts(browser: httpx2.Client) -> None:
    for path in ("controls/advance", "controls/faults/clear", "playground/assistants"):
        assert browser.get(path).status_code in (404, 405)


def test_the_clock_is_advanced_and_set(emulator: Emulator, browser: httpx2.Client) -> None:
    before = emulator.clock.now()
    assert browser.post("controls/advance", data={"seconds": "90"}).status_code == 303
    assert emulator.clock.now() == before + 90
    browser.post("controls/set", data={"when": "2030-01-01T00:00"})
    assert "2030-01-01 00:00:00" in browser.get("controls").text


@pytest.mark.parametrize("seconds", ["", "-1", "soon", "nan", "inf", "1e300"])
def test_a_clock_is_not_moved_by_what_is_no_time(emulator: Emulator, browser: httpx2.Client, seconds: str) -> None:
    before = emulator.clock.now()
    assert browser.post("controls/advance", data={"seconds": seconds}).status_code == 400
    assert emulator.clock.now() == before


def test_faults_are_added_shown_and_cleared(emulator: Emulator, browser: httpx2.Client) -> None:
    fault = {"method": "POST", "path": "/threads", "status": "429", "times": "2", "message": "Slow <down>"}
    assert browser.post("controls/faults", data=fault).status_code == 303
    (added,) = list(emulator.faults)
    assert (added.route, added.status, added.times) == ("POST /threads", 429, 2)
    assert "Slow &lt;down&gt;" in browser.get("controls").text
    browser.post("controls/faults/clear")
    assert list(emulator.faults) == []


@pytest.mark.parametrize(
    "fields", [{}, {"status": "200"}, {"status": "x"}, {"status": "429", "path": "threads"}, {"delay": "-1"}]
)
def test_an_invalid_fault_is_reported_on_the_page(
    emulator: Emulator, browser: httpx2.Client, fields: dict[str, str]
) -> None:
    answer = browser.post("controls/faults", data={"method": "POST", "path": "/threads", **fields})
    assert answer.status_code == 400
    assert "No fault was added" in answer.text
    assert list(emulator.faults) == []


def test_function_calls_are_answered_in_a_form(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    @emulator.respond
    def weather(turn):  # type: ignore[no-untyped-def]
        outputs = yield [FunctionCall("get_weather", {"city": "Oslo"}), FunctionCall("get_weather", {"city": "Rome"})]
        yield Text(" and ".join(outputs))

    run = ask("The weather?", tools=[WEATHER])
    shown = browser.get(page_of(run)).text
    assert "Says how it is outside" in shown
    ids = [call.id for call in run.required_action.submit_tool_outputs.tool_calls]
    fields = dict(zip((f"output:{id}" for id in ids), ("rain", "sun"), strict=True))
    assert browser.post(f"{page_of(run)}/outputs", data=fields).status_code == 303
    assert "rain and sun" in browser.get(page_of(run)).text


def test_a_missing_output_is_reported_on_the_page(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond([FunctionCall("get_weather", {}), Text("Done.")])
    run = ask("The weather?", tools=[WEATHER])
    answer = browser.post(f"{page_of(run)}/outputs", data={"output:call_x": "rain"})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_a_run_is_cancelled(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond([FunctionCall("get_weather", {}), Text("Done.")])
    run = ask("The weather?", tools=[WEATHER])
    assert browser.post(f"{page_of(run)}/cancel").status_code == 303
    assert "status-cancelled" in browser.get(page_of(run)).text
    assert browser.post(f"{page_of(run)}/cancel").status_code == 400


def test_an_assistant_is_made_in_the_playground(emulator: Emulator, browser: httpx2.Client) -> None:
    functions = json.dumps([{"name": "get_weather", "parameters": {"type": "object", "properties": {}}}])
    fields = {"name": "Desk", "model": "gpt-4o", "file_search": "1", "functions": functions}
    assert browser.post("playground/assistants", data=fields).status_code == 303
    (made,) = emulator.client().beta.assistants.list().data
    assert [tool.type for tool in made.tools] == ["file_search", "function"]
    for broken in ("{", "[1]", '[{"name": "no good"}]'):
        answer = browser.post("playground/assistants", data={**fields, "functions": broken})
        assert answer.status_code == 400
        assert "could not be created" in answer.text


def test_a_form_is_bounded(browser: httpx2.Client) -> None:
    assert browser.post("controls/advance", content=b"x" * 2_000_000).status_code == 413
