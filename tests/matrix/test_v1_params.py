"""Request models of v1 against the parameter types of an SDK of v1, both ways; nox runs it with such an SDK."""

from __future__ import annotations

import re
from typing import Any

import openai
import pytest
from tests.fidelity.param_facts import facts

from assistants_emulator.contract import v1

VERSION = tuple(int(part) for part in openai.__version__.split(".")[:2])
# the last of them: the fields that came before it are in it too
pytestmark = pytest.mark.skipif(VERSION != (1, 20), reason="this is not the last SDK of v1")

OURS_ALONE = {
    r"metadata(\.\*)?: ": "the SDK takes any object for it, the service took scalars",
    r"^file_ids": "runs show them, so they are taken too; no document has that",
    r"\.strict: boolean": "came to functions while v1 was still served",
    r"tool_choice\[function\]\.function: required": "a function that is to be called has a name",
}
THEIRS_ALONE = {
    r"^stream: required": "in one of the SDK's two forms of it",
    r"tool_choice\[(code_interpreter|retrieval)\]\.function": "one type for all three",
}


def pairs() -> list[tuple[Any, Any]]:
    beta = openai.types.beta
    return [
        (v1.CreateAssistant, beta.AssistantCreateParams),
        (v1.ModifyAssistant, beta.AssistantUpdateParams),
        (v1.CreateAssistantFile, beta.assistants.FileCreateParams),
        (v1.CreateThread, beta.ThreadCreateParams),
        (v1.CreateThreadAndRun, beta.thread_create_and_run_params.ThreadCreateAndRunParams),
        (v1.CreateMessage, beta.threads.MessageCreateParams),
        (v1.CreateRun, beta.threads.run_create_params.RunCreateParams),
        (v1.ModifyMetadata, beta.ThreadUpdateParams),
    ]


def test_v1_bodies_say_what_the_sdk_lets_them_say() -> None:
    for model, params in pairs():
        ours, theirs = facts(model), facts(params, {"thread_id"})
        unexplained = [line for line in ours - theirs if not any(re.search(one, line) for one in OURS_ALONE)]
        unexplained += [line for line in theirs - ours if not any(re.search(one, line) for one in THEIRS_ALONE)]
        assert (model, unexplained) == (model, [])
