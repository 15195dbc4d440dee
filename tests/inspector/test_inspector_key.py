"""With `--api-key` the pages require the key, since they show all data of the server."""

from collections.abc import Iterator

import httpx2
import pytest

from assistants_emulator import Emulator

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def guarded() -> Iterator[Emulator]:
    with Emulator(api_key="sk-secret") as running:
        yield running


@pytest.mark.parametrize("path", ["", "projects/default", "projects/default/live", "projects/other/threads"])
def test_without_it_there_is_only_the_sign_in_page(guarded: Emulator, path: str) -> None:
    answer = httpx2.get(guarded.inspector_url + path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/_emulator/sign-in")
    page = httpx2.get(guarded.inspector_url + "sign-in")
    assert page.status_code == 200
    assert "sk-secret" not in page.text


def test_signing_in_lets_this_browser_in(guarded: Emulator) -> None:
    with httpx2.Client(base_url=guarded.inspector_url, headers=SAME) as browser:
        wrong = browser.post("sign-in", data={"key": "sk-wrong"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)
        right = browser.post("sign-in", data={"key": "sk-secret"})
        assert {"HttpOnly", "SameSite=strict"} <= set(right.headers["set-cookie"].split("; "))
        assert "sk-secret" not in right.headers["set-cookie"]
        assert browser.get("projects/default").status_code == 200


def test_a_cookie_that_was_not_issued_is_refused(guarded: Emulator) -> None:
    answer = httpx2.get(guarded.inspector_url, headers={"Cookie": b"assistants_emulator_inspector=\xe9"})
    assert answer.status_code == 303


def test_a_program_sends_it_as_ever(guarded: Emulator) -> None:
    headers = {"Authorization": "Bearer sk-secret"}
    assert httpx2.get(f"{guarded.inspector_url}projects/default", headers=headers).status_code == 200


def test_health_and_style_need_none(guarded: Emulator) -> None:
    assert httpx2.get(f"{guarded.inspector_url}health").status_code == 200
    assert httpx2.get(f"{guarded.inspector_url}static/style.css").status_code == 200
