"""Rules of docs/reference/behaviour.md that other files do not show: faults, models, files, vector stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator, FileSearch, ProjectHandle, Text

REFUSED = {"type": "invalid_request_error", "param": None, "code": None}
UPLOAD = {"file": ("notes.txt", b"Refunds take 14 days.")}
FORMATS = (
    '"c", "cpp", "css", "csv", "docx", "gif", "go", "html", "java", "jpeg", "jpg", "js", "json", "md", "pdf", "php", '
    '"pkl", "png", "pptx", "py", "rb", "tar", "tex", "ts", "txt", "webp", "xlsx", "xml", "zip"'
)
UNSEARCHABLE = (
    "Files with extensions [.csv] are not supported for retrieval. "
    "See https://platform.openai.com/docs/assistants/tools/file-search/supported-files"
)
Json = dict[str, Any]
Upload = Callable[..., str]


@pytest.fixture
def upload(wire: httpx2.Client) -> Upload:
    def upload(name: str = "notes.txt", content: bytes = b"Refunds take 14 days.", purpose: str = "assistants") -> str:
        answer = wire.post("/files", files={"file": (name, content)}, data={"purpose": purpose})
        return str(answer.json()["id"])

    return upload


@pytest.fixture
def store(wire: httpx2.Client) -> str:
    return str(wire.post("/vector_stores", json={}).json()["id"])


@pytest.fixture(scope="module")
def strict() -> Iterator[Emulator]:
    with Emulator(models=("gpt-4", "gpt-4o", "gpt-5.1")) as strict:
        yield strict


def test_a_fault_of_the_server_tells_the_request_id(
    emulator: Emulator, project: ProjectHandle, wire: httpx2.Client
) -> None:
    emulator.open_project(project.name).context.ids.new = None  # type: ignore[assignment, method-assign]
    answer = wire.post("/threads", json={})
    message = (
        "The server had an error processing your request. Sorry about that! You can retry your request, or contact us "
        "through our help center at help.openai.com if you keep seeing this error. (Please include the request ID "
        f"{answer.headers['x-request-id']} in your email.)"
    )
    error = {"message": message, "type": "server_error", "param": None, "code": None}
    assert (answer.status_code, answer.json()) == (500, {"error": error})


FAULTS = {
    "rate limit": (None, "requests", "rate_limit_exceeded", "Rate limit reached for "),
    "quota": (
        "insufficient_quota",
        "insufficient_quota",
        "insufficient_quota",
        (
            "You exceeded your current quota, please check your plan and billing details. For more information on this "
            "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
        ),
    ),
}


@pytest.mark.parametrize(("asked", "kind", "code", "message"), FAULTS.values(), ids=FAULTS)
def test_rate_limit_and_quota_have_types_and_codes_of_their_own(
    project: ProjectHandle, refused: Any, asked: str | None, kind: str, code: str, message: str
) -> None:
    project.faults.add("POST /threads", status=429, code=asked)
    status, error = refused("POST", "/threads", json={})
    assert (status, error["type"], error["code"]) == (429, kind, code)
    assert error["message"].startswith(message)


MODELS = {
    "does not exist": ("gpt-3", "v2", "The requested model 'gpt-3' does not exist.", "model_not_found"),
    "not allowed": (
        "gpt-5.1",
        "v2",
        "The requested model 'gpt-5.1' cannot be used with the Assistants API.",
        "unsupported_model",
    ),
    "new model with v1 header": (
        "gpt-4o",
        "v1",
        (
            "The requested model 'gpt-4o' cannot be used with the Assistants API in v1. Follow the migration guide to "
            "upgrade to v2: https://platform.openai.com/docs/assistants/migration."
        ),
        "unsupported_model",
    ),
}


@pytest.mark.parametrize(("model", "version", "message", "code"), MODELS.values(), ids=MODELS)
def test_a_model_that_cannot_be_used_is_refused(
    strict: Emulator, model: str, version: str, message: str, code: str
) -> None:
    headers = {"Authorization": "Bearer x", "OpenAI-Beta": f"assistants={version}"}
    url = f"{strict.base_url}/assistants"
    answer = httpx2.post(url, json={"model": model}, headers=headers, trust_env=False, verify=False)
    error = {"message": message, "type": "invalid_request_error", "param": "model", "code": code}
    assert (answer.status_code, answer.json()) == (400, {"error": error})


FORMS: dict[str, tuple[str, Json, str, str | None]] = {
    "bad purpose": (
        "a.txt",
        {"purpose": "world_domination"},
        (
            "'world_domination' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] "
            "- 'purpose'"
        ),
        "purpose",
    ),
    "purpose missing": ("a.txt", {}, "'purpose' is a required property", None),
    "bad extension": ("a.vb", {"purpose": "assistants"}, f"Invalid extension vb. Supported formats: {FORMATS}", None),
}


@pytest.mark.parametrize(("name", "data", "message", "param"), FORMS.values(), ids=FORMS)
def test_an_upload_with_a_bad_form_is_refused(
    wire: httpx2.Client, name: str, data: Json, message: str, param: str | None
) -> None:
    answer = wire.post("/files", files={"file": (name, b"text")}, data=data)
    error = {**REFUSED, "message": message, "param": param}
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_an_upload_without_a_file_is_refused(wire: httpx2.Client) -> None:
    answer = wire.post("/files", files={"other": ("a.txt", b"")}, data={"purpose": "assistants"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "'file' is a required property")


@pytest.mark.parametrize(("method", "path"), [("GET", "/fake_id"), ("DELETE", "/fake_id"), ("GET", "/fake_id/content")])
def test_an_unknown_file_is_not_found(wire: httpx2.Client, method: str, path: str) -> None:
    message = "No such File object: fake_id"
    body = {"error": {**REFUSED, "message": message, "param": "id"}, "detail": {"message": message, "code": None}}
    answer = wire.request(method, f"/files{path}")
    assert (answer.status_code, answer.json()) == (404, body)


@pytest.mark.parametrize("purpose", ["assistants", "user_data"])
def test_files_for_assistants_and_user_data_may_not_be_downloaded(
    wire: httpx2.Client, upload: Upload, purpose: str
) -> None:
    answer = wire.get(f"/files/{upload(purpose=purpose)}/content")
    message = f"Not allowed to download files of purpose: {purpose}"
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_an_upload_is_processed_at_once_and_can_be_deleted(wire: httpx2.Client, upload: Upload) -> None:
    file = wire.get(f"/files/{upload()}").json()
    keys = "object id purpose filename bytes created_at expires_at status status_details"
    assert (" ".join(file), file["status"], file["expires_at"]) == (keys, "processed", None)
    assert wire.delete(f"/files/{file['id']}").json() == {"object": "file", "deleted": True, "id": file["id"]}


@pytest.mark.parametrize(("key", "value"), [("limit", "0"), ("limit", "10001"), ("order", "up")])
def test_the_list_of_files_refuses_limits_and_orders_in_its_own_words(
    wire: httpx2.Client, key: str, value: str
) -> None:
    message = "limit must be between 1 and 10000." if key == "limit" else "order must be asc or desc."
    answer = wire.get(f"/files?{key}={value}")
    assert (answer.status_code, answer.json()["error"]) == (400, {**REFUSED, "message": message})


BODIES: dict[str, tuple[str, Json, Json]] = {
    "array too long": (
        "/vector_stores",
        {"file_ids": ["file-1"] * 1084},
        {
            "message": "Invalid 'file_ids': array too long. Expected an array with maximum length 100, but got an "
            "array with length 1084 instead.",
            "param": "file_ids",
            "code": "array_above_max_length",
        },
    ),
    "empty array": (
        "/vector_stores/{store}/file_batches",
        {"file_ids": []},
        {
            "message": "Invalid 'file_ids': empty array. Expected an array with minimum length 1, but got an empty "
            "array instead.",
            "param": "file_ids",
            "code": "empty_array",
        },
    ),
    "chunking: size": (
        "/vector_stores",
        {
            "file_ids": ["file-1"],
            "chunking_strategy": {
                "type": "static",
                "static": {"max_chunk_size_tokens": 5000, "chunk_overlap_tokens": 0},
            },
        },
        {
            "message": "Invalid 'chunking_strategy.static.max_chunk_size_tokens': integer above maximum value. "
            "Expected a value <= 4096, but got 5000 instead.",
            "param": "chunking_strategy.static.max_chunk_size_tokens",
            "code": "integer_above_max_value",
        },
    ),
    "unsupported ext": (
        "/vector_stores",
        {"file_ids": ["{table}"]},
        {"message": UNSEARCHABLE, "param": "file_ids", "code": "unsupported_file"},
    ),
    "unsupported ext, files": (
        "/vector_stores/{store}/files",
        {"file_id": "{table}"},
        {"message": UNSEARCHABLE, "param": "file_ids", "code": "unsupported_file"},
    ),
    "unsupported ext, file_batches": (
        "/vector_stores/{store}/file_batches",
        {"file_ids": ["{table}"]},
        {"message": UNSEARCHABLE, "param": "file_ids", "code": "unsupported_file"},
    ),
}


@pytest.mark.parametrize(("path", "body", "error"), BODIES.values(), ids=BODIES)
def test_vector_stores_refuse_bad_file_lists_and_chunks(
    refused: Any, upload: Upload, store: str, path: str, body: Json, error: Json
) -> None:
    table = upload("table.csv")
    sent = {key: _filled(value, table) for key, value in body.items()}
    assert refused("POST", path.format(store=store), json=sent) == (400, {**REFUSED, **error})


def _filled(value: Any, table: str) -> Any:
    if isinstance(value, list):
        return [_filled(one, table) for one in value]
    return value.replace("{table}", table) if isinstance(value, str) else value


def test_a_vector_stores_id_is_no_batch_id(refused: Any, store: str) -> None:
    message = f"Invalid 'batch_id': '{store}'. Expected an ID that begins with 'vsfb_'."
    error = {**REFUSED, "message": message, "param": "batch_id", "code": "invalid_value"}
    assert refused("GET", f"/vector_stores/{store}/file_batches/{store}") == (400, error)


def test_an_unknown_vector_store_is_not_found(refused: Any) -> None:
    error = {**REFUSED, "message": "No vector store found with id 'vs_x'."}
    assert refused("GET", "/vector_stores/vs_x") == (404, error)


def test_an_empty_vector_store_is_completed_at_once(wire: httpx2.Client) -> None:
    store = wire.post("/vector_stores", json={}).json()
    assert (store["status"], store["usage_bytes"], set(store["file_counts"].values())) == ("completed", 0, {0})


def test_a_vector_store_with_files_is_in_progress_first(wire: httpx2.Client, upload: Upload) -> None:
    store = wire.post("/vector_stores", json={"file_ids": [upload()]}).json()
    assert (store["status"], store["file_counts"]["in_progress"], store["file_counts"]["total"]) == (
        "in_progress",
        1,
        1,
    )
    assert wire.get(f"/vector_stores/{store['id']}").json()["status"] == "completed"


def test_cancelling_a_finished_batch_answers_it_as_it_is(wire: httpx2.Client, upload: Upload, store: str) -> None:
    path = f"/vector_stores/{store}/file_batches"
    batch = wire.post(path, json={"file_ids": [upload()]}).json()
    keys = "id object created_at status vector_store_id file_counts"
    assert (" ".join(batch), batch["object"]) == (keys, "vector_store.file_batch")
    assert wire.get(f"{path}/{batch['id']}").json()["status"] == "completed"
    assert wire.post(f"{path}/{batch['id']}/cancel").json()["status"] == "completed"


def test_deleting_from_a_vector_store_or_deleting_it_keeps_the_file(wire: httpx2.Client, upload: Upload) -> None:
    file_id = upload()
    store = wire.post("/vector_stores", json={"file_ids": [file_id]}).json()["id"]
    gone = {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}
    assert wire.delete(f"/vector_stores/{store}/files/{file_id}").json() == gone
    assert wire.get(f"/files/{file_id}").status_code == 200
    assert wire.delete(f"/vector_stores/{store}").json() == {
        "id": store,
        "object": "vector_store.deleted",
        "deleted": True,
    }


def test_a_search_shows_the_text_of_its_results_only_when_included(
    project: ProjectHandle, wire: httpx2.Client, upload: Upload
) -> None:
    project.respond([FileSearch("refunds"), Text("14 days.", citations=[{"file": "notes.txt", "quote": "14 days."}])])
    resources = {"file_search": {"vector_stores": [{"file_ids": [upload()]}]}}
    body = {"model": "gpt-4o", "tools": [{"type": "file_search"}], "tool_resources": resources}
    assistant = wire.post("/assistants", json=body).json()
    thread = {"messages": [{"role": "user", "content": "Refunds?"}]}
    run = wire.post("/threads/runs", json={"assistant_id": assistant["id"], "thread": thread}).json()
    path = f"/threads/{run['thread_id']}/runs/{run['id']}/steps?order=asc"
    content = "step_details.tool_calls[*].file_search.results[*].content"
    for include, keys in (({}, []), ({"include[]": content}, ["content"])):
        step = wire.get(path, params={"order": "asc", **include}).json()["data"][0]
        (call,) = step["step_details"]["tool_calls"]
        assert list(call["file_search"]) == ["ranking_options", "results"]
        assert list(call["file_search"]["ranking_options"]) == ["ranker", "score_threshold"]
        assert list(call["file_search"]["results"][0]) == ["file_id", "file_name", "score", "attributes", *keys]
    message = wire.get(f"/threads/{run['thread_id']}/messages").json()["data"][0]
    (note,) = message["content"][0]["text"]["annotations"]
    assert list(note) == ["type", "text", "start_index", "end_index", "file_citation"]
    assert (note["text"], list(note["file_citation"])) == ("【4:0†notes.txt】", ["file_id"])
