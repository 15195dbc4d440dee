"""The messages of the troubleshooting page: each is what a mistake of today's code shows, reproduced here."""

from __future__ import annotations

import gc
import re
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.errors import EmulatorError
from assistants_emulator.retrieval.text import extract
from assistants_emulator.retrieval.unreadable import Unreadable

PAGE = Path(__file__).parents[2] / "docs/troubleshooting.md"
PRINTED = dict(re.findall(r"<!-- message: (\w+) -->\n```text\n(.*?)\n```", PAGE.read_text(), re.DOTALL))

MISTAKES_OF_TESTS = """
import openai
import pytest
from assistants_emulator import FileSearch, FunctionCall, Pause
from assistants_emulator.project import request_log

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}
MADE = []


def run(client, **options):
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[TOOL], **options)
    asked = {"messages": [{"role": "user", "content": "Hello"}]}
    return client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=asked)


def test_escape(assistants_emulator):
    openai.OpenAI(base_url="https://api.openai.com/v1", max_retries=0).beta.threads.create()


def test_earlier(openai_client):
    MADE.append(openai_client.beta.threads.create().id)
    MADE.append(openai.OpenAI())


def test_earlier_id(openai_client):
    openai_client.beta.threads.retrieve(MADE[0])


def test_no_test():
    MADE[1].beta.threads.create()


def test_no_v1(assistants_emulator):
    openai.OpenAI(base_url=assistants_emulator.base_url.removesuffix("/v1")).beta.threads.create()


def test_azure_v1(assistants_emulator):
    openai.AzureOpenAI(azure_endpoint=assistants_emulator.base_url).beta.threads.create()


def test_chat(openai_client):
    openai_client.chat.completions.create(model="gpt-4o", messages=[])


def test_missing(openai_client):
    openai_client.beta.assistants.retrieve("asst_desk")


def test_transcript(assistants_emulator):
    assistants_emulator.transcript("thread_x")


def test_empty_thread(openai_client):
    assistant = openai_client.beta.assistants.create(model="gpt-4o")
    openai_client.beta.threads.create_and_run(assistant_id=assistant.id)


def test_busy(assistants_emulator, openai_client):
    assistants_emulator.respond(Pause())
    assistant = openai_client.beta.assistants.create(model="gpt-4o", instructions="Hi")
    paused = openai_client.beta.threads.create_and_run(assistant_id=assistant.id)
    openai_client.beta.threads.messages.create(paused.thread_id, role="user", content="More")


def test_unmatched(assistants_emulator, openai_client):
    assistants_emulator.respond("Sunny.", when="weather")
    run(openai_client)


def test_second_fallback(assistants_emulator):
    assistants_emulator.respond("first")
    assistants_emulator.respond("second")


def test_undeclared_function(assistants_emulator, openai_client):
    assistants_emulator.respond(FunctionCall("get_wether"))
    run(openai_client)


def test_undeclared_tool(assistants_emulator, openai_client):
    assistants_emulator.respond([FileSearch(), "Hi."])
    run(openai_client)


@pytest.mark.parametrize("arguments", [{}, "{}"])
def test_arguments(assistants_emulator, openai_client, arguments):
    assistants_emulator.respond(FunctionCall("get_weather", arguments))
    run(openai_client)


def test_response_format(assistants_emulator, openai_client):
    assistants_emulator.respond("Hello")
    run(openai_client, response_format={"type": "json_object"})


def test_option(assistants_emulator):
    assistants_emulator.respond("Hi.", whne="Hello")


def test_no_responder(assistants_emulator):
    assistants_emulator.respond(42)


def test_arguments_of_responder(assistants_emulator):
    def desk(turn, city): ...

    assistants_emulator.respond(desk)


def test_left_over(assistants_emulator, openai_client):
    assistants_emulator.respond("Hi.", times=2)
    run(openai_client)


def test_open_run(assistants_emulator, openai_client, monkeypatch):
    monkeypatch.setattr(request_log, "SHORTEST_SLEEP", 0.0)
    assistants_emulator.respond(FunctionCall("get_weather", {"city": "Oslo"}))
    run(openai_client)


def test_fault(assistants_emulator):
    assistants_emulator.faults.add("POST /thread", status=500)


def test_yaml(assistants_emulator):
    with open("replies.yaml", "w") as file:
        file.write('version: 1\\nreplies:\\n- when: {message: "in \\\\w+"}\\n  do: [{text: a}]')
    assistants_emulator.load_script("replies.yaml")


def test_action(assistants_emulator):
    assistants_emulator.load_script({"version": 1, "replies": [{"do": [{"txt": "Hi."}]}]})


def test_callback(assistants_emulator, openai_client):
    assistants_emulator.load_script({"version": 1, "replies": [{"call": "http://127.0.0.1:9/desk"}]})
    run(openai_client)


NEARLY = {"when": {"message": "in (?P<city>.+)"}, "do": [{"text": "{ctiy}"}]}


@pytest.mark.assistants(script={"version": 1, "replies": [NEARLY]})
def test_placeholder(assistants_emulator):
    pass
"""
REMARKS = ("refused_calls", "open_run", "slept", "placeholder")  # at the end of the session
IN_TESTS = [
    name
    for name in re.findall(r"^def test_(\w+)", MISTAKES_OF_TESTS, re.MULTILINE)
    if name not in (*REMARKS, "earlier")
]


