"""Errors of the API, word for word: keys, beta header, routes, JSON, sizes, and parameters of a wrong kind.

The name of a case is the fault that it shows; the rules are in docs/reference/behaviour.md.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Emulator, ProjectHandle

REFUSED = {"type": "invalid_request_error", "param": None, "code": None}
NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the "
    "API from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)
NO_BETA = (
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. "
    "Please try again by setting the header 'OpenAI-Beta: assistants=v2'."
)
NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)


@pytest.fixture
def bare(project: ProjectHandle) -> Iterator[httpx2.Client]:
    """An HTTP client that sends neither key nor beta header."""
    with httpx2.Client(base_url=project.base_url, trust_env=False, verify=False) as bare:
        yield bare


@pytest.fixture(scope="module")
def locked() -> Iterator[Emulator]:
    with Emulator(api_key="sk-right-0123456789") as locked:
        yield locked


def test_a_request_without_a_key_is_unauthorized(bare: httpx2.Client) -> None:
    answer = bare.get("/assistants", headers={"OpenAI-Beta": "assistants=v2"})
    assert (answer.status_code, answer.json()) == (401, {"error": {"message": NO_KEY, **REFUSED}})


WRONG_KEYS = {
    "long": ("sk-wrong-0123456789", "sk-wrong*******6789"),
    "short": ("sk-x", "sk-*"),
    "empty": ("", "''"),
}


@pytest.mark.parametrize(("key", "masked"), WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_wrong_key_is_shown_masked(locked: Emulator, bare: httpx2.Client, key: str, masked: str) -> None:
    headers = {"Authorization": f"Bearer {key}".strip(), "OpenAI-Beta": "assistants=v2"}
    answer = bare.get(f"{locked.base_url}/assistants", headers=headers)
    message = f"Incorrect API key provided: {masked}. You can find your API key at "
    error = {**REFUSED, "message": f"{message}https://platform.openai.com/account/api-keys.", "code": "invalid_api_key"}
    assert (answer.status_code, answer.json()) == (401, {"error": error})


def test_the_right_key_is_let_in(locked: Emulator) -> None:
    with locked.client(api_key="sk-right-0123456789") as client:
        assert client.beta.threads.create().object == "thread"


@pytest.mark.parametrize("way", ["bearer", "basic", "api-key"])
def test_a_key_is_the_same_in_every_header(project: ProjectHandle, bare: httpx2.Client, thread: Any, way: str) -> None:
    basic = base64.b64encode(f":{project.api_key}".encode()).decode()
    key = {
        "bearer": {"Authorization": f"Bearer {project.api_key}"},
        "basic": {"Authorization": f"Basic {basic}"},
        "api-key": {"api-key": project.api_key},
    }[way]
    answer = bare.get(f"/threads/{thread.id}", headers={**key, "OpenAI-Beta": "assistants=v2"})
    assert answer.json()["id"] == thread.id


BETA_HEADERS = {
    "missing OpenAI-Beta, v2 era": ("", NO_BETA),
    "not in name=vN form": (
        "v1",
        "Invalid beta header provided: 'v1'. The header should be in the format 'OpenAI-Beta: example_beta=v1'.",
    ),
    "unknown beta name": ("vector_stores=v1", "Unknown beta requested: 'vector_stores'."),
    "known beta, unknown version": ("assistants=v3", "Unknown beta requested: 'assistants'."),
}


@pytest.mark.parametrize(("header", "message"), BETA_HEADERS.values(), ids=BETA_HEADERS)
@pytest.mark.parametrize("path", ["/assistants", "/threads/thread_x"])
def test_a_missing_or_wrong_beta_header_is_refused(refused: Any, path: str, header: str, message: str) -> None:
    answer = refused("GET", path, headers={"OpenAI-Beta": header})
    assert answer == (400, {**REFUSED, "message": message, "code": "invalid_beta"})


def test_the_beta_header_may_name_several_betas(wire: httpx2.Client) -> None:
    headers = {"OpenAI-Beta": "assistants=v2, realtime=v1"}
    assert wire.post("/threads", json={}, headers=headers).status_code == 200


HINT = "(HINT: Perhaps you meant to use a different HTTP method?)"
ROUTES = {
    "unknown path": ("GET", "/threads/thread_x/bogus", 404, "Invalid URL (GET /v1/threads/thread_x/bogus)"),
    "trailing slash of files": ("GET", "/files/", 404, "Invalid URL (GET /v1/files/)"),
    "wrong method, PUT": ("PUT", "/assistants/asst_x", 405, f"Not allowed to PUT on /v1/assistants/asst_x. {HINT}"),
    "wrong method, DELETE": (
        "DELETE",
        "/threads/thread_x/runs/run_x",
        405,
        f"Not allowed to DELETE on /v1/threads/thread_x/runs/run_x. {HINT}",
    ),
}


@pytest.mark.parametrize(("method", "path", "status", "message"), ROUTES.values(), ids=ROUTES)
def test_unknown_paths_and_wrong_methods_are_refused(
    refused: Any, method: str, path: str, status: int, message: str
) -> None:
    assert refused(method, path) == (status, {**REFUSED, "message": message})


def test_a_path_outside_v1_is_an_unknown_request_url(project: ProjectHandle, refused: Any) -> None:
    message = "Unknown request URL: GET /v2/assistants. Please check the URL for typos, or see the docs at "
    error = {**REFUSED, "message": f"{message}https://platform.openai.com/docs/api-reference/.", "code": "unknown_url"}
    answer = refused("GET", project.base_url.removesuffix("/v1") + "/v2/assistants")
    assert answer == (404, error)
    assert list(answer[1]) == ["type", "code", "message", "param"]


def test_the_route_is_looked_at_before_the_key(bare: httpx2.Client) -> None:
    assert bare.get("/threads/thread_x/bogus").status_code == 404


def test_the_key_is_looked_at_before_the_beta_header(bare: httpx2.Client) -> None:
    assert bare.get("/assistants").status_code == 401


def test_parameters_are_looked_at_before_the_thread(refused: Any) -> None:
    status, error = refused("POST", "/threads/thread_x/messages", json={"role": "user"})
    assert (status, error["param"]) == (400, "content")


NOT_PARSED = {
    "cut off": b'{"model": "gpt-4o"',
    "no JSON": b"model=gpt-4o",
    "not utf-8": b'{"model": "\xff"}',
    "half a surrogate": b'{"model": "\\ud800"}',
    "NaN": b'{"model": NaN}',
    "300 kB of arrays": b"[" * 150_000 + b"]" * 150_000,
    "300 kB of objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "300 kB of brackets that are not closed": b"[" * 300_000,
    "129 levels": b'{"metadata":' + b"[" * 128 + b"]" * 128 + b"}",
}


@pytest.mark.parametrize("content", NOT_PARSED.values(), ids=NOT_PARSED)
def test_a_body_that_cannot_be_parsed_is_refused(refused: Any, content: bytes) -> None:
    assert refused("POST", "/assistants", content=content) == (400, {**REFUSED, "message": NOT_JSON})


def test_a_schema_of_100_levels_comes_back_as_it_was_sent(wire: httpx2.Client) -> None:
    schema: dict[str, Any] = {}
    for _ in range(100):
        schema = {"type": "object", "properties": schema}
    tool = {"type": "function", "function": {"name": "deep", "parameters": schema}}
    created = wire.post("/assistants", json={"model": "gpt-4o", "tools": [tool]}).json()
    assert wire.get(f"/assistants/{created['id']}").json()["tools"][0]["function"]["parameters"] == schema


@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
def test_a_body_of_10_mb_is_too_large(refused: Any, chunked: bool) -> None:
    size = 10 * 1024 * 1024
    content: Any = (b"x" * 1024 for _ in range(size // 1024)) if chunked else b"x" * size
    message = f"Maximum content size limit (8388608) exceeded ({size} bytes read)"
    assert refused("POST", "/threads", content=content) == (413, {**REFUSED, "message": message})


ROOTS = {"an array": b"[1]", "a string": b'"x"', "an integer": b"1", "a decimal number": b"1.5", "a boolean": b"true"}


@pytest.mark.parametrize("kind", ROOTS)
def test_a_json_body_that_is_no_object_is_refused(refused: Any, kind: str) -> None:
    message = f"Invalid type: expected an object, but got {kind} instead."
    answer = refused("POST", "/threads", content=ROOTS[kind])
    assert answer == (400, {**REFUSED, "message": message, "code": "invalid_type"})


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_empty_array_is_an_empty_object_where_nothing_is_required(wire: httpx2.Client, version: str) -> None:
    headers = {"OpenAI-Beta": f"assistants={version}"}
    thread = wire.post("/threads", content=b"[]", headers=headers).json()
    assert thread["object"] == "thread"
    assert wire.post(f"/threads/{thread['id']}", content=b"[]", headers=headers).json()["id"] == thread["id"]
    assert wire.post("/vector_stores", content=b"[]").json()["object"] == "vector_store"


def test_an_empty_array_is_no_object_where_something_is_required(refused: Any) -> None:
    message = "Invalid type: expected an object, but got an array instead."
    answer = refused("POST", "/assistants", content=b"[]")
    assert answer == (400, {**REFUSED, "message": message, "code": "invalid_type"})


EMPTY_SEGMENTS = ["/threads/thread_x/runs/run_x//submit_tool_outputs", "/threads//messages", "/vector_stores//files/x"]


@pytest.mark.parametrize("path", EMPTY_SEGMENTS)
def test_an_empty_segment_of_a_path_is_a_bad_request(refused: Any, path: str) -> None:
    assert refused("POST", path, json={}) == (400, {**REFUSED, "message": f"Invalid URL (POST /v1{path})"})


def test_an_empty_segment_at_the_paths_beginning_is_not_found(wire: httpx2.Client, refused: Any) -> None:
    url = f"{wire.base_url}/threads"
    error = {**REFUSED, "message": "Invalid URL (POST /v1//threads)"}
    assert refused("POST", url, json={}) == (404, error)


MODEL = {"model": "gpt-4o"}
FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
ATTACHMENT = {"role": "user", "content": "Hi", "attachments": [{"file_id": "file-1"}]}
SHORT = "Expected a string with minimum length 1, but got an empty string instead."
PATTERN = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."


def named(name: str, **fields: Any) -> dict[str, Any]:
    return {**MODEL, "tools": [{"type": "function", "function": {"name": name, **fields}}]}


PARAMETERS: dict[str, tuple[str, dict[str, Any], str, str, str]] = {
    "missing required": (
        "/threads/{thread}/runs",
        {},
        "Missing required parameter: 'assistant_id'.",
        "assistant_id",
        "missing_required_parameter",
    ),
    "missing nested": (
        "/threads/{thread}/messages",
        ATTACHMENT,
        "Missing required parameter: 'attachments[0].tools'.",
        "attachments[0].tools",
        "missing_required_parameter",
    ),
    "missing tool_outputs": (
        "/threads/{thread}/runs/run_x/submit_tool_outputs",
        {},
        "Missing required parameter: 'tool_outputs'.",
        "tool_outputs",
        "missing_required_parameter",
    ),
    "unknown parameter": (
        "/assistants",
        {**MODEL, "bogus": 1},
        "Unknown parameter: 'bogus'.",
        "bogus",
        "unknown_parameter",
    ),
    "unknown parameter, nested": (
        "/assistants",
        {**MODEL, "tools": [{"type": "code_interpreter", "foo": 1}]},
        "Unknown parameter: 'tools[0].foo'.",
        "tools[0].foo",
        "unknown_parameter",
    ),
    "file_ids under v2": (
        "/assistants",
        {**MODEL, "file_ids": ["file-1"]},
        "Unknown parameter: 'file_ids'.",
        "file_ids",
        "unknown_parameter",
    ),
    "wrong type": (
        "/threads",
        {"metadata": {"modified": True}},
        "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
        "metadata.modified",
        "invalid_type",
    ),
    "wrong type, array": (
        "/assistants",
        {**MODEL, "tool_resources": {"file_search": {"vector_store_ids": "vs_1"}}},
        (
            "Invalid type for 'tool_resources.file_search.vector_store_ids': expected an array of strings, "
            "but got a string instead."
        ),
        "tool_resources.file_search.vector_store_ids",
        "invalid_type",
    ),
    "wrong type, int": (
        "/threads/{thread}/runs",
        {"assistant_id": "asst_x", "max_prompt_tokens": "9"},
        "Invalid type for 'max_prompt_tokens': expected an integer, but got a string instead.",
        "max_prompt_tokens",
        "invalid_type",
    ),
    "union type": (
        "/threads/{thread}/messages",
        {"role": "user", "content": 5},
        "Invalid type for 'content': expected one of a string or array of objects, but got an integer instead.",
        "content",
        "invalid_type",
    ),
    "bad enum": (
        "/threads/{thread}/messages",
        {"role": "human", "content": "Hi"},
        "Invalid value: 'human'. Supported values are: 'user' and 'assistant'.",
        "role",
        "invalid_value",
    ),
    "role other": (
        "/threads/{thread}/messages",
        {"role": "system", "content": "Hi"},
        "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
        "role",
        "invalid_value",
    ),
    "bad tool type, v2 header": (
        "/assistants",
        {**MODEL, "tools": [{"type": "retrieval"}]},
        "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', and 'file_search'.",
        "tools[0].type",
        "invalid_value",
    ),
    "string too long": (
        "/threads/{thread}/messages",
        {"role": "user", "content": "x" * 317_985},
        (
            "Invalid 'content': string too long. Expected a string with maximum length 256000, "
            "but got a string with length 317985 instead."
        ),
        "content",
        "string_above_max_length",
    ),
    "content empty string": (
        "/threads/{thread}/messages",
        {"role": "user", "content": ""},
        f"Invalid 'content': empty string. {SHORT}",
        "content",
        "empty_string",
    ),
    "function name too long": (
        "/assistants",
        named("f" * 70),
        (
            "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, "
            "but got a string with length 70 instead."
        ),
        "tools[0].function.name",
        "string_above_max_length",
    ),
    "pattern": (
        "/assistants",
        named("get weather"),
        f"Invalid 'tools[0].function.name': string does not match pattern. {PATTERN}",
        "tools[0].function.name",
        "invalid_value",
    ),
    "empty string": (
        "/assistants",
        named(""),
        f"Invalid 'tools[0].function.name': empty string. {SHORT}",
        "tools[0].function.name",
        "empty_string",
    ),
    "function schema root": (
        "/assistants",
        named("f", parameters={"type": "string"}),
        "Invalid schema for function 'f': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"string\"'.",
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    "> 128 tools": (
        "/assistants",
        {**MODEL, "tools": [FUNCTION] * 325},
        (
            "Invalid 'tools': array too long. Expected an array with maximum length 128, "
            "but got an array with length 325 instead."
        ),
        "tools",
        "array_above_max_length",
    ),
    "> 32 thread messages": (
        "/threads",
        {"messages": [{"role": "user", "content": "Hi"}] * 33},
        (
            "Invalid 'messages': array too long. Expected an array with maximum length 32, "
            "but got an array with length 33 instead."
        ),
        "messages",
        "array_above_max_length",
    ),
    "> 32 thread messages, create and run": (
        "/threads/runs",
        {"assistant_id": "asst_x", "thread": {"messages": [{"role": "user", "content": "Hi"}] * 33}},
        (
            "Invalid 'thread.messages': array too long. Expected an array with maximum length 32, "
            "but got an array with length 33 instead."
        ),
        "thread.messages",
        "array_above_max_length",
    ),
    "> 20 code_interpreter files": (
        "/assistants",
        {**MODEL, "tool_resources": {"code_interpreter": {"file_ids": ["file-1"] * 21}}},
        (
            "Invalid 'tool_resources.code_interpreter.file_ids': array too long. "
            "Expected an array with maximum length 20, but got an array with length 21 instead."
        ),
        "tool_resources.code_interpreter.file_ids",
        "array_above_max_length",
    ),
    "int below": (
        "/threads/{thread}/runs",
        {"assistant_id": "asst_x", "max_prompt_tokens": 0},
        "Invalid 'max_prompt_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        "max_prompt_tokens",
        "integer_below_min_value",
    ),
    "decimal bounds": (
        "/assistants",
        {**MODEL, "temperature": 3},
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        "temperature",
        "decimal_above_max_value",
    ),
    "id prefix, assistant_id": (
        "/threads/{thread}/runs",
        {"assistant_id": "wf_1"},
        "Invalid 'assistant_id': 'wf_1'. Expected an ID that begins with 'asst'.",
        "assistant_id",
        "invalid_value",
    ),
    "id prefix, nested": (
        "/threads",
        {"messages": [{**ATTACHMENT, "attachments": [{"file_id": "31abac64", "tools": [{"type": "file_search"}]}]}]},
        "Invalid 'messages[0].attachments[0].file_id': '31abac64'. Expected an ID that begins with 'file'.",
        "messages[0].attachments[0].file_id",
        "invalid_value",
    ),
    "output not a string": (
        "/threads/{thread}/runs/run_x/submit_tool_outputs",
        {"tool_outputs": [{"tool_call_id": "call_1", "output": {}}]},
        "Invalid type for 'tool_outputs[0].output': expected a string, but got an object instead.",
        "tool_outputs[0].output",
        "invalid_type",
    ),
}


@pytest.mark.parametrize(("path", "body", "message", "param", "code"), PARAMETERS.values(), ids=PARAMETERS)
def test_a_bad_parameter_is_refused_by_its_path_and_code(
    refused: Any, thread: Any, path: str, body: dict[str, Any], message: str, param: str, code: str
) -> None:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    assert refused("POST", path.format(thread=thread.id), json=body) == (400, error)


LONG_FIELDS = [("name", 256), ("description", 512), ("instructions", 256_000)]


@pytest.mark.parametrize(("field", "most"), LONG_FIELDS, ids=[field for field, _ in LONG_FIELDS])
def test_a_name_description_or_instructions_over_the_limit_are_refused(refused: Any, field: str, most: int) -> None:
    message = (
        f"Invalid '{field}': string too long. Expected a string with maximum length {most}, "
        f"but got a string with length {most + 1} instead."
    )
    error = {**REFUSED, "message": message, "param": field, "code": "string_above_max_length"}
    assert refused("POST", "/assistants", json={**MODEL, field: "x" * (most + 1)}) == (400, error)


PATH_IDS = [
    ("/assistants/undefined", "assistant_id", "asst"),
    ("/threads/undefined", "thread_id", "thread"),
    ("/threads/{thread}/messages/undefined", "message_id", "msg"),
    ("/threads/{thread}/runs/undefined", "run_id", "run"),
    ("/threads/{thread}/runs/undefined/steps", "run_id", "run"),
]


@pytest.mark.parametrize(("path", "param", "prefix"), PATH_IDS, ids=[path for path, _, _ in PATH_IDS])
def test_an_id_of_another_prefix_is_refused(refused: Any, thread: Any, path: str, param: str, prefix: str) -> None:
    message = f"Invalid '{param}': 'undefined'. Expected an ID that begins with '{prefix}'."
    error = {**REFUSED, "message": message, "param": param, "code": "invalid_value"}
    assert refused("GET", path.format(thread=thread.id)) == (400, error)


def test_a_missing_parameter_is_told_before_an_unknown_one_and_that_before_a_type(refused: Any) -> None:
    assert refused("POST", "/assistants", json={"name": 5, "bogus": 1})[1]["param"] == "model"
    assert refused("POST", "/assistants", json={"name": 5, "bogus": 1, **MODEL})[1]["param"] == "bogus"


def test_get_and_delete_may_say_json_and_have_no_body(wire: httpx2.Client, thread: Any) -> None:
    headers = {"Content-Type": "application/json"}
    assert wire.get(f"/threads/{thread.id}", headers=headers).status_code == 200
    assert wire.delete(f"/threads/{thread.id}", headers=headers).status_code == 200


def test_a_charset_in_the_content_type_is_fine(wire: httpx2.Client) -> None:
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    assert wire.post("/assistants", content=json.dumps(MODEL), headers=headers).status_code == 200


def test_unknown_headers_pass(wire: httpx2.Client) -> None:
    headers = {"semantic-kernel-version": "1.2", "x-ms-client-request-id": "1", "sec-fetch-mode": "cors"}
    assert wire.get("/assistants", headers=headers).status_code == 200


HOSTILE = ["%00", "%ff", "..%2f..", "{}", "a%20b", "%F0%9F%98%80", "x" * 5000]


@pytest.mark.parametrize("id", HOSTILE, ids=[id[:12] for id in HOSTILE])
def test_hostile_ids_are_refused_in_the_envelope(refused: Any, id: str) -> None:
    for path in (f"/assistants/{id}", f"/threads/{id}/messages", f"/threads/{id}/runs/{id}/steps/{id}"):
        assert refused("GET", path)[0] in (400, 404)


def test_the_sdk_raises_its_own_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.assistants.create(model="gpt-4o", temperature=3)
    assert (caught.value.param, caught.value.code) == ("temperature", "decimal_above_max_value")
