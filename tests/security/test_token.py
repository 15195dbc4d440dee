"""The token of a start: who needs it, and how it is presented."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from assistants_emulator import Emulator

SAME = {"Sec-Fetch-Site": "same-origin"}
TOKEN = "X-Assistants-Emulator-Token"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """It runs code, so it needs its token."""
    with Emulator(allow_code_execution=True) as running:
        yield running


def reset(emulator: Emulator, **options: dict[str, str]) -> int:
    return httpx2.post(f"{emulator.inspector_url}reset", **options).status_code


def test_each_start_has_a_token_of_its_own(emulator: Emulator) -> None:
    with Emulator() as other:
        assert len(other.token) == 48
        assert other.token != emulator.token
        assert other.inspector_link == f"{other.inspector_url}?token={other.token}"


def test_writes_of_the_control_api_need_it(emulator: Emulator) -> None:
    assert reset(emulator) == 403
    assert reset(emulator, headers={TOKEN: emulator.token}) == 200
    assert reset(emulator, params={"token": emulator.token}) == 200


def test_a_new_state_needs_it_and_is_sent_with_the_headers_of_other_answers(emulator: Emulator) -> None:
    url = f"{emulator.inspector_url}state"
    assert httpx2.put(url, json={"threads": [{"id": "thread_1"}]}).status_code == 403
    assert httpx2.get(url).json()["threads"] == []
    answer = httpx2.put(url, json={"threads": [{"id": "thread_1"}]}, headers={TOKEN: emulator.token})
    assert [thread["id"] for thread in answer.json()["threads"]] == ["thread_1"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_server_whose_assistant_a_person_plays_needs_it() -> None:
    with Emulator(person=True) as played:
        assert reset(played) == 403
        assert httpx2.get(f"{played.inspector_url}projects/default/play").status_code == 303
        assert reset(played, headers={TOKEN: played.token}) == 200


def test_a_project_needs_it_from_the_moment_that_a_person_plays() -> None:
    with Emulator() as running:
        url = f"{running.inspector_url}projects/default/play"
        httpx2.post(url, data={"mode": "all"}, headers=SAME)
        assert reset(running) == 403
        assert httpx2.get(url).status_code == 303
        assert reset(running, headers={"Authorization": "Bearer sk-emulator-other"}) == 200
        httpx2.post(f"{url}?token={running.token}", data={"mode": "off"}, headers=SAME)
        assert reset(running) == 200


@pytest.mark.parametrize("token", ["", "wrong", "\xe9"])
def test_another_token_is_refused(emulator: Emulator, token: str) -> None:
    assert reset(emulator, params={"token": token}) == 403


def test_a_page_of_another_port_cannot_have_code_run(emulator: Emulator) -> None:
    page = {"Origin": "http://localhost:3000", "Content-Type": "text/plain"}
    script = {"version": 1, "replies": [{"do": [{"code_interpreter": {"input": "print(1)"}}]}]}
    assert httpx2.put(f"{emulator.inspector_url}script", json=script, headers=page).status_code == 403


def test_the_api_and_reads_of_the_control_api_need_none(emulator: Emulator) -> None:
    assert emulator.client().beta.threads.create().object == "thread"
    assert httpx2.get(f"{emulator.inspector_url}clock").status_code == 200


def test_without_code_execution_nothing_needs_it() -> None:
    with Emulator() as running:
        assert reset(running) == 200
        assert httpx2.get(f"{running.inspector_url}projects/default").status_code == 200


def test_the_api_key_does_not_take_its_place() -> None:
    with Emulator(allow_code_execution=True, api_key="sk-right") as running:
        headers = {"Authorization": "Bearer sk-right"}
        assert reset(running, headers=headers) == 403
        assert reset(running, headers={**headers, TOKEN: running.token}) == 200
        assert httpx2.get(running.inspector_url, headers=headers).status_code == 303


def test_the_inspector_needs_it(emulator: Emulator) -> None:
    answer = httpx2.get(f"{emulator.inspector_url}projects/default")
    assert (answer.status_code, answer.headers["location"]) == (303, "/_emulator/sign-in")


def test_the_printed_address_signs_a_browser_in(emulator: Emulator) -> None:
    with httpx2.Client(follow_redirects=True) as browser:
        page = browser.get(f"{emulator.inspector_url}projects/default/runs?after=&token={emulator.token}")
        assert page.status_code == 200
        assert "token" not in str(page.url)
        assert browser.get(f"{emulator.inspector_url}projects/default").status_code == 200


def test_a_person_can_enter_it(emulator: Emulator) -> None:
    with httpx2.Client(base_url=emulator.inspector_url, headers=SAME) as browser:
        assert "Token" in browser.get("sign-in").text
        assert browser.post("sign-in", data={"key": "wrong"}).status_code == 403
        assert browser.post("sign-in", data={"key": emulator.token}).status_code == 303
        assert browser.get("projects/default").status_code == 200


def test_the_cookie_is_a_random_session_of_this_port(emulator: Emulator) -> None:
    answers = [httpx2.get(emulator.inspector_link) for _ in range(2)]
    first, second = (answer.headers["set-cookie"] for answer in answers)
    port = httpx2.URL(emulator.base_url).port
    assert first.startswith(f"assistants_emulator_inspector_{port}=")
    assert {"HttpOnly", "SameSite=strict"} <= set(first.split("; "))
    assert first != second
    assert emulator.token not in first


def test_the_cookie_of_another_server_is_refused(emulator: Emulator) -> None:
    port = httpx2.URL(emulator.base_url).port
    with Emulator(allow_code_execution=True) as other:
        session = httpx2.get(other.inspector_link).headers["set-cookie"].partition("=")[2].partition(";")[0]
    cookie = {"Cookie": f"assistants_emulator_inspector_{port}={session}"}
    assert httpx2.get(emulator.inspector_url, headers=cookie).status_code == 303


def test_a_command_beside_the_server_gets_it_where_it_is_needed() -> None:
    shown = "import os; print(len(os.environ.get('ASSISTANTS_EMULATOR_TOKEN', '')))"
    serve = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0"]
    ran = subprocess.run(
        [*serve, "--allow-code-execution", "--", sys.executable, "-c", shown], capture_output=True, text=True
    )
    assert ran.stdout == "48\n", ran.stderr


@pytest.mark.parametrize("path", ["health", "clock", "nothing", "reset"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_answers_of_the_control_api_cannot_be_used_by_other_pages(emulator: Emulator, path: str, host: str) -> None:
    headers = httpx2.get(emulator.inspector_url + path, headers={"Host": host}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
