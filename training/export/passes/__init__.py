"""Passes: functions from graph to graph and from program to program that keep every computed byte.

The two lists read as the pipeline. What depends on the kind of core stands in `targets.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from training.export.graph import Graph
from training.export.passes.fold_constants import fold_constants
from training.export.passes.fuse_activations import fuse_activations

GRAPH_PASSES: tuple[Callable[[Graph], Graph], ...] = (
    fold_constants,
    fuse_activations,
)
"""Before the kernels are chosen."""


def simplify(graph: Graph) -> Graph:
    """All passes over the graph, one after the other."""
    return reduce(lambda result, apply: apply(result), GRAPH_PASSES, graph)
