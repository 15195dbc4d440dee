"""Whatever a responder does ends its own run, and no other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from tests.runs.conftest import Asking

from assistants_emulator import CodeInterpreter, Emulator, Fail, FunctionCall, ProjectHandle, Text
from assistants_emulator.config import Config
from assistants_emulator.errors import StoreError
from assistants_emulator.project.project import Project
from assistants_emulator.project.request_log import LogBudget
from assistants_emulator.responders.replies import Chunk
from assistants_emulator.store.steps import run_at_once
from assistants_emulator.turns import workers
from assistants_emulator.turns.workers import Workers


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


RAISED: dict[str, Callable[[], BaseException]] = {
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "pytest.fail": lambda: pytest.fail.Exception("no"),
    "pytest.skip": lambda: pytest.skip.Exception("no"),
    "pytest.exit": lambda: pytest.exit.Exception("no"),
    "CancelledError": asyncio.CancelledError,
    "GeneratorExit": GeneratorExit,
    "StopIteration": lambda: StopIteration("no"),
    "StopAsyncIteration": lambda: StopAsyncIteration("no"),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("no", [KeyboardInterrupt()]),
    "no text": Mute,
    "lone surrogate": lambda: ValueError("\ud800"),
    "StoreError": lambda: StoreError("another emulator's"),
    "TimeoutError": TimeoutError,
    "MemoryError": MemoryError,
}


def in_function(error: BaseException) -> Callable[[], object]:
    def responder() -> object:
        raise error

    return responder


def in_generator(error: BaseException) -> Callable[[], object]:
    def responder() -> Iterator[str]:
        yield "Hi"
        raise error

    return responder


def in_async_function(error: BaseException) -> Callable[[], object]:
    async def responder() -> object:
        raise error

    return responder


def in_async_generator(error: BaseException) -> Callable[[], object]:
    async def responder() -> AsyncIterator[str]:
        yield "Hi"
        raise error

    return responder


@pytest.mark.parametrize("raised", RAISED)
@pytest.mark.parametrize("kind", [in_function, in_generator, in_async_function, in_async_generator])
def test_whatever_a_responder_raises_fails_its_run(project: ProjectHandle, asking: Any, kind: Any, raised: str) -> None:
    project.respond(kind(RAISED[raised]()), times=1)
    project.respond("Hi")
    assert asking.poll().last_error.code == "server_error"
    assert asking.poll().status == "completed"
    assert len(project.failures) == 1


@pytest.mark.parametrize("raised", RAISED)
def test_whatever_a_condition_raises_fails_its_run(project: ProjectHandle, asking: Any, raised: str) -> None:
    errors = [RAISED[raised]()]

    def when(turn: Any) -> bool:
        if errors:
            raise errors.pop()
        return True

    project.respond("Hi", when=when)
    assert asking.poll().last_error.code == "server_error"
    assert asking.poll().status == "completed"


def test_a_condition_that_never_returns_holds_up_its_project_only(
    emulator: Emulator, project: ProjectHandle, asking: Any
) -> None:
    begun, free = threading.Event(), threading.Event()

    def blocks(turn: Any) -> bool:
        begun.set()
        return free.wait()

    project.respond("Hi", when=blocks)
    run = asking.create()
    begun.wait()
    with emulator.project("another").client() as client:
        assert Asking(client).poll().status == "completed"
    free.set()
    assert asking.retrieve(run.id).status == "completed"


@pytest.mark.parametrize("raised", ["SystemExit", "KeyboardInterrupt", "CancelledError", "pytest.fail"])
def test_whatever_a_value_raises_fails_its_run(project: ProjectHandle, asking: Any, raised: str) -> None:
    class Arguments(dict[str, Any]):
        touched = 0

        def keys(self) -> Any:
            self.touched += 1
            if self.touched > 1:
                raise RAISED[raised]()
            return super().keys()

        def __iter__(self) -> Any:
            return iter(self.keys())

    project.respond(lambda: FunctionCall("f", Arguments(a=1)), times=1)
    project.respond("Hi")
    assert asking.poll().last_error.code == "server_error"
    assert asking.poll().status == "completed"


@pytest.mark.parametrize("raised", RAISED)
def test_whatever_a_left_responder_raises_is_a_failure(project: ProjectHandle, asking: Any, raised: str) -> None:
    def responder() -> Iterator[Any]:
        try:
            yield FunctionCall("f")
        finally:
            raise RAISED[raised]()

    project.respond(responder, times=1)
    project.respond("Hi")
    run = asking.poll()
    asking.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    assert asking.retrieve(run.id).status == "cancelled"
    assert asking.poll().status == "completed"


def test_the_text_of_what_was_raised_is_in_the_runs_error(project: ProjectHandle, asking: Any) -> None:
    project.respond(in_function(SystemExit(3)))
    assert asking.poll().last_error.message == "The responder raised SystemExit: 3"
    assert isinstance(project.failures[0].error, SystemExit)


def test_an_exception_without_a_text_is_named(project: ProjectHandle, asking: Any) -> None:
    project.respond(in_function(Mute()))
    assert asking.poll().last_error.message == "The responder raised Mute: (it has no text: str() of it failed)"


@pytest.mark.parametrize(
    "reply",
    [
        Text("a\ud800"),
        Text("a\ud800b", chunks=["a\ud800", "b"]),
        Chunk("a\ud800"),
        [Text("\udfff", citations=[{"file": "a.txt\ud800", "quote": "\ud800"}])],
        CodeInterpreter("print('\ud800')", logs="\ud800"),
        Fail(message="\ud800"),
    ],
    ids=repr,
)
def test_texts_are_stored_well_formed(project: ProjectHandle, asking: Any, reply: Any) -> None:
    project.respond(lambda: reply)
    run = asking.poll()
    assert run.status in ("completed", "failed")
    assert "\ufffd" in str([asking.messages(), asking.steps(run.id), run.last_error])


def test_calls_are_stored_well_formed(project: ProjectHandle, asking: Any) -> None:
    project.respond(FunctionCall("f\ud800", {"\ud800": "\ud800"}, id="call_\ud800"))
    (call,) = asking.poll().required_action.submit_tool_outputs.tool_calls
    assert (call.id, call.function.name) == ("call_\ufffd", "f\ufffd")
    assert call.function.arguments == '{"\ufffd":"\ufffd"}'


def test_a_stopped_loop_of_async_responders_goes_on(project: ProjectHandle, asking: Any) -> None:
    @project.respond(times=1)
    async def stops() -> str:
        asyncio.get_running_loop().stop()
        return "One"

    @project.respond(times=1)
    async def ends() -> str:
        asyncio.get_running_loop().call_soon(exit)
        await asyncio.sleep(0)
        return "Two"

    @project.respond()
    async def last() -> str:
        return "Three"

    assert [asking.poll().status for _ in range(3)] == ["completed"] * 3


def test_a_blocked_async_responder_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "STUCK_SECONDS", 0.1)
    free = threading.Event()

    async def blocks() -> str:
        free.wait()
        return "One"

    async def next_one() -> str:
        return "Two"

    with Emulator(settle_seconds=0.1) as emulator, emulator.client() as client:
        emulator.respond(blocks, times=1)
        emulator.respond(next_one)
        asking = Asking(client)
        blocked = asking.create()
        asking.beta.threads.runs.cancel(blocked.id, thread_id=blocked.thread_id)
        assert asking.poll().status == "completed"
        free.set()


def test_a_loop_of_user_code_is_closed_though_it_is_blocked_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, free, blocked = threading.Event(), threading.Event(), []

    async def blocks() -> str:
        blocked.append((asyncio.get_running_loop(), threading.current_thread()))
        begun.set()
        free.wait()
        return "One"

    with Emulator(responder=blocks) as emulator, emulator.client() as client:
        Asking(client).create()
        begun.wait()
    free.set()
    ((loop, thread),) = blocked
    thread.join()
    assert loop.is_closed()


def test_a_turn_that_outlives_its_loop_ends_without_a_failure(project: ProjectHandle, asking: Any) -> None:
    project.respond(FunctionCall("f"))
    run, state = asking.poll(), project.state()
    loop, own_workers = asyncio.new_event_loop(), Workers()

    async def begin() -> tuple[Project, Any]:
        abandoned = Project(
            "abandoned",
            Config(clock="manual"),
            None,
            own_workers,
            lambda function: function(),
            lambda *_: None,
            LogBudget(),
        )
        run_at_once(abandoned.load_state(state))
        task = abandoned.scheduler.task(run.id)
        assert task is not None
        await task.suspension.settled.wait()
        return abandoned, task.loop_task.get_coro()

    abandoned, turn = loop.run_until_complete(begin())
    loop.close()
    turn.close()
    own_workers.close()
    assert abandoned.scheduler.failures == []
