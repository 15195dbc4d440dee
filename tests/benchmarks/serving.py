"""`python -m tests.benchmarks.serving floor|emulator`: serves until its input ends, prints where to post messages."""

from __future__ import annotations

import sys
import warnings

from tests.benchmarks.floor import canned_app, recorded, served

from assistants_emulator import Emulator
from assistants_emulator.server.sdk_clients import make_client


def serve(which: str) -> None:
    with Emulator() as emulator:
        client = make_client(emulator.base_url, "key", {})
        thread_id = client.beta.threads.create().id

        def post(client: object) -> None:
            client.beta.threads.messages.create(thread_id, role="user", content="Hello")  # type: ignore[attr-defined]

        path = f"threads/{thread_id}/messages"
        if which == "emulator":
            _until_told(f"{emulator.base_url}/{path}")
        else:
            with served(canned_app(recorded(client, post))) as url:
                _until_told(f"{url}/{path}")


def _until_told(address: str) -> None:
    print(address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(sys.argv[1])
