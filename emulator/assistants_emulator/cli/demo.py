"""The demo: the API's own guide, with the real SDK against an emulator on a data directory."""

from __future__ import annotations

import json
import sys
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from assistants_emulator.cli.demos import shipped
from assistants_emulator.emulator import Emulator
from assistants_emulator.responders.from_files import answer_from_files
from assistants_emulator.responders.turn import Turn

SCRIPT = "scripts/math_tutor.yaml"
QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?"
DOCUMENTS = ("documents/employee_handbook.pdf", "documents/travel_policy.docx")
QUESTIONS = ("How many vacation days do employees get?", "What is the per-diem in Oslo?")
INSTRUCTIONS = "Please address the user as Jane Doe. The user has a premium account."
COLOURS = {"user": "cyan", "assistant": "green", "heading": "yellow", "code": "magenta", "note": "bright_black"}
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
WEATHER = {"Oslo": "18 degrees and sunny"}
Say = Callable[[str], Any]


def run_demo(data_dir: Path | None, say: Say) -> None:
    """Run it with `say` to print a line; without a directory, in a temporary one."""
    if data_dir is not None:
        _walk(data_dir, say)
        return
    with tempfile.TemporaryDirectory(prefix="assistants-demo-") as directory:
        _walk(Path(directory), say)


def _walk(data_dir: Path, say: Say) -> None:
    with Emulator(data_dir=data_dir, script=shipped(SCRIPT)) as emulator:
        say(_styled("note", f"An emulator is listening on {emulator.base_url}; its data is in {data_dir}."))
        client = emulator.client()
        thread = _math_tutor(client, say)
        _function_call(client, say)
        emulator.respond(answer_from_files, when=_has_file_search)
        _handbook(client, say)
    with Emulator(data_dir=data_dir) as emulator:
        _after_restart(emulator.client(), thread.id, say)
    say(
        _styled("note", f"\nTo play one in the browser, and answer its function calls: {_command()} demo travel --open")
    )


def _command() -> str:
    """The command as it was run: it may not be on the path, as in the README's first line."""
    program = sys.argv[0]
    return f"{sys.executable} -m assistants_emulator" if Path(program).name == "__main__.py" else program


def _math_tutor(client: Any, say: Say) -> Any:
    _heading("1. The Math Tutor", say)
    assistant = client.beta.assistants.create(
        name="Math Tutor",
        instructions="You are a personal math tutor. Write and run code to answer math questions.",
        tools=[{"type": "code_interpreter"}],
        model="gpt-4o",
    )
    thread = client.beta.threads.create()
    client.beta.threads.messages.create(thread_id=thread.id, role="user", content=QUESTION)
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, instructions=INSTRUCTIONS
    )
    say(_styled("note", f"Run {run.id} is {run.status}; {run.usage.total_tokens} tokens, none of them paid for."))
    _messages(client, thread.id, say)
    _heading("What the run did", say)
    for step in client.beta.threads.runs.steps.list(thread_id=thread.id, run_id=run.id, order="asc"):
        _step(step, say)
    return thread


def _function_call(client: Any, say: Say) -> None:
    _heading("2. A function call", say)
    assistant = client.beta.assistants.create(name="Weather", model="gpt-4o", tools=[WEATHER_TOOL])
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "What is the weather in Oslo?"}]}
    )
    say(f"The run is {_styled('heading', run.status)}. It asks for:")
    outputs = []
    for call in run.required_action.submit_tool_outputs.tool_calls:
        output = WEATHER[json.loads(call.function.arguments)["city"]]
        say(_styled("code", f"    {call.function.name}({call.function.arguments})") + f", and gets: {output}")
        outputs.append({"tool_call_id": call.id, "output": output})
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
    )
    say(f"With these outputs submitted it is {_styled('heading', run.status)}.")
    _messages(client, run.thread_id, say)


def _has_file_search(turn: Turn) -> bool:
    return any(tool["type"] == "file_search" for tool in turn.tools)


def _handbook(client: Any, say: Say) -> None:
    _heading("3. Answers from a handbook, a PDF and a Word document", say)
    with ExitStack() as stack:
        documents = [stack.enter_context(shipped(name).open("rb")) for name in DOCUMENTS]
        store = _stores(client).create(name="Handbook")
        _stores(client).file_batches.upload_and_poll(vector_store_id=store.id, files=documents)
    assistant = client.beta.assistants.create(
        name="Handbook",
        model="gpt-4o",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    for question in QUESTIONS:
        run = client.beta.threads.create_and_run_poll(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": question}]}
        )
        _messages(client, run.thread_id, say)


def _stores(client: Any) -> Any:
    """The SDK's vector stores, which left beta with openai 1.66."""
    return client.vector_stores if hasattr(client, "vector_stores") else client.beta.vector_stores


def _after_restart(client: Any, thread_id: str, say: Say) -> None:
    _heading("4. After a restart on the same directory", say)
    say(f"The thread {thread_id} is still there:")
    _messages(client, thread_id, say)


def _messages(client: Any, thread_id: str, say: Say) -> None:
    for message in client.beta.threads.messages.list(thread_id=thread_id, order="asc"):
        text, footnotes = _with_footnotes(client, message)
        name = _styled(message.role, f"{message.role:>10}: ")
        say(name + textwrap.indent(textwrap.fill(text, 88), " " * 12).lstrip())
        for note in footnotes:
            say(_styled("note", " " * 12 + note))


def _with_footnotes(client: Any, message: Any) -> tuple[str, list[str]]:
    """The text with numbers for its citations, and `[1] filename` for each."""
    texts: list[str] = []
    footnotes: list[str] = []
    for part in message.content:
        if part.type != "text":
            continue
        value = part.text.value
        for annotation in part.text.annotations:
            number = len(footnotes) + 1
            value = value.replace(annotation.text, f" [{number}]")
            footnotes.append(f"[{number}] {client.files.retrieve(annotation.file_citation.file_id).filename}")
        texts.append(value)
    return "\n".join(texts), footnotes


def _step(step: Any, say: Say) -> None:
    if step.type == "message_creation":
        say(f"  wrote message {step.step_details.message_creation.message_id}")
        return
    for call in step.step_details.tool_calls:
        say("  ran code:")
        say(_styled("code", textwrap.indent(call.code_interpreter.input.rstrip(), "    | ", lambda line: True)))
        logs = "".join(output.logs for output in call.code_interpreter.outputs if output.type == "logs")
        say(textwrap.indent(f"which printed: {logs.strip()}", "    "))


def _heading(text: str, say: Say) -> None:
    say("\n" + _styled("heading", text))


def _styled(kind: str, text: str) -> str:
    return click.style(text, fg=COLOURS[kind])
