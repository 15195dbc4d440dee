"""Every page shows its objects, escaped, and refers to nothing outside of this server."""

import re
from typing import Any

import httpx2
import pytest
from inspector_helpers import Ask, page_of

from assistants_emulator import CodeInterpreter, Emulator, Fail, FileSearch, FunctionCall, Pause, Text
from assistants_emulator.inspector.routes import ROWS

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Says how it is outside"}}


@pytest.fixture
def filled(emulator: Emulator, ask: Ask) -> dict[str, str]:
    """A project in which every text that a user can set is hostile; the ids in the pages' paths."""
    client = emulator.client()
    file = client.files.create(file=(f"{HOSTILE[:30]}.md", HOSTILE.encode()), purpose="assistants")
    store = client.vector_stores.create(name=HOSTILE, file_ids=[file.id], metadata={"a": HOSTILE})
    emulator.respond(
        [
            CodeInterpreter(HOSTILE, logs=HOSTILE),
            FileSearch(),
            Text(HOSTILE, citations=[{"file": file.id, "quote": "alert"}]),
            FunctionCall("get_weather", {"city": HOSTILE}),
        ]
    )
    tools = [{"type": "code_interpreter"}, {"type": "file_search"}, WEATHER]
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    run = ask(HOSTILE, name=HOSTILE, instructions=HOSTILE, description=HOSTILE, tools=tools, tool_resources=resources)
    emulator.faults.add("GET /threads/*", status=500, message=HOSTILE, times=1)
    message = client.beta.threads.messages.list(run.thread_id).data[0]
    emulator.respond(Text(HOSTILE))
    conversation = client.conversations.create(metadata={"a": HOSTILE})
    answer = client.responses.create(
        model="gpt-4o", input=HOSTILE, instructions=HOSTILE, conversation=conversation.id, metadata={"b": HOSTILE}
    )
    container = client.containers.create(name=HOSTILE)
    client.containers.files.create(container.id, file=(f"{HOSTILE[:30]}.md", b"x"))
    return {
        "{response_id}": answer.id,
        "{conversation_id}": conversation.id,
        "{container_id}": container.id,
        "{project}": "default",
        "{assistant_id}": run.assistant_id,
        "{thread_id}": run.thread_id,
        "{run_id}": run.id,
        "{message_id}": message.id,
        "{file_id}": file.id,
        "{store_id}": store.id,
        "{number}": "1",
    }


def pages() -> list[str]:
    special = {
        ("projects", "{project}", "live"),
        ("projects", "{project}", "files", "{file_id}", "image"),
        ("projects", "{project}", "play", "{turn_id}"),  # in test_inspector_play.py
    }
    rows = [
        row for row in ROWS if row.method == "GET" and row.path not in special and not {"export", "state"} & {*row.path}
    ]
    paths = ["/".join(row.path) for row in rows]
    return [
        "?all=1",
        "projects/{project}/go?id=msg_",
        "projects/{project}/compare?a={run_id}&b={run_id}",
        *(path for path in paths if path and path[-3:] != "/go"),
    ]


@pytest.mark.parametrize("path", pages())
def test_it_is_shown_escaped_and_by_itself(emulator: Emulator, filled: dict[str, str], path: str) -> None:
    for name, id in filled.items():
        path = path.replace(name, id)
    answer = httpx2.get(emulator.inspector_url + path)
    assert answer.status_code == 200, answer.text
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert not re.search(r"""\son\w+=["']|<style|style=|<script>""", answer.text)
    assert not re.search(r"""(src|href|action)=["'](?!/_emulator/|#)""", answer.text)


