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


GITHUB, GOOGLE, FACE = "ghp_" + "a1B2" * 9, "AIza" + "Sy_-9" * 7, "hf_" + "AbCd" * 8
AMAZON, SLACK, JWT = "AKIA" + "Q7" * 8, "xoxb-1234567890-abc", "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAB/+=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("secret", [GITHUB, GOOGLE, FACE, AMAZON, SLACK, JWT, PEM])
def test_tokens_of_known_shapes_are_scrubbed_wherever_they_are(secret: str) -> None:
    scrubber = Scrubber()
    assert scrubber.text(f"It is {secret}, they say") == "It is SCRUBBED, they say"
    assert scrubber.value({"note": [f"<{secret}>"]}) == {"note": ["<SCRUBBED>"]}
    raw = f"a {secret} b".encode()
    assert scrubber.raw(raw, len(raw))[0] == b"a SCRUBBED b"
    assert scrubber.count == 3


def test_a_bearer_is_scrubbed_in_a_text() -> None:
    assert Scrubber().text("curl -H 'Authorization: Bearer abc123def'") == ("curl -H 'Authorization: Bearer SCRUBBED'")


@pytest.mark.parametrize("name", ["key", "sig", "token", "code", "X-Amz-Signature", "password"])
def test_secrets_in_a_query_are_scrubbed_by_their_names(name: str) -> None:
    assert Scrubber().path(f"/files?{name}=s3&limit=2") == f"/files?{name}=SCRUBBED&limit=2"


@pytest.mark.parametrize("name", ["token", "password", "secret", "private_key", "Private-Key", "client_secret"])
def test_secrets_in_json_are_scrubbed_by_their_names(name: str) -> None:
    body = {"metadata": {name: "s3", "deep": [{name: {"value": ["s3", 5], "kind": "s3"}}]}}
    hidden = {"metadata": {name: "SCRUBBED", "deep": [{name: {"value": ["SCRUBBED", 5], "kind": "SCRUBBED"}}]}}
    assert Scrubber().value(body) == hidden


def test_secrets_in_json_within_a_string_are_scrubbed() -> None:
    arguments = json.dumps({"user": "ann", "password": 'a "b" c', "n": 1})
    hidden = arguments.replace(json.dumps('a "b" c'), '"SCRUBBED"')
    assert Scrubber().value({"arguments": arguments}) == {"arguments": hidden}
    assert Scrubber().document(json.dumps({"a": arguments})) == json.dumps({"a": hidden})


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "No", "code": "invalid_api_key", "param": None}},
        {"tools": [{"function": {"parameters": {"properties": {"password": {"type": "string"}}}}}]},
        {"logprobs": [{"token": "Hel", "logprob": -0.1}]},
        {"usage": {"prompt_tokens": 5}, "key": "value"},
    ],
)
def test_the_apis_own_names_stay(body: object) -> None:
    scrubber = Scrubber()
    assert scrubber.value(body) == body
    assert scrubber.count == 0


def test_urlencoded_and_text_bodies_are_scrubbed(cassette: Path) -> None:
    form = "grant_type=password&username=ann&password=hunter2&client_secret=s3"
    with (
        answering(lambda request: reply(request, b"token=abc\nname=x", content_type="text/plain")) as url,
        Recorder(url, cassette) as recorder,
    ):
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = httpx2.post(f"{recorder.base_url}/token", content=form, headers=content_type)
    (exchange,) = Cassette.load(cassette).exchanges
    assert answer.text == "token=abc\nname=x"
    assert exchange.request.body is not None
    assert exchange.request.body.value == "grant_type=password&username=ann&password=SCRUBBED&client_secret=SCRUBBED"
    assert exchange.response is not None
    assert exchange.response.body is not None
    assert exchange.response.body.value == "token=SCRUBBED\nname=x"
    assert recorder.scrubbed == 3


def test_credentials_of_the_upstreams_address_are_used_and_not_recorded(cassette: Path) -> None:
    sent: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        sent.append(request.headers.get("authorization"))
        reply(request, b'{"you": "ann:hunter22"}')

    with answering(answer) as url, Recorder(url.replace("//", "//ann:hunter22@"), cassette) as recorder:
        httpx2.get(f"{recorder.base_url}/models")
        assert recorder.upstream == url
    assert sent == [f"Basic {base64.b64encode(b'ann:hunter22').decode()}"]
    assert "hunter22" not in cassette.read_text()


def test_a_mistake_in_the_upstreams_address_does_not_show_its_credentials(cassette: Path) -> None:
    with pytest.raises(EmulatorError) as caught:
        Recorder("ftp://ann:hunter2@gateway.example/v1?key=hunter2", cassette)
    assert "hunter2" not in str(caught.value)
