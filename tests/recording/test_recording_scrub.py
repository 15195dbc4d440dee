"""No secret gets into a cassette, wherever it is in a call."""

from __future__ import annotations

import base64
import json
import re
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest
from recording_helpers import answering, reply

from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording import Cassette, Player, Recorder
from assistants_emulator.recording.scrub import Scrubber

BEARER, AZURE, PASSWORD, COOKIE = "tk-aaaa-bearer", "azure-key-bbbb", "pass-cccc", "cookie-dddd"
ORGANISATION, PROJECT, SESSION, SIGNATURE, OWN = (
    "org-Eeee1111",
    "proj_Ffff2222",
    "setcookie-gggg",
    "sig-hhhh",
    "own-iiii",
)
UPSTREAM_KEY, LOOSE = "upstream-jjjj", "sk-proj-kkkk1234"
BASIC = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
SECRETS = [BEARER, AZURE, PASSWORD, COOKIE, ORGANISATION, PROJECT, SESSION, SIGNATURE, OWN, UPSTREAM_KEY, LOOSE, BASIC]


def echo(request: BaseHTTPRequestHandler) -> None:
    """An error text with everything that was sent, and more."""
    told = {"error": {"message": f"{request.headers} {request.path} {' '.join(SECRETS)}"}}
    headers = {"openai_organization": ORGANISATION, "set_cookie": f"session={SESSION}; path=/"}
    if request.path.endswith("/content"):
        reply(request, b"\xff\xfe" + f"{BEARER} {LOOSE}".encode() * 9000, content_type="text/plain", **headers)
    else:
        reply(request, json.dumps(told).encode(), 400, **headers)


@pytest.fixture(scope="module")
def scrubbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cassette = tmp_path_factory.mktemp("scrubbed") / "session.json"
    calls = [
        {"Authorization": f"Bearer {BEARER}", "OpenAI-Organization": ORGANISATION, "OpenAI-Project": PROJECT},
        {"Authorization": f"Basic {BASIC}"},
        {"api-key": AZURE, "Cookie": f"theme=dark; session={COOKIE}"},
    ]
    scrub = ["sig", re.compile("own-i+")]
    with answering(echo) as url, Recorder(url, cassette, upstream_key=UPSTREAM_KEY, scrub=scrub) as recorder:
        for headers in calls:
            with httpx2.Client(base_url=recorder.base_url, headers=headers, verify=False) as client:
                body = {"metadata": {"note": " ".join(SECRETS), "authorization": "abc"}}
                client.post(f"/threads?api-key={AZURE}&sig={SIGNATURE}&x={LOOSE}", json=body)
                upload = b"\xff" + " ".join([OWN, *SECRETS]).encode()
                for size in (1, 3000):
                    client.post("/files", files={"file": (f"{OWN}.bin", upload * size)}, data={"sig": SIGNATURE})
                client.get(f"/files/{OWN}/content")
    return cassette


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_nowhere_in_the_files_of_a_cassette(scrubbed: Path, secret: str) -> None:
    files = [file for file in scrubbed.parent.rglob("*") if file.is_file()]
    assert len(files) > 1
    assert [file.name for file in files if secret.encode() in file.read_bytes()] == []


def test_everything_else_is_kept(scrubbed: Path) -> None:
    request = Cassette.load(scrubbed).exchanges[0].request
    assert request.path == "/threads?api-key=SCRUBBED&sig=SCRUBBED&x=sk-SCRUBBED"
    assert request.body is not None
    assert request.body.value["metadata"]["note"].startswith("SCRUBBED ")


def test_a_replay_matches_whatever_stood_in_a_secrets_place(scrubbed: Path) -> None:
    body = {"metadata": {"note": " ".join(["other"] * len(SECRETS)), "authorization": "xyz"}}
    with Player(scrubbed) as player, httpx2.Client(base_url=player.base_url) as client:
        answer = client.post("/threads?api-key=mine&sig=1&x=sk-abcdefgh", json=body)
        assert (answer.status_code, player.unmatched) == (400, [])


def test_a_secret_that_two_pieces_of_a_file_share_is_found(cassette: Path) -> None:
    content = b"." * 65_530 + LOOSE.encode() + b"." * 100_000
    with (
        answering(lambda request: reply(request, content, content_type="image/png")) as url,
        Recorder(url, cassette) as recorder,
    ):
        httpx2.get(f"{recorder.base_url}/files/file-1/content")
    (file,) = Cassette.load(cassette).exchanges[0].files()
    assert file.scrubbed
    assert file.read() == content.replace(LOOSE.encode(), b"SCRUBBED")


def test_a_key_as_error_messages_mask_it_is_scrubbed() -> None:
    assert Scrubber().text("Incorrect API key provided: abcd1234********wxyz.") == (
        "Incorrect API key provided: SCRUBBED."
    )


def test_words_that_look_a_little_like_secrets_stay() -> None:
    text = "risk-assessment, task-list-of-mine, org-wide, **bold**, a ** b"
    assert Scrubber().text(text) == text


def test_an_invalid_pattern_is_refused() -> None:
    with pytest.raises(EmulatorError, match="not a pattern"):
        Scrubber(["/(/"])
