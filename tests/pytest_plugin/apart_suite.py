"""A suite for an emulator in this process and for one in another: what a ProjectHandle offers, the same in both.

It imports nothing but pytest, the SDK and the names that users import.
"""

from __future__ import annotations

import asyncio
import json
import time

import openai
import pytest

from assistants_emulator import (
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Json,
    Pause,
    ProjectHandle,
    Refusal,
    Text,
    Turn,
    Usage,
    Wait,
)
from assistants_emulator.responders import Chunk

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
TOOLS = [WEATHER, {"type": "file_search"}, {"type": "code_interpreter"}]
EVENTS: list[str] = []


def start(client, text="Hello", **fields):
    assistant = client.beta.assistants.create(model="gpt-4o", name="Tutor", tools=TOOLS, **fields)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": text}])
    return client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)


def look(client, run):
    return client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)


def ask(client, text="Hello", **fields):
    return look(client, start(client, text, **fields))


def submit(client, run, *outputs):
    calls = run.required_action.submit_tool_outputs.tool_calls
    pairs = [{"tool_call_id": call.id, "output": output} for call, output in zip(calls, outputs, strict=True)]
    done = client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=pairs)
    return look(client, done)


def answers(client, run):
    page = client.beta.threads.messages.list(run.thread_id, order="asc", run_id=run.id)
    return [message.content[0].text.value for message in page.data]


def test_text(assistants_emulator, openai_client):
    assistants_emulator.respond("x = {1}")
    assert answers(openai_client, ask(openai_client)) == ["x = {1}"]


def test_all_replies(assistants_emulator, openai_client):
    image = Image(content=b"\x89PNG", filename="plot.png")
    assistants_emulator.respond(
        [
            Text("One", chunks=["O", "ne"]),
            Usage(3, 4),
            Chunk("Tw"),
            Chunk("o"),
            Json({"three": 3}),
            image,
            CodeInterpreter("plot()", logs="1", images=[image], files=[Image(content=b"a,b", filename="t.csv")]),
            Text("Done"),
            FileSearch("cake", 1, results=[{"file": "cake.txt", "score": 0.5, "text": "It is cake."}]),
            Text("See", citations=[{"file": "cake.txt", "quote": "cake"}]),
        ]
    )
    cake = assistants_emulator.add_file(b"It is cake.", filename="cake.txt")
    assistants_emulator.add_vector_store("vs_cakes", files=[cake["id"]])
    run = ask(openai_client, tool_resources={"file_search": {"vector_store_ids": ["vs_cakes"]}})
    assert run.last_error is None
    text = assistants_emulator.transcript(run.thread_id, portable=True)
    assert text.splitlines() == [
        "user: Hello",
        "assistant: One",
        "assistant: Two",
        'assistant: {"three":3}',
        "assistant: [image]",
        "code_interpreter: plot() -> 1",
        "assistant: [image] Done",
        "    ",
        "    [Download t.csv](sandbox:/mnt/data/t.csv)",
        "file_search: 1 results",
        "assistant: See [cake.txt]",
        "run completed",
    ]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Fail("rate_limit_exceeded", "Slow down."), "failed"),
        (Incomplete("content_filter"), "incomplete"),
        (Expire(), "expired"),
        (Refusal("No."), "completed"),
        ([Text("Half", then=Fail())], "failed"),
        ([FunctionCall("get_weather", then=Expire())], "expired"),
    ],
)
@pytest.mark.parametrize("in_python", [False, True])
def test_endings(assistants_emulator, openai_client, reply, status, in_python):
    assistants_emulator.respond((lambda turn: reply) if in_python else reply)
    assert ask(openai_client).status == status


