"""Limits of the YAML that is read here: a few hundred bytes with aliases can stand for billions of values."""

from __future__ import annotations

from typing import Any

import yaml

MOST_NODES = 2_000_000  # with what aliases repeat; a recording of 100 MB has fewer
MOST_DEPTH = 200


def check_limits(root: yaml.Node) -> bool:
    """YAMLError, marked, for too many nodes, counted as they unfold, or levels; True if the root contains itself."""
    cycles: list[yaml.Node] = []
    _count(root, 0, {}, set(), cycles)
    return bool(cycles)


def _count(node: yaml.Node, depth: int, counts: dict[int, int], open_nodes: set[int], cycles: list[yaml.Node]) -> int:
    """The number of nodes that this one unfolds to; an alias repeats the node that it names."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in open_nodes:
        cycles.append(node)
        return 1
    if depth >= MOST_DEPTH:
        raise _refused(f"it has more than {MOST_DEPTH} levels", node)
    if id(node) not in counts:
        open_nodes.add(id(node))
        total = 1
        for child in _children(node):
            total += _count(child, depth + 1, counts, open_nodes, cycles)
            if total > MOST_NODES:
                raise _refused(f"it unfolds to more than {MOST_NODES} values", node)
        open_nodes.discard(id(node))
        counts[id(node)] = total
    return counts[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value)


def _refused(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def refuse_cycles(root: yaml.Node) -> None:
    """As `check_limits`, and YAMLError for a document that contains itself."""
    if check_limits(root):
        raise _refused("it contains itself", root)


def construct(loader: Any, root: yaml.Node) -> Any:
    """The document's value within the limits; YAMLError or ValueError for one that cannot be read."""
    try:
        return loader.construct_document(root)
    except (TypeError, OverflowError, AttributeError, LookupError) as error:
        problem = f"a value cannot be read: {' '.join(str(error).split())}"
        raise _refused(problem, root) from None
