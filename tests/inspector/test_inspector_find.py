"""Lists are narrowed by text, status and id, and two objects are compared."""

import re
from typing import Any

import httpx2
import pytest
from inspector_helpers import Ask, page_of

from assistants_emulator import Emulator, FunctionCall, Text
from assistants_emulator.project import transcript

WEATHER = {"type": "function", "function": {"name": "get_weather"}}


def titles(answer: httpx2.Response) -> list[str]:
    """The first lines of the rows of a list."""
    assert answer.status_code == 200, answer.text
    shown = answer.text[answer.text.index('id="list"') :]
    return re.findall(r'<a class="title" href="[^"]+">([^<]+)</a>', shown)


def chips(answer: httpx2.Response) -> dict[str, str]:
    found = re.findall(r'<li class="pill"[^>]*><a [^>]+>([\w ]+) <span class="count">([\d,]+)<', answer.text)
    return dict(found)


@pytest.fixture
def asked(emulator: Emulator, ask: Ask) -> dict[str, Any]:
    """Three threads: answered, waiting for an output, and failed."""
    emulator.respond([FunctionCall("get_weather", {}), Text("It rains.")], when="Oslo")
    emulator.respond("Once upon a time, a Lighthouse.", when="story")
    asked = {"story": ask("Tell me a story"), "oslo": ask("The weather in Oslo?", tools=[WEATHER])}
    asked["bergen"] = ask("The weather in Bergen?")
    threads = emulator.client().beta.threads
    threads.update(asked["oslo"].thread_id, metadata={"user": "carol"})
    return asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WEATHER", ["The weather in Bergen?", "The weather in Oslo?"]),
        ("lighthouse", ["Tell me a story"]),
        ("user:carol", ["The weather in Oslo?"]),
        ("nowhere", []),
    ],
)
def test_threads_are_found_by_what_was_said_and_by_metadata(
    asked: dict[str, Any], browser: httpx2.Client, text: str, expected: list[str]
) -> None:
    assert titles(browser.get("threads", params={"text": text})) == expected


def test_words_that_the_title_does_not_have_are_shown_in_their_place(
    asked: dict[str, Any], browser: httpx2.Client
) -> None:
    assert "a <mark>Lighthouse</mark>." in browser.get("threads?text=lighthouse").text


def test_threads_are_counted_and_listed_by_the_status_of_their_runs(
    asked: dict[str, Any], browser: httpx2.Client
) -> None:
    assert chips(browser.get("threads")) == {"All": "3", "waiting": "1", "failed": "1"}
    assert titles(browser.get("threads?status=failed")) == ["The weather in Bergen?"]
    assert titles(browser.get("threads?status=waiting&text=story")) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("text=lighthouse", ["Tell me a story"]),
        ("text=weather", ["The weather in Bergen?", "The weather in Oslo?"]),
        ("text=weather&status=failed", ["The weather in Bergen?"]),
        ("status=requires_action", ["The weather in Oslo?"]),
        ("text=tutor", ["The weather in Bergen?", "The weather in Oslo?", "Tell me a story"]),
    ],
)
def test_runs_are_found_by_question_answer_assistant_and_status(
    asked: dict[str, Any], browser: httpx2.Client, query: str, expected: list[str]
) -> None:
    assert titles(browser.get(f"runs?{query}")) == expected


def test_a_run_has_its_own_question_among_those_of_its_thread(
    emulator: Emulator, ask: Ask, browser: httpx2.Client
) -> None:
    run = ask("First?")
    beta = emulator.client().beta
    beta.threads.messages.create(run.thread_id, role="user", content="Second?")
    beta.threads.runs.create_and_poll(thread_id=run.thread_id, assistant_id=run.assistant_id)
    assert titles(browser.get("runs")) == ["Second?", "First?"]
    assert titles(browser.get("runs?text=first?")) == ["First?"]
    assert titles(browser.get("runs?text=second?")) == ["Second?"]


def test_the_navigation_counts_what_failed_and_what_waits(asked: dict[str, Any], browser: httpx2.Client) -> None:
    badges = re.findall(r'<span class="badge status-\w+">([^<]+)</span>', browser.get("files").text)
    assert badges == ["1 failed", "1 waiting"]


def test_a_filtered_list_goes_on_with_its_filters(emulator: Emulator, browser: httpx2.Client) -> None:
    threads = [{"id": f"thread_{n}", "metadata": {"n": "even" if n % 2 == 0 else "odd"}} for n in range(130)]
    emulator.load_state({"threads": threads})
    first = browser.get("threads?text=n:even")
    (older,) = re.findall(r'<a rel="next" href="([^"]+)">Older', first.text)
    second = browser.get(str(first.url.join(older.replace("&amp;", "&"))))
    assert [len(titles(first)), len(titles(second))] == [50, 15]
    assert "thread_28<" in second.text


@pytest.mark.parametrize("length", [None, 12])
def test_the_beginning_of_an_id_is_enough(asked: dict[str, Any], browser: httpx2.Client, length: int | None) -> None:
    run = asked["story"]
    answer = browser.get("go", params={"id": run.id[:length]})
    assert (answer.status_code, answer.headers["location"].endswith(page_of(run))) == (303, True)


def test_several_ids_are_a_list_and_words_are_a_search(asked: dict[str, Any], browser: httpx2.Client) -> None:
    several = browser.get("go?id=run_").text
    assert all(run.id in several for run in asked.values())
    assert browser.get("go?id=Oslo").headers["location"].endswith("/threads?text=Oslo")


