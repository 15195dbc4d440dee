"""Rules that are answered by a program in another process: `call: http://127.0.0.1:PORT/path` in place of `do`.

The program is sent what a Turn shows, the outputs of all calls so far and what it has said so far, and answers
`{"do": [actions]}`. It is asked again, with the outputs, only where its answer ended in function calls, so that it can
be a pure function of what it is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from assistants_emulator.config import is_loopback
from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import FunctionCall, Step
from assistants_emulator.responders.sources import Session, UserCode
from assistants_emulator.responders.turn import Turn

TIME_LIMIT = 30.0  # seconds for one answer
MOST_ROUNDS = 100  # answers that end in function calls, for one run
LONGEST_SHOWN = 200  # characters of a bad answer in an error


@dataclass(frozen=True)
class Callback:
    """The source of a rule with `call`; `place` is the rule's place in its script, for errors."""

    url: str
    place: str
    inline: bool = False

    def open(self, turn: Turn) -> Session:
        session = UserCode(self._replies).open(turn)
        assert isinstance(session, Session)
        return session

    def require_allowed(self, hosts: Collection[str]) -> None:
        """ScriptError unless the URL is of this machine or of one of the hosts."""
        address = urlsplit(self.url)
        host = address.hostname or ""
        if address.scheme not in ("http", "https") or not host:
            raise ScriptError(
                f"{self.place}: call must be an http URL such as http://127.0.0.1:9000/desk, not {self.url!r}"
            )
        if not is_loopback(host) and host not in hosts:
            raise ScriptError(
                f"{self.place}: call may name this machine only, not {host!r}; --allow-callback {host} allows it"
            )

    def _replies(self, turn: Turn) -> Generator[Step, list[str], None]:
        outputs: list[str] = []
        said: list[Any] = []
        for _ in range(MOST_ROUNDS):
            answer = self._ask(turn, outputs, said)
            steps = self._steps(answer)
            said += answer["do"]
            for step in steps:
                outputs += (yield step) or ()
            if not isinstance(steps[-1], FunctionCall | list):
                return
        raise ScriptError(
            f"{self.place}: {self.url} answered {MOST_ROUNDS} times with function calls; a run has to end"
        )

    def _ask(self, turn: Turn, outputs: list[str], said: list[Any]) -> Any:
        import httpx2

        match = None if turn.match is None else {"text": turn.match[0], "groups": turn.match.groupdict()}
        shown = {
            "run": _public(turn.run),
            "assistant": _public(turn.assistant),
            "thread": _public(turn.thread),
            "messages": [_public(message) for message in turn.messages],
            "instructions": turn.instructions,
            "tools": turn.tools,
            "match": match,
            "outputs": outputs,
            "replies": said,
        }
        try:
            with httpx2.Client(trust_env=False, timeout=TIME_LIMIT) as http:  # no redirects: they could lead elsewhere
                response = http.post(self.url, json=shown)
                answer = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ScriptError(
                f"{self.place}: {self.url} gave no JSON answer: {error or type(error).__name__}"
            ) from None
        if response.status_code != 200 or not isinstance(answer, dict) or answer.keys() != {"do"}:
            text = response.text[:LONGEST_SHOWN]
            problem = (
                f'{self.place}: {self.url} must answer 200 and {{"do": [actions]}}, not {response.status_code} {text}'
            )
            raise ScriptError(problem)
        return answer

    def _steps(self, answer: Any) -> list[Step]:
        from assistants_emulator.responders.scripts.actions import actions
        from assistants_emulator.responders.scripts.located import read_script

        try:
            return actions(read_script(answer, allow_paths=False).child("do"))
        except ScriptError as error:
            raise self._wrong(f"{self.url} answered {str(error).removeprefix('script: ')}") from None

    def _wrong(self, problem: str) -> ScriptError:
        return ScriptError(f"{self.place}: {problem}")


def _public(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The object without the keys that are the emulator's own."""
    return {name: value for name, value in stored.items() if not name.startswith("_")}
