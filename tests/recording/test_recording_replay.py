"""The choice of the recorded exchange that answers: polls, writes, ids, bodies, and the report when none matches."""

from __future__ import annotations

from typing import Any

import pytest

from assistants_emulator.recording import Body, Event, Exchange, Part, Request, Response, Stored
from assistants_emulator.recording.matchers import DEFAULT, Matcher, beta
from assistants_emulator.recording.replay import MOST_REPEATS, NoMatch, Replay

RUN = "/threads/thread_1/runs/run_1"
UUID = ["0b2f6b0e-9df1-4f6c-a1b0-3f1f6a3f4e11", "7c2f6b0e-9df1-4f6c-a1b0-3f1f6a3f4e22"]


def said(method: str, path: str, asked: Any = None, answer: Any = None, status: int = 200) -> Exchange:
    body = None if asked is None else Body.json(asked)
    return Exchange(Request(method, path, {}, body), Response(status, {}, Body.json(answer)))


def polls(*statuses: str) -> list[Exchange]:
    return [said("GET", RUN, answer=status) for status in statuses]


def answer(replay: Replay, method: str, path: str, body: Any = None) -> Any:
    found = replay.find(Request(method, path, {}, None if body is None else Body.json(body)))
    if isinstance(found, NoMatch):
        return str(found)
    assert found.response is not None
    told = replay.ids.with_client_ids(found.response.body)
    return told and told.value


def test_polls_move_through_the_recorded_states_and_the_last_one_repeats() -> None:
    replay = Replay(polls("queued", "in_progress", "completed"))
    assert [answer(replay, "GET", RUN) for _ in range(5)] == ["queued", "in_progress", *["completed"] * 3]


def test_a_write_that_comes_early_skips_the_polls_before_it() -> None:
    submit = said("POST", f"{RUN}/submit_tool_outputs", {}, "submitted")
    replay = Replay([*polls("queued", "in_progress", "requires_action"), submit, *polls("queued", "completed")])
    assert answer(replay, "GET", RUN) == "queued"
    assert answer(replay, "POST", f"{RUN}/submit_tool_outputs", {}) == "submitted"
    assert [answer(replay, "GET", RUN) for _ in range(3)] == ["queued", "completed", "completed"]


def test_polling_more_often_does_not_run_ahead_of_a_write() -> None:
    submit = said("POST", f"{RUN}/submit_tool_outputs", {}, "submitted")
    replay = Replay([*polls("requires_action"), submit, *polls("completed")])
    assert [answer(replay, "GET", RUN) for _ in range(4)] == ["requires_action"] * 4
    answer(replay, "POST", f"{RUN}/submit_tool_outputs", {})
    assert answer(replay, "GET", RUN) == "completed"


def test_a_poll_that_waits_for_the_write_of_another_client_continues_in_the_end() -> None:
    replay = Replay([*polls("queued"), said("POST", "/threads/thread_1/messages", {}, "message"), *polls("completed")])
    assert [answer(replay, "GET", RUN) for _ in range(MOST_REPEATS + 3)][-2:] == ["completed", "completed"]


def test_a_list_is_the_one_of_its_time() -> None:
    messages = "/threads/thread_1/messages"
    before, after = said("GET", messages, answer="one"), said("GET", messages, answer="two")
    replay = Replay([before, said("POST", "/threads/thread_1/runs", {}, "run"), after])
    assert answer(replay, "POST", "/threads/thread_1/runs", {}) == "run"
    assert answer(replay, "GET", messages) == "two"


def test_two_threads_do_not_hold_each_other_up() -> None:
    other = "/threads/thread_2/messages"
    replay = Replay([*polls("queued"), said("POST", other, {}, "message"), *polls("completed")])
    assert [answer(replay, "GET", RUN) for _ in range(2)] == ["queued", "completed"]


