"""Graph -> graph in which operators that change nothing are views."""

from __future__ import annotations

from dataclasses import replace

from training.export.graph import (
    ConcatenationOptions,
    Graph,
    NoOptions,
    Operator,
    StridedSliceOptions,
)
from training.export.operators.slices import ranges_of


def _takes_all(graph: Graph, slice_: Operator) -> bool:
    """Whether a STRIDED_SLICE takes every element, in order."""
    if len(slice_.inputs) != 4 or not isinstance(slice_.options, StridedSliceOptions):
        return False
    source = graph.tensors[slice_.inputs[0]]
    entries = [graph.tensors[i].data for i in slice_.inputs[1:]]
    if any(values is None for values in entries):
        return False
    begin, end, strides = (v.reshape(-1).tolist() for v in entries if v is not None)
    ranges = ranges_of(source.shape, begin, end, strides, slice_.options)
    return ranges is not None and all(
        (r.start, r.count, r.step) == (0, n, 1) or n == 1
        for r, n in zip(ranges, source.shape, strict=True)
    )


def _is_identity(graph: Graph, operator: Operator) -> bool:
    """Whether the output holds the elements of the first input in their order."""
    if len(operator.outputs) != 1 or min(operator.inputs, default=-1) < 0:
        return False
    if operator.inputs[0] in graph.inputs and operator.outputs[0] in graph.outputs:
        return False  # the caller's input and output are two places: something must copy
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    if (source.dtype, source.quantization) != (target.dtype, target.quantization):
        return False
    if source.elements != target.elements or source.quantization is None:
        return False
    if operator.name in ("PAD", "PADV2"):
        borders = graph.tensors[operator.inputs[1]].data if len(operator.inputs) > 1 else None
        return borders is not None and not borders.any()
    if operator.name == "QUANTIZE":
        return True
    if isinstance(operator.options, ConcatenationOptions):
        return len(operator.inputs) == 1 and operator.options.activation == "NONE"
    return operator.name == "STRIDED_SLICE" and _takes_all(graph, operator)


def remove_identities(graph: Graph) -> Graph:
    """Make a RESHAPE, which costs nothing, of every operator that moves and changes nothing.

    A QUANTIZE to the same scale and zero point multiplies by one; a PAD by nothing, a slice of all
    and a concatenation of one tensor copy.
    """
    operators = tuple(
        Operator("RESHAPE", o.inputs[:1], o.outputs, NoOptions()) if _is_identity(graph, o) else o
        for o in graph.operators
    )
    return replace(graph, operators=operators)
