"""Errors of a live model become failed runs that name them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable

import openai
import pytest
from chat_stub import BREAK, Chat, Stub, calls, delta, text
from click.testing import Result
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from assistants_emulator import Emulator
from assistants_emulator.errors import EmulatorError
from assistants_emulator.responders import Chunk
from assistants_emulator.responders.chat.model import ChatModel


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (JSONResponse({"error": {"message": "no such model"}}, 404), "server_error", "answered 404: no such model"),
        (JSONResponse({"error": "no such model"}, 404), "server_error", "answered 404: no such model"),
        (JSONResponse({"error": {"message": "slower"}}, 429), "rate_limit_exceeded", "answered 429: slower"),
        (PlainTextResponse("bad gateway", 502), "server_error", "answered 502: bad gateway"),
        (RedirectResponse("http://192.0.2.1/"), "server_error", "answered 307: "),
        ([{"error": {"message": "out of memory"}}], "server_error", "failed in mid-answer: out of memory"),
        ([delta(content="x")], "server_error", "broke off its answer: the stream ended without a finish_reason"),
        ([BREAK], "server_error", "broke off its answer: "),
        ([[1]], "server_error", "sent a chunk that is none"),
        ([{"choices": [{"delta": 3}]}], "server_error", "sent a chunk that is none"),
    ],
)
def test_a_run_fails_with_the_servers_message(
    model: Stub, client: openai.OpenAI, answer: list[object] | Response, code: str, told: str
) -> None:
    model.answers.append(answer)
    run = Chat(client).poll()
    assert (run.status, run.last_error.code) == ("failed", code)
    assert run.last_error.message.startswith(f"the chat model at {model.base_url} {told}")


def test_a_server_that_is_not_there(model: Stub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Emulator(responder=ChatModel(f"http://127.0.0.1:{port}/v1", "small")) as emulator:
        run = Chat(emulator.client()).poll()
        assert emulator.failures == []
    assert run.last_error.message.startswith(f"the chat model at http://127.0.0.1:{port}/v1 cannot be reached: ")


def test_no_proxy_is_asked(model: Stub, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    model.answers.append(text("Yes."))
    assert Chat(client).poll().status == "completed"


def test_a_text_that_breaks_off_stays_incomplete(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append([delta(content="It "), delta(content="is"), BREAK])
    chat = Chat(client)
    message, step, run = [event.data for event in chat.create(stream=True)][-3:]
    assert (run.status, step.status, message.status) == ("failed", "failed", "incomplete")
    assert message.incomplete_details.reason == "run_failed"
    assert chat.said() == ["It is"]


def test_a_model_that_never_comes_to_an_end_is_stopped(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [calls(("nothing", "{}")) for _ in range(64)]
    assert "called tools 64 times" in Chat(client).poll().last_error.message


def test_a_budget_that_is_used_up_ends_the_run(model: Stub, client: openai.OpenAI) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 300}
    model.answers.append([*calls(("nothing", "{}"))[:-1], {"choices": [], "usage": usage}])
    run = Chat(client).poll(max_completion_tokens=300)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")


def test_an_invalid_base_url_is_refused() -> None:
    with pytest.raises(EmulatorError, match="base URL is like http"):
        ChatModel("localhost:11434", "small")


SERVE = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0"]


def test_the_command_line_puts_a_model_behind_runs(model: Stub) -> None:
    model.answers.append(text("From the model."))
    code = (
        "import openai; c = openai.OpenAI(); a = c.beta.assistants.create(model='m'); "
        "r = c.beta.threads.create_and_run_poll(assistant_id=a.id, thread={'messages': [{'role': 'user', "
        "'content': 'x'}]}); print(c.beta.threads.messages.list(r.thread_id).data[0].content[0].text.value)"
    )
    options = ["--responder", "chat", "--chat-base-url", model.base_url, "--chat-model", "small"]
    ran = subprocess.run([*SERVE, *options, "--", sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == "From the model.\n", ran.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--responder", "chat"], "--responder chat needs --chat-base-url URL and --chat-model NAME"),
        (["--chat-model", "small"], "--chat-base-url, --chat-model and --chat-api-key go with --responder chat"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    command_line: Callable[..., Result], options: list[str], told: str
) -> None:
    ran = command_line("serve", *options)
    assert (ran.exit_code, ran.stderr) == (1, f"Error: {told}\n")


def test_chunks_are_there_for_anybodys_code(model: Stub) -> None:
    with Emulator() as emulator:

        @emulator.respond
        def typist(turn):
            yield Chunk("one ")
            yield Chunk("two")
            yield "three"

        chat = Chat(emulator.client())
        assert chat.poll().status == "completed"
        assert chat.said() == ["one two", "three"]