def output_of(pytester: pytest.Pytester, source: str, ini: str = "") -> str:
    pytester.makeini(f"[pytest]\n{ini}\n")
    pytester.makepyfile(test_desk=source)
    return pytester.runpytest("-p", "no:cacheprovider", "-W", "default").stdout.str()


def part_of(output: str, name: str) -> str:
    """What a session printed of the test with that name."""
    parts = re.split(r"^_{3,} (?:ERROR at \w+ of )?test_(\w+?)(?:\[.*\])? _{3,}$", output, flags=re.MULTILINE)
    return "\n".join(text for title, text in zip(parts[1::2], parts[2::2], strict=True) if title == name)


def is_shown(name: str, text: str) -> bool:
    """True if the printed message is in the text, `...` standing for anything, lines broken anywhere."""
    printed = " ".join(PRINTED[name].split())
    pattern = ".*?".join(map(re.escape, printed.split("...")))
    return re.search(pattern, " ".join(text.split())) is not None


@pytest.fixture
def output(everything_is_imported: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the clients that the mistakes leave open
        yield output_of(pytester, MISTAKES_OF_TESTS)
        gc.collect()


def test_the_mistakes_of_tests_show_their_messages(output: str) -> None:
    assert [name for name in IN_TESTS if not is_shown(name, part_of(output, name))] == []
    assert [name for name in REMARKS if not is_shown(name, output)] == []


def no_key(pytester: pytest.Pytester) -> str:
    return output_of(pytester, "import openai\nclient = openai.OpenAI()")


def call_on_import(pytester: pytest.Pytester) -> str:
    source = "import openai\nwith openai.OpenAI() as client:\n    client.beta.threads.create()"
    return output_of(pytester, source, ini="assistants_environment = session")


def other_host(pytester: pytest.Pytester) -> str:
    with Emulator() as emulator:
        return httpx2.get(f"{emulator.base_url}/models", headers={"host": "desk.internal"}).text


def no_reader(pytester: pytest.Pytester) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pypdf", None)
        with pytest.raises(Unreadable) as raised:
            extract("plan.pdf", b"%PDF-1.7")
    return raised.value.message


def second_server(pytester: pytest.Pytester) -> str:
    with Emulator(pytester.path / "data"), pytest.raises(EmulatorError) as raised, Emulator(pytester.path / "data"):
        pass
    return str(raised.value)


def taken_port(pytester: pytest.Pytester) -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(EmulatorError) as raised:
        Emulator(port=listener.getsockname()[1]).start()
    return str(raised.value)


OTHERS: dict[str, Callable[[pytest.Pytester], str]] = {
    "on_import": no_key,
    "import_call": call_on_import,
    "host": other_host,
    "documents": no_reader,
    "in_use": second_server,
    "port": taken_port,
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_mistake_shows_its_message(
    everything_is_imported: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    text = OTHERS[name](pytester)
    assert is_shown(name, text), text


def test_every_message_of_the_page_is_reproduced() -> None:
    assert set(PRINTED) == {*IN_TESTS, *REMARKS, *OTHERS}
