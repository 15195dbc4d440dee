"""A chat model and a project whose runs it answers."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from chat_stub import Stub
from starlette.applications import Starlette
from starlette.routing import Route

from assistants_emulator import Emulator, ProjectHandle
from assistants_emulator.responders.chat.model import ChatModel
from assistants_emulator.server.http import bind
from assistants_emulator.server.threaded import ThreadedServer


@pytest.fixture
def model() -> Iterator[Stub]:
    listener = bind("127.0.0.1", 0)
    stub = Stub(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    app = Starlette(routes=[Route("/v1/chat/completions", stub.answer, methods=["POST"])])
    server = ThreadedServer(app, listener)
    yield stub
    stub.release.set()
    server.stop()


@pytest.fixture(scope="session")
def shared() -> Iterator[Emulator]:
    with Emulator(clock="manual") as emulator:
        yield emulator


@pytest.fixture
def project(shared: Emulator, model: Stub, request: pytest.FixtureRequest) -> Iterator[ProjectHandle]:
    handle = shared.project(request.node.name)
    handle.respond(ChatModel(model.base_url, "small"), live=True)
    yield handle
    assert handle.failures == []
    shared.close_project(request.node.name)


@pytest.fixture
def client(project: ProjectHandle) -> openai.OpenAI:
    return project.client()
