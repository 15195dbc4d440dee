"""Other tools' recordings, a small one of each, as those tools write them."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from convert_helpers import HOSTED, JSON_HEADERS, vcrpy

from assistants_emulator.convert.importers import Imported, read_recording
from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording import Cassette

THREAD = {"id": "thread_1", "object": "thread", "created_at": 1700000000, "metadata": {}}
STREAM = (
    'event: thread.run.created\ndata: {"id":"run_1","object":"thread.run"}\n\n'
    'event: thread.message.delta\ndata: {"id":"msg_1","delta":{"content":[]}}\n\n'
    "event: done\ndata: [DONE]\n\n"
)
FORM = (
    '--xyz\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
    '--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    "Content-Type: text/plain\r\n\r\nHello\r\n\r\n--xyz--\r\n"
)
FORM_TYPE = "multipart/form-data; boundary=xyz"


def read(tmp_path: Path, text: str | bytes, **options: Any) -> Imported:
    path = tmp_path / "recording"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_recording(path, **options)


def only(imported: Imported) -> Any:
    (exchange,) = imported.exchanges
    return exchange


def pair(body: Any, **more: Any) -> dict[str, Any]:
    """A VCR.py interaction: a thread is created, and `body` is the answer."""
    request = {"method": "POST", "uri": f"{HOSTED}/threads", "body": "{}", "headers": JSON_HEADERS}
    headers = {"Content-Type": ["application/json"]}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": body}
    return {"request": {**request, **more.pop("request", {})}, "response": {**response, **more.pop("response", {})}}


# VCR.py


VCRPY_YAML = """\
interactions:
- request:
    body: '{"content": "Can you
      help?", "role": "user"}'
    headers:
      authorization:
      - Bearer sk-1234567890abcdef
      content-type:
      - application/json
      openai-beta:
      - assistants=v2
      x-stainless-runtime-version:
      - 3.12.1
    method: POST
    uri: https://api.openai.com/v1/threads/thread_1/messages?a=b
  response:
    body:
      string: "{\\n  \\"id\\": \\"msg_1\\",\\n  \\"object\\": \\"thread.message\\"\\n}"
    headers:
      Content-Type:
      - application/json
      Date:
      - Sun, 24 Mar 2024 15:57:37 GMT
      Set-Cookie:
      - __cf_bm=secret-cookie-value; path=/
      - _cfuvid=other-cookie-value; path=/
    status:
      code: 200
      message: OK
