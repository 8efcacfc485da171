"""Passes: functions from graph to graph and from program to program that keep every computed byte.

The two lists read as the pipeline. What depends on the kind of core stands in `targets.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from training.export.graph import Graph
from training.export.passes.check_order import check_order
from training.export.passes.compose_tables import compose_tables
from training.export.passes.drop_dead import drop_dead
from training.export.passes.drop_unread import drop_unread
from training.export.passes.fold_constants import fold_constants
from training.export.passes.fuse_activations import fuse_activations
from training.export.passes.fuse_padding import fuse_padding
from training.export.passes.in_place import work_in_place
from training.export.passes.keep_streams import keep_streams
from training.export.passes.pad_behind_views import pad_behind_views
from training.export.passes.remove_identities import remove_identities
from training.export.passes.resolve_variables import resolve_variables
from training.export.passes.settle_channels import settle_channels
from training.export.passes.share_memory import share_memory
from training.export.program import Program

GRAPH_PASSES: tuple[Callable[[Graph], Graph], ...] = (
    check_order,
    fold_constants,
    resolve_variables,
    remove_identities,
    keep_streams,
    pad_behind_views,
    fuse_padding,
    fuse_activations,
    drop_dead,
)
"""Before the kernels are chosen."""


PROGRAM_PASSES: tuple[Callable[[Program], Program], ...] = (
    settle_channels,
    drop_unread,
    compose_tables,
    share_memory,
)
"""Before the target replaces kernels."""

LAST_PASSES: tuple[Callable[[Program], Program], ...] = (work_in_place,)
"""After the target has replaced kernels, before memory is planned."""


def simplify(graph: Graph) -> Graph:
    """All passes over the graph, one after the other."""
    return reduce(lambda result, apply: apply(result), GRAPH_PASSES, graph)


def apply_all(passes: Sequence[Callable[[Program], Program]], program: Program) -> Program:
    """`passes` over the program, one after the other."""
    return reduce(lambda result, apply: apply(result), passes, program)
