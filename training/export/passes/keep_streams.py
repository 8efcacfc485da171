"""Graph -> graph in which a window over a stream is a state itself.

Streaming layers are converted to

    old = READ_VARIABLE(state)
    window = CONCATENATION(old, new)
    ASSIGN_VARIABLE(state, STRIDED_SLICE(window, the last len(old) elements))

and the layer reads the window. Here the state is the whole window: one STREAM drops its oldest
elements, as many as are new, and takes the new ones. Nothing is copied twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.export.graph import (
    ConcatenationOptions,
    Graph,
    Operator,
    StreamOptions,
    StridedSliceOptions,
)
from training.export.operators.slices import ranges_of


@dataclass(frozen=True)
class _Stream:
    """The four operators of one window."""

    read: Operator
    concatenation: Operator
    keep: Operator
    assign: Operator


def _only(graph: Graph, name: str, state: int) -> Operator | None:
    """The one operator of that name on a state, or None."""
    found = [o for o in graph.operators if o.name == name and o.inputs[:1] == (state,)]
    return found[0] if len(found) == 1 else None


def _only_reader(graph: Graph, tensor: int) -> Operator | None:
    """The one operator that reads a tensor, or None."""
    if graph.readers(tensor) != 1 or tensor in graph.outputs:
        return None
    return next(o for o in graph.operators if tensor in o.inputs)


def _writer(graph: Graph, tensor: int) -> Operator | None:
    position = graph.producer(tensor)
    return None if position is None else graph.operators[position]


def _keeps_the_end(graph: Graph, slice_: Operator, kept: int) -> bool:
    """Whether a STRIDED_SLICE takes the last `kept` elements of its input, in their order."""
    options = slice_.options
    if not isinstance(options, StridedSliceOptions) or len(slice_.inputs) != 4:
        return False
    source = graph.tensors[slice_.inputs[0]]
    begin, end, strides = (graph.tensors[i].data for i in slice_.inputs[1:])
    if begin is None or end is None or strides is None:
        return False
    first, last, steps = (v.reshape(-1).tolist() for v in (begin, end, strides))
    ranges = ranges_of(source.shape, first, last, steps, options)
    if ranges is None or any(r.step != 1 for r in ranges):
        return False
    indices = np.arange(source.elements).reshape(source.shape)
    taken = indices[tuple(slice(r.start, r.start + r.count) for r in ranges)]
    return bool(np.array_equal(taken.reshape(-1), np.arange(source.elements)[-kept:]))


def _find(graph: Graph, state: int) -> _Stream | None:
    """The window over `state`, or None where the state is used in another way."""
    read, assign = (_only(graph, name, state) for name in ("READ_VARIABLE", "ASSIGN_VARIABLE"))
    if read is None or assign is None or graph.readers(state) != 2:
        return None
    if graph.tensors[state].dtype != "int8":
        return None
    concatenation, keep = _only_reader(graph, read.outputs[0]), _writer(graph, assign.inputs[1])
    if concatenation is None or keep is None or _only_reader(graph, keep.outputs[0]) is not assign:
        return None
    options = concatenation.options
    if not isinstance(options, ConcatenationOptions) or options.activation != "NONE":
        return None
    if min(concatenation.inputs) < 0:
        return None
    window = concatenation.outputs[0]
    if concatenation.inputs[0] != read.outputs[0] or keep.inputs[:1] != (window,):
        return None
    shape, kept = graph.tensors[window].shape, graph.tensors[state].elements
    sizes = [graph.tensors[i].elements for i in concatenation.inputs]
    in_a_row = np.prod(shape[: options.axis % len(shape)] if shape else (0,)) == 1
    alike = {graph.tensors[i].quantization for i in (*concatenation.inputs, window)}
    fits = sum(sizes) == graph.tensors[window].elements > kept
    if not in_a_row or len(alike) != 1 or not fits or window in graph.outputs:
        return None
    return _Stream(read, concatenation, keep, assign) if _keeps_the_end(graph, keep, kept) else None


def _keep(graph: Graph, state: int, found: _Stream) -> Graph:
    tensor, window = graph.tensors[state], graph.tensors[found.concatenation.outputs[0]]
    assert tensor.initial is not None
    old = tensor.initial.reshape(-1)
    # What is dropped before the first window never counts; one value compresses best.
    dropped = np.full(window.elements - old.size, old[0], old.dtype)
    initial = np.concatenate([dropped, old]).reshape(window.shape)
    tensors = list(graph.tensors)
    tensors[state] = replace(window, name=tensor.name, initial=initial)
    stream = Operator(
        "STREAM",
        (state, *found.concatenation.inputs[1:]),
        found.concatenation.outputs,
        StreamOptions(kept_elements=old.size),
    )
    gone = (found.read, found.keep, found.assign)
    operators = [
        stream if o is found.concatenation else o
        for o in graph.operators
        if not any(o is other for other in gone)
    ]
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def keep_streams(graph: Graph) -> Graph:
    """Make a STREAM of every window over a state."""
    for state, tensor in enumerate(graph.tensors):
        found = None if tensor.initial is None else _find(graph, state)
        if found is not None:
            graph = _keep(graph, state, found)
    return graph
