"""`openai-responses`, which answers the SDK by patching its HTTP library: the same calls as ours in process. What each
adds to the time of the SDK alone, with answers from a dict, is compared.

It runs in an environment of its own with the newest SDK that it supports, and ours is measured there too, so that both
sides have the same SDK. `python -m tests.benchmarks.peer CALLS` is run in that environment and prints rows as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.floor import Canned, name_of, recorded
from tests.benchmarks.measure import Row, compared, in_turn
from tests.benchmarks.programs import Program

from assistants_emulator.server.inprocess import App, InProcessServer, sync_transport
from assistants_emulator.server.loop import LoopThread

ROOT = Path(__file__).parents[2]
PEER = "openai-responses"
HAND_OVER = "Canned answers, handed over to a server's thread and back"
TARGET = 0.4  # of what the peer adds to the SDK's own time


def peer(folder: Path, calls: int) -> Iterator[Row]:
    """`folder` holds the environment, which is created if it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        wanted = [PEER, *(need for need in ours if not need.startswith("openai"))]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
    command = [str(python), "-m", "tests.benchmarks.peer", str(calls)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "emulator"), str(ROOT / "pytest_plugin")])
    environment = {**os.environ, "PYTHONPATH": paths}
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, env=environment)
    yield from (Row(**row) for row in json.loads(ran.stdout))


def measure(calls: int) -> list[Row]:
    import httpx
    import openai
    import openai_responses  # type: ignore[import-not-found]

    from assistants_emulator import Emulator

    rows: list[Row] = []

    @openai_responses.mock()
    def compare(openai_mock: object) -> None:
        with Emulator(transport="inprocess") as emulator:
            answers = _recorded(emulator.client())
            loop = LoopThread()
            handed_over = sync_transport(httpx, InProcessServer(_canned_app(answers), loop))
            clients = (
                emulator.client(),
                openai.OpenAI(api_key="key"),
                _client(emulator, httpx.MockTransport(lambda request: _answer(answers, request))),
                _client(emulator, handed_over),
            )
            programs = [Program(client) for client in clients]
            for name in programs[0].plain_calls():
                ours, theirs, alone, canned = in_turn([program.plain_calls()[name] for program in programs], calls)
                added, peers = ours.beyond(alone), theirs.beyond(alone)
                rows.extend(compared("Added in process to the SDK's own time", name, added, peers, PEER, TARGET))
                rows.extend(compared(HAND_OVER, name, canned.beyond(alone), peers, PEER, None))
                rows.extend(compared("In process, with the SDK's own time", name, ours, theirs, PEER, None))
            loop.close()

    compare()
    return rows


def _recorded(client: Any) -> dict[str, Canned]:
    return recorded(client, lambda client: [call() for call in Program(client).plain_calls().values()])


def _client(emulator: Any, transport: Any) -> Any:
    import httpx
    import openai

    return openai.OpenAI(api_key="key", base_url=emulator.base_url, http_client=httpx.Client(transport=transport))


def _answer(answers: dict[str, Canned], request: Any) -> Any:
    """An answer from a dict: the time that remains is the SDK's own."""
    import httpx

    content = answers[name_of(request.method, request.url.path, request.read())].content
    return httpx.Response(200, content=content, headers={"content-type": "application/json"})


def _canned_app(answers: dict[str, Canned]) -> App:
    """An ASGI application that does nothing but answer from the dict."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        content = answers[name_of(scope["method"], scope["path"], (await receive())["body"])].content
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps([asdict(row) for row in measure(int(sys.argv[1]))]))
