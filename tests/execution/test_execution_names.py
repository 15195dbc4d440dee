from __future__ import annotations

import pytest

from assistants_emulator.code_interpreter import safe_name


@pytest.mark.parametrize("name", ["a.csv", "report 2 (final).tar.gz", "Grüße.txt", ".hidden", "-x", "what?.csv"])
def test_a_usual_name_stays_as_it_is(name: str) -> None:
    assert safe_name(name, windows=False) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\x", "C:_x"),
        ("a\0b", "a_b"),
        ("..", "_"),
        (".", "_"),
        ("", "_"),
        ("\ud800", "?"),
    ],
)
def test_a_name_cannot_leave_the_directory(name: str, safe: str) -> None:
    assert safe_name(name, windows=False) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("nul", "_nul"),
        ("COM1.txt", "_COM1.txt"),
        ("a:b?", "a_b_"),
        ("a. ", "a_"),
        ("..", "_"),
        ("null.txt", "null.txt"),
    ],
)
def test_a_name_means_nothing_else_on_windows(name: str, safe: str) -> None:
    assert safe_name(name, windows=True) == safe


def test_a_long_name_keeps_its_suffix() -> None:
    assert safe_name("a" * 300 + ".csv") == "a" * 236 + ".csv"


def test_a_long_name_is_cut_between_characters() -> None:
    assert safe_name("é" * 300 + ".c") == "é" * 119 + ".c"


def test_a_long_suffix_is_cut_too() -> None:
    assert safe_name("a." + "b" * 300) == "a." + "b" * 238
