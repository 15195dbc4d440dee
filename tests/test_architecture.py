"""The structure of the code: imports point down, libraries stay in their packages, public names exist."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import get_args

import pytest

import assistants_emulator
from assistants_emulator.web.routing import ROUTES

ROOT = Path(__file__).parents[1]
PACKAGE, PLUGIN = "assistants_emulator", "pytest_assistants_emulator"
SOURCES = {"emulator": PACKAGE, "pytest_plugin": PLUGIN}  # folder: its package
TEXTS = {
    ".".join(path.relative_to(ROOT / folder).with_suffix("").parts).removesuffix(".__init__"): path.read_text()
    for folder in SOURCES
    for path in sorted((ROOT / folder).rglob("*.py"))
}

# The rooms of the package, lowest floor first. A module may import from its own room and from those of lower floors.
FLOORS = (
    ("object_kinds",),
    ("errors", "clock", "ids", "guard", "processes"),
    ("config", "environment", "contract", "retrieval", "store", "code_interpreter", "sweep"),
    ("resources", "responders", "server"),
    ("turns",),
    ("runs", "responses"),
    ("project", "v1"),
    ("web", "handle"),
    ("recording",),
    ("convert",),
    ("inspector",),
    ("emulator",),
    ("cli",),
    ("__main__",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MOST_ROOMS, MOST_FLOORS, MOST_FILES, MOST_SMALL_FILES = 29, 14, 275, 15
SMALL, LONG, LONG_FUNCTION = 40, 400, 50  # lines of a module, of a function

STARLETTE = ("web", "recording", "inspector", "server")
OPENAI = ("emulator", "cli", "responders.chat", "server.sdk_clients")


@cache
def trees() -> dict[str, ast.Module]:
    return {module: ast.parse(text) for module, text in TEXTS.items()}


def room_of(module: str) -> str:
    """The room that the module is in; "" for the package's own names."""
    return module.split(".")[1] if "." in module else ""


def floor_of(module: str) -> int:
    """The package's own names are imported when they are first used, so they stand below all; the plugin above."""
    if module.split(".")[0] == PLUGIN:
        return len(FLOORS)
    return FLOOR_OF[room_of(module)] if room_of(module) else -1


def is_in(module: str, homes: Iterable[str]) -> bool:
    names = [f"{PACKAGE}.{home}" for home in homes]
    return module.split(".")[0] == PLUGIN or any(module == name or module.startswith(f"{name}.") for name in names)


def imports(nodes: Iterable[ast.AST], *, in_functions: bool = True) -> Iterator[str]:
    """The modules that are imported, but for what only type checkers import."""
    for node in nodes:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not in_functions:
                continue
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(source)):
                names = [f"{source}.{alias.name}" for alias in node.names]
                yield from (name if name in trees() else source for name in names)
            case _:
                yield from imports(ast.iter_child_nodes(node), in_functions=in_functions)


def importers(*libraries: str, in_functions: bool = True) -> set[str]:
    """The modules that import one of the libraries."""
    return {
        module
        for module, tree in trees().items()
        if any(name.split(".")[0] in libraries for name in imports([tree], in_functions=in_functions))
    }


def arrows() -> Iterator[tuple[str, str]]:
    for module, tree in trees().items():
        yield from ((module, name) for name in imports([tree]) if name in trees())


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(module) for module in trees() if module.split(".")[0] == PACKAGE} - {""}
    assert rooms == set(FLOOR_OF)


def test_no_import_points_up() -> None:
    upward = [f"{module} imports {name}" for module, name in arrows() if floor_of(name) > floor_of(module)]
    assert upward == []


def test_rooms_of_one_floor_do_not_import_each_other() -> None:
    beside = [
        f"{module} imports {name}"
        for module, name in arrows()
        if floor_of(name) == floor_of(module) and room_of(name) != room_of(module) and module.split(".")[0] == PACKAGE
    ]
    assert beside == []


