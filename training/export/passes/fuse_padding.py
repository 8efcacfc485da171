"""Graph -> graph in which a layer pads its input itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.export.graph import Border, ConvOptions, Graph, Operator, PoolOptions
from training.export.lower_context import INT8_MIN
from training.export.operators.windows import border_of

PADS = ("PAD", "PADV2")
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D")


def _value(graph: Graph, pad: Operator) -> int | None:
    """Stored value of a border, or None where it is not one constant."""
    if len(pad.inputs) > 2:
        data = graph.tensors[pad.inputs[2]].data
        return None if data is None or data.size != 1 else int(data.reshape(-1)[0])
    quantization = graph.tensors[pad.outputs[0]].quantization
    if quantization is None or len(quantization.zero_points) != 1:
        return None
    return quantization.zero_points[0]


def _neutral(graph: Graph, layer: Operator, value: int) -> bool:
    """Whether taps of that value count as taps outside of the input do: not at all."""
    quantization = graph.tensors[layer.inputs[0]].quantization
    if layer.name in WEIGHTED:
        return quantization is not None and quantization.zero_points == (value,)
    return layer.name == "MAX_POOL_2D" and value == INT8_MIN


def _spans(graph: Graph, layer: Operator) -> tuple[int, int]:
    """Rows and columns that a window of the layer covers."""
    o = layer.options
    if isinstance(o, PoolOptions):
        return o.filter_height, o.filter_width
    assert isinstance(o, ConvOptions)
    height, width = graph.tensors[layer.inputs[1]].shape[1:3]
    return (height - 1) * o.dilation_height + 1, (width - 1) * o.dilation_width + 1


def _border(graph: Graph, pad: Operator, layer: Operator) -> Border | None:
    """The whole padding of `layer` when it takes over what `pad` does, or None."""
    o, borders = layer.options, graph.tensors[pad.inputs[1]].data
    source, padded = graph.tensors[pad.inputs[0]], graph.tensors[pad.outputs[0]]
    if not isinstance(o, ConvOptions | PoolOptions) or o.border is not None:
        return None
    if source.quantization != padded.quantization or len(padded.shape) != 4 or borders is None:
        return None
    outer = borders.shape == (4, 2) and not borders[[0, 3]].any() and bool((borders >= 0).all())
    value = _value(graph, pad)
    if not outer or value is None or not _neutral(graph, layer, value):
        return None
    if layer.name in WEIGHTED and len(graph.tensors[layer.inputs[1]].shape) != 4:
        return None
    spans = _spans(graph, layer)
    own = border_of(o, (padded.shape[1], padded.shape[2]), spans)
    (top, bottom), (left, right) = borders[1:3].tolist()
    border = Border(top + own.top, bottom + own.bottom, left + own.left, right + own.right)
    # Kernels may rely on one tap inside of the input in every window.
    fits = max(border.top, border.bottom) < spans[0] and max(border.left, border.right) < spans[1]
    return border if fits else None


def _fused(graph: Graph, pad: Operator) -> Graph | None:
    if pad.name not in PADS or len(pad.inputs) < 2 or len(pad.outputs) != 1:
        return None
    target = pad.outputs[0]
    if graph.readers(target) != 1 or target in graph.outputs or min(pad.inputs) < 0:
        return None
    layer = next(o for o in graph.operators if target in o.inputs)
    steps = np.array(
        [getattr(layer.options, name, 1) for name in ("stride_height", "stride_width")]
    )
    if layer.inputs[0] != target or min(layer.inputs[:2]) < 0 or (steps < 1).any():
        return None
    border = _border(graph, pad, layer)
    if border is None or not isinstance(layer.options, ConvOptions | PoolOptions):
        return None
    options = replace(layer.options, border=border)
    fused = replace(layer, inputs=(pad.inputs[0], *layer.inputs[1:]), options=options)
    operators = [fused if o is layer else o for o in graph.operators if o is not pad]
    return replace(graph, operators=tuple(operators))


def fuse_padding(graph: Graph) -> Graph:
    """Let convolutions and maximum pools pad for a PAD before them, where padding counts alike.

    It does when the border has the value of a zero, or of the least maximum. An average counts
    padded taps and leaves out those beside its input, so its PAD stays.
    """
    for operator in graph.operators:
        fused = _fused(graph, operator)
        graph = graph if fused is None else fused
    return graph
