"""The port on which pytest answers for the code of Python rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.sources import as_source
from pytest_assistants_emulator.code_server import CodeServer

QUESTION = json.dumps({"call": "leave", "id": "run_x"})


@pytest.fixture
def code() -> Iterator[CodeServer]:
    server = CodeServer()
    yield server
    server.stop()


def status(url: str, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", urlsplit(url).port or 0)
    try:
        connection.request("POST", path, QUESTION)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_answers_only_under_its_random_path(code: CodeServer) -> None:
    url = code.add(Rule(as_source(lambda: "Hi")), cast(Any, None))
    path = urlsplit(url).path
    assert urlsplit(url).hostname == "127.0.0.1"
    assert len(path) > 20
    assert status(url, path) == 200
    assert [status(url, other) for other in ("/", "/0", f"{path}1", f"/guess{path[6:]}")] == [404] * 4


def test_paths_differ_from_session_to_session(code: CodeServer) -> None:
    other = CodeServer()
    try:
        rule = Rule(as_source("Hi"))
        paths = [urlsplit(each.add(rule, cast(Any, None))).path for each in (code, other)]
        assert paths[0] != paths[1]
    finally:
        other.stop()
