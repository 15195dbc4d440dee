"""The logs of code that fails."""

from __future__ import annotations

import pytest

from assistants_emulator.code_interpreter import execute


def failure(code: str) -> str:
    executed = execute(code, {})
    assert executed.error
    return executed.logs


def test_the_traceback_shows_the_code_and_nothing_of_ours() -> None:
    shown = failure("def f():\n    raise ValueError('no')\n\nprint('before')\nf()\n")
    assert shown == (
        "before\n"
        "Traceback (most recent call last):\n"
        '  File "<cell>", line 5, in <module>\n'
        "    f()\n"
        '  File "<cell>", line 2, in f\n'
        "    raise ValueError('no')\n"
        "ValueError: no\n"
    )


def test_a_syntax_error_shows_its_place() -> None:
    shown = failure("print('never')\nx = (")
    assert shown == "  File \"<cell>\", line 2\n    x = (\n        ^\nSyntaxError: '(' was never closed\n"


def test_a_refusal_of_ours_does_not_show_our_frames() -> None:
    assert "runner.py" not in failure("try:\n    import os; os.fork()\nfinally:\n    1 / 0")


def test_an_exception_group_shows_its_members() -> None:
    assert "ValueError: inner" in failure("raise ExceptionGroup('outer', [ValueError('inner')])")


def test_a_last_expression_that_cannot_be_shown_is_an_error() -> None:
    assert "ZeroDivisionError" in failure("class A:\n    def __repr__(self): return 1 / 0\nA()")


def test_a_traceback_is_shown_even_if_the_output_was_turned_away() -> None:
    assert "ZeroDivisionError" in failure("import io, sys\nsys.stderr = sys.stdout = io.StringIO()\n1 / 0")


def test_an_exit_status_of_the_code_is_an_error() -> None:
    assert failure("import sys; sys.exit(3)").endswith("SystemExit: 3\n")


def test_an_abrupt_exit_is_noted() -> None:
    assert failure("import os\nprint('a', end='')\nos._exit(3)") == "a\nExecution ended with status 3.\n"


def test_a_crash_is_noted() -> None:
    assert "Execution was ended by signal" in failure("import signal; signal.raise_signal(signal.SIGTERM)")


@pytest.mark.parametrize("code", ["\ud800", "a\0b", "(" * 500, "+".join("1" * 20_000), "def f(): f()\nf()"])
def test_code_that_no_parser_likes_is_an_error_in_the_logs(code: str) -> None:
    assert "Error" in failure(code)
