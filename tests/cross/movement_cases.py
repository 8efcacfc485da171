"""Random one-operator models that move bytes."""

from __future__ import annotations

import numpy as np
from model_builder import Builder
from operator_cases import image, int8, scale, zero_point

from training.export.graph import (
    ConcatenationOptions,
    ConvOptions,
    Graph,
    Operator,
    PoolOptions,
    SplitOptions,
    StridedSliceOptions,
)
from training.export.lower_context import output_extent


def _padded(b: Builder, source: int, borders: np.ndarray, value: int | None = None) -> Graph:
    tensor = b.tensors[source]
    assert tensor.quantization is not None
    own = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
    inputs = [source, b.constant(borders.astype(np.int32))]
    if value is not None:
        inputs.append(b.tensor((), *own, data=np.array(value, np.int8)))
    output = b.tensor(np.array(tensor.shape) + borders.sum(axis=1), *own)
    b.operator("PAD" if value is None else "PADV2", inputs, output)
    return b.build([source], [output])


def pad(rng: np.random.Generator) -> Graph:
    """PAD of height and width."""
    b = Builder()
    source = b.tensor(image(rng), scale(rng), zero_point(rng))
    borders = np.zeros((4, 2), int)
    borders[1:3] = rng.integers(0, 4, (2, 2))
    return _padded(b, source, borders)


def pad_any(rng: np.random.Generator) -> Graph:
    """PAD or PADV2 of any of four dimensions."""
    b = Builder()
    shape = tuple(rng.integers(1, 5, 4).tolist())
    source = b.tensor(shape, scale(rng), zero_point(rng))
    borders = rng.integers(0, 3, (4, 2)) * (rng.random((4, 1)) < 0.5)
    value = int(rng.integers(-128, 128)) if rng.random() < 0.5 else None
    return _padded(b, source, borders, value)


def padded_layer(rng: np.random.Generator) -> Graph:
    """PAD or PADV2 before a convolution or a pool, which may or may not pad by itself."""
    name = str(rng.choice(["CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"]))
    b = Builder()
    height, width, channels = [*rng.integers(2, 7, 2).tolist(), int(rng.integers(1, 4))]
    own = scale(rng), int(rng.choice([-128, zero_point(rng)]))
    source = b.tensor((1, height, width, channels), *own)
    borders = np.zeros((4, 2), np.int32)
    borders[1:3] = rng.integers(0, 3, (2, 2))
    inputs = [source, b.constant(borders)]
    if rng.random() < 0.5:
        value = np.array(rng.choice([own[1], -128, 5]), np.int8)
        inputs.append(b.tensor((), *own, data=value))
    sizes = [height + borders[1].sum(), width + borders[2].sum()]
    padded = b.tensor((1, *sizes, channels), *own)
    b.operator("PAD" if len(inputs) == 2 else "PADV2", inputs, padded)
    padding, kernel = str(rng.choice(["SAME", "VALID"])), rng.integers(1, 4, 2).tolist()
    kernel = [min(pair) for pair in zip(kernel, sizes, strict=True)]
    stride = rng.integers(1, 3, 2).tolist()
    steps = zip(sizes, kernel, stride, strict=True)
    shape = (1, *(output_extent(padding, *map(int, step))[0] for step in steps))
    if name.endswith("POOL_2D"):
        output = b.tensor((*shape, channels), *own)
        b.operator(name, [padded], output, PoolOptions(padding, *stride, *map(int, kernel)))
        return b.build([source], [output])
    multiplier = 1 if name == "DEPTHWISE_CONV_2D" else 0
    weights = int8(rng, (1 if multiplier else 2, *map(int, kernel), channels), -127)
    outputs = channels if multiplier else 2
    bias = b.tensor((outputs,), own[0] * 0.01, data=np.zeros(outputs, np.int32))
    layer = [padded, b.tensor(weights.shape, 0.01, data=weights), bias]
    output = b.tensor((*shape, outputs), own[0] * 3, zero_point(rng))
    b.operator(name, layer, output, ConvOptions(padding, *stride, depth_multiplier=multiplier))
    return b.build([source], [output])


def concatenation(rng: np.random.Generator) -> Graph:
    """CONCATENATION of 2 to 4 tensors along any axis but the batch."""
    b = Builder()
    axis = int(rng.integers(1, 4))
    base = list(image(rng, 5))
    quantization = scale(rng), zero_point(rng)
    sizes = rng.integers(1, 5, int(rng.integers(2, 5))).tolist()
    shapes = [[*base[:axis], size, *base[axis + 1 :]] for size in sizes]
    sources = [b.tensor(shape, *quantization) for shape in shapes]
    output = b.tensor([*base[:axis], sum(sizes), *base[axis + 1 :]], *quantization)
    written = axis if rng.random() < 0.5 else axis - 4
    b.operator("CONCATENATION", sources, output, ConcatenationOptions(written))
    return b.build(sources, [output])


