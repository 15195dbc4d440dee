"""Files: create, list, retrieve, delete, content."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from tests.resources.conftest import MakeFile, Refused

from assistants_emulator import ProjectHandle
from assistants_emulator.clock import MANUAL_START

MONTH = 30 * 86400


def test_a_file_has_the_wires_keys_in_the_wires_order(wire: httpx2.Client) -> None:
    body = wire.post("/files", data={"purpose": "user_data"}, files={"file": ("a.txt", b"one")}).json()
    assert body.pop("id").startswith("file-")
    assert list(body.items()) == [
        ("object", "file"),
        ("purpose", "user_data"),
        ("filename", "a.txt"),
        ("bytes", 3),
        ("created_at", MANUAL_START),
        ("expires_at", None),
        ("status", "processed"),
        ("status_details", None),
    ]


def test_retrieve_answers_what_create_answered(client: openai.OpenAI) -> None:
    created = client.files.create(file=("a.txt", b"one"), purpose="assistants")
    assert client.files.retrieve(created.id) == created


@pytest.mark.parametrize("path", ["/files", "/files/nothing", "/uploads/upload_x/cancel"])
def test_bodies_of_files_and_uploads_end_with_a_newline(wire: httpx2.Client, path: str) -> None:
    method = "POST" if path.endswith("cancel") else "GET"
    assert wire.request(method, path).text.endswith("}\n")


def test_the_list_has_the_newest_first(client: openai.OpenAI, make_file: MakeFile) -> None:
    ids = [make_file() for _ in range(3)]
    assert [file.id for file in client.files.list()] == ids[::-1]


def test_the_list_is_walked_in_pages(client: openai.OpenAI, make_file: MakeFile) -> None:
    ids = [make_file() for _ in range(5)]
    assert [file.id for file in client.files.list(limit=2, order="asc")] == ids


def test_the_lists_envelope_has_its_own_order(wire: httpx2.Client, make_file: MakeFile) -> None:
    make_file()
    assert list(wire.get("/files").json()) == ["object", "data", "has_more", "first_id", "last_id"]


def test_the_list_can_be_of_one_purpose(client: openai.OpenAI, make_file: MakeFile) -> None:
    make_file(purpose="vision")
    wanted = make_file(purpose="batch")
    assert [file.id for file in client.files.list(purpose="batch")] == [wanted]


@pytest.mark.parametrize("limit", [0, 10_001])
def test_the_list_refuses_a_limit_in_its_own_words(client: openai.OpenAI, refused: Refused, limit: int) -> None:
    error = refused(lambda: client.files.list(limit=limit))
    assert (error["message"], error["param"]) == ("limit must be between 1 and 10000.", None)


def test_delete_answers_in_the_order_of_2025(wire: httpx2.Client, make_file: MakeFile) -> None:
    id = make_file()
    assert list(wire.delete(f"/files/{id}").json().items()) == [("object", "file"), ("deleted", True), ("id", id)]


def test_a_deleted_file_is_gone(client: openai.OpenAI, make_file: MakeFile, refused: Refused) -> None:
    id = make_file()
    client.files.delete(id)
    assert refused(lambda: client.files.retrieve(id))["status"] == 404


@pytest.mark.parametrize("path", ["/files/fake_id", "/files/fake_id/content"])
def test_an_unknown_file_is_a_404_with_detail(wire: httpx2.Client, path: str) -> None:
    message = "No such File object: fake_id"
    error = {"message": message, "type": "invalid_request_error", "param": "id", "code": None}
    answer = wire.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": error, "detail": {"message": message, "code": None}}


def test_an_unknown_purpose_is_refused_as_recorded(wire: httpx2.Client) -> None:
    message = (
        "'world_domination' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals']"
        " - 'purpose'"
    )
    body = wire.post("/files", data={"purpose": "world_domination"}, files={"file": ("a.txt", b"one")}).json()
    assert body["error"]["message"] == body["detail"]["message"] == message
    assert (body["error"]["param"], body["error"]["code"]) == ("purpose", None)


def test_assistants_files_need_a_known_extension(make_file: MakeFile, refused: Refused) -> None:
    message = refused(lambda: make_file("macro.vb"))["message"]
    assert message.startswith('Invalid extension vb. Supported formats: "c", "cpp", "css", "csv", "docx", "gif"')


@pytest.mark.parametrize("name", ["a.JPG", "a.sh", "a.cs", "noextension", "a.csv"])
def test_assistants_files_may_be_of_any_kind_that_a_tool_reads(make_file: MakeFile, name: str) -> None:
    assert make_file(name)


@pytest.mark.parametrize(("purpose", "name"), [("fine-tune", "local.path"), ("batch", "a.jsonl"), ("vision", "a.png")])
def test_other_purposes_take_any_extension(make_file: MakeFile, purpose: str, name: str) -> None:
    assert make_file(name, purpose=purpose)


def test_an_empty_file_is_refused(make_file: MakeFile, refused: Refused) -> None:
    assert refused(lambda: make_file("a.txt", b""))["message"] == "File is empty."


@pytest.mark.parametrize("purpose", ["assistants", "user_data"])
def test_some_purposes_cannot_be_downloaded(
    client: openai.OpenAI, make_file: MakeFile, refused: Refused, purpose: str
) -> None:
    id = make_file(purpose=purpose)
    error = refused(lambda: client.files.content(id))
    assert (error["status"], error["message"]) == (400, f"Not allowed to download files of purpose: {purpose}")


def test_content_is_the_bytes_that_came(client: openai.OpenAI, make_file: MakeFile) -> None:
    content = bytes(range(256)) * 1000
    answer = client.files.content(make_file("a.bin", content, "vision"))
    assert answer.read() == content
    assert answer.response.headers["content-type"] == "application/octet-stream"
    assert answer.response.headers["content-disposition"] == 'attachment; filename="a.bin"'


NAMES = [
    "../../etc/passwd",
    "nul\0.txt",
    "日本 é.txt",
    'a "b" \\c.txt',
    "x" * 300 + ".txt",
    "C:\\a\\b.txt",
    "a\r\nb.txt",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_hostile_file_name_is_kept_and_has_no_effect(client: openai.OpenAI, make_file: MakeFile, name: str) -> None:
    id = make_file(name, purpose="vision")
    assert client.files.retrieve(id).filename == name
    assert client.files.content(id).read() == b"Cake is good."


def test_a_download_names_what_ascii_cannot_say_as_rfc_5987_does(client: openai.OpenAI, make_file: MakeFile) -> None:
    header = client.files.content(make_file("é.txt", purpose="vision")).response.headers["content-disposition"]
    assert header == "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%A9.txt"


def test_a_file_with_expires_after_goes_by_the_projects_clock(
    client: openai.OpenAI, project: Any, refused: Refused
) -> None:
    expires_after: Any = {"anchor": "created_at", "seconds": 3600}
    file = client.files.create(file=("a.txt", b"one"), purpose="user_data", expires_after=expires_after)
    assert file.expires_at == file.created_at + 3600
    project.clock.advance(3599)
    assert client.files.retrieve(file.id) == file
    project.clock.advance(1)
    assert refused(lambda: client.files.retrieve(file.id))["status"] == 404
    assert client.files.list().data == []


EXPIRIES = [
    ("created_at", "60", "60 is less than the minimum of 3600 - 'expires_after.seconds'"),
    ("created_at", "2592001", "2592001 is greater than the maximum of 2592000 - 'expires_after.seconds'"),
    ("created_at", "soon", "'soon' is not of type 'integer' - 'expires_after.seconds'"),
    ("now", "3600", "'now' is not one of ['created_at'] - 'expires_after.anchor'"),
]


@pytest.mark.parametrize(("anchor", "seconds", "message"), EXPIRIES)
def test_an_expiry_has_bounds(wire: httpx2.Client, anchor: str, seconds: str, message: str) -> None:
    data = {"purpose": "vision", "expires_after[anchor]": anchor, "expires_after[seconds]": seconds}
    answer = wire.post("/files", data=data, files={"file": ("a.txt", b"one")})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_a_file_of_purpose_batch_expires_after_30_days(project: ProjectHandle, client: openai.OpenAI) -> None:
    file = client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    listed = next(iter(client.files.list()))
    assert [file.expires_at, listed.expires_at] == [MANUAL_START + MONTH] * 2
    project.clock.advance(MONTH)
    assert not client.files.list().data


def test_a_file_of_purpose_batch_may_say_when_it_expires(client: openai.OpenAI) -> None:
    lifetime: Any = {"anchor": "created_at", "seconds": 7200}
    file = client.files.create(file=("a.jsonl", b"{}"), purpose="batch", expires_after=lifetime)
    assert file.expires_at == MANUAL_START + 7200


def test_an_upload_of_purpose_batch_makes_a_file_that_expires_after_30_days(client: openai.OpenAI) -> None:
    upload = client.uploads.create(bytes=2, filename="a.jsonl", mime_type="text/jsonl", purpose="batch")
    part = client.uploads.parts.create(upload.id, data=b"{}")
    file = client.uploads.complete(upload.id, part_ids=[part.id]).file
    assert file is not None
    assert file.expires_at == MANUAL_START + MONTH


def test_a_file_of_purpose_batch_in_a_state_file_expires_after_30_days(
    project: ProjectHandle, client: openai.OpenAI
) -> None:
    project.load_state({"files": [{"id": "file-1", "purpose": "batch", "created_at": MANUAL_START - 1}]})
    assert client.files.retrieve("file-1").expires_at == MANUAL_START - 1 + MONTH
