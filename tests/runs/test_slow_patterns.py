"""Patterns and schemas that would take for ever: the run fails, and the server goes on meanwhile."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from assistants_emulator import FunctionCall, ProjectHandle
from assistants_emulator.processes import patterns, schemas
from assistants_emulator.processes.patterns import cost, is_cheap, search

CATASTROPHE = "^(a+)+$"
TEXT = "a" * 45 + "!"


def schema_of(**fields: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": fields}}


@pytest.mark.parametrize("pattern", [CATASTROPHE, "^(a|a)*$", "^(a|aa)+$", "(a?){40}a{40}$", "^(?:a*)*b"])
def test_a_pattern_that_takes_too_long_fails_the_run(
    project: ProjectHandle, asking: Any, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.3)
    project.respond("Hi", when=pattern, times=1)
    run = asking.poll(additional_messages=[{"role": "user", "content": TEXT}])
    assert run.last_error is not None
    assert "took longer than 0.3 s" in run.last_error.message
    assert asking.beta.assistants.list().data


def test_a_pattern_of_a_script_that_takes_too_long_fails_the_run(project: ProjectHandle, asking: Any) -> None:
    project.load_script({"version": 1, "replies": [{"when": {"message": CATASTROPHE}, "do": [{"text": "Hi"}]}]})
    run = asking.poll(additional_messages=[{"role": "user", "content": TEXT}])
    assert run.last_error is not None
    assert "took longer than 1 s" in run.last_error.message


def test_a_match_of_a_costly_pattern_has_its_groups(project: ProjectHandle, asking: Any) -> None:
    project.respond(lambda turn: f"{turn.match['word']} {turn.match.groups()}", when=r"((?P<word>l+|o)+)(x)?")
    asking.poll(additional_messages=[{"role": "user", "content": "Hello, world! " * 5}])
    assert asking.messages()[-1].content[0].text.value == "o ('llo', 'o', None)"


@pytest.mark.parametrize("text", ["Hello", "weather in Oslo " * 10])
@pytest.mark.parametrize("pattern", ["weather in (?P<city>\\w+)", "^hello|bye$", "(?i)\\bOslo\\b", "a{3}", ""])
def test_usual_patterns_are_searched_for_at_once(pattern: str, text: str) -> None:
    assert is_cheap(re.compile(pattern), text)


@pytest.mark.parametrize("pattern", ["(\\w+\\s?)*x", "(ab|c)+x", ".*.*.*x", "(?:(?:a+)b)*"])
def test_a_search_in_a_helper_finds_what_one_at_once_finds(pattern: str) -> None:
    compiled, text = re.compile(pattern), "abc abx " * 40
    expected, match = compiled.search(text), search(compiled, text)
    assert cost(pattern, compiled.flags, len(text)) > 10_000_000
    assert match is not None
    assert expected is not None
    assert (match.span(), match.groups(), match[0]) == (expected.span(), expected.groups(), expected[0])


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"pattern": CATASTROPHE}, TEXT),
        ({"patternProperties": {CATASTROPHE: {}}}, {TEXT: 1}),
        ({"uniqueItems": True}, [{"a": {"number": number}} for number in range(5_000)]),
    ],
    ids=["pattern", "patternProperties", "uniqueItems"],
)
def test_a_schema_that_takes_too_long_fails_the_run(
    project: ProjectHandle, asking: Any, monkeypatch: pytest.MonkeyPatch, fields: Any, value: Any
) -> None:
    monkeypatch.setattr(schemas, "SECONDS", 0.3)
    project.respond(json.dumps(value), times=1)
    run = asking.poll(response_format=schema_of(**fields))
    assert run.last_error is not None
    assert "took longer than 0.3 s" in run.last_error.message


def test_a_functions_schema_that_takes_too_long_fails_the_run(project: ProjectHandle, asking: Any) -> None:
    project.respond(FunctionCall("f", {"a": TEXT}))
    function = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"pattern": CATASTROPHE}}}}
    run = asking.poll(tools=[{"type": "function", "function": function}])
    assert "took longer than 2 s" in run.last_error.message


def test_a_schema_with_a_pattern_is_checked(project: ProjectHandle, asking: Any) -> None:
    project.respond('"abc"')
    assert asking.poll(response_format=schema_of(pattern="^a")).status == "completed"
    assert "does not match '^b'" in asking.poll(response_format=schema_of(pattern="^b")).last_error.message


def test_a_schema_that_refers_to_itself_without_end_is_ignored(project: ProjectHandle, asking: Any) -> None:
    project.respond('"abc"')
    kind = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]}
    assert asking.poll(response_format=schema_of(**kind)).status == "completed"