def _slice(rng: np.random.Generator, negative: bool, masks: tuple[int, int, int]) -> Graph:
    """A slice of a tensor of 1 to 4 dimensions that selects something."""
    b = Builder()
    begin_mask, end_mask, shrink_mask = masks
    shape = rng.integers(1, 7, int(rng.integers(1, 5)))
    begin, end, strides, kept = [], [], [], []
    for axis, extent in enumerate(shape.tolist()):
        step = int(rng.integers(1, 4))
        first, last = sorted(rng.integers(0, extent, 2).tolist())
        last += 1
        if shrink_mask >> axis & 1:
            step, last = 1, first + 1
        elif negative and rng.random() < 0.4:
            step, first, last = -step, last - 1, first - 1
        chosen = slice(
            None if begin_mask >> axis & 1 and not shrink_mask >> axis & 1 else first,
            None if end_mask >> axis & 1 or last < 0 else last,
            step,
        )
        if last < 0:
            end_mask |= 1 << axis
        if shrink_mask >> axis & 1:
            begin_mask, end_mask = begin_mask & ~(1 << axis), end_mask & ~(1 << axis)
            chosen = slice(first, last, step)
        else:
            kept.append(len(range(extent)[chosen]))
        # Indices from the end mean the same.
        back = rng.random(2) < 0.3
        begin.append(first - extent if back[0] else first)
        end.append(last - extent if back[1] and 0 < last < extent else last)
        strides.append(step)
    quantization = scale(rng), zero_point(rng)
    source = b.tensor(shape, *quantization)
    inputs = [source, *(b.constant(np.array(v, np.int32)) for v in (begin, end, strides))]
    options = StridedSliceOptions(begin_mask, end_mask, shrink_axis_mask=shrink_mask)
    output = b.operator("STRIDED_SLICE", inputs, b.tensor(kept, *quantization), options)
    return b.build([source], [output])


def strided_slice(rng: np.random.Generator) -> Graph:
    """STRIDED_SLICE with strides of both signs and masks of begin and end."""
    return _slice(rng, True, (int(rng.integers(16)), int(rng.integers(16)), 0))


def strided_slice_shrunk(rng: np.random.Generator) -> Graph:
    """STRIDED_SLICE that takes single indices along some dimensions."""
    return _slice(rng, False, (0, 0, int(rng.integers(16))))


def _split(rng: np.random.Generator, sizes: list[int], name: str) -> Graph:
    """A part of a tensor of 1 to 4 dimensions, split along one."""
    b = Builder()
    shape = rng.integers(1, 5, int(rng.integers(1, 5))).tolist()
    axis = int(rng.integers(len(shape)))
    shape[axis] = sum(sizes)
    quantization = scale(rng), zero_point(rng)
    source = b.tensor(shape, *quantization)
    parts = [b.tensor([*shape[:axis], size, *shape[axis + 1 :]], *quantization) for size in sizes]
    number = np.array(axis if rng.random() < 0.5 else axis - len(shape), np.int32)
    if name == "SPLIT":
        inputs = [b.constant(number), source]
    else:
        written = list(sizes)
        if rng.random() < 0.3:
            written[int(rng.integers(len(sizes)))] = -1
        inputs = [source, b.constant(np.array(written, np.int32)), b.constant(number)]
    b.operators.append(Operator(name, tuple(inputs), tuple(parts), SplitOptions(len(sizes))))
    return b.build([source], [parts[int(rng.integers(len(parts)))]])


def split(rng: np.random.Generator) -> Graph:
    """SPLIT."""
    return _split(rng, [int(rng.integers(1, 4))] * int(rng.integers(1, 5)), "SPLIT")


def split_v(rng: np.random.Generator) -> Graph:
    """SPLIT_V."""
    return _split(rng, rng.integers(1, 4, int(rng.integers(1, 5))).tolist(), "SPLIT_V")


def strided_slice_expanded(rng: np.random.Generator) -> Graph:
    """STRIDED_SLICE with an ellipsis, a new dimension, or ends that count from begin."""
    b = Builder()
    shape = tuple(rng.integers(2, 6, 4).tolist())
    quantization = scale(rng), zero_point(rng)
    source = b.tensor(shape, *quantization)
    kind = int(rng.integers(3))
    if kind == 0:  # the middle dimensions are the ellipsis
        entries = [[1, 0, 0], [shape[0], 0, shape[3] - 1], [1, 1, 1]]
        options = StridedSliceOptions(ellipsis_mask=0b010)
        kept = [shape[0] - 1, *shape[1:3], shape[3] - 1]
    elif kind == 1:
        entries = [[0, 0, 1], [shape[0], 0, shape[1]], [1, 1, 1]]
        options = StridedSliceOptions(new_axis_mask=0b010)
        kept = [shape[0], 1, shape[1] - 1, *shape[2:]]
    else:
        entries = [[1, 0, 1, 0], [1, 1, 1, 2], [1, 1, 1, 1]]
        options = StridedSliceOptions(offset=True)
        kept = [1, 1, 1, 2]
    inputs = [source, *(b.constant(np.array(v, np.int32)) for v in entries)]
    output = b.operator("STRIDED_SLICE", inputs, b.tensor(kept, *quantization), options)
    return b.build([source], [output])


ALIKE = (
    pad,
    pad_any,
    padded_layer,
    concatenation,
    strided_slice,
    strided_slice_shrunk,
    split,
    split_v,
)
"""Operators that LiteRT and TFLite-Micro compute alike."""

LITERT_ONLY = (strided_slice_expanded,)
"""Cases that TFLite-Micro lacks."""
