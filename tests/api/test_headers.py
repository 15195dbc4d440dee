"""What answers carry beside their bodies, and paths with a slash too many.

See docs/reference/behaviour.md#answer-headers and docs/reference/behaviour.md#routing.
"""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator, ProjectHandle


def test_every_answer_has_the_apis_headers(wire: httpx2.Client, thread: Any) -> None:
    for path in (f"/threads/{thread.id}", "/files", "/threads/undefined", "/bogus"):
        headers = wire.get(path).headers
        assert headers["openai-version"] == "2020-10-01"
        assert headers["openai-organization"]
        assert headers["openai-project"].startswith("proj_")
        assert headers["x-envoy-upstream-service-time"].isdecimal()
        assert headers["openai-processing-ms"].isdecimal()
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"].startswith("max-age=")
        assert len(headers["x-request-id"]) == len("req_") + 32


def test_request_ids_are_the_projects_own_and_deterministic() -> None:
    def ids(emulator: Emulator, project: str) -> list[str]:
        headers = {"Authorization": f"Bearer {emulator.project(project).api_key}"}
        ask = {"headers": headers, "trust_env": False, "verify": False}
        return [httpx2.get(f"{emulator.base_url}/models", **ask).headers["x-request-id"] for _ in range(2)]

    with Emulator() as one, Emulator() as other:
        first = ids(one, "a")
        assert len({*first, *ids(one, "b")}) == 4
        assert ids(other, "a") == first


def test_a_401_says_how_to_authenticate(project: ProjectHandle) -> None:
    answer = httpx2.get(f"{project.base_url}/assistants", trust_env=False, verify=False)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="OpenAI API"')


@pytest.mark.parametrize("header", ["OpenAI-Organization", "OpenAI-Project"])
def test_an_organization_and_a_project_are_accepted(wire: httpx2.Client, header: str) -> None:
    assert wire.get("/assistants", headers={header: "org_x"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/assistants"), ("GET", "/threads/thread_x/runs"), ("POST", "/threads/thread_x/runs")],
)
def test_a_slash_at_the_end_is_redirected(wire: httpx2.Client, method: str, path: str) -> None:
    """As ai-engine requests_messages_create_and_run and requests_storytellers_update recorded it in 2024."""
    answer = wire.request(method, f"{path}/?limit=2")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (307, b"", "0")
    assert answer.headers["location"] == f"{str(wire.base_url).rstrip('/')}{path}?limit=2"
    assert "content-type" not in answer.headers


def test_a_redirect_can_be_followed(wire: httpx2.Client) -> None:
    assert wire.post("/threads/", json={}, follow_redirects=True).json()["object"] == "thread"


def test_head_is_get_without_a_body(wire: httpx2.Client, thread: Any) -> None:
    answer = wire.head(f"/threads/{thread.id}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert wire.head("/threads/thread_x").status_code == 404


def test_options_says_what_a_path_takes(wire: httpx2.Client) -> None:
    answer = wire.options("/assistants/asst_x")
    assert (answer.status_code, answer.headers["allow"]) == (204, "DELETE, GET, OPTIONS, POST")
