"""Stopping `serve`: no user code holds it up. No time is measured: each of these processes would end much later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from assistants_emulator import Emulator

PATIENCE = 20  # seconds; the responders take much longer
RESPONDERS = """
import asyncio, threading, time

def sleeps(turn):
    ready(turn)
    time.sleep(600)

def loops(turn):
    ready(turn)
    while True:
        pass

async def sleeps_async(turn):
    ready(turn)
    time.sleep(600)

async def to_thread(turn):
    ready(turn)
    await asyncio.to_thread(time.sleep, 600)

def in_thread(turn):
    threading.Thread(target=time.sleep, args=(600,)).start()
    ready(turn)
    time.sleep(600)

def generator(turn):
    yield "Hi"
    ready(turn)
    time.sleep(600)

def executes(turn):
    import os
    from assistants_emulator import CodeInterpreter
    path = os.path.join(os.getcwd(), "pid")
    code = f"import os, time\\nopen({path!r}, 'w').write(f'{{os.getpid()}} ')\\ntime.sleep(600)"
    return CodeInterpreter(code, execute=True)

def ready(turn):
    open("ready", "w").close()
"""
Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    (tmp_path / "replies.py").write_text(RESPONDERS)
    processes = []

    def serve(name: str, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0", "--data-dir", "data"]
        process = subprocess.Popen(
            [*command, "--responder", f"replies:{name}", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        processes.append(process)
        return process

    yield serve
    for process in processes:
        process.kill()
        process.communicate()


def begin_run(process: subprocess.Popen[str]) -> tuple[openai.OpenAI, str, str]:
    """A run of it under way, by its thread's id and its own."""
    assert process.stdout is not None
    process.stdout.readline()
    url = process.stdout.readline().strip().partition("=")[2]
    client = openai.OpenAI(base_url=url, api_key="sk-emulator-default", max_retries=0)
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    return client, thread.id, run.id


def until(path: Path) -> None:
    while not path.exists():
        threading.Event().wait(0.01)


@pytest.mark.parametrize("name", ["sleeps", "loops", "sleeps_async", "to_thread", "in_thread", "generator"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_does_not_wait_for_user_code(serve: Serve, tmp_path: Path, name: str, number: int) -> None:
    process = serve(name)
    begin_run(process)
    until(tmp_path / "ready")
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert name == "to_thread" or "left behind, still at work" in err


def test_what_is_left_behind_is_stored(serve: Serve, tmp_path: Path) -> None:
    process = serve("sleeps")
    _, thread_id, run_id = begin_run(process)
    until(tmp_path / "ready")
    process.terminate()
    process.communicate(timeout=PATIENCE)
    with Emulator(tmp_path / "data", responder="Hi") as emulator:
        run = emulator.client().beta.threads.runs.retrieve(run_id, thread_id=thread_id)
        assert run.status == "completed"


def pid_in(path: Path) -> int:
    """The process that the executed code has written down, which may take a moment."""
    while not path.exists() or not path.read_text().endswith(" "):
        pass
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    """True once there is no such process; False if there is one for PATIENCE."""
    for _ in range(PATIENCE * 100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        threading.Event().wait(0.01)
    return False


@pytest.mark.parametrize("ending", ["stop", "cancel"])
def test_executed_code_is_ended(serve: Serve, tmp_path: Path, ending: str) -> None:
    process = serve("executes", "--allow-code-execution", "--tokens-per-second", "1000")
    client, thread_id, run_id = begin_run(process)
    pid = pid_in(tmp_path / "pid")
    if ending == "cancel":
        client.beta.threads.runs.cancel(run_id, thread_id=thread_id)
        assert is_gone(pid)
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert is_gone(pid)


def test_a_second_signal_ends_it_at_once(serve: Serve, tmp_path: Path) -> None:
    code = "import os, signal, time; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    process = serve("sleeps", "--", sys.executable, "-c", code)
    assert process.stdout is not None
    command = int(process.stdout.readline())  # it ignores the signal that serve passes on
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.terminate()
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    os.kill(command, signal.SIGKILL)


def test_a_project_that_blocks_its_threads_holds_up_no_other() -> None:
    free, blocked = threading.Event(), threading.Semaphore(0)

    def blocks() -> str:
        blocked.release()
        free.wait()
        return "Hi"

    with Emulator(allow_code_execution=True, settle_seconds=0.01) as emulator:
        first, second = emulator.project("first"), emulator.project("second")
        first.respond(blocks)
        second.respond(lambda: "Hi")
        client = first.client()
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="Hi")
        for _ in range(600):
            client.beta.threads.create_and_run(assistant_id=assistant.id)
        for _ in range(512):
            assert blocked.acquire(timeout=PATIENCE)
        other = second.client()
        store = other.vector_stores.create()
        other.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.txt", b"the weather in Oslo"))
        assert other.vector_stores.search(store.id, query="Oslo").data[0].filename == "a.txt"
        thread = other.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        assistant = other.beta.assistants.create(model="gpt-4o")
        run = other.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert run.status == "completed"
        free.set()
