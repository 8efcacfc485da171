"""Graph -> graph in which padding stands behind the reshaping that follows it.

A convolution over one axis is converted as one over an image of one row: its causal padding comes
first, over three dimensions, then a view with a dimension more, then the layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.export.graph import Graph, Operator, Tensor, is_view

PADS = ("PAD", "PADV2")


def _inserted(before: tuple[int, ...], after: tuple[int, ...]) -> int | None:
    """Where `after` has a dimension of 1 more than `before`, or None where that is not all."""
    places = range(len(after))
    return next((i for i in places if after[i] == 1 and after[:i] + after[i + 1 :] == before), None)


def _moved(graph: Graph, pad: Operator) -> Graph | None:
    if pad.name not in PADS or len(pad.inputs) < 2 or len(pad.outputs) != 1 or min(pad.inputs) < 0:
        return None
    padded, borders = pad.outputs[0], graph.tensors[pad.inputs[1]].data
    if graph.readers(padded) != 1 or padded in graph.outputs or borders is None:
        return None
    view = next(o for o in graph.operators if padded in o.inputs)
    if not is_view(graph, view):
        return None
    source, target = graph.tensors[pad.inputs[0]], graph.tensors[view.outputs[0]]
    place = _inserted(graph.tensors[padded].shape, target.shape)
    if place is None:
        return None
    shape = (*source.shape[:place], 1, *source.shape[place:])
    wider = np.insert(borders, place, 0, axis=0).astype(np.int32)
    count = len(graph.tensors)
    tensors = (
        *graph.tensors,
        replace(source, name=f"{source.name} reshaped", shape=shape, data=None),
        Tensor(f"{target.name} borders", wider.shape, "int32", data=wider),
    )
    first = Operator("RESHAPE", pad.inputs[:1], (count,))
    then = replace(pad, inputs=(count, count + 1, *pad.inputs[2:]), outputs=view.outputs)
    operators: list[Operator] = []
    for operator in graph.operators:
        if operator is pad:
            operators += [first, then]
        elif operator is not view:
            operators.append(operator)
    return replace(graph, tensors=tensors, operators=tuple(operators))


def pad_behind_views(graph: Graph) -> Graph:
    """Let a PAD come after a view that adds a dimension of one, so that the layer can take it."""
    for operator in graph.operators:
        moved = _moved(graph, operator)
        graph = graph if moved is None else moved
    return graph
