"""Who may use a recorder and a player, and to whom a recorder lends its key."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest
from recording_helpers import answering, reply

from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording import Cassette, Player, Recorder

LENT = "Bearer sk-lent-0123456789"
OWN = "Bearer sk-own-0123456789"
Heads = list[dict[str, str]]


@pytest.fixture
def heads() -> Heads:
    """The headers of the requests that upstream got."""
    return []


@pytest.fixture
def url(heads: Heads) -> Iterator[str]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        heads.append({name.lower(): value for name, value in request.headers.items()})
        reply(request, b"{}")

    with answering(answer) as url:
        yield url


@pytest.fixture
def recorder(url: str, cassette: Path) -> Iterator[Recorder]:
    with Recorder(url, cassette, upstream_key=LENT.removeprefix("Bearer ")) as recorder:
        yield recorder


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "user@127.0.0.1", "127.0.0.1:x", "a, b"])
def test_a_recorder_refuses_a_foreign_host(recorder: Recorder, heads: Heads, host: str) -> None:
    answer = httpx2.get(f"{recorder.base_url}/models", headers={"Host": host})
    assert answer.status_code == 403
    assert heads == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://user@localhost"])
def test_a_recorder_refuses_a_foreign_page(recorder: Recorder, heads: Heads, origin: str) -> None:
    answer = httpx2.post(f"{recorder.base_url}/threads", headers={"Origin": origin, "Content-Type": "text/plain"})
    assert answer.status_code == 403
    assert heads == []


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_a_player_refuses_foreign_hosts_and_pages(cassette: Path, headers: dict[str, str]) -> None:
    with Player(Cassette([])) as player:
        assert httpx2.get(f"{player.base_url}/models", headers=headers).status_code == 403
        assert player.unmatched == []


def test_a_recorder_has_names_and_origins_of_its_own(url: str, cassette: Path) -> None:
    with Recorder(url, cassette, allow_hosts=["gateway"], allow_origins=["https://app.example"]) as recorder:
        headers = {"Host": "gateway", "Origin": "https://app.example"}
        answer = httpx2.get(f"{recorder.base_url}/models", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


def test_an_origin_that_is_none_is_an_error(cassette: Path) -> None:
    with pytest.raises(EmulatorError, match="--allow-origin is like"):
        Recorder("http://127.0.0.1:1/v1", cassette, allow_origins=["app.example"])


def test_the_key_is_lent_to_programs_of_this_machine(recorder: Recorder, heads: Heads) -> None:
    httpx2.get(f"{recorder.base_url}/models", headers={"Authorization": OWN})
    assert heads[0]["authorization"] == LENT


@pytest.mark.parametrize(
    "browser", [{"Origin": "http://localhost:3000"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_of_another_port_has_its_own_key_only(recorder: Recorder, heads: Heads, browser: dict[str, str]) -> None:
    httpx2.get(f"{recorder.base_url}/models", headers=browser)
    httpx2.get(f"{recorder.base_url}/models", headers={**browser, "Authorization": OWN})
    assert "authorization" not in heads[0]
    assert heads[1]["authorization"] == OWN


def test_the_key_is_lent_to_pages_of_an_allowed_origin(url: str, cassette: Path, heads: Heads) -> None:
    key = LENT.removeprefix("Bearer ")
    with Recorder(url, cassette, upstream_key=key, allow_origins=["http://localhost:3000"]) as recorder:
        httpx2.get(f"{recorder.base_url}/models", headers={"Origin": "http://localhost:3000"})
    assert heads[0]["authorization"] == LENT


def test_a_peer_of_another_machine_has_its_own_key_only(url: str, cassette: Path, heads: Heads) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; the system chooses the address of its network
        except OSError:
            pytest.skip("this machine has no network")
        address = probe.getsockname()[0]
    with Recorder(url, cassette, upstream_key=LENT, host="0.0.0.0", allow_hosts=[address]) as recorder:
        port = recorder.base_url.rsplit(":", 1)[1]
        transport = httpx2.HTTPTransport(local_address=address)
        with httpx2.Client(transport=transport) as client:
            client.get(f"http://{address}:{port}/models", headers={"Authorization": OWN})
    assert heads[0]["authorization"] == OWN


def test_what_a_browser_adds_does_not_go_up(recorder: Recorder, heads: Heads) -> None:
    browser = {"Cookie": "a=b", "Origin": "http://localhost:1", "Referer": "http://localhost:1/x"}
    httpx2.get(f"{recorder.base_url}/models", headers={**browser, "Sec-Fetch-Site": "same-site", "X-Own": "1"})
    assert heads[0].keys() & {"cookie", "origin", "referer", "sec-fetch-site"} == set()
    assert heads[0]["x-own"] == "1"


@pytest.mark.parametrize(
    "path", ["/v1/../admin", "/v1/%2e%2e/admin", "/v1/..%2fadmin", "/v1/%252e%252e/admin", "/v1/./x", "/v1/..;/x"]
)
def test_a_path_with_dot_segments_does_not_go_up(recorder: Recorder, heads: Heads, path: str) -> None:
    address = httpx2.URL(recorder.base_url)
    with socket.create_connection((address.host, address.port or 80), timeout=10) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        status = raw.makefile("rb").readline()
    assert b" 400 " in status
    assert heads == []
