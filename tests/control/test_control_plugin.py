"""The control calls of the pytest plugin, made wrongly."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.web.plugin_api import OPERATIONS

SESSION_CALLS = [("PUT", "session"), ("GET", "session"), ("DELETE", "session"), ("POST", "session/close")]
RULE = {"when": {"when_name": None}, "times": None, "live": False, "label": "", "is_fallback": True, "origin": None}


@pytest.mark.parametrize("body", [{}, {"id": 5, "name": [], "text": {}}, {"plan": 5, "running": [], "seed": 1}])
@pytest.mark.parametrize(("method", "call"), [*OPERATIONS, *SESSION_CALLS])
def test_a_body_of_others_is_refused(control: httpx2.Client, method: str, call: str, body: Any) -> None:
    assert control.request(method, call, json=body).status_code in (200, 400, 404)


def test_the_code_of_a_rule_is_called_on_this_machine_only(control: httpx2.Client) -> None:
    answer = control.post("rules", json={**RULE, "url": "http://example.com/rule"})
    assert answer.status_code == 400
    assert "on this machine only, not at 'http://example.com/rule'" in answer.json()["error"]["message"]


def test_a_turn_is_looked_up_only_while_its_responder_is_at_work(control: httpx2.Client) -> None:
    answer = control.post("look-up", json={"id": "run_x", "name": "messages", "arguments": {}})
    assert "no responder of another process is at run_x" in answer.json()["error"]["message"]


def test_a_plan_that_a_project_cannot_have_is_a_400_of_its_calls(emulator: Emulator, control: httpx2.Client) -> None:
    plan = {"seed": "a", "state": {"asssistants": []}}
    assert control.put("session", json={"running": "test", "plan": plan}).status_code == 200
    answer = control.get(f"{emulator.base_url}/assistants", headers={"OpenAI-Beta": "assistants=v2"})
    assert answer.status_code == 400
    assert "asssistants" in answer.json()["error"]["message"]
