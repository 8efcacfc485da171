"""Graph -> graph in which views of constants are constants."""

from __future__ import annotations

from dataclasses import replace

from training.export.graph import Graph, Operator, Tensor, is_view


def fold_constants(graph: Graph) -> Graph:
    """Turn views of constants into constants."""
    tensors: list[Tensor] = list(graph.tensors)
    kept: list[Operator] = []
    for operator in graph.operators:
        data = tensors[operator.inputs[0]].data if is_view(graph, operator) else None
        if data is None:
            kept.append(operator)
        else:
            target = operator.outputs[0]
            tensors[target] = replace(tensors[target], data=data.reshape(tensors[target].shape))
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept))
