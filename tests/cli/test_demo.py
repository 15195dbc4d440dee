"""The demo, as a user sees it after installing the package."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("empty")
    command = [sys.executable, "-m", "assistants_emulator", "demo", "--data-dir", str(folder / "data")]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_tutor_solves_the_equation_in_its_second_message(printed: str) -> None:
    said = [line for line in printed.split("2. A function call")[0].splitlines() if "assistant:" in line]
    assert len(said) == 2
    assert "x = 1" in said[1]


def test_the_code_that_ran_is_shown(printed: str) -> None:
    assert "    | equation = Eq(3 * x + 11, 14)" in printed


def test_the_function_call_is_answered_with_its_output(printed: str) -> None:
    assert "requires_action" in printed
    assert "The weather in Oslo: 18 degrees and sunny." in printed


def test_the_questions_are_answered_from_the_right_documents_with_a_footnote(printed: str) -> None:
    told = printed.split("3. Answers from a handbook")[1].split("4. After a restart")[0]
    pdf, word = told.split("What is the per-diem in Oslo?")
    assert "27" in pdf
    assert "[1] employee_handbook.pdf" in pdf
    assert "980 kroner" in word
    assert "[1] travel_policy.docx" in word


def test_the_thread_is_still_there_after_the_restart(printed: str) -> None:
    assert "I need to solve the equation `3x + 11 = 14`" in printed.split("4. After a restart")[1]


def test_output_to_a_file_has_no_colours(printed: str) -> None:
    assert "\x1b[" not in printed


def test_it_ends_with_the_command_for_the_next_one(printed: str) -> None:
    assert printed.splitlines()[-1].endswith(f": {sys.executable} -m assistants_emulator demo travel --open")
