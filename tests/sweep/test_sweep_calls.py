"""Variants of calls: their names, the list of a session, and what each does to a client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from assistants_emulator import ProjectHandle
from assistants_emulator.sweep import EFFECTS, Variant
from assistants_emulator.sweep.calls import Call, Calls

OF_A_CALL = ["429 once", "429", "500 once", "500", "connection closed", "time-out", "malformed JSON"]


@pytest.fixture
def client(project: ProjectHandle) -> Iterator[openai.OpenAI]:
    """A client that retries, as clients do by default."""
    with project.client() as client:
        yield client


def vary(project: ProjectHandle, name: str) -> None:
    project.vary(Variant.parse(name))


def test_a_variants_name_is_parsed_again() -> None:
    variant = Variant("POST /threads/*/runs", 12, "cut after 3")
    assert variant.name == "POST /threads/*/runs 12: cut after 3"
    assert Variant.parse(variant.name) == variant


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("POST /threads", "a variant is named like 'POST /threads/*/runs 1: expired', not 'POST /threads'"),
        ("POST /threads 1: expierd", "no effect is called 'expierd'; did you mean 'expired'?"),
        ("POST /threads 1: cut after 0", "no effect is called 'cut after 0'; did you mean 'cut after 3'?"),
    ],
)
def test_a_name_that_names_no_variant_says_what_would_be_right(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        Variant.parse(name)


def test_a_route_that_does_not_exist_is_refused(project: ProjectHandle) -> None:
    with pytest.raises(ValueError, match=r"not 'POST /thread'; did you mean 'POST /threads'\?"):
        vary(project, "POST /thread 1: 429")


def test_every_effect_has_a_symbol_of_its_own_and_a_sentence() -> None:
    symbols = [effect.symbol for effect in EFFECTS.values()]
    assert sorted(symbols) == sorted(set("".join(symbols)))
    assert [effect.name for effect in EFFECTS.values() if not effect.description.endswith(".")] == []


def test_a_call_has_the_variants_of_a_call(project: ProjectHandle, client: openai.OpenAI) -> None:
    client.beta.threads.create()
    assert [variant.name for variant in project.variants()] == [f"POST /threads 1: {effect}" for effect in OF_A_CALL]


@pytest.mark.parametrize("status", [429, 500])
def test_once_refused_the_retry_succeeds(project: ProjectHandle, client: openai.OpenAI, status: int) -> None:
    vary(project, f"POST /threads 2: {status} once")
    for _ in range(3):
        client.beta.threads.create()
    assert [call.status for call in project.requests] == [200, status, 200, 200]
    assert project.variant_met


@pytest.mark.parametrize("status", [429, 500])
def test_refused_for_ever_are_the_call_and_its_retries_and_no_later_call(
    project: ProjectHandle, client: openai.OpenAI, status: int
) -> None:
    vary(project, f"POST /threads 1: {status}")
    with pytest.raises(openai.APIStatusError):
        client.beta.threads.create()
    client.beta.threads.create()
    assert [call.status for call in project.requests] == [status, status, status, 200]


def test_the_reference_lists_every_effect() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/variants.md").read_text()
    rows = [f"| `{effect.name}` | `{effect.symbol}` | {effect.description} |" for effect in EFFECTS.values()]
    assert "\n".join(rows) in page


def test_a_retry_belongs_to_its_call_though_another_came_between() -> None:
    calls = Calls()

    def arrive(raw: bytes, retries: bytes) -> Call:
        return calls.arrive("POST", "/threads", "/threads", {b"x-stainless-retry-count": retries}, raw)

    first, second = arrive(b"1", b"0"), arrive(b"2", b"0")
    calls.answered(first, 429, b"1")
    calls.answered(second, 200, b"2")
    assert [first.number, second.number, arrive(b"1", b"1").number, arrive(b"1", b"0").number] == [1, 2, 1, 3]
