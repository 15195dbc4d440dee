"""The logs of code that succeeds."""

from __future__ import annotations

import pytest

from assistants_emulator.code_interpreter import execute


def logs(code: str) -> str:
    executed = execute(code, {})
    assert not executed.error, executed.logs
    return executed.logs


def test_printed_text_is_in_the_logs() -> None:
    assert logs("print('one')\nprint('two', end='')") == "one\ntwo"


def test_stdout_and_stderr_keep_their_order() -> None:
    code = (
        "import sys\nprint('one')\nprint('two', file=sys.stderr)\nsys.stdout.write('three')\nsys.stderr.write('four');"
    )
    assert logs(code) == "one\ntwo\nthreefour"


def test_the_value_of_the_last_expression_is_shown() -> None:
    assert logs("'first'\nx = 6\nx * 7") == "42\n"


def test_a_last_expression_follows_what_was_printed() -> None:
    assert logs("print('hello')\n'bye'") == "hello\n'bye'\n"


@pytest.mark.parametrize("code", ["None", "x = 1", "1;", "1 ; # no", "if True:\n    1", "", "# nothing"])
def test_there_is_nothing_to_show(code: str) -> None:
    assert logs(code) == ""


@pytest.mark.parametrize("code", ["'é;'", "'''\na;'''  # b;", "1 # ;"])
def test_only_a_semicolon_after_the_expression_hides_it(code: str) -> None:
    assert logs(code) == f"{eval(code)!r}\n"


def test_line_ends_of_any_system_are_read() -> None:
    assert logs("x = 1\r\nprint(x)\r\n'''a\r\nb'''") == "1\n'a\\nb'\n"


def test_characters_beyond_ascii_arrive() -> None:
    assert logs("print('Grüße 🌍')") == "Grüße 🌍\n"


def test_a_lone_surrogate_is_printed_escaped() -> None:
    assert logs("print(chr(0xd800))") == "\\ud800\n"


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert logs("import os\nos.write(1, b'a\\xffb');") == "a\ufffdb"


def test_the_code_is_the_main_module() -> None:
    assert logs("class A: pass\nimport pickle\ntype(pickle.loads(pickle.dumps(A()))) is A, __name__") == (
        "(True, '__main__')\n"
    )


def test_the_code_chooses_its_own_future_features() -> None:
    assert logs("def f(x: int): pass\nf.__annotations__") == "{'x': <class 'int'>}\n"


def test_leaving_early_without_a_fault_is_no_error() -> None:
    assert logs("print('done')\nraise SystemExit\nprint('never')") == "done\n"


def test_hashes_are_the_same_in_every_run() -> None:
    code = "hash('a'), list({'one', 'two', 'three', 'four'})"
    assert logs(code) == logs(code)


def test_input_finds_the_end_of_the_file() -> None:
    assert "EOFError" in execute("input()", {}).logs