version: 1
"""


def test_a_vcrpy_cassette_becomes_exchanges(tmp_path: Path) -> None:
    exchange = only(read(tmp_path, VCRPY_YAML))
    assert str(exchange.request) == "POST /threads/thread_1/messages?a=b"
    assert exchange.request.headers == {"content-type": "application/json", "openai-beta": "assistants=v2"}
    assert exchange.request.body.value == {"content": "Can you help?", "role": "user"}
    assert exchange.response.status == 200
    assert exchange.response.body.value == {"id": "msg_1", "object": "thread.message"}


def test_a_packed_body_is_unpacked(tmp_path: Path) -> None:
    packed = base64.b64encode(gzip.compress(json.dumps(THREAD).encode())).decode()
    text = VCRPY_YAML.replace(
        'string: "{\\n  \\"id\\": \\"msg_1\\",\\n  \\"object\\": \\"thread.message\\"\\n}"', "BODY"
    )
    text = text.replace("BODY", f"string: !!binary |\n        {packed}")
    assert only(read(tmp_path, text)).response.body.value == THREAD


def test_its_json_form_is_read_too(tmp_path: Path) -> None:
    assert only(read(tmp_path, vcrpy(pair({"string": json.dumps(THREAD)})))).response.body.value == THREAD


def test_a_body_in_base64_is_read(tmp_path: Path) -> None:
    encoded = base64.b64encode(json.dumps(THREAD).encode()).decode()
    assert only(read(tmp_path, vcrpy(pair({"base64_string": encoded})))).response.body.value == THREAD


def test_a_parsed_body_is_read(tmp_path: Path) -> None:
    interaction = pair(None, response={"parsed_body": THREAD}, request={"body": None, "parsed_body": {"a": 1.5}})
    exchange = only(read(tmp_path, vcrpy(interaction)))
    assert exchange.response.body.value == THREAD
    assert exchange.request.body.value == {"a": 1.5}


def test_a_stream_becomes_events(tmp_path: Path) -> None:
    headers = {"content-type": ["text/event-stream; charset=utf-8"]}
    exchange = only(read(tmp_path, vcrpy(pair({"string": STREAM}, response={"headers": headers}))))
    assert [event.event for event in exchange.response.body.value] == [
        "thread.run.created",
        "thread.message.delta",
        "done",
    ]
    assert exchange.response.body.value[0].data["id"] == "run_1"


def test_a_form_becomes_its_parts(tmp_path: Path) -> None:
    sent = {"uri": f"{HOSTED}/files", "body": FORM, "headers": {"content-type": [FORM_TYPE]}}
    exchange = only(read(tmp_path, vcrpy(pair({"string": "{}"}, request=sent))))
    purpose, file = exchange.request.body.value
    assert (purpose.name, purpose.value) == ("purpose", "assistants")
    assert (file.filename, file.content_type, file.file.read()) == ("a.txt", "text/plain", b"Hello\r\n")


def test_a_form_that_is_not_there_as_it_was_is_noted(tmp_path: Path) -> None:
    sent = {"uri": f"{HOSTED}/files", "body": "REDACTED", "headers": {"content-type": [FORM_TYPE]}}
    imported = read(tmp_path, vcrpy(pair({"string": "{}"}, request=sent)))
    assert only(imported).request.body is None
    assert imported.notes == [f"POST {HOSTED}/files: the form that it sent is not in the recording byte for byte"]


def test_no_secret_of_a_recording_is_taken_over(tmp_path: Path) -> None:
    leaking = VCRPY_YAML.replace("msg_1", "sk-1234567890abcdef secret-cookie-value")
    Cassette(read(tmp_path, leaking).exchanges).save(tmp_path / "cassette.json")
    written = (tmp_path / "cassette.json").read_text()
    assert not any(secret in written for secret in ("sk-1234567890abcdef", "secret-cookie", "other-cookie"))


def test_tags_of_other_languages_make_no_objects(tmp_path: Path) -> None:
    tagged = VCRPY_YAML.replace("    method: POST", "    method: !!python/object/apply:os.system ['POST']")
    with pytest.raises(EmulatorError, match=r"interactions\[0\].request.method: must be a string, not \['POST'\]"):
        read(tmp_path, tagged)


# VCR for Ruby


RUBY_YAML = """\
---
http_interactions:
- request:
    method: post
    uri: https://api.openai.com/v1/threads
    body:
      encoding: UTF-8
      string: '{"metadata":{"a":"b"}}'
    headers:
      Content-Type:
      - application/json
      Openai-Beta:
      - assistants=v1
      Authorization:
      - Bearer <OPENAI_ACCESS_TOKEN>
  response:
    status:
      code: 200
      message: OK
    headers: !ruby/hash:ActiveSupport::HashWithIndifferentAccess
      Content-Type:
      - application/json
    body:
      encoding: ASCII-8BIT
      string: !binary |-
        BODY
  recorded_at: Tue, 14 Nov 2023 21:49:33 GMT
- request:
    method: !ruby/symbol get
    uri: https://api.openai.com/v1/threads/thread_1
    body:
      encoding: US-ASCII
      string: ''
    headers: {}
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - application/json
    body:
      encoding: UTF-8
      base64_string: |
        BODY
  recorded_at: Tue, 14 Nov 2023 21:49:35 GMT