def test_a_write_is_replayed_as_often_as_it_was_recorded() -> None:
    replay = Replay([said("POST", "/threads", {}, "first"), said("POST", "/threads", {}, "second")])
    assert [answer(replay, "POST", "/threads", {}) for _ in range(2)] == ["first", "second"]
    assert "it was replayed already, as often as it was recorded" in answer(replay, "POST", "/threads", {})


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1, "b": None}, {"a": 1}),
        ({"a": 1.0}, {"a": 1}),
        ({}, None),
        (
            {"tool_outputs": [{"tool_call_id": "call_1"}, {"tool_call_id": "call_2"}]},
            {"tool_outputs": [{"tool_call_id": "call_2"}, {"tool_call_id": "call_1"}]},
        ),
    ],
)
def test_bodies_that_mean_the_same_match(recorded: Any, asked: Any) -> None:
    assert answer(Replay([said("POST", "/threads", recorded, "thread")]), "POST", "/threads", asked) == "thread"


@pytest.mark.parametrize(
    ("recorded", "asked", "told"),
    [
        ({"model": "gpt-4o"}, {"model": "gpt-4.1"}, "body.model is 'gpt-4.1', recorded was 'gpt-4o'"),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "body.a.b[1] is 3, recorded was 2"),
        ({"a": [1]}, {"a": [1, 2]}, "body.a is [1, 2], recorded was [1]"),
        ({"a": 1}, {}, "body.a is missing, recorded was 1"),
        ({"a": 1}, {"a": True}, "body.a is true, recorded was 1"),
        ({"a": "x" * 200}, {"a": "x" * 199 + "y"}, "body.a is '...xxxxxxxxxxxxxxxxxxxxy...', recorded was '...x"),
    ],
)
def test_a_body_that_differs_is_reported_by_its_field(recorded: Any, asked: Any, told: str) -> None:
    replay = Replay([said("POST", "/threads", recorded)])
    assert told in answer(replay, "POST", "/threads", asked)


def test_a_query_matches_in_any_order_and_with_or_without_brackets() -> None:
    replay = Replay([said("GET", "/threads?limit=2&include%5B%5D=a", answer="list")])
    assert answer(replay, "GET", "/threads?include=a&limit=2") == "list"
    assert "query limit is '3', recorded was '2'" in answer(replay, "GET", "/threads?include=a&limit=3")


def test_the_nearest_is_the_one_with_the_same_path() -> None:
    replay = Replay([said("GET", "/threads"), said("POST", "/threads", {"a": 1}), said("POST", "/assistants", {})])
    assert answer(replay, "POST", "/threads", {"a": 2}) == (
        "No recorded request matches POST /threads. The nearest is exchange 2, POST /threads: "
        "body.a is 2, recorded was 1"
    )


def test_an_empty_cassette_is_reported_as_that() -> None:
    assert answer(Replay([]), "GET", "/threads") == ("No recorded request matches GET /threads: the cassette is empty.")


def test_an_id_that_the_client_brings_along_may_be_another() -> None:
    created = said("POST", "/threads/runs", {"assistant_id": "asst_recorded1"}, {"assistant_id": "asst_recorded1"})
    replay = Replay([said("GET", "/assistants/asst_recorded1", answer={"id": "asst_recorded1"}), created])
    assert answer(replay, "GET", "/assistants/asst_mine2") == {"id": "asst_mine2"}
    assert answer(replay, "POST", "/threads/runs", {"assistant_id": "asst_mine2"}) == {"assistant_id": "asst_mine2"}


def test_an_id_that_the_client_makes_may_be_another_and_comes_back() -> None:
    recorded = said("POST", "/threads", {"metadata": {"session": UUID[0]}}, {"metadata": {"session": UUID[0]}})
    replay = Replay([recorded])
    assert answer(replay, "POST", "/threads", {"metadata": {"session": UUID[1]}}) == {"metadata": {"session": UUID[1]}}


