"""The route table as a tree: a path is matched segment by segment, not by one pattern after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emulator.errors import NotFound
from emulator.resources.route import Route, Version

EMULATED = "assistants, threads, messages, runs, run steps, files, uploads, vector stores, models"
NOT_EMULATED = {
    *("audio", "batches", "chat", "completions", "containers", "conversations", "embeddings", "evals", "fine_tuning"),
    *("images", "moderations", "organization", "realtime", "responses", "videos"),
}

Node = dict[str, Any]
Rows = dict[Version, Route]
ANY, ROWS, NAMES = "{}", "", "/"  # keys of a node that no segment of a path can be


@dataclass(frozen=True, slots=True)
class Found:
    """What a path is: its rows by method and version, and the ids in it by their names."""

    methods: dict[str, Rows]
    ids: dict[str, str]


class RouteTable:
    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root: Node = {}
        for route in self.routes:
            self._add(route)

    def find(self, path: str) -> Found | None:
        """`path` is below the prefix; None where no row has it."""
        ids: list[str] = []
        node: Node | None = self._root
        for segment in path.split("/")[1:]:
            if node is None or not segment:
                return None
            following = node.get(segment) if segment != ANY else None
            if following is None:
                following = node.get(ANY)
                ids.append(segment)
            node = following
        if not node or ROWS not in node:
            return None
        return Found(node[ROWS], dict(zip(node[NAMES], ids, strict=True)))

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                segment = ANY
            node = node.setdefault(segment, {})
        if node.setdefault(NAMES, names) != names:
            raise ValueError(f"{route.path}: other rows of this path name its ids {node[NAMES]}")
        rows: Rows = node.setdefault(ROWS, {}).setdefault(route.method, {})
        rows.update(dict.fromkeys(route.versions, route))


def unknown_path(method: str, path: str, shown: str) -> NotFound:
    """The API's text; for what the platform has beside the Assistants API, with what this server is."""
    message = f"Invalid URL ({method} {shown})"
    family = path.split("/")[1]
    if family in NOT_EMULATED:
        message += f". This server emulates the Assistants API ({EMULATED}), and not {family}."
    return NotFound(message)
