"""Responses that are made without `store`: what the emulator keeps of them, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from tests.responses.conftest import MODEL, WEATHER

from assistants_emulator import Emulator, FunctionCall

SECRET = "swordfish"
ASKED: dict[str, Any] = {"model": MODEL, "input": f"My password is {SECRET}", "instructions": SECRET}


def weather(turn: Any) -> Any:
    (found,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
    yield f"It is {found}."


def on_disk(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("options", [{}, {"background": True}, {"stream": True}, {"stream": True, "background": True}])
def test_nothing_of_it_is_on_disk(tmp_path: Path, options: dict[str, Any]) -> None:
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        answer = client.responses.create(**ASKED, store=False, **options)
        for _ in answer if "stream" in options else ():
            pass
        (text,) = emulator.transcripts().values()
        assert SECRET in text
        assert SECRET not in on_disk(tmp_path)
        client.responses.create(model=MODEL, input="And this is kept")
    assert "And this is kept" in on_disk(tmp_path)
    assert SECRET not in on_disk(tmp_path)


def test_its_items_are_on_disk_with_their_conversation(tmp_path: Path) -> None:
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        conversation = client.conversations.create().id
        client.responses.create(**ASKED, store=False, conversation=conversation)
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        items: list[Any] = client.conversations.items.list(conversation, order="asc").data
        assert [item.content[0].text for item in items] == [ASKED["input"], f"Echo: {ASKED['input']}"]


def test_a_turn_goes_on_after_a_restart_by_the_history_that_is_sent(tmp_path: Path) -> None:
    options: Any = {"model": MODEL, "tools": [WEATHER], "store": False}
    history: list[Any] = [{"role": "user", "content": "weather in Oslo"}]
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        emulator.respond(weather, when=r"weather in (?P<city>\w+)")
        call: Any = client.responses.create(input=history, **options).output[0]
        history += [call.to_dict(), {"type": "function_call_output", "call_id": call.call_id, "output": "15 C"}]
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        emulator.respond(weather, when=r"weather in (?P<city>\w+)")
        assert client.responses.create(input=history, **options).output_text == "It is 15 C."


def test_an_item_of_it_comes_into_no_conversation(client: openai.OpenAI) -> None:
    response = client.responses.create(**ASKED, store=False)
    items: list[Any] = [{"type": "item_reference", "id": response.output[0].id}]
    with pytest.raises(openai.NotFoundError, match="not persisted when `store` is set to false"):
        client.conversations.create(items=items)
