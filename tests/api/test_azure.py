"""Azure's addresses lead to the same objects (docs/reference/behaviour.md#azure)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Emulator, ProjectHandle

KEY = "sk-azure-0123456789"
NO_ACCESS = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
NOT_FOUND = {"error": {"code": "404", "message": "Resource not found"}}


def options(project: ProjectHandle, api_version: str = "2024-05-01-preview") -> dict[str, Any]:
    endpoint = project.base_url.removesuffix("/v1")
    return {"azure_endpoint": endpoint, "api_key": project.api_key, "api_version": api_version, "max_retries": 0}


@pytest.fixture
def azure(project: ProjectHandle) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(**options(project)) as azure:
        yield azure


@pytest.fixture
def bare(project: ProjectHandle) -> Iterator[httpx2.Client]:
    """An HTTP client at Azure's root, with its key header and without a beta header."""
    root = project.base_url.removesuffix("/v1") + "/openai"
    with httpx2.Client(base_url=root, headers={"api-key": project.api_key}, trust_env=False, verify=False) as bare:
        yield bare


def test_azure_openai_walks_through_a_run(azure: openai.AzureOpenAI, client: openai.OpenAI) -> None:
    assistant = azure.beta.assistants.create(model="my-gpt-4o-deployment")
    thread = azure.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    run = azure.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, run.model) == ("completed", "my-gpt-4o-deployment")
    assert client.beta.threads.runs.retrieve(run.id, thread_id=thread.id) == run
    azure.files.create(file=("a.txt", b"text"), purpose="assistants")
    assert len(azure.files.list().data) == 1
    assert azure.vector_stores.create(name="Notes").name == "Notes"


def test_async_azure_openai_streams(project: ProjectHandle) -> None:
    async def stream() -> list[str]:
        async with openai.AsyncAzureOpenAI(**options(project)) as azure:
            assistant = await azure.beta.assistants.create(model="deployment", instructions="Hi")
            events = await azure.beta.threads.create_and_run(assistant_id=assistant.id, stream=True)
            return [event.event async for event in events]

    assert asyncio.run(stream())[-1] == "thread.run.completed"


VERSIONS = {
    "2024-02-15-preview": "file_ids",
    "2024-03-01-preview": "file_ids",
    "2024-05-01-preview": "tool_resources",
    "2024-07-01-preview": "tool_resources",
    "2025-03-01-preview": "tool_resources",
}


@pytest.mark.parametrize(("api_version", "key"), VERSIONS.items())
def test_the_api_version_picks_the_shapes(bare: httpx2.Client, api_version: str, key: str) -> None:
    answer = bare.post(f"/assistants?api-version={api_version}", json={"model": "d"})
    assert {"file_ids", "tool_resources"} & set(answer.json()) == {key}


def test_addresses_below_openai_v1_have_the_shapes_of_v2(bare: httpx2.Client) -> None:
    assert "tool_resources" in bare.post("/v1/threads", json={}).json()
    assert "tool_resources" in bare.post("/v1/threads?api-version=preview", json={}).json()


def test_the_beta_header_is_ignored_on_azure(bare: httpx2.Client) -> None:
    headers = {"OpenAI-Beta": "assistants=v1"}
    answer = bare.post("/threads?api-version=2024-05-01-preview", json={}, headers=headers)
    assert "tool_resources" in answer.json()


def test_a_bearer_token_takes_the_place_of_the_api_key_header(
    bare: httpx2.Client, project: ProjectHandle, thread: Any
) -> None:
    headers = {"Authorization": f"Bearer {project.api_key}", "api-key": ""}
    path = f"/threads/{thread.id}?api-version=2024-05-01-preview"
    assert bare.get(path, headers=headers).json()["id"] == thread.id


NOWHERE = {
    "unknown path": ("GET", "/bogus?api-version=2024-05-01-preview"),
    "other method": ("PUT", "/assistants?api-version=2024-05-01-preview"),
    "missing api-version": ("GET", "/assistants"),
    "unsupported api-version": ("GET", "/assistants?api-version=2023-05-15"),
    "no api-version": ("GET", "/assistants?api-version=new"),
    "below a deployment": ("GET", "/deployments/d/assistants?api-version=2024-05-01-preview"),
    "v2's endpoint under v1": ("GET", "/vector_stores?api-version=2024-02-15-preview"),
}


@pytest.mark.parametrize(("method", "path"), NOWHERE.values(), ids=NOWHERE)
def test_azures_gateway_answers_404_where_there_is_nothing(bare: httpx2.Client, method: str, path: str) -> None:
    answer = bare.request(method, path)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("key", [None, "wrong"])
def test_azures_gateway_refuses_a_missing_or_wrong_key(key: str | None) -> None:
    with Emulator(api_key=KEY) as emulator:
        url = emulator.base_url.removesuffix("/v1") + "/openai/assistants?api-version=2024-05-01-preview"
        headers = {} if key is None else {"api-key": key}
        answer = httpx2.get(url, headers=headers, trust_env=False, verify=False)
        assert (answer.status_code, answer.json()) == (401, {"error": {"code": "401", "message": NO_ACCESS}})
        assert httpx2.get(url, headers={"api-key": KEY}, trust_env=False, verify=False).status_code == 200


def test_an_unknown_deployment_does_not_exist() -> None:
    refused = pytest.raises(openai.BadRequestError, match=r"The requested model 'x' does not exist\.")
    with Emulator(models=("mine",)) as emulator, openai.AzureOpenAI(**options(emulator)) as azure, refused:
        azure.beta.assistants.create(model="x")


def test_other_errors_are_in_openais_envelope(bare: httpx2.Client) -> None:
    error = bare.get("/assistants/asst_x?api-version=2024-05-01-preview").json()["error"]
    assert error["message"] == "No assistant found with id 'asst_x'."
    assert list(error) == ["message", "type", "param", "code"]


def test_a_fault_applies_to_both_addresses(project: ProjectHandle, bare: httpx2.Client) -> None:
    project.faults.add("POST /threads", status=500, message="Down", times=1)
    assert bare.post("/threads?api-version=2024-05-01-preview", json={}).status_code == 500


def test_retrieval_is_refused_by_the_first_api_version(bare: httpx2.Client) -> None:
    assistant = {"model": "d", "tools": [{"type": "retrieval"}]}
    answer = bare.post("/assistants?api-version=2024-02-15-preview", json=assistant)
    message = (
        "Azure OpenAI Retrieval v1 tool is not supported in favor of the more advanced v2 file_search tool. "
        "Please use `file_search` in the v2 api."
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


PURPOSES = [
    ("world_domination", "2024-05-01-preview"),
    ("answers", "2024-05-01-preview"),
    ("vision", "2024-02-15-preview"),
]


@pytest.mark.parametrize(("purpose", "api_version"), PURPOSES)
def test_a_purpose_that_azure_does_not_know_is_refused_in_its_words(
    bare: httpx2.Client, purpose: str, api_version: str
) -> None:
    path = f"/files?api-version={api_version}"
    answer = bare.post(path, data={"purpose": purpose}, files={"file": ("a.png", b"one")})
    error = {"code": "invalidPayload", "message": "Invalid value for the purpose."}
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_azure_takes_vision_since_v2(bare: httpx2.Client) -> None:
    path = "/files?api-version=2024-05-01-preview"
    answer = bare.post(path, data={"purpose": "vision"}, files={"file": ("a.png", b"one")})
    assert answer.json()["purpose"] == "vision"