def test_a_responder_has_the_turn(assistants_emulator, openai_client):
    turns = []

    @assistants_emulator.respond(when=r"(?i)weather in (?P<city>\w+)")
    def weather(turn: Turn):
        turns.append(turn)
        (output,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
        yield f"{turn.match['city']}: {output}"

    run = ask(openai_client, "WEATHER in Oslo", instructions="Be brief.")
    call = run.required_action.submit_tool_outputs.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    assert answers(openai_client, submit(openai_client, run, "rain")) == ["Oslo: rain"]
    (turn,) = turns
    assert turn.run.id == run.id
    assert (turn.instructions, turn.api, turn.assistant.name) == ("Be brief.", "assistants", "Tutor")
    assert (turn.last_message.text, str(turn.last_message)) == ("WEATHER in Oslo", "WEATHER in Oslo")
    assert turn.thread.id == run.thread_id
    assert [tool["type"] for tool in turn.tools] == ["function", "file_search", "code_interpreter"]
    assert (turn.match.span("city"), turn.may_run_code) == ((11, 15), False)


def test_a_responder_looks_things_up(assistants_emulator, openai_client):
    cake = assistants_emulator.add_file(b"Cake is made of flour.", filename="cake.txt")
    assistants_emulator.add_vector_store("vs_cakes", files=[cake["id"]])
    seen = {}

    @assistants_emulator.respond
    def search(turn):
        seen["messages"] = [message.text for message in turn.messages]
        seen["steps"] = turn.steps
        seen["file"] = turn.file(cake["id"]).content
        seen["status"] = turn.client().beta.threads.runs.retrieve(turn.run.id, thread_id=turn.thread.id).status
        hits = turn.search("flour", 1)
        yield FileSearch("flour", results=hits)
        yield Text(f"{hits[0].filename}: {hits[0].text}", citations=hits)

    run = ask(openai_client, tool_resources={"file_search": {"vector_store_ids": ["vs_cakes"]}})
    assert answers(openai_client, run)[0].startswith("cake.txt: Cake is made of flour.")
    assert seen == {
        "messages": ["Hello"],
        "steps": [],
        "file": b"Cake is made of flour.",
        "status": "in_progress",
    }


def test_a_file_that_does_not_exist_is_an_error_in_the_responder(assistants_emulator, openai_client):
    @assistants_emulator.respond
    def read(turn):
        try:
            turn.file("file-none")
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    assert answers(openai_client, ask(openai_client)) == ["NotFound: No file found with id 'file-none'."]


def test_parallel_calls(assistants_emulator, openai_client):
    @assistants_emulator.respond
    def both(turn):
        a, b = yield [FunctionCall("get_weather", {"n": 1}), FunctionCall("get_weather", {"n": 2})]
        out = yield FunctionCall("get_weather")
        return f"{a} {b} {out}"

    run = submit(openai_client, ask(openai_client), "one", "two")
    assert answers(openai_client, submit(openai_client, run, "three")) == ["one two three"]


def test_side_effects_happen_once_and_in_time(assistants_emulator, openai_client):
    events = []

    @assistants_emulator.respond
    def slow(turn):
        events.append("begun")
        yield "One"
        yield Pause()
        events.append("resumed")
        yield Wait(60)
        events.append("waited")
        yield "Two"

    run = ask(openai_client)
    assert (run.status, events) == ("in_progress", ["begun"])
    before = assistants_emulator.clock.now()
    assistants_emulator.resume(run.id)
    assert look(openai_client, run).status == "completed"
    assert events == ["begun", "resumed", "waited"]
    assert assistants_emulator.clock.now() == before + 60


def test_a_cancelled_responder_is_left(assistants_emulator, openai_client):
    left = []

    @assistants_emulator.respond
    def weather(turn):
        try:
            yield FunctionCall("get_weather")
        finally:
            left.append(turn.run.id)

    run = ask(openai_client)
    openai_client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    assert look(openai_client, run).status == "cancelled"
    deadline = time.monotonic() + 20
    while not left and time.monotonic() < deadline:
        assistants_emulator.leftovers()
    assert left == [run.id]


def test_async_responders(assistants_emulator, openai_client):
    loops = []

    @assistants_emulator.respond(times=1)
    async def generator(turn):
        loops.append(asyncio.get_running_loop())
        out = yield FunctionCall("get_weather")
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        yield f"It is {out}"

    @assistants_emulator.respond
    async def function():
        return "Plain"

    assert answers(openai_client, submit(openai_client, ask(openai_client), "rain")) == ["It is rain"]
    assert loops[0] is loops[1]
    assert answers(openai_client, ask(openai_client)) == ["Plain"]


def test_async_client(assistants_emulator, async_openai_client):
    assistants_emulator.respond(lambda turn: f"You said {turn.last_message}")

    async def main():
        client = async_openai_client
        assistant = await client.beta.assistants.create(model="gpt-4o")
        thread = await client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
        await client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        return (await client.beta.threads.messages.list(thread.id)).data[0].content[0].text.value

    assert asyncio.run(main()) == "You said Hi"


def test_streams(assistants_emulator, openai_client):
    @assistants_emulator.respond(live=True)
    def typing(turn):
        yield Chunk("Hel")
        yield Chunk("lo")

    assistant = openai_client.beta.assistants.create(model="gpt-4o")
    thread = openai_client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    path = f"/threads/{thread.id}/runs"
    body = {"assistant_id": assistant.id, "stream": True}
    headers = {"OpenAI-Beta": "assistants=v2"}
    answer = openai_client.post(path, body=body, cast_to=str, options={"headers": headers})
    deltas = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: {")]
    parts = [each["delta"]["content"][0] for each in deltas if each.get("object") == "thread.message.delta"]
    assert [part["text"]["value"] for part in parts] == ["Hel", "lo"]


def test_responses(assistants_emulator, openai_client):
    turns = []

    @assistants_emulator.respond
    def weather(turn):
        turns.append((turn.api, turn.request["input"], turn.run.object, turn.last_message.text, turn.assistant.name))
        (output,) = yield FunctionCall("get_weather")
        yield f"It is {output}"

    tools = [{"type": "function", "name": "get_weather", "parameters": {}, "strict": False}]
    first = openai_client.responses.create(model="gpt-4o", input="Weather?", tools=tools)
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "rain"}
    second = openai_client.responses.create(model="gpt-4o", input=[output], previous_response_id=first.id, tools=tools)
    assert second.output_text == "It is rain"
    assert turns == [("responses", "Weather?", "response", "Weather?", None)]
    assert "assistant: It is rain" in assistants_emulator.transcript(second.id)


def test_rules_are_tried_in_order(assistants_emulator, openai_client):
    asked = []

    def is_long(turn):
        asked.append(turn.last_message.text)
        return len(turn.last_message.text) > 10

    assistants_emulator.respond("fallback")
    assistants_emulator.respond("once", times=1)
    assistants_emulator.respond("long", when=is_long)
    assistants_emulator.respond("model", when={"model": "gpt-4o", "metadata": {}})
    assert answers(openai_client, ask(openai_client, "Hello you, over there")) == ["once"]
    assert answers(openai_client, ask(openai_client, "Hello you, over there")) == ["long"]
    assert answers(openai_client, ask(openai_client, "Hello")) == ["model"]
    assert asked == ["Hello you, over there", "Hello"]


def test_the_match_of_a_when_function(assistants_emulator, openai_client):
    import re

    def which(turn):
        return re.fullmatch(r"(\w+)!", turn.last_message.text)

    assistants_emulator.respond(lambda turn: f"matched {turn.match[1]}", when=which)
    assistants_emulator.respond(lambda turn: f"flags {turn.match.group()}", when=re.compile("hello", re.IGNORECASE))
    assert answers(openai_client, ask(openai_client, "Hello!")) == ["matched Hello"]
    assert answers(openai_client, ask(openai_client, "Hello?")) == ["flags Hello"]


def test_a_rule_of_an_assistant(assistants_emulator, openai_client):
    assistants_emulator.respond(lambda: "mine", assistant="Tutor")
    assistants_emulator.respond("others")
    assert answers(openai_client, ask(openai_client)) == ["mine"]


def test_a_second_fallback_is_an_error(assistants_emulator):
    assistants_emulator.respond("One")
    with pytest.raises(Exception, match="a rule without `when` and `times` is the fallback") as raised:
        assistants_emulator.respond(lambda turn: "Two")
    assert type(raised.value).__name__ == "ScriptError"


@pytest.mark.parametrize(
    ("arguments", "options", "problem"),
    [
        ((5,), {}, "a responder is text, a reply"),
        (("a",), {"when": "("}, "must be a regular expression"),
        (("a",), {"times": 0}, "must be a whole number, 1 or more"),
        ((lambda a, b: "a",), {}, "a responder takes the turn or nothing"),
    ],
)
def test_mistakes_in_rules(assistants_emulator, arguments, options, problem):
    with pytest.raises(Exception, match=problem) as raised:
        assistants_emulator.respond(*arguments, **options)
    assert "ScriptError" in [each.__name__ for each in type(raised.value).__mro__]


def test_an_exception_fails_its_run(assistants_emulator, openai_client):
    @assistants_emulator.respond
    def broken(turn):
        yield "One"
        raise LookupError("no such city")

    run = ask(openai_client)
    assert run.last_error.message == "The responder raised LookupError: no such city"
    assert len(assistants_emulator.failures) == 1
    failure = assistants_emulator.failures.pop()
    assert (failure.run_id, type(failure.error), failure.text) == (run.id, LookupError, "no such city")
    assert failure.error.__traceback__.tb_next is not None
    assert assistants_emulator.failures == []


def test_an_exception_in_a_when_function(assistants_emulator, openai_client):
    def broken(turn):
        raise LookupError("no such rule")

    assistants_emulator.respond("a", when=broken)
    assert ask(openai_client).last_error.message == "The responder raised LookupError: no such rule"
    assert type(assistants_emulator.failures.pop().error) is LookupError


def test_a_reply_that_is_none(assistants_emulator, openai_client):
    assistants_emulator.respond(lambda turn: 5)
    assert "cannot say 5 (int)" in ask(openai_client).last_error.message
    assert "cannot say 5 (int)" in assistants_emulator.failures.pop().text


def test_a_tool_that_is_not_declared(assistants_emulator, openai_client):
    assistants_emulator.respond(lambda turn: FunctionCall("get_wether"))
    assert "get_weather" in ask(openai_client).last_error.message
    failure = assistants_emulator.failures.pop()
    assert type(failure.error).__name__ == "ScriptError"
    assert "get_weather" in failure.text


def test_an_unmatched_run(assistants_emulator, openai_client):
    assistants_emulator.respond("a", when="weather")
    assert ask(openai_client).status == "failed"
    (text,) = assistants_emulator.unmatched
    assert text.startswith("No rule matches this run: last user message 'Hello', assistant 'Tutor'")
    assert "respond(str): message matches 'weather'; but message is 'Hello'" in text
    assistants_emulator.unmatched.clear()


def test_rule_verdicts(assistants_emulator, openai_client):
    def never(turn):
        return False

    assistants_emulator.respond("a", when=never)
    assistants_emulator.respond(lambda turn: "b")
    run = ask(openai_client)
    assert assistants_emulator.rule_verdicts() == {
        run.id: [
            "respond(str): never(turn) is true; but the function said no",
            "respond(<lambda>): any run; it answered",
        ]
    }


def test_leftovers(assistants_emulator, openai_client):
    rule = assistants_emulator.respond("a", times=2)
    assistants_emulator.faults.add("POST /threads", status=503, times=2)
    leftovers = assistants_emulator.leftovers()
    assert (rule, leftovers.failures, leftovers.unmatched, leftovers.is_settled) == ("a", [], [], True)
    rest = "(used 0 of 2 times)"
    assert leftovers.unused == [f"respond(str): any run {rest}", f"fault on POST /threads {rest}"]
    assistants_emulator.reset()
    assert assistants_emulator.leftovers().unused == []


def test_faults(assistants_emulator, openai_client):
    assistants_emulator.faults.add("POST /threads", status=400, message="No threads today.", times=1)
    with pytest.raises(openai.BadRequestError, match="No threads today"):
        openai_client.beta.threads.create()
    assert [(fault.route, fault.used) for fault in assistants_emulator.faults] == [("POST /threads", 1)]
    assistants_emulator.faults.clear()
    assert list(assistants_emulator.faults) == []
    with pytest.raises(Exception, match="a fault's route is one of the emulated ones, not 'POST /treads'"):
        assistants_emulator.faults.add("POST /treads")


def test_the_clock(assistants_emulator, openai_client):
    assert assistants_emulator.clock.now() == 1735689600
    assistants_emulator.clock.advance(10)
    assistants_emulator.clock.set(assistants_emulator.clock.now() + 5)
    assert openai_client.beta.threads.create().created_at == 1735689615


def test_a_project_is_configured(assistants_emulator, openai_client):
    assistants_emulator.configure(seed="mine", clock="system")
    assert assistants_emulator.clock.now() > 1735689600
    assert openai_client.beta.threads.create().id == "thread_p6EGGrCN6DG3gLwBAODDXBBy"


@pytest.mark.assistants(clock=1000)
def test_the_clock_of_the_marker(assistants_emulator):
    assert assistants_emulator.clock.now() == 1000


@pytest.mark.assistants(clock="system")
def test_the_system_clock(assistants_emulator):
    assert abs(assistants_emulator.clock.now() - time.time()) < 60  # noqa: TID251 - the machine's clock is meant


def test_requests(assistants_emulator, openai_client):
    openai_client.beta.threads.create(metadata={"a": "b"})
    with pytest.raises(openai.NotFoundError):
        openai_client.beta.assistants.retrieve("asst_none")
    assert [(call.method, call.path, call.status) for call in assistants_emulator.requests] == [
        ("POST", "/v1/threads", 200),
        ("GET", "/v1/assistants/asst_none", 404),
    ]
    call = assistants_emulator.requests.where(method="POST", path="/threads").one()
    assert call.body["metadata"] == {"a": "b"}
    assert b"No assistant found" in assistants_emulator.requests[1].answer
    assert (assistants_emulator.requests.dropped, assistants_emulator.requests.total) == (0, 2)


def test_transcripts(assistants_emulator, openai_client):
    first, second = ask(openai_client), ask(openai_client, "Bye")
    texts = assistants_emulator.transcripts()
    assert list(texts) == [first.thread_id, second.thread_id]
    assert texts[second.thread_id] == "user: Bye\nassistant: Echo: Bye\nrun completed\n"
    assert list(assistants_emulator.transcripts(1)) == [second.thread_id]
    assert assistants_emulator.transcript(first.thread_id) == texts[first.thread_id]
    with pytest.raises(Exception, match="there is no thread, conversation or response 'thread_x' in project"):
        assistants_emulator.transcript("thread_x")


def test_state(assistants_emulator, openai_client, tmp_path):
    run = ask(openai_client)
    state = assistants_emulator.state()
    assert [row["id"] for row in state["runs"]] == [run.id]
    assistants_emulator.load_state({"assistants": [{"id": "asst_one", "model": "gpt-4o"}]})
    assert [each.id for each in openai_client.beta.assistants.list()] == ["asst_one"]
    (tmp_path / "note.txt").write_text("A note.")
    (tmp_path / "state.yaml").write_text(
        "threads: [{id: thread_one, messages: [Hello]}]\nfiles: [{id: file-note, path: note.txt}]\n"
    )
    assistants_emulator.load_state(tmp_path / "state.yaml")
    assert assistants_emulator.transcript("thread_one") == "user: Hello\n"
    assert openai_client.files.retrieve("file-note").bytes == 7
    with pytest.raises(Exception, match="'asssistants'"):
        assistants_emulator.load_state({"asssistants": []})


def test_objects_are_added(assistants_emulator, openai_client):
    assert assistants_emulator.add_assistant("asst_abc", name="Desk")["name"] == "Desk"
    thread = assistants_emulator.add_thread(messages=["Hi", {"role": "assistant", "content": "Hello"}])
    assert thread["id"].startswith("thread_")
    assert assistants_emulator.transcript(thread["id"]) == "user: Hi\nassistant: Hello\n"
    file = assistants_emulator.add_file(b"text", id="file-one", filename="one.txt")
    store = assistants_emulator.add_vector_store(files=[file["id"]])
    assert store["file_counts"]["completed"] == 1
    assert openai_client.beta.assistants.retrieve("asst_abc").name == "Desk"
    with pytest.raises(Exception, match="'asst_abc'"):
        assistants_emulator.add_assistant("asst_abc")


def test_ids_are_the_same_each_time(assistants_emulator, openai_client):
    assert openai_client.beta.threads.create().id == "thread_FVvXn2s7ltu9cOt1ak5jejUz"
    assert assistants_emulator.add_assistant()["id"] == "asst_NVSLftXlTLYQaf3q6R7jvrUu"


def test_another_project(assistants_emulator, openai_client):
    other = assistants_emulator.project("other")
    assert isinstance(other, ProjectHandle)
    assert other.api_key != assistants_emulator.api_key
    other.respond(lambda turn: "from the other")
    assistants_emulator.respond("from this one")
    with other.client() as client:
        assert answers(client, ask(client)) == ["from the other"]
    assert answers(openai_client, ask(openai_client)) == ["from this one"]
    assert len(list(openai_client.beta.assistants.list())) == 1
    with pytest.raises(Exception, match="a project's name is carried in a header"):
        assistants_emulator.project("né")


SCRIPT = """\
version: 1
replies:
  - when: {message: "weather in (?P<city>\\\\w+)"}
    do: [{text: "{city} is fine"}]
  - do: [{image_file: {path: plot.png}}]
"""


def test_scripts(assistants_emulator, openai_client, tmp_path):
    (tmp_path / "plot.png").write_bytes(b"\x89PNG")
    (tmp_path / "script.yaml").write_text(SCRIPT)
    assistants_emulator.load_script(tmp_path / "script.yaml")
    assistants_emulator.respond(lambda turn: "python", when="python")
    assert answers(openai_client, ask(openai_client, "weather in Oslo")) == ["Oslo is fine"]
    assert answers(openai_client, ask(openai_client, "weather in python")) == ["python"]
    run = ask(openai_client)
    (message,) = openai_client.beta.threads.messages.list(run.thread_id, run_id=run.id).data
    assert openai_client.files.content(message.content[0].image_file.file_id).content == b"\x89PNG"


def test_a_script_as_an_object(assistants_emulator, openai_client, tmp_path):
    plot = tmp_path / "plot.png"
    plot.write_bytes(b"\x89PNG")
    call = {"function_call": {"name": "get_weather", "arguments": {"path": "{message}"}}}
    code = {"code_interpreter": {"input": "plot()", "images": [{"path": str(plot)}]}}
    assistants_emulator.load_script({"version": 1, "replies": [{"do": [code, call]}]})
    (call,) = ask(openai_client).required_action.submit_tool_outputs.tool_calls
    assert json.loads(call.function.arguments) == {"path": "Hello"}


def test_mistakes_in_scripts(assistants_emulator, tmp_path):
    path = tmp_path / "script.yaml"
    path.write_text("version: 1\nreplies: [{do: [{txt: a}]}]\n")
    problem = r"script\.yaml.*: replies\[0\]\.do\[0\]: unknown action 'txt'; did you mean 'text'"
    with pytest.raises(Exception, match=problem):
        assistants_emulator.load_script(path)
    path.write_text("version: [1\n")
    with pytest.raises(Exception, match=r"script\.yaml:\d+: is not YAML"):
        assistants_emulator.load_script(path)
    path = tmp_path / "script.json"
    path.write_text('{\n"version": 1,\n')
    with pytest.raises(Exception, match=r"script\.json:3: is not JSON"):
        assistants_emulator.load_script(path)
    with pytest.raises(Exception, match="cannot be read: No such file"):
        assistants_emulator.load_script(tmp_path / "none.yaml")


@pytest.mark.assistants(
    script={"version": 1, "replies": [{"do": [{"text": "of the marker"}]}]},
    state={"assistants": [{"id": "asst_marker", "model": "gpt-4o"}]},
    strict_tools=False,
)
def test_the_marker(assistants_emulator, openai_client):
    assert openai_client.beta.assistants.retrieve("asst_marker").id == "asst_marker"
    assert answers(openai_client, ask(openai_client)) == ["of the marker"]
    assistants_emulator.respond(lambda turn: FunctionCall("undeclared"), when="call")
    run = ask(openai_client, "call")
    assert run.status == "requires_action"
    submit(openai_client, run, "done")


def test_clients_of_the_environment(assistants_emulator):
    assistants_emulator.respond(lambda turn: "here")
    with openai.OpenAI() as client:
        assert answers(client, ask(client)) == ["here"]
    assert len(assistants_emulator.requests) == 5


def test_it_is_a_project_handle(assistants_emulator):
    assert isinstance(assistants_emulator, ProjectHandle)
    names = [name for name in dir(ProjectHandle) if not name.startswith("_")]
    assert [name for name in names if not hasattr(assistants_emulator, name)] == []


@pytest.fixture(scope="module")
def seeded(assistants_emulator_module):
    assistants_emulator_module.respond(lambda turn: "seeding")
    with openai.OpenAI() as client:
        assert answers(client, ask(client)) == ["seeding"]
    return assistants_emulator_module.add_assistant("asst_seed")["id"]


@pytest.mark.parametrize("number", [1, 2])
def test_each_test_starts_from_the_modules_objects(seeded, assistants_emulator, openai_client, number):
    assert seeded in [each.id for each in openai_client.beta.assistants.list()]
    openai_client.beta.assistants.delete(seeded)
    assert answers(openai_client, ask(openai_client)) == ["Echo: Hello"]
    assert len(assistants_emulator.state()["runs"]) == 2
