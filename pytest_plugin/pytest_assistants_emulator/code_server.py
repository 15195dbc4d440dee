"""The Python code of rules, for an emulator in another process, which asks by HTTP: responders and `when` functions.

Each run's responder stays open here from its first reply to its last, so its side effects happen once. What it raises
is kept for the test, with its traceback; the emulator is given the text.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

from assistants_emulator.errors import ModelError
from assistants_emulator.responders.remote import as_action, failure_text
from assistants_emulator.responders.rules import Rule, match_of
from assistants_emulator.responders.sources import END, AsyncSession, Outputs, Session
from assistants_emulator.responders.turn import Turn
from assistants_emulator.server.loop import LoopThread
from assistants_emulator.turns.workers import UserCodeError, UserLoop, Workers

if TYPE_CHECKING:
    from pytest_assistants_emulator.remote_project import RemoteProject

LEAVING_SECONDS = 0.4  # real ones, for user code to end when the session does


class CodeServer:
    """Answers for all rules of a session, on a port of this machine, at addresses that only the emulator is given."""

    def __init__(self) -> None:
        self._secret = secrets.token_urlsafe(16)
        self._rules: dict[str, RuleCode] = {}
        self._busy: dict[object, str] = {}
        self._loop: LoopThread | None = None
        self._workers: Workers | None = None
        self._lock = threading.Lock()
        self._http = _Http(self)
        self._url = f"http://127.0.0.1:{self._http.server_port}/{self._secret}/"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.name = "assistants-emulator-code"
        self._thread.start()

    def add(self, rule: Rule, project: RemoteProject) -> str:
        """The address of a rule's code."""
        number = str(len(self._rules))
        self._rules[number] = RuleCode(rule, project, self)
        return self._url + number

    def answer(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer to one question; None for an address that was not given to anyone."""
        secret, _, number = path.strip("/").partition("/")
        code = self._rules.get(number)
        if code is None or not secrets.compare_digest(secret, self._secret):
            return None
        question = object()
        self._busy[question] = f"{code.rule.label}, in {body['id']}"
        try:
            return code.answer(body)
        finally:
            del self._busy[question]

    def workers(self) -> tuple[LoopThread, Workers]:
        """The loops of async code, started at the first need."""
        with self._lock:
            if self._loop is None or self._workers is None:
                self._loop, self._workers = LoopThread(), Workers()
            return self._loop, self._workers

    def stop(self) -> list[str]:
        """Answer no more; return descriptions of the code that is still at work, after a moment."""
        deadline = time.monotonic() + LEAVING_SECONDS
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.005)
        left_behind = list(self._busy.values())
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        if self._loop is not None and self._workers is not None:
            self._workers.close()
            self._loop.close()
        return left_behind


class RuleCode:
    """The code of one rule: its `when` function, and its responders, by the ids of their runs."""

    def __init__(self, rule: Rule, project: RemoteProject, server: CodeServer) -> None:
        self.rule = rule
        self._project = project
        self._server = server
        self._open: dict[str, Session | AsyncOpen] = {}
        self._matches: dict[str, Any] = {}

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question; what user code raises, of any kind, is kept and answered as text."""
        id: str = body["id"]
        try:
            return self._answer(body["call"], id, body)
        except ModelError as error:
            return {"raised": str(error), "code": error.code}
        except BaseException as error:
            raised = error.error if isinstance(error, UserCodeError) else error
            self._project.keep(id, raised)
            return {"raised": failure_text(raised)}

    def _answer(self, call: str, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        match call:
            case "when":
                return {"holds": self._holds(self._project.turn(id, body["turn"]))}
            case "begin":
                turn = self._project.turn(id, body["turn"])
                turn.match = self._matches.pop(id) if id in self._matches else self.rule.match(turn)
                session = self.rule.source.open(turn)
                self._project.note_call(id, session.call)
                if isinstance(session, AsyncSession):
                    self._open[id] = AsyncOpen(session, self._server, f"{self.rule.label}, in {id}")
                else:
                    self._open[id] = session
                return self._next(id, None)
            case "next":
                return self._next(id, body["outputs"])
            case _:
                if (left := self._open.pop(id, None)) is not None:
                    self._project.note_place(id)
                    left.close()
                return {}

    def _holds(self, turn: Turn) -> bool:
        assert self.rule.condition.holds is not None
        result = self.rule.condition.holds(turn)
        holds = bool(result)
        self._matches[turn.run["id"]] = match_of(result)
        return holds

    def _next(self, id: str, outputs: Outputs) -> dict[str, Any]:
        session = self._open.pop(id)  # a responder that raises or ends is not open any more
        step = session.send(outputs)
        if step is END:
            return {"action": None}
        self._open[id] = session
        return {"action": as_action(cast(Any, step))}


class AsyncOpen:
    """An async responder as a Session: its steps run on a loop of async code, always the same."""

    def __init__(self, session: AsyncSession, server: CodeServer, name: str) -> None:
        self._session = session
        self._loop, self._workers = server.workers()
        self._name = name
        self._user_loop: UserLoop | None = None

    def send(self, outputs: Outputs) -> object:
        if self._user_loop is None:
            return self._loop.wait(self._workers.begin(lambda: self._session.asend(outputs), self._name, self._stay_on))
        return self._loop.wait(self._user_loop.run(lambda: self._session.asend(outputs), self._name))

    def close(self) -> None:
        if self._user_loop is not None:
            self._loop.wait(self._user_loop.run(self._session.aclose, self._name))

    def _stay_on(self, loop: UserLoop) -> None:
        self._user_loop = loop


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, code: CodeServer) -> None:
        self.code = code
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Without the look-up of this machine's name that the base class makes, which may take seconds."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: the emulator has gone in the middle of a question."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = cast(_Http, self.server).code.answer(self.path, body)
        content = json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: standard error is the test's."""