def test_no_files_import_each_other_in_a_circle() -> None:
    needs: dict[str, set[str]] = {module: set() for module in trees()}
    for module, name in arrows():
        needs[module].add(name)
    assert set(TopologicalSorter(needs).static_order()) == set(trees())  # CycleError names the circle


def test_the_house_stays_small() -> None:
    small = [name for name, text in TEXTS.items() if len(text.splitlines()) < SMALL and not is_package(name)]
    figures = (len(FLOOR_OF), len(FLOORS), len(TEXTS), len(small))
    assert [
        figure <= most
        for figure, most in zip(figures, (MOST_ROOMS, MOST_FLOORS, MOST_FILES, MOST_SMALL_FILES), strict=True)
    ] == [True] * 4, (figures, small)


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    questions = ("What", "Which", "Where", "When", "How", "Whether", "Who", "Whatever")
    first_words = re.findall(r'"""(\w+)', "\n".join(TEXTS.values()))
    assert [word for word in first_words if word in questions] == []


def is_package(module: str) -> bool:
    return any(name.startswith(f"{module}.") for name in TEXTS)


def test_the_emulators_modules_do_not_import_its_public_names() -> None:
    users = [
        module
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE and module.startswith(f"{PACKAGE}.")
        if any(f"{PACKAGE}.{alias.name}" not in trees() and alias.name != "__version__" for alias in node.names)
    ]
    assert users == []


def test_no_import_is_relative() -> None:
    nodes = [(module, node) for module, tree in trees().items() for node in ast.walk(tree)]
    assert [module for module, node in nodes if isinstance(node, ast.ImportFrom) and node.level] == []


def test_no_module_has_the_name_of_a_test_file() -> None:
    """pytest rewrites what looks like one, of any package, and that takes long."""
    names = [module.rpartition(".")[2] for module in trees()]
    assert [name for name in names if name.startswith("test_") or name.endswith("_test")] == []


def test_only_the_edge_knows_the_web_server() -> None:
    assert {module for module in importers("starlette", "uvicorn") if not is_in(module, STARLETTE)} == set()


def test_few_modules_import_openai() -> None:
    assert {module for module in importers("openai") if not is_in(module, OPENAI)} == set()


def test_openai_is_imported_only_when_a_function_needs_it() -> None:
    assert importers("openai", in_functions=False) == set()


def test_pygments_is_imported_only_when_code_is_shown() -> None:
    assert importers("pygments", in_functions=False) == set()


def test_the_plugin_imports_nothing_heavy_when_it_is_loaded() -> None:
    heavy = (PACKAGE, "openai", "httpx2", "pydantic", "starlette", "uvicorn", "tinydb", "orjson", "yaml")
    assert PLUGIN not in importers(*heavy, in_functions=False)


def test_long_modules_and_functions_are_pointed_out() -> None:
    lengths = {name: len(text.splitlines()) for name, text in TEXTS.items()}
    functions = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = [*(name for name, lines in lengths.items() if lines > LONG)]
    long += [name for name, lines in functions.items() if lines > LONG_FUNCTION]
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for name in long:
            warnings.warn(f"{name} is long: is it still about one thing?", stacklevel=1)


def test_nothing_is_left_to_do() -> None:
    assert [module for module, text in TEXTS.items() if "TODO" in text] == []


def test_no_two_routes_have_the_same_version_method_and_path() -> None:
    rows = sorted((version, route.method, route.path) for route in ROUTES for version in route.versions)
    assert rows == sorted(set(rows))


@pytest.mark.parametrize("name", sorted({*assistants_emulator.__all__} - {"Replies", "Reply", "Responder"}))
def test_every_public_name_imports(name: str) -> None:
    assert getattr(assistants_emulator, name).__name__ == name


@pytest.mark.parametrize("name", ["Replies", "Reply", "Responder"])
def test_every_public_type_imports(name: str) -> None:
    assert get_args(getattr(assistants_emulator, name))
