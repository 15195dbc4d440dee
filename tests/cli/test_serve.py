"""`assistants-emulator serve`, as a process."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from click.testing import Result

CommandLine = Callable[..., Result]

SERVE = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0"]


@contextmanager
def served(*options: str, cwd: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    process = subprocess.Popen([*SERVE, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        lines = [process.stdout.readline() for _ in range(2)]
        yield process, dict(re.findall(r"export (\w+)=(\S+)", "".join(lines)))
    finally:
        process.kill()
        process.communicate()


def test_it_prints_what_points_an_sdk_at_it() -> None:
    with served() as (_, variables):
        assert sorted(variables) == ["OPENAI_API_KEY", "OPENAI_BASE_URL"]
        assert httpx2.get(variables["OPENAI_BASE_URL"].replace("/v1", "/_emulator/health")).json()["status"] == "ok"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(number: int) -> None:
    with served() as (process, _):
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_second_server_on_the_same_directory_says_who_holds_it(tmp_path: Path) -> None:
    with served("--data-dir", str(tmp_path)) as (first, _):
        second = subprocess.run([*SERVE, "--data-dir", str(tmp_path)], capture_output=True, text=True)
        assert second.returncode == 1
        assert len(second.stderr.splitlines()) == 1
        assert str(first.pid) in second.stderr


def test_a_taken_port_is_one_line(command_line: CommandLine, unused_listener: int) -> None:
    ran = command_line("serve", "--port", str(unused_listener))
    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"Error: cannot listen on 127.0.0.1:{unused_listener}")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--port", "99999"], "Error: cannot listen on 127.0.0.1:99999: bind(): port must be 0-65535.\n"),
        (["--host", "no.such.host.invalid"], "Error: cannot listen on no.such.host.invalid:0: "),
        (["--script", "none.yaml"], "Error: none.yaml: cannot be read: No such file or directory\n"),
    ],
)
def test_an_error_at_start_is_one_line(command_line: CommandLine, options: list[str], told: str) -> None:
    ran = command_line("serve", "--port", "0", *options)
    assert ran.exit_code == 1
    assert ran.stderr.startswith(told)
    assert len(ran.stderr.splitlines()) == 1


@pytest.fixture
def unused_listener() -> Iterator[int]:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_command_runs_with_the_variables_set_and_gives_its_status() -> None:
    code = "import os, sys; print(os.environ['OPENAI_BASE_URL']); sys.exit(7)"
    ran = subprocess.run([*SERVE, "--", sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 7
    assert re.fullmatch(r"http://127.0.0.1:\d+/v1\n", ran.stdout)


def test_a_command_gets_the_only_key_that_is_accepted() -> None:
    code = "import openai; print(openai.OpenAI().beta.threads.create().object)"
    command = [*SERVE, "--api-key", "sk-mine", "--", sys.executable, "-W", "ignore", "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "thread\n"), ran.stderr


def test_the_printed_key_is_the_only_one_that_is_accepted() -> None:
    with served("--api-key", "sk-mine") as (_, variables):
        assert variables["OPENAI_API_KEY"] == "sk-mine"


def test_a_broken_script_names_file_line_and_key(command_line: CommandLine, tmp_path: Path) -> None:
    script = tmp_path / "broken.yaml"
    script.write_text("version: 1\nreplies:\n  - do:\n      - txt: hello\n")
    ran = command_line("serve", "--script", str(script))
    assert ran.exit_code == 1
    assert "broken.yaml:4: replies[0].do[0]: unknown action 'txt'; did you mean 'text'?" in ran.stderr


def test_a_responder_is_imported_from_the_current_directory(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def answer(turn):\n    return 'from mine'\n")
    options = ["--responder", "mine:answer"]
    with served(*options, cwd=tmp_path) as (_, variables), client_of(variables["OPENAI_BASE_URL"]) as wire:
        assistant_id = wire.post("/assistants", json={"model": "gpt-4o"}).json()["id"]
        asked = {"assistant_id": assistant_id, "thread": {"messages": [{"role": "user", "content": "x"}]}}
        thread_id = wire.post("/threads/runs", json=asked).json()["thread_id"]
        (said, _) = wire.get(f"/threads/{thread_id}/messages").json()["data"]
    assert said["content"][0]["text"]["value"] == "from mine"


def test_runs_wait_for_a_person_and_writes_of_the_control_api_for_the_token() -> None:
    with served("--responder", "person") as (_, variables), client_of(variables["OPENAI_BASE_URL"]) as wire:
        assistant_id = wire.post("/assistants", json={"model": "gpt-4o"}).json()["id"]
        asked = {"assistant_id": assistant_id, "thread": {"messages": [{"role": "user", "content": "x"}]}}
        run = wire.post("/threads/runs", json=asked).json()
        waiting = wire.get(f"/threads/{run['thread_id']}/runs/{run['id']}").json()
        control = variables["OPENAI_BASE_URL"].removesuffix("/v1") + "/_emulator"
        refused = httpx2.post(f"{control}/reset")
    assert (waiting["status"], refused.status_code) == ("in_progress", 403)


@pytest.mark.parametrize(("options", "status"), [([], "failed"), (["--no-strict-tools"], "requires_action")])
def test_an_option_lets_replies_use_undeclared_tools(tmp_path: Path, options: list[str], status: str) -> None:
    (tmp_path / "book.yaml").write_text("version: 1\nreplies: [{do: [{function_call: {name: book}}]}]")
    with (
        served("--script", "book.yaml", *options, cwd=tmp_path) as (_, variables),
        client_of(variables["OPENAI_BASE_URL"]) as wire,
    ):
        assistant_id = wire.post("/assistants", json={"model": "gpt-4o", "instructions": "Hi"}).json()["id"]
        run = wire.post("/threads/runs", json={"assistant_id": assistant_id}).json()
        assert wire.get(f"/threads/{run['thread_id']}/runs/{run['id']}").json()["status"] == status


def test_a_kill_during_writes_loses_no_answered_write(tmp_path: Path) -> None:
    answered: list[str] = []
    with served("--data-dir", str(tmp_path)) as (process, variables):
        base_url = variables["OPENAI_BASE_URL"]
        with client_of(base_url) as wire, suppress(httpx2.TransportError):
            while len(answered) < 20_000:
                answered.append(wire.post("/threads", json={}).json()["id"])
                if len(answered) == 500:
                    threading.Thread(target=process.kill).start()
    assert 500 <= len(answered) < 20_000
    with served("--data-dir", str(tmp_path)) as (_, variables), client_of(variables["OPENAI_BASE_URL"]) as wire:
        assert {wire.get(f"/threads/{id}").status_code for id in answered} == {200}


def client_of(base_url: str) -> httpx2.Client:
    return httpx2.Client(base_url=base_url, headers={"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"})


def test_its_first_line_says_where_to_look_inside() -> None:
    ran = subprocess.run([*SERVE, "--", sys.executable, "-c", ""], capture_output=True, text=True)
    (url,) = re.findall(r"look inside: (\S+)", ran.stderr.splitlines()[0])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/_emulator/\?token=\w{48}", url)


def test_it_opens_the_inspector_in_the_browser(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho \"$1\" > '{seen}'\n")
    browser.chmod(0o755)
    command = [*SERVE, "--open", "--", sys.executable, "-c", ""]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "BROWSER": f"{browser} %s"})
    assert ran.returncode == 0, ran.stderr
    assert seen.read_text().strip() in ran.stderr


def test_problems_of_scripts_are_lines_on_standard_error(tmp_path: Path) -> None:
    script = tmp_path / "s.yaml"
    script.write_text("version: 1\nreplies: [{when: {message: Bye}, times: 1, do: [{text: x}]}]\n")
    with served("--script", str(script)) as (process, variables):
        url, headers = variables["OPENAI_BASE_URL"], {"OpenAI-Beta": "assistants=v2"}
        with httpx2.Client(headers={**headers, "Authorization": f"Bearer {variables['OPENAI_API_KEY']}"}) as client:
            body = {"model": "gpt-4o", "instructions": "Help."}
            assistant = client.post(f"{url}/assistants", json=body).json()
            client.post(f"{url}/threads/runs", json={"assistant_id": assistant["id"]})
            client.get(url.replace("/v1", "/_emulator/failures"))
            client.put(url.replace("/v1", "/_emulator/script"), json={"version": 2})
            assert process.stderr is not None
            lines = [process.stderr.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=20)
    assert lines[0].startswith("No rule matches this run: last user message none")
    assert lines[1] == "script: version: must be 1, not 2 (int)\n"
    assert rest == "default: not used up: script replies[0]: message matches 'Bye' (used 0 of 1 times)\n"
