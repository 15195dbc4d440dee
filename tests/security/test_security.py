"""The statements of docs/security.md, one by one."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import Result

from assistants_emulator import Emulator

AUTH = {"Authorization": "Bearer sk-emulator-default", "OpenAI-Beta": "assistants=v2"}


def port_of(emulator: Emulator) -> int:
    return int(emulator.base_url.rsplit(":", 1)[1].removesuffix("/v1"))


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def wire(emulator: Emulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=emulator.base_url.removesuffix("/v1"), headers=AUTH) as client:
        yield client


def test_it_listens_on_the_loopback_address(emulator: Emulator) -> None:
    assert emulator.base_url.startswith("http://127.0.0.1:")


def test_it_prints_that_others_can_reach_it() -> None:
    command = [
        sys.executable,
        "-m",
        "assistants_emulator",
        "serve",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--",
        sys.executable,
    ]
    ran = subprocess.run([*command, "-c", "pass"], capture_output=True, text=True)
    assert "Listening on 0.0.0.0: everybody who can reach this machine" in ran.stderr


@pytest.mark.parametrize("path", ["/v1/threads", "/_emulator/reset"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8106", "192.168.1.9", "127.0.0.1.evil.example", "[::1"])
def test_a_foreign_host_is_refused(wire: httpx2.Client, path: str, host: str) -> None:
    answer = wire.post(path, json={}, headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["message"].startswith(f"The host '{host}' is not this emulator's.")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8106", "a.localhost"])
def test_loopback_hosts_are_let_in(wire: httpx2.Client, host: str) -> None:
    assert wire.post("/v1/threads", json={}, headers={"Host": host}).status_code == 200


def test_an_allowed_host_is_let_in() -> None:
    with Emulator(allow_hosts=("emulator",)) as running:
        url = f"{running.base_url}/threads"
        assert httpx2.post(url, json={}, headers={**AUTH, "Host": "emulator:8106"}).status_code == 200
        assert httpx2.post(url, json={}, headers={**AUTH, "Host": "other"}).status_code == 403


@pytest.mark.parametrize("path", ["/v1/threads", "/_emulator/reset"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://[::1"])
def test_a_foreign_page_is_refused(wire: httpx2.Client, path: str, origin: str) -> None:
    answer = wire.post(path, content=b"{}", headers={"Origin": origin, "Content-Type": "text/plain"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_a_loopback_page_gets_cors_headers(wire: httpx2.Client) -> None:
    answer = wire.post("/v1/threads", json={}, headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize("host", ["user@localhost", "localhost:", "localhost:x", "localhost/", "localhost, localhost"])
def test_a_host_that_is_no_host_name_is_refused(wire: httpx2.Client, host: str) -> None:
    assert wire.get("/v1/models", headers={"Host": host}).status_code == 403


def test_two_hosts_are_refused(emulator: Emulator) -> None:
    lines = ["GET /v1/models HTTP/1.1", "Host: localhost", "Host: evil.example", "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", port_of(emulator)), timeout=10) as raw:
        raw.sendall("\r\n".join(lines).encode())
        assert b" 403 " in raw.makefile("rb").readline()


def test_any_host_opens_no_origin() -> None:
    with Emulator(allow_hosts=("*",)) as running:
        rebound = {**AUTH, "Host": "evil.example", "Origin": "http://evil.example"}
        assert httpx2.post(f"{running.base_url}/threads", json={}, headers=rebound).status_code == 403
        assert httpx2.get(f"{running.base_url}/models", headers={**AUTH, "Host": "other"}).status_code == 200


def test_an_allowed_host_opens_its_own_pages_only() -> None:
    with Emulator(allow_hosts=("emulator",)) as running:
        url, own = f"{running.base_url}/threads", {**AUTH, "Host": "emulator:8106"}
        assert httpx2.post(url, json={}, headers={**own, "Origin": "http://emulator:8106"}).status_code == 200
        assert httpx2.post(url, json={}, headers={**own, "Origin": "http://emulator:3000"}).status_code == 403


@pytest.mark.parametrize("allowed", ["https://app.example", "HTTPS://APP.example", "*"])
def test_an_allowed_origin_is_let_in(allowed: str) -> None:
    with Emulator(allow_origins=(allowed,)) as running:
        page = {**AUTH, "Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
        answer = httpx2.post(f"{running.base_url}/threads", json={}, headers=page)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("path", ["/v1/threads", "/_emulator/reset"])
@pytest.mark.parametrize("origin", [{}, {"Origin": "http://localhost:3000"}])
def test_a_cross_site_write_is_refused(wire: httpx2.Client, path: str, origin: dict[str, str]) -> None:
    answer = wire.post(path, json={}, headers={"Sec-Fetch-Site": "cross-site", **origin})
    assert answer.status_code == 403
    assert "--allow-origin" in answer.json()["error"]["message"]


def test_a_cross_site_read_is_answered(wire: httpx2.Client) -> None:
    assert wire.get("/v1/models", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_browsers_preflight_is_answered(wire: httpx2.Client) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Headers": "authorization,openai-beta"}
    answer = wire.options("/v1/threads", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "authorization,openai-beta"


@pytest.mark.parametrize("path", ["/v1/assistants", "/_emulator/state"])
def test_with_an_api_key_every_call_needs_it(path: str) -> None:
    with Emulator(api_key="right") as running:
        root = running.base_url.removesuffix("/v1")
        wrong = httpx2.get(f"{root}{path}", headers={**AUTH, "Authorization": "Bearer wrong"})
        right = httpx2.get(f"{root}{path}", headers={**AUTH, "Authorization": "Bearer right"})
        assert (wrong.status_code, right.status_code) == (401, 200)
        assert httpx2.get(f"{root}/_emulator/health").status_code == 200


def test_a_script_that_comes_over_the_network_names_no_local_file(wire: httpx2.Client, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    script = {"version": 1, "replies": [{"do": [{"image_file": {"path": str(secret)}}]}]}
    assert wire.put("/_emulator/script", json=script).status_code == 400


def test_a_script_is_data(command_line: Callable[..., Result], tmp_path: Path) -> None:
    script = tmp_path / "s.yaml"
    script.write_text("version: !!python/object/apply:os.system ['touch /tmp/pwned']\nreplies: []\n")
    ran = command_line("serve", "--script", str(script))
    assert ran.exit_code == 1
    assert ran.stderr.startswith("Error: ")
    assert not Path("/tmp/pwned").exists()


def test_nothing_that_a_request_names_is_fetched() -> None:
    """Addresses of a server that would note it: an image, a reference of a schema."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET

    with HTTPServer(("127.0.0.1", 0), Handler) as server, Emulator(responder='{"a": 1}') as emulator:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        client = emulator.client()
        schema: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": f"{url}/schema"}}}
        image: Any = [{"type": "image_url", "image_url": {"url": f"{url}/image.png"}}]
        assistant = client.beta.assistants.create(model="gpt-4o", response_format=schema)
        thread: Any = {"messages": [{"role": "user", "content": image}]}
        run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
        assert run.status == "completed"
        client.responses.create(
            model="gpt-4o", input=[{"role": "user", "content": [{"type": "input_image", "image_url": f"{url}/a.png"}]}]
        )
        server.shutdown()
    assert asked == []


