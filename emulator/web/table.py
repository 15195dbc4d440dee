"""The route table as a tree: a path is matched segment by segment, not by one pattern after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.errors import MethodNotAllowed, NotFound
from emulator.resources.route import Route

EMULATED = "assistants, threads, messages, runs, run steps, files, uploads, vector stores, models"
NOT_EMULATED = {
    *("audio", "batches", "chat", "completions", "containers", "conversations", "embeddings", "evals", "fine_tuning"),
    *("images", "moderations", "organization", "realtime", "responses", "videos"),
}

Node = dict[str, Any]
ANY, ROWS = "{}", ""  # keys of a node that no segment of a path can be


class RouteTable:
    """`find` answers the row for a method and a path below the prefix, and the ids in the path by their names."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root: Node = {}
        for route in self.routes:
            self._add(route)

    def find(self, method: str, path: str, shown: str) -> tuple[Route, dict[str, str]]:
        """404 for an unknown path, 405 for another method of a known one; `shown` is the path as errors show it."""
        ids: list[str] = []
        node: Node | None = self._root
        for segment in path.split("/")[1:]:
            if node is None or not segment:
                raise _unknown(method, path, shown)
            following = node.get(segment) if segment != ANY else None
            if following is None:
                following = node.get(ANY)
                ids.append(segment)
            node = following
        rows = node.get(ROWS) if node else None
        if not rows:
            raise _unknown(method, path, shown)
        if method not in rows:
            hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
            raise MethodNotAllowed(f"Not allowed to {method} on {shown}. {hint}")
        route, names = rows[method]
        return route, dict(zip(names, ids, strict=True))

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                segment = ANY
            node = node.setdefault(segment, {})
        node.setdefault(ROWS, {})[route.method] = (route, tuple(names))


def _unknown(method: str, path: str, shown: str) -> NotFound:
    """The API's text; for what the platform has beside the Assistants API, with what this server is."""
    message = f"Invalid URL ({method} {shown})"
    family = path.split("/")[1]
    if family in NOT_EMULATED:
        message += f". This server emulates the Assistants API ({EMULATED}), and not {family}."
    return NotFound(message)
