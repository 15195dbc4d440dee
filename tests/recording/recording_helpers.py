"""One session that uses everything, and servers with the answers that a test sets."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai

from assistants_emulator import CodeInterpreter, Emulator, FunctionCall, Text

PICTURE = b"\x89PNG\r\n\x00\xff" * 2000
TOOLS = [{"type": "code_interpreter"}, {"type": "function", "function": {"name": "get_weather", "parameters": {}}}]

Answer = Callable[[BaseHTTPRequestHandler], None]


def teach(emulator: Emulator) -> None:
    @emulator.respond(when="weather")
    def weather(turn: Any) -> Iterator[Any]:
        (output,) = yield FunctionCall("get_weather", {"city": "Oslo"})
        yield Text(f"Oslo: {output}")

    emulator.respond([CodeInterpreter("print(6 * 7)", logs="42\n"), "It is 42."], when="compute")
    emulator.respond("Hello, my friend.")


def session(client: Any) -> dict[str, Any]:
    """The answers that a client got, by topic."""
    threads = client.beta.threads
    small = client.files.create(file=("notes.txt", b"Notes."), purpose="assistants")
    large = client.files.create(file=("picture.png", PICTURE), purpose="vision")
    files = [shown(small), shown(large), client.files.content(large.id).read(), shown(client.files.list())]
    assistant = client.beta.assistants.create(model="gpt-4o", tools=TOOLS)
    thread = threads.create(messages=[{"role": "user", "content": "The weather?"}])
    asked = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    outputs = [
        {"tool_call_id": call.id, "output": "rain"} for call in asked.required_action.submit_tool_outputs.tool_calls
    ]
    told = threads.runs.submit_tool_outputs_and_poll(run_id=asked.id, thread_id=thread.id, tool_outputs=outputs)
    calls = [shown(assistant), shown(thread), shown(asked), shown(told), shown(threads.messages.list(thread.id))]
    threads.messages.create(thread.id, role="user", content="Please compute.")
    computed = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    steps = threads.runs.steps.list(run_id=computed.id, thread_id=thread.id)
    threads.messages.create(thread.id, role="user", content="Hello")
    with threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        events = [event.to_dict(warnings=False) for event in stream]
    return {
        "files": files,
        "a function call": calls,
        "code interpreter": [shown(computed), shown(steps)],
        "a stream": events,
        "an error": refused(lambda: threads.runs.create(thread_id=thread.id, assistant_id="asst_unknown")),
        "an error of files": refused(lambda: client.files.retrieve("file-nothing")),
        "a deletion": shown(client.files.delete(small.id)),
    }


def shown(found: Any) -> Any:
    value: Any = found.to_dict(warnings=False)
    return value


def refused(call: Callable[[], object]) -> tuple[type, int, object, str | None]:
    try:
        call()
    except openai.APIStatusError as error:
        return type(error), error.status_code, error.body, error.request_id
    raise AssertionError("it was not refused")


@contextmanager
def answering(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The base URL of a server on which `answer` handles each request, in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            answer(self)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    request.rfile.read(int(request.headers.get("content-length") or 0))
    request.send_response(status)
    named = {"content_type": "application/json", "content_length": str(len(body)), **headers}
    for name, value in named.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)