recorded_with: VCR 6.1.0
""".replace("BODY", base64.b64encode(json.dumps(THREAD).encode()).decode())


def test_a_ruby_cassette_becomes_exchanges(tmp_path: Path) -> None:
    created, retrieved = read(tmp_path, RUBY_YAML).exchanges
    assert [str(created.request), str(retrieved.request)] == ["POST /threads", "GET /threads/thread_1"]
    assert created.request.body.value == {"metadata": {"a": "b"}}
    assert retrieved.request.body is None
    assert [created.response.body.value, retrieved.response.body.value] == [THREAD, THREAD]


def test_the_times_of_its_calls_are_kept(tmp_path: Path) -> None:
    assert [exchange.at for exchange in read(tmp_path, RUBY_YAML).exchanges] == [0.0, 2.0]


# HAR


def har_entry(second: int, **more: Any) -> dict[str, Any]:
    request = {"method": "GET", "url": f"{HOSTED}/threads/thread_{second}", "headers": []}
    content = {"mimeType": "application/json", "text": json.dumps(THREAD), "size": 10}
    headers = [{"name": "Content-Encoding", "value": "br"}, {"name": "Content-Type", "value": "application/json"}]
    response = {"status": 200, "headers": headers, "content": {**content, **more.pop("content", {})}}
    started = {"startedDateTime": f"2024-05-01T10:00:{second:02}.500Z", "time": 250.0}
    merged = {"request": {**request, **more.pop("request", {})}, "response": {**response, **more.pop("response", {})}}
    return {**started, **merged}


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "browser"}, "entries": list(entries)}})


def test_a_har_file_becomes_exchanges_in_the_order_of_their_start(tmp_path: Path) -> None:
    first, second = read(tmp_path, har(har_entry(3), har_entry(1))).exchanges
    assert [first.request.path, second.request.path] == ["/threads/thread_1", "/threads/thread_3"]
    assert (first.response.body.value, second.at, first.response.seconds) == (THREAD, 2.0, 0.25)


def test_a_har_body_may_be_base64(tmp_path: Path) -> None:
    encoded = base64.b64encode(json.dumps(THREAD).encode()).decode()
    exchange = only(read(tmp_path, har(har_entry(1, content={"text": encoded, "encoding": "base64"}))))
    assert exchange.response.body.value == THREAD


def test_a_har_form_is_made_of_its_params(tmp_path: Path) -> None:
    params = [
        {"name": "purpose", "value": "assistants"},
        {"name": "file", "fileName": "a.txt", "contentType": "text/plain", "value": "Hello"},
    ]
    data = {"mimeType": FORM_TYPE, "params": params}
    sent = {"method": "POST", "url": f"{HOSTED}/files", "postData": data}
    _, file = only(read(tmp_path, har(har_entry(1, request=sent)))).request.body.value
    assert (file.filename, file.file.read()) == ("a.txt", b"Hello")


def test_a_har_stream_without_its_text_is_left_out_by_name(tmp_path: Path) -> None:
    content = {"mimeType": "text/event-stream", "text": None}
    response = {"headers": [], "content": content, "status": 200}
    imported = read(tmp_path, har(har_entry(1, response=response)))
    assert imported.left_out == [f"GET {HOSTED}/threads/thread_1: the export has no text of its event stream"]


def test_a_call_that_was_never_answered_is_a_failure(tmp_path: Path) -> None:
    exchange = only(read(tmp_path, har(har_entry(1, response={"status": 0, "content": {}}))))
    assert (exchange.response, exchange.failure.kind) == (None, "gave_up")


# Session records


def session_record(**entry: Any) -> str:
    made = {
        "RequestUri": f"{HOSTED}/threads",
        "RequestMethod": "POST",
        "RequestHeaders": {"Authorization": "Sanitized", "Content-Type": "application/json"},
        "RequestBody": {"metadata": {}},
        "StatusCode": 200,
        "ResponseHeaders": {
            "Content-Type": "application/json",
            "X-Request-ID": "Sanitized",
            "Set-Cookie": ["Sanitized"],
        },
        "ResponseBody": THREAD,
    }
    return json.dumps({"Entries": [{**made, **entry}], "Variables": {}})


def test_a_session_record_becomes_exchanges(tmp_path: Path) -> None:
    exchange = only(read(tmp_path, session_record()))
    assert (exchange.request.body.value, exchange.response.body.value) == ({"metadata": {}}, THREAD)
    assert exchange.response.headers == {"content-type": "application/json"}


def test_a_stream_in_pieces_becomes_events(tmp_path: Path) -> None:
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    pieces = [line + "\n" for line in STREAM.split("\n")[:-1]]
    exchange = only(read(tmp_path, session_record(ResponseHeaders=headers, ResponseBody=pieces)))
    assert [event.event for event in exchange.response.body.value][-1] == "done"


def test_bytes_in_a_session_record_are_base64(tmp_path: Path) -> None:
    more = {"RequestMethod": "GET", "RequestUri": f"{HOSTED}/files/file-1/content", "RequestBody": None}
    answer = {"ResponseHeaders": {"Content-Type": "application/octet-stream"}, "ResponseBody": "AAEC/w=="}
    exchange = only(read(tmp_path, session_record(**more, **answer)))
    assert exchange.response.body.value.read() == b"\x00\x01\x02\xff"


# All of them


def test_a_cassette_of_ours_is_taken_as_it_is(tmp_path: Path) -> None:
    Cassette(read(tmp_path, RUBY_YAML).exchanges).save(tmp_path / "cassette.json")
    imported = read_recording(tmp_path / "cassette.json")
    assert [str(exchange.request) for exchange in imported.exchanges] == ["POST /threads", "GET /threads/thread_1"]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.openai.azure.com/openai/threads/thread_1?api-version=2024-05-01-preview",
        "http://127.0.0.1:8106/v1/threads/thread_1",
        "https://gateway.example.com/team/threads/thread_1",
    ],
)
def test_whoever_serves_the_api_its_paths_are_known(tmp_path: Path, url: str) -> None:
    exchange = only(read(tmp_path, har(har_entry(1, request={"url": url}))))
    assert exchange.request.path.partition("?")[0] == "/threads/thread_1"


@pytest.mark.parametrize("url", [f"{HOSTED}/chat/completions", "https://example.com/other/files/x"])
def test_other_calls_are_listed(tmp_path: Path, url: str) -> None:
    imported = read(tmp_path, har(har_entry(1), har_entry(2, request={"url": f"{url}?key=secret"})))
    assert len(imported.exchanges) == 1
    assert imported.left_out == [f"GET {url}: no call of the Assistants API"]


def test_a_body_packed_in_an_unknown_way_is_listed(tmp_path: Path) -> None:
    body = {"base64_string": base64.b64encode(b"\x8b\x05\x80\xff").decode()}
    imported = read(tmp_path, vcrpy(pair(body, response={"headers": {"content-encoding": ["br"]}})))
    assert imported.left_out == [
        f"POST {HOSTED}/threads: its body is packed as br; record it with `Accept-Encoding: gzip`"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("interactions: [", ": is not YAML: "),
        ('{"log": ', ":1: is not JSON: Expecting value, column 9"),
        ("just a text", ": is none of the recordings that can be read"),
        ("", ": is none of the recordings that can be read"),
        ('{"interactions": {}}', ": interactions: must be a list, not {}"),
        ('{"interactions": [{"request": {"method": "GET"}}]}', ": interactions[0].response: must be an object"),
        ('{"Entries": [7]}', ": Entries[0]: must be an object, not 7"),
        (
            '{"log": {"entries": [{"request": {}, "response": {}}]}}',
            "entries[0].response.status: must be a whole",
        ),
    ],
)
def test_a_broken_file_is_one_line_that_says_where(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(EmulatorError) as raised:
        read(tmp_path, text)
    assert problem in str(raised.value)
    assert str(tmp_path / "recording") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="there is no cassette"):
        read_recording(tmp_path / "nothing.yaml")


def test_a_format_can_be_asked_for(tmp_path: Path) -> None:
    assert read(tmp_path, RUBY_YAML, format="vcr-ruby").format == "vcr-ruby"
    with pytest.raises(EmulatorError, match="is no recording of HAR"):
        read(tmp_path, RUBY_YAML, format="har")


def test_reading_tells_how_far_it_is(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    read(tmp_path, RUBY_YAML, progress=lambda done, size: calls.append((done, size)))
    assert calls[-1] == (len(RUBY_YAML), len(RUBY_YAML))
