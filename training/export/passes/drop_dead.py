"""Graph -> graph without operators whose results nobody reads."""

from __future__ import annotations

from dataclasses import replace

from training.export.graph import Graph

WITH_EFFECT = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "STREAM"})
"""Operators that change a state: they stay."""


def drop_dead(graph: Graph) -> Graph:
    """Drop what neither an output nor a state depends on."""
    needed, kept = set(graph.outputs), []
    for operator in reversed(graph.operators):
        if (
            operator.name in WITH_EFFECT
            or needed.intersection(operator.outputs)
            or not operator.outputs
        ):
            needed.update(operator.inputs)
            kept.append(operator)
    return replace(graph, operators=tuple(reversed(kept)))
