"""The shape of the code itself: imports point one way, libraries stay in their corner, nothing grows too large."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import emulator
from emulator.resources import ROUTES

ROOT = Path(__file__).parents[1]
PACKAGES = ("emulator", "pytest_plugin")
TEXTS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path.read_text()
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


@cache
def trees() -> dict[str, ast.Module]:
    return {module: ast.parse(text) for module, text in TEXTS.items()}


# Lowest layer first. A module may import what stands in its own line or above it. A name stands for a module, or for a
# package with all of it that has no line of its own; "emulator" stands for itself alone.
LAYERS = (
    ("emulator",),  # its public names are imported when they are first used
    ("emulator.errors", "emulator.clock", "emulator.ids", "emulator.config", "emulator.shipped"),
    ("emulator.contract",),
    ("emulator.store",),
    ("emulator.contents", "emulator.retrieval", "emulator.execution"),
    ("emulator.context",),
    (
        "emulator.runs",
        "emulator.runs.events",
        "emulator.runs.lifecycle",
        "emulator.runs.tokens",
        "emulator.runs.active",
    ),
    ("emulator.responders",),
    ("emulator.runs.pieces", "emulator.runs.content", "emulator.runs.objects", "emulator.runs.prompt"),
    ("emulator.runs.open_step",),
    ("emulator.resources",),
    (
        *("emulator.runs.budget", "emulator.runs.checks", "emulator.runs.engine", "emulator.runs.searching"),
        *("emulator.runs.outputs", "emulator.runs.rendering", "emulator.runs.executing"),
    ),
    (
        *("emulator.runs.workers", "emulator.runs.conversation", "emulator.runs.rest", "emulator.runs.drive"),
        "emulator.runs.driver",
    ),
    ("emulator.requests", "emulator.faults", "emulator.transcript", "emulator.state_forms", "emulator.state"),
    ("emulator.run_source", "emulator.project", "emulator.projects"),
    ("emulator.web",),
    ("emulator.inspector",),
    ("emulator.loop", "emulator.server", "emulator.door", "emulator.transports", "emulator.clients"),
    ("emulator.recording",),
    ("emulator.handle", "emulator.emulator"),
    ("emulator.beside", "emulator.cli_recording"),
    (
        "emulator.demo",
        "emulator.demos",
        "emulator.cli_convert",
        "emulator.cli_responder",
        "emulator.cli",
        "emulator.__main__",
    ),
    ("pytest_plugin",),
)
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}

STARLETTE = ("emulator.web", "emulator.recording", "emulator.inspector", "emulator.server")
OPENAI = ("emulator.clients", "emulator.cli", "emulator.demo", "emulator.responders.chat", "pytest_plugin")

MOST_LINES = 250
MOST_FUNCTION_LINES = 50


def layer_of(module: str) -> int | None:
    """The layer of the module, or of the package that it is in; None if LAYERS does not know it."""
    name = module
    while name not in LAYER_OF or (name == "emulator" and module != name):
        if "." not in name:
            return None
        name = name.rpartition(".")[0]
    return LAYER_OF[name]


def is_in(module: str, homes: Iterable[str]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


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


def test_every_module_has_a_layer() -> None:
    assert [module for module in trees() if layer_of(module) is None] == []


def test_every_layer_names_modules_that_exist() -> None:
    assert [name for name in LAYER_OF if name not in trees()] == []


def test_imports_point_one_way() -> None:
    upward = [
        f"{module} imports {name}"
        for module, tree in trees().items()
        for name in imports([tree])
        if name in trees() and (layer_of(name) or 0) > (layer_of(module) or 0)
    ]
    assert upward == []


def test_the_emulators_own_modules_do_not_use_its_front_door() -> None:
    users = [
        module
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "emulator" and module.startswith("emulator.")
        if any(f"emulator.{alias.name}" not in trees() and alias.name != "__version__" for alias in node.names)
    ]
    assert users == []


def test_no_import_is_relative() -> None:
    nodes = [(module, node) for module, tree in trees().items() for node in ast.walk(tree)]
    assert [module for module, node in nodes if isinstance(node, ast.ImportFrom) and node.level] == []


def test_only_the_edge_knows_the_web_server() -> None:
    assert {module for module in importers("starlette", "uvicorn") if not is_in(module, STARLETTE)} == set()


def test_few_modules_import_openai() -> None:
    assert {module for module in importers("openai") if not is_in(module, OPENAI)} == set()


def test_openai_is_imported_only_when_a_function_needs_it() -> None:
    assert importers("openai", in_functions=False) == set()


def test_pygments_is_imported_only_when_code_is_shown() -> None:
    assert importers("pygments", in_functions=False) == set()


def test_the_plugin_imports_nothing_heavy_when_it_is_loaded() -> None:
    heavy = ("emulator", "openai", "httpx2", "pydantic", "starlette", "uvicorn", "tinydb", "orjson", "yaml")
    assert "pytest_plugin" not in importers(*heavy, in_functions=False)


def test_no_module_is_over_250_lines() -> None:
    lengths = {module: len(text.splitlines()) for module, text in TEXTS.items()}
    assert {module: length for module, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_is_over_50_lines() -> None:
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MOST_FUNCTION_LINES} == {}


def test_nothing_is_left_to_do() -> None:
    assert [module for module, text in TEXTS.items() if "TODO" in text] == []


def test_no_two_routes_have_the_same_version_method_and_path() -> None:
    rows = sorted((version, route.method, route.path) for route in ROUTES for version in route.versions)
    assert rows == sorted(set(rows))


@pytest.mark.parametrize("name", emulator.__all__)
def test_every_public_name_imports(name: str) -> None:
    assert getattr(emulator, name).__name__ == name
