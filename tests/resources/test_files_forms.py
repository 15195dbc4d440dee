"""Multipart forms as clients of all kinds write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from assistants_emulator.web.multipart import BoundedParser

BOUNDARY = "XxBOUNDARYxX"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
PURPOSE = b'Content-Disposition: form-data; name="purpose"\r\n\r\nvision'


def file_part(disposition: str = 'filename="a.txt"', content: bytes = b"one") -> bytes:
    return f'Content-Disposition: form-data; name="file"; {disposition}\r\n\r\n'.encode() + content


def form(*parts: bytes) -> bytes:
    return b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def sent(wire: httpx2.Client, body: Any) -> Any:
    return wire.post("/files", content=body, headers=FORM).json()


@pytest.mark.parametrize("parts", [(PURPOSE, file_part()), (file_part(), PURPOSE)], ids=["before", "after"])
def test_the_purpose_may_stand_before_or_after_the_file(wire: httpx2.Client, parts: tuple[bytes, ...]) -> None:
    assert sent(wire, form(*parts))["purpose"] == "vision"


def test_a_form_may_come_in_chunks_without_its_length(wire: httpx2.Client) -> None:
    def pieces() -> Iterator[bytes]:
        body = form(file_part(content=b"0123456789" * 100), PURPOSE)
        yield from (body[at : at + 7] for at in range(0, len(body), 7))

    assert sent(wire, pieces())["bytes"] == 1000


DISPOSITIONS = [
    ('filename="C:\\dir\\a.txt"', "C:\\dir\\a.txt"),
    ('filename="a\\\\b.txt"', "a\\b.txt"),
    ('filename="a\\"b.txt"', 'a"b.txt'),
    ('filename="a%22b%0D%0A.txt"', 'a"b\r\n.txt'),
    ('filename="100%25.txt"', "100%25.txt"),
    ("filename=plain.txt", "plain.txt"),
    ("filename*=UTF-8''%e6%97%a5.txt", "日.txt"),
    ("filename=\"x.txt\"; filename*=utf-8''%C3%A9.txt", "é.txt"),
    ("filename*0*=utf-8''%C3%A9; filename*1=.txt", "é.txt"),
    ('filename="ends in a backslash\\"', "ends in a backslash\\"),
    ("", "upload"),
]


@pytest.mark.parametrize(("disposition", "name"), DISPOSITIONS)
def test_file_names_are_read_in_every_way_that_they_are_written(
    wire: httpx2.Client, disposition: str, name: str
) -> None:
    assert sent(wire, form(file_part(disposition), PURPOSE))["filename"] == name


def test_a_form_without_file_is_an_error(wire: httpx2.Client) -> None:
    assert sent(wire, form(PURPOSE))["error"]["message"] == "'file' is a required property"


def test_a_form_without_purpose_is_an_error(wire: httpx2.Client) -> None:
    assert sent(wire, form(file_part()))["error"]["message"] == "'purpose' is a required property"


def test_a_body_that_is_no_form_has_no_file(wire: httpx2.Client) -> None:
    assert wire.post("/files", json={"purpose": "vision"}).json()["error"]["message"] == "'file' is a required property"


def test_a_form_that_is_cut_off_is_refused(wire: httpx2.Client) -> None:
    error = sent(wire, form(PURPOSE, file_part())[:-20])["error"]
    assert error["message"].startswith("We could not parse the multipart form of your request")


def test_a_form_that_is_broken_is_refused(wire: httpx2.Client) -> None:
    answer = wire.post("/files", content=b"no boundary at all", headers=FORM)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_the_headers_of_a_part_are_bounded(wire: httpx2.Client) -> None:
    answer = wire.post("/files", content=form(b"X-Long: " + b"x" * 70_000 + b"\r\n" + PURPOSE), headers=FORM)
    assert (answer.status_code, "multipart form" in answer.json()["error"]["message"]) == (400, True)


def test_many_headers_of_a_part_are_bounded_together(wire: httpx2.Client) -> None:
    long = b"".join(b"X-%s: %s\r\n" % (name, b"x" * 10_000) for name in (b"a", b"b", b"c", b"d", b"e", b"f", b"g"))
    assert wire.post("/files", content=form(long + PURPOSE), headers=FORM).status_code == 400


def test_a_header_of_10_kb_is_read(wire: httpx2.Client) -> None:
    assert sent(wire, form(b"X-Long: " + b"x" * 10_000 + b"\r\n" + PURPOSE, file_part()))["purpose"] == "vision"


def test_what_stands_around_the_parts_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    parts: list[str] = []
    parser = BoundedParser(BOUNDARY.encode(), {"on_part_end": lambda: parts.append("part")})
    for piece in (b"\r\n" * 500, b"\r\n" * 500 + form(PURPOSE, file_part()), b"x" * 1_000, b"x" * 1_000):
        assert parser.write(piece) == len(piece)
    assert parts == ["part", "part"]
    assert len(caplog.records) < 50


def test_a_refused_upload_leaves_no_bytes(wire: httpx2.Client, project: Any) -> None:
    sent(wire, form(file_part()))
    assert project._do(lambda project: project.context.contents.ids()) == []


def test_unknown_fields_and_files_are_ignored(wire: httpx2.Client) -> None:
    other = b'Content-Disposition: form-data; name="other"; filename="b.txt"\r\n\r\ntwo'
    note = b'Content-Disposition: form-data; name="note"\r\n\r\nhello'
    assert sent(wire, form(other, note, PURPOSE, file_part()))["bytes"] == 3


def test_text_fields_are_bounded(wire: httpx2.Client) -> None:
    long = b'Content-Disposition: form-data; name="note"\r\n\r\n' + b"x" * 70_000
    assert wire.post("/files", content=form(long, PURPOSE, file_part()), headers=FORM).status_code == 413


def test_one_byte_above_the_limit_is_refused_and_the_connection_lives_on(wire: httpx2.Client) -> None:
    limit = 64 * 1024**2  # of a part; the limit of a file is read from the same kind of row
    upload = {"filename": "a.zip", "purpose": "batch", "bytes": 1, "mime_type": "x"}
    id = wire.post("/uploads", json=upload).json()["id"]
    body = form(b'Content-Disposition: form-data; name="data"; filename="a"\r\n\r\n' + bytes(limit + 1))
    answer = wire.post(f"/uploads/{id}/parts", content=body, headers=FORM)
    assert answer.status_code == 413
    assert answer.json()["error"]["message"].startswith(f"Maximum content size limit ({limit}) exceeded")
    assert wire.get("/files").status_code == 200
