"""The README's examples run as printed."""

import re
from pathlib import Path

import pytest
import yaml

README_FOLDER = Path(__file__).parents[2]
README = (README_FOLDER / "README.md").read_text()


def blocks(language: str, mark: str = "") -> list[str]:
    return re.findall(rf"{mark}```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.usefixtures("clients_are_left_open")
def test_the_first_test_passes_as_printed(pytester: pytest.Pytester) -> None:
    (printed,) = blocks("python", re.escape("<!-- test: first -->\n"))
    pytester.makepyfile(printed)
    result = pytester.runpytest_subprocess("-W", "error")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*assistants emulator*")  # a first test has nothing to be told about


def test_the_script_is_one_that_loads() -> None:
    from assistants_emulator.responders.scripts.load import load_script

    (printed,) = blocks("yaml")
    assert len(load_script(yaml.safe_load(printed)).rules) == 2


def test_every_reply_of_the_vocabulary_is_in_the_table() -> None:
    import assistants_emulator

    others = ("Emulator", "ProjectHandle", "Replies", "Reply", "Responder", "Turn")
    replies = {name for name in assistants_emulator.__all__ if name not in others}
    assert replies <= set(re.findall(r"`(\w+)\(", README))


def test_every_page_and_picture_that_it_leads_to_is_there() -> None:
    led_to = [path for path in re.findall(r"\]\((?!http)([^)#]+)", README) if not (README_FOLDER / path).exists()]
    assert led_to == []