def test_one_id_does_not_stand_for_two() -> None:
    one, other = said("GET", "/assistants/asst_1", answer=1), said("GET", "/assistants/asst_2", answer=2)
    replay = Replay([one, other])
    assert [answer(replay, "GET", f"/assistants/asst_{id}") for id in ("9", "9", "8")] == [1, 1, 2]


def test_an_id_from_an_answer_matches_only_itself() -> None:
    replay = Replay([said("POST", "/threads", {}, {"id": "thread_1"}), said("GET", "/threads/thread_1", answer={})])
    assert "path is /threads/thread_9, recorded was /threads/thread_1" in answer(replay, "GET", "/threads/thread_9")


def upload(content: bytes, kind: str = "text/plain", filename: str = "a.txt") -> Request:
    file = Part("file", filename=filename, content_type=kind, file=Stored.of(content))
    return Request("POST", "/files", {}, Body.form([Part("purpose", "assistants"), file]))


def test_uploads_match_by_fields_name_and_digest() -> None:
    replay = Replay([Exchange(upload(b"one"), Response(200))])
    assert isinstance(missed := replay.find(upload(b"two")), NoMatch)
    assert missed.difference.startswith("body.file.content is '3 bytes, sha256 3fc4ccfe")
    assert isinstance(replay.find(upload(b"one", "application/octet-stream")), Exchange)


def test_the_name_of_a_temporary_file_may_be_another_and_comes_back() -> None:
    made = Response(200, {}, Body.json({"filename": "tmpzrml_fh1.txt"}))
    replay = Replay([Exchange(upload(b"one", filename="tmpzrml_fh1.txt"), made)])
    assert isinstance(replay.find(upload(b"one", filename="tmpit2xeb28.txt")), Exchange)
    body = replay.ids.with_client_ids(Body.json("see 【4:0†tmpzrml_fh1.txt】"))
    assert body == Body.json("see 【4:0†tmpit2xeb28.txt】")


@pytest.mark.parametrize("filename", ["b.txt", "tmpit2xeb28.pdf", "b-tmpit2xeb28.txt"])
def test_any_other_name_is_another_file(filename: str) -> None:
    replay = Replay([Exchange(upload(b"one", filename="tmpzrml_fh1.txt"), Response(200))])
    assert isinstance(missed := replay.find(upload(b"one", filename=filename)), NoMatch)
    assert missed.difference == f"body.file.filename is {filename!r}, recorded was 'tmpzrml_fh1.txt'"


def test_matchers_are_functions_whose_text_is_the_difference() -> None:
    def polite(recorded: Request, asked: Request, ids: object) -> str | None:
        return None if asked.headers.get("x-please") else "it did not say please"

    matchers: list[Matcher] = [*DEFAULT, polite, beta]
    replay = Replay([said("GET", "/threads")], matchers)
    assert "it did not say please" in answer(replay, "GET", "/threads")
    assert isinstance(replay.find(Request("GET", "/threads", {"x-please": "1"})), Exchange)
    assert isinstance(replay.find(Request("GET", "/threads", {"x-please": "1", "openai-beta": "x"})), NoMatch)


def test_leftovers_are_writes_and_what_was_never_looked_at() -> None:
    replay = Replay([*polls("queued", "completed"), said("POST", "/threads", {}), said("GET", "/files")])
    answer(replay, "GET", RUN)
    assert [str(exchange.request) for exchange in replay.leftovers()] == ["POST /threads", "GET /files"]


def test_the_clients_ids_are_in_streams_too() -> None:
    request = Request("POST", "/threads/runs", {}, Body.json({"assistant_id": "asst_1"}))
    events = Body.events([Event("thread.run.created", {"assistant_id": "asst_1"}), Event("done", "[DONE]")])
    replay = Replay([Exchange(request, Response(200, {}, events))])
    (first, done) = answer(replay, "POST", "/threads/runs", {"assistant_id": "asst_2"})
    assert (first.data, done.data) == ({"assistant_id": "asst_2"}, "[DONE]")