def test_every_page_says_what_a_browser_may_do_with_it(emulator: Emulator) -> None:
    for path in ("", "projects/default", "projects/default/nowhere", "static/style.css"):
        headers = httpx2.get(emulator.inspector_url + path).headers
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["nowhere", "threads/thread_x", "assistants/asst_x", "threads/thread_x/runs/run_x", "files/file-x", "requests/9"],
)
def test_a_missing_object_is_an_error_page(browser: httpx2.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "Not found" in answer.text


def test_looking_at_an_unused_project_does_not_create_it(emulator: Emulator) -> None:
    assert httpx2.get(f"{emulator.inspector_url}projects/other").status_code == 404
    assert list(emulator.projects()) == ["default"]


def test_a_project_may_be_called_anything(emulator: Emulator) -> None:
    emulator.project("tests/a.py::test[<b>&x]").client().beta.threads.create()
    index = httpx2.get(f"{emulator.inspector_url}?all=1").text
    (href,) = re.findall(r'<th scope="row"><a href="([^"]+tests[^"]+)"', index)
    assert "tests/a.py::test[&lt;b&gt;&amp;x]" in index
    assert httpx2.get(emulator.inspector_url.replace("/_emulator/", href)).status_code == 200


def test_a_failed_run_says_why_without_json(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond([Text("Let me see."), Fail("rate_limit_exceeded", "You have used up your quota.")])
    run = ask("Hello")
    for path in ("runs", page_of(run), f"threads/{run.thread_id}", ""):
        shown = browser.get(path).text
        assert "rate_limit_exceeded" in shown
        assert "You have used up your quota." in shown


def test_a_failed_runs_page_begins_with_the_cause(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond([CodeInterpreter("1 / 0"), Fail("server_error", "You have used up your quota.")])
    shown = browser.get(page_of(ask("Hello", tools=[{"type": "code_interpreter"}]))).text
    told = shown.index('<p class="alert why" data-key="why"><strong>server_error</strong>')
    assert told < shown.index("You have used up your quota.") < shown.index("<dl")


def test_an_expired_run_says_that_it_did_not_finish_in_time(
    emulator: Emulator, ask: Ask, browser: httpx2.Client
) -> None:
    emulator.respond(FunctionCall("get_weather", {}))
    run = ask("Oslo?", tools=[WEATHER])
    emulator.clock.advance(601)
    assert "The run did not finish in time." in browser.get(page_of(run)).text


def test_a_run_tells_its_states_steps_and_usage(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond([CodeInterpreter("print(6 * 7)", logs="42"), Text("It is **42**.")])
    shown = browser.get(page_of(ask("6 times 7?", tools=[{"type": "code_interpreter"}]))).text
    timeline = re.sub(r"</?span[^>]*>", "", shown[shown.index('id="timeline"') :])  # without the marks of syntax
    told = ["queued", "in progress", "Ran code", "print(6 * 7)", "42", "Wrote a message", "<strong>42</strong>"]
    places = [timeline.index(text) for text in told]
    assert places == sorted(places)
    assert "respond(list)" in shown
    assert re.search(r"\d+ prompt \+ \d+ completion = \d+ tokens", shown)


def test_a_citation_leads_to_the_passage(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    client = emulator.client()
    text = b"The harbour opens at six. Every lamp is tested for nine days. Lunch is free."
    file = client.files.create(file=("rules.txt", text), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    cited = Text("Lamps are tested for nine days.", citations=[{"file": "rules.txt", "quote": "Every lamp"}])
    emulator.respond([FileSearch(query="lamp"), cited])
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    run = ask("How long?", tools=[{"type": "file_search"}], tool_resources=resources)
    shown = browser.get(f"threads/{run.thread_id}").text
    (anchor,) = re.findall(r'<sup class="cite"><a href="#([^"]+)">1</a></sup>', shown)
    assert f'id="{anchor}"' in shown
    assert "<mark>Every lamp is tested for nine days.</mark>" in shown
    assert "【" not in shown[shown.index('<div class="prose">') : shown.index('id="conversation"') + 4000]


def test_a_citation_that_no_search_found_has_its_quote(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.client().files.create(file=("rules.txt", b"Every lamp is tested."), purpose="assistants")
    emulator.respond(Text("Nine days.", citations=[{"file": "rules.txt", "quote": "Every lamp"}]))
    assert "<mark>Every lamp</mark>" in browser.get(f"threads/{ask('How long?').thread_id}").text


def test_a_search_ranks_chunks_with_scores(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    texts = {"cats.txt": b"Cats sleep all day.", "lamps.txt": b"Lamps burn all night."}
    ids = [client.files.create(file=pair, purpose="assistants").id for pair in texts.items()]
    store = client.vector_stores.create(file_ids=ids)
    shown = browser.get(f"vector_stores/{store.id}", params={"query": "lamps at night"}).text
    results = shown[shown.index('class="results"') : shown.index("<h2>Files</h2>")]
    scores = [float(score) for score in re.findall(r'title="Score from 0 to 1">([\d.]+)<', results)]
    assert results.index("lamps.txt") < results.index("cats.txt")
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0


def test_looking_into_a_store_is_no_use_of_it(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    emulator.clock.advance(3600)
    browser.get(f"vector_stores/{store.id}", params={"query": "anything"})
    assert client.vector_stores.retrieve(store.id).last_active_at == store.last_active_at


def test_images_are_what_their_bytes_say(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    png = client.files.create(file=("a.png", b"\x89PNG\r\n\x1a\n rest"), purpose="vision")
    svg = client.files.create(file=("b.png", b"<svg onload='alert(1)'></svg>"), purpose="vision")
    assert browser.get(f"files/{png.id}/image").headers["content-type"] == "image/png"
    assert browser.get(f"files/{svg.id}/image").status_code == 404


def test_a_paused_run_is_seen_as_it_stands(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond([Text("Wait."), Pause(), Text("Done.")])
    beta: Any = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o")
    thread = beta.threads.create(messages=[{"role": "user", "content": "Go"}])
    run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert "status-in_progress" in browser.get(page_of(run)).text
    assert browser.post(f"{page_of(run)}/resume").status_code == 303
    assert "status-completed" in browser.get(page_of(run)).text
