"""Limits of the YAML that is read here: a few hundred bytes with aliases can stand for billions of values.

They are checked while the text is parsed, so that a document above them takes no memory.
"""

from __future__ import annotations

from typing import Any

import yaml

MOST_NODES = 2_000_000  # with what aliases repeat; a recording of 100 MB has fewer
MOST_DEPTH = 200  # with the levels of what an alias repeats


class LimitedComposer(yaml.composer.Composer):
    """Composes a document's nodes within the limits; a loader's first base class, with any parser of PyYAML's after it.

    YAMLError, marked, for more nodes, counted as they unfold, or more levels; `contains_itself` is then True if an
    alias names a node that it is part of.
    """

    peek_event: Any  # of the parser

    def __init__(self) -> None:
        yaml.composer.Composer.__init__(self)
        self.contains_itself = False
        self._nodes = 0
        self._depth = 0
        self._deepest = 0
        self._unfolded: dict[str, tuple[int, int] | None] = {}  # anchor: nodes and levels, None while it is open

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            self._repeat(event)
            return super().compose_node(parent, index)
        levels = 0 if isinstance(event, yaml.ScalarEvent) else 1
        nodes, deepest = self._nodes, self._deepest
        self._count(1, levels, event)
        self._depth += levels
        self._deepest = self._depth
        if event.anchor is not None:
            self._unfolded[event.anchor] = None
        node = super().compose_node(parent, index)
        self._depth -= levels
        if event.anchor is not None:
            self._unfolded[event.anchor] = (self._nodes - nodes, self._deepest - self._depth)
        self._deepest = max(deepest, self._deepest)
        return node

    def _repeat(self, event: Any) -> None:
        unfolded = self._unfolded.get(event.anchor, (0, 0))  # PyYAML refuses an unknown anchor
        if unfolded is None:
            self.contains_itself = True
            return
        nodes, levels = unfolded
        self._count(nodes, levels, event)
        self._deepest = max(self._deepest, self._depth + levels)

    def _count(self, nodes: int, levels: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _refused(f"it unfolds to more than {MOST_NODES} values", event.start_mark)
        if self._depth + levels > MOST_DEPTH:
            raise _refused(f"it has more than {MOST_DEPTH} levels", event.start_mark)


class LimitedLoader(LimitedComposer, yaml.SafeLoader):
    """PyYAML's safe loader within the limits."""

    def __init__(self, stream: Any) -> None:
        yaml.SafeLoader.__init__(self, stream)
        LimitedComposer.__init__(self)


def single_node(loader: Any, *, may_contain_itself: bool = False) -> yaml.Node | None:
    """The document's root, None for an empty one; YAMLError for one above the limits, or that contains itself."""
    root: yaml.Node | None = loader.get_single_node()
    if root is not None and loader.contains_itself and not may_contain_itself:
        raise _refused("it contains itself", root.start_mark)
    return root


def construct(loader: Any, root: yaml.Node) -> Any:
    """The document's value; YAMLError or ValueError for one that cannot be read."""
    try:
        return loader.construct_document(root)
    except (TypeError, OverflowError, AttributeError, LookupError) as error:
        problem = f"a value cannot be read: {' '.join(str(error).split())}"
        raise _refused(problem, root.start_mark) from None


def _refused(problem: str, mark: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)
