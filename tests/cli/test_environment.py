"""`environment()`: applications that make their own clients, outside of pytest's fixtures."""

from __future__ import annotations

import os
from contextlib import suppress

import openai
import pytest

from assistants_emulator import Emulator, ProjectHandle
from assistants_emulator.errors import EmulatorError


def test_clients_of_the_application_use_the_project(project: ProjectHandle) -> None:
    with project.environment(), openai.OpenAI() as client, openai.AzureOpenAI() as azure_client:
        client.beta.threads.create()
        azure_client.beta.threads.create()
    assert [call.path.partition("?")[0] for call in project.requests] == ["/v1/threads", "/openai/threads"]


def test_the_variables_are_as_before_afterwards(project: ProjectHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    before = dict(os.environ)
    with project.environment():
        assert os.environ["OPENAI_API_KEY"] == project.api_key
    assert dict(os.environ) == before


def test_an_error_of_the_block_is_raised_as_it_is(project: ProjectHandle) -> None:
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), project.environment():
        print(1 // 0)
    assert dict(os.environ) == before


def test_a_client_that_asks_for_the_hosted_api_is_an_error_at_the_end(emulator: Emulator) -> None:
    escaped = r"test_environment.py:\d+ \(in call_the_hosted_api\) asked for api.openai.com"
    with pytest.raises(EmulatorError, match=escaped), emulator.environment():
        call_the_hosted_api()


def call_the_hosted_api() -> None:
    with openai.OpenAI(base_url="https://api.openai.com/v1", max_retries=0) as client, suppress(openai.APIError):
        client.beta.threads.create()


def test_without_the_guard_look_ups_are_not_touched(emulator: Emulator) -> None:
    import socket

    look_up = socket.getaddrinfo
    with emulator.environment(guard=False):
        assert socket.getaddrinfo is look_up
    with emulator.environment():
        assert socket.getaddrinfo is not look_up
    assert socket.getaddrinfo is look_up