@pytest.mark.parametrize("name", ["../../escape.txt", "/etc/escape.txt", "..\\escape.txt", "a\x00b.txt"])
def test_a_file_name_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with Emulator(data_dir=tmp_path / "data") as running:
        file = running.client().files.create(file=(name, b"x"), purpose="user_data")
        assert running.client().files.retrieve(file.id).bytes == 1
    assert [path.name for path in tmp_path.rglob("*escape*")] == []


def test_too_large_a_body_is_an_error_in_the_envelope(wire: httpx2.Client) -> None:
    answer = wire.post("/v1/threads", content=b'{"metadata": {"a": "' + b"x" * (9 * 1024 * 1024) + b'"}}')
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_too_many_headers_close_the_connection(emulator: Emulator) -> None:
    port = int(emulator.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n")
        received = b""
        try:
            for _ in range(200):
                raw.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")
            received = raw.recv(1000)
        except ConnectionError:
            received = b""
    assert received == b"" or b" 431 " in received.splitlines()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have nothing like it")
def test_serve_marks_itself_undumpable(tmp_path: Path) -> None:
    (tmp_path / "replies.py").write_text(
        "import ctypes\n\ndef dumpable():\n    return str(ctypes.CDLL(None).prctl(3))\n"
    )
    code = (
        "import openai; beta = openai.OpenAI().beta; assistant = beta.assistants.create(model='gpt-4o');"
        "thread = beta.threads.create(messages=[{'role': 'user', 'content': 'Hi'}]);"
        "beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id);"
        "print(beta.threads.messages.list(thread.id).data[0].content[0].text.value)"
    )
    serve = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0", "--responder", "replies:dumpable"]
    command = [*serve, "--", sys.executable, "-W", "ignore", "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ran.stdout == "0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have nothing like it")
def test_a_pytest_process_stays_dumpable(pytester: pytest.Pytester) -> None:
    test = "import ctypes\n\ndef test_it(assistants_emulator):\n    assert ctypes.CDLL(None).prctl(3) == 1\n"
    pytester.makepyfile(test)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
