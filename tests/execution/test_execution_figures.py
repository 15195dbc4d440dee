"""Figures are saved for code that imported matplotlib, here a small stand-in for it."""

from __future__ import annotations

from assistants_emulator.code_interpreter import execute

PYPLOT = """
import sys, types

class Figure:
    def __init__(self, number): self.number = number
    def savefig(self, path): open(path, "w").write(f"figure {self.number}")

plt = types.ModuleType("matplotlib.pyplot")
plt.get_fignums = lambda: [1, 3]
plt.figure = Figure
sys.modules["matplotlib.pyplot"] = plt
"""


def test_open_figures_become_files() -> None:
    assert execute(PYPLOT, {}).files == {"figure-1.png": b"figure 1", "figure-3.png": b"figure 3"}


def test_figures_of_code_that_fails_are_saved() -> None:
    executed = execute(f"{PYPLOT}\n1 / 0", {})
    assert (executed.error, list(executed.files)) == (True, ["figure-1.png", "figure-3.png"])


def test_a_file_of_the_codes_own_is_not_replaced() -> None:
    files = execute(f"{PYPLOT}\nopen('figure-3.png', 'w').write('own');", {}).files
    assert files["figure-3.png"] == b"own"


def test_a_figure_that_cannot_be_drawn_is_an_error() -> None:
    executed = execute(f"{PYPLOT}\nFigure.savefig = lambda figure, path: 1 / 0", {})
    assert executed.error
    assert "ZeroDivisionError" in executed.logs


def test_plots_are_drawn_without_a_window() -> None:
    assert execute("import os\nos.environ['MPLBACKEND']", {}).logs == "'Agg'\n"
