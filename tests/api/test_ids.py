"""Ids come from the seed, the project's name, the kind and a counter: the same every time, and never twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openai
import pytest

from assistants_emulator import Emulator, FunctionCall, ProjectHandle


def some_ids(emulator: Emulator, name: str) -> list[str]:
    with emulator.project(name).client() as client:
        assistants = [client.beta.assistants.create(model="gpt-4o").id for _ in range(2)]
        return [*assistants, client.beta.threads.create().id]


def test_the_same_project_and_seed_give_the_same_ids() -> None:
    with Emulator(seed=7) as one, Emulator(seed=7) as other:
        assert some_ids(one, "demo") == some_ids(other, "demo")


def test_another_project_has_other_ids() -> None:
    with Emulator() as emulator:
        assert set(some_ids(emulator, "one")).isdisjoint(some_ids(emulator, "other"))


def test_another_seed_gives_other_ids() -> None:
    with Emulator(seed=1) as one, Emulator(seed=2) as other:
        assert set(some_ids(one, "demo")).isdisjoint(some_ids(other, "demo"))


def test_a_restart_goes_on_counting(tmp_path: Path) -> None:
    with Emulator() as emulator:
        expected = some_ids(emulator, "demo") + some_ids(emulator, "demo")
    with Emulator(tmp_path) as emulator:
        before = some_ids(emulator, "demo")
    with Emulator(tmp_path) as emulator:
        assert before + some_ids(emulator, "demo") == expected


def test_an_id_is_not_given_again_after_a_delete(client: openai.OpenAI) -> None:
    first = client.beta.threads.create()
    client.beta.threads.delete(first.id)
    assert client.beta.threads.create().id != first.id


def test_an_id_is_not_given_again_after_a_delete_and_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        first = client.beta.threads.create()
        client.beta.threads.delete(first.id)
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        assert client.beta.threads.create().id != first.id


def test_reset_restarts_the_counters_of_ids(project: ProjectHandle, client: openai.OpenAI) -> None:
    first = client.beta.threads.create()
    project.reset()
    assert client.beta.threads.create().id == first.id


def test_ids_are_a_prefix_and_24_letters_and_digits(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any
) -> None:
    project.respond(FunctionCall("f"))
    run = settled(ask())
    (step,) = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id)
    (message,) = client.beta.threads.messages.list(run.thread_id)
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    ids = [run.assistant_id, run.thread_id, message.id, run.id, step.id, call.id]
    prefixes = ["asst", "thread", "msg", "run", "step", "call"]
    for prefix, id in zip(prefixes, ids, strict=True):
        assert re.fullmatch(rf"{prefix}_[A-Za-z0-9]{{24}}", id)


@pytest.mark.parametrize("name", ["a/b::c[d]", "with space", "UPPER"])
def test_a_project_may_have_any_name(tmp_path: Path, name: str) -> None:
    with Emulator(tmp_path) as emulator:
        made = some_ids(emulator, name)
    with Emulator(tmp_path) as emulator, emulator.project(name).client() as client:
        assert client.beta.threads.retrieve(made[2]).id == made[2]