def test_requests_are_chosen_by_method_status_and_duration(asked: dict[str, Any], browser: httpx2.Client) -> None:
    counts = chips(browser.get("requests"))
    assert counts["All"] == counts["2xx"]
    assert set(re.findall(r"<td>(GET|POST)</td>", browser.get("requests?method=POST").text)) == {"POST"}
    assert "No requests match." in browser.get("requests?status=5xx").text
    assert "No requests match." in browser.get("requests?slower=60000").text
    assert "No requests match." not in browser.get("requests?since=3600&status=2xx").text


def test_a_failed_runs_page_says_which_conditions_hold(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond("Rain.", when={"message": "weather", "model": "gpt-4o-mini"}, times=1)
    page = browser.get(page_of(ask("The weather?"))).text
    assert "</a> The weather?</blockquote>" in page
    assert "No rule matches this run: last user message &#39;The weather?&#39;" in page
    verdicts = re.findall(r'<li class="(holds|fails)">.*?<code>([^<]+)</code>', page)
    assert verdicts == [("holds", "message matches &#39;weather&#39;"), ("fails", "model is &#39;gpt-4o-mini&#39;")]


def test_two_runs_are_compared_line_by_line(asked: dict[str, Any], browser: httpx2.Client) -> None:
    a, b = asked["story"].id, asked["bergen"].id
    page = browser.get("compare", params={"a": a, "b": b}).text
    assert "<td><mark>completed</mark></td><td><mark>failed</mark></td>" in page
    assert "<td>gpt-4o</td><td>gpt-4o</td>" in page
    assert "No differences." in browser.get("compare", params={"a": a, "b": a}).text


def test_of_long_threads_the_newest_lines_alone_are_written_and_compared(
    emulator: Emulator, browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    write = transcript._line
    monkeypatch.setattr(transcript, "_line", lambda message, text: lines.append(text) or write(message, text))
    for id in ("thread_a", "thread_b"):
        texts = [f"{id} begins", *(f"message {number}" for number in range(500))]
        emulator.add_thread(id, messages=[{"role": "user", "content": text} for text in texts])
    page = browser.get("compare", params={"a": "thread_a", "b": "thread_b"}).text
    assert (len(lines), "message 499" in page, "begins" in page) == (2 * 400, True, False)


def test_quotation_marks_are_escaped_once(emulator: Emulator, ask: Ask, browser: httpx2.Client) -> None:
    emulator.respond("It's raining.", when="weather")
    run = ask("How's the weather?")
    for path in (page_of(run), "runs", f"compare?a={run.id}&b={run.id}", "threads?text=raining"):
        page = browser.get(path).text
        assert "&#39;s" in page
        assert "&amp;#39;" not in page


def test_what_cannot_be_compared_is_told(asked: dict[str, Any], browser: httpx2.Client) -> None:
    run = asked["story"]
    two_kinds = browser.get("compare", params={"a": run.id, "b": run.thread_id})
    assert (two_kinds.status_code, "These are of two kinds" in two_kinds.text) == (404, True)
    assert "There is no run, thread, response or conversation" in browser.get("compare?a=run_x").text
    assert asked["bergen"].id in browser.get("compare", params={"a": run.id}).text


def test_responses_show_their_items_and_neighbours(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.respond("Once upon a time.", when="story")
    client = emulator.client()
    first = client.responses.create(model="gpt-4o", input="Tell me a story")
    second = client.responses.create(model="gpt-4o", input="Another story", previous_response_id=first.id)
    failed = client.responses.create(model="gpt-4o", input="The weather?")
    assert titles(browser.get("responses")) == ["The weather?", "Another story", "Tell me a story"]
    assert titles(browser.get("responses?text=once&status=completed")) == ["Another story", "Tell me a story"]
    page = browser.get(f"responses/{first.id}").text
    assert "Once upon a time." in page
    assert f'rel="next" href="/_emulator/projects/default/responses/{second.id}"' in page
    assert '<li class="fails">' in browser.get(f"responses/{failed.id}").text


def test_a_conversation_shows_its_items_page_by_page(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    conversation = client.conversations.create(metadata={"user": "carol"})
    for start in range(0, 120, 20):
        items: Any = [{"role": "user", "content": f"word {start + n}."} for n in range(20)]
        client.conversations.items.create(conversation.id, items=items)
    assert titles(browser.get("conversations?text=user:carol")) == ["word 0."]
    page = browser.get(f"conversations/{conversation.id}").text
    assert re.findall(r"<p>word (\d+)\.", page) == [str(n) for n in range(20, 120)]
    (older,) = re.findall(r'<a href="[^"]+after=([^"]+)">Older items', page)[:1]
    older_page = browser.get(f"conversations/{conversation.id}?after={older}").text
    assert re.findall(r"<p>word (\d+)\.", older_page) == [str(n) for n in range(20)]


def test_a_single_project_needs_no_list(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.client().beta.threads.create()
    assert httpx2.get(emulator.inspector_url).headers["location"] == "/_emulator/projects/default"
    emulator.project("other").client().beta.threads.create()
    home = httpx2.get(emulator.inspector_url)
    assert home.status_code == 200
    assert "/_emulator/projects/other" in home.text


def test_a_theme_is_set_by_a_form_of_the_page_alone(emulator: Emulator, browser: httpx2.Client) -> None:
    url = f"{emulator.inspector_url}theme"
    form = {"theme": "dark", "back": "/_emulator/projects/default/runs"}
    answer = browser.post(url, data=form)
    assert answer.headers["location"] == form["back"]
    assert '<html lang="en" data-theme="dark">' in browser.get("runs").text
    assert browser.post(url, data={"theme": "", "back": "https://evil.example/"}).headers["location"] == "/_emulator/"
    assert "data-theme" not in browser.get("runs").text
    assert httpx2.post(url, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
