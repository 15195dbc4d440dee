"""The request log: what was sent and what was answered, within bounds."""

import re

import httpx2

from assistants_emulator import Emulator
from assistants_emulator.project.request_log import MOST_ANSWER_BYTES, MOST_ANSWERS, RequestLog


def answered(shown: str) -> str:
    """The part of a call's page that is about its answer."""
    return shown[shown.index("<h2>Response</h2>") : shown.index("As curl")]


def test_a_call_shows_its_answer(emulator: Emulator, browser: httpx2.Client) -> None:
    thread = emulator.client().beta.threads.create()
    assert thread.id in answered(browser.get("requests/1").text)


def test_an_error_shows_its_message(emulator: Emulator, browser: httpx2.Client) -> None:
    headers = {"Authorization": f"Bearer {emulator.api_key}", "OpenAI-Beta": "assistants=v2"}
    httpx2.get(f"{emulator.base_url}/threads/thread_gone", headers=headers)
    assert "No thread found with id" in answered(browser.get("requests/1").text)
    assert "No thread found with id" in browser.get("requests?show=errors").text


def test_broken_json_is_shown_as_it_was_sent(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.faults.add("GET /models", malformed=True)
    sent = httpx2.get(f"{emulator.base_url}/models", headers={"Authorization": f"Bearer {emulator.api_key}"})
    assert emulator.requests[0].answer == sent.content


def test_a_call_says_how_long_it_took(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.client().beta.threads.create()
    assert re.search(r'<td class="num dim">\d[\d.]* (ms|s)</td>', browser.get("requests").text)


def test_a_stream_is_shown_as_a_stream(emulator: Emulator, browser: httpx2.Client) -> None:
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o", instructions="Be brief.")
    list(beta.threads.create_and_run(assistant_id=assistant.id, stream=True))
    assert "An event stream." in answered(browser.get("requests/2").text)
    assert '<span class="chip">stream</span>' in browser.get("requests").text


def test_a_file_is_not_kept(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    file = client.files.create(file=("a.json", b"[1234567]"), purpose="vision")
    client.files.content(file.id)
    assert "No body to show." in answered(browser.get("requests/2").text)


def test_a_long_answer_is_cut(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.client().beta.assistants.create(model="gpt-4o", instructions="x" * 10_000)
    assert "Only the first 4 kB are kept." in answered(browser.get("requests/1").text)
    assert len(emulator.requests[0].answer or b"") == MOST_ANSWER_BYTES


def test_old_answers_are_forgotten() -> None:
    log = RequestLog()
    for number in range(MOST_ANSWERS + 2):
        log.add("GET", "/v1/models", b"", 200, answer=b"%d" % number)
    assert [call.answer for call in log[:3]] == [None, None, b"2"]


def test_an_answer_is_copied_into_as_many_bytes_as_it_has() -> None:
    answer = b"{}" * 100
    kept = RequestLog().add("GET", "/v1/models", b"", 200, answer=answer).answer
    assert kept == answer
    assert kept is not answer


def test_a_call_leads_to_what_it_has_made_and_what_it_names(emulator: Emulator, browser: httpx2.Client) -> None:
    beta = emulator.client().beta
    assistant, thread = beta.assistants.create(model="gpt-4o"), beta.threads.create()
    beta.threads.messages.create(thread.id, role="user", content="Hello")
    run = beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    page = browser.get("requests/4").text
    base = "/_emulator/projects/default"
    links = (f"threads/{thread.id}", f"threads/{thread.id}/runs/{run.id}", f"assistants/{assistant.id}")
    assert [f'href="{base}/{link}"' in page for link in links] == [True] * 3


def test_an_objects_page_leads_to_the_calls_that_name_it(emulator: Emulator, browser: httpx2.Client) -> None:
    thread = emulator.client().beta.threads.create()
    emulator.client().beta.threads.create()
    assert f'requests?text={thread.id}"' in browser.get(f"threads/{thread.id}").text
    found = browser.get("requests", params={"text": thread.id}).text
    assert re.findall(r'href="/_emulator/projects/default/requests/(\d+)"', found) == ["1"]
