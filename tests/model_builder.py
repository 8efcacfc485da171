"""Models that many tests share, built from arrays."""

from __future__ import annotations

import numpy as np

from training.export.graph import (
    ArithmeticOptions,
    ConcatenationOptions,
    LeakyReluOptions,
    Operator,
    PoolOptions,
    SoftmaxOptions,
    SplitOptions,
    StridedSliceOptions,
)
from training.export.model_builder import (
    LOGITS,
    NO_OPTIONS,
    PROBABILITY,
    RELU_OUTPUT,
    Builder,
    Layers,
)
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE

__all__ = [
    "LOGITS",
    "NO_OPTIONS",
    "PROBABILITY",
    "RELU_OUTPUT",
    "Builder",
    "Layers",
    "every_operator_model",
    "keyword_model",
    "split_and_join_model",
]


def keyword_model(classes: int = 12, frames: int = 49, bins: int = 40, seed: int = 1) -> bytes:
    """An untrained DS-CNN with a residual: every operator that a student has, 1,000 weights."""
    b = Layers(seed)
    source = b.tensor((1, frames, bins, 1), FEATURE_SCALE)
    stem = b.convolution(source, 8, 3, 2)
    down = b.convolution(b.convolution(stem, 8, 3, 2, multiplier=1), 16, 1)
    branch = b.convolution(b.convolution(down, 16, 3, multiplier=1), 16, 1)
    total = b.operator("ADD", [down, branch], b.same(down, 0.07), ArithmeticOptions())
    scores = b.convolution(b.mean(total), classes, 1, logits=True)
    return write_tflite(b.build([source], [b.reshape(scores, (1, classes))]))


def every_operator_model(seed: int = 3) -> bytes:
    """One model with all operators that have a kernel; input int8[1, 12, 10, 4]."""
    b = Layers(seed)
    source = b.tensor((1, 12, 10, 4), FEATURE_SCALE)
    x = b.convolution(source, 8, 3)
    pooled = b.tensor((1, 6, 5, 8), *RELU_OUTPUT)
    x = b.operator("MAX_POOL_2D", [x], pooled, PoolOptions("VALID", 2, 2, 2, 2))
    borders = b.constant(np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32))
    x = b.operator("PAD", [x, borders], b.tensor((1, 8, 8, 8), *RELU_OUTPUT))
    x = b.convolution(x, 16, 3, multiplier=2, padding="VALID")
    limited = b.operator("RELU6", [x], b.same(x))
    x = b.operator("ADD", [x, limited], b.same(x, 0.08), ArithmeticOptions())
    x = b.operator("QUANTIZE", [x], b.same(x, 0.05))
    wide = b.tensor((1, 6, 6, 32), *RELU_OUTPUT)
    x = b.operator("CONCATENATION", [x, limited], wide, ConcatenationOptions(axis=3))
    x = b.operator("MUL", [x, x], b.same(x, 0.1), ArithmeticOptions())
    halved = b.tensor((1, 3, 3, 32), 0.1, -128)
    x = b.operator("AVERAGE_POOL_2D", [x], halved, PoolOptions("SAME", 2, 2, 3, 3))
    x = b.operator("RELU", [x], b.same(x, 0.12))
    x = b.fully_connected(b.mean(b.reshape(x, (1, 1, 9, 32))), 10)
    x = b.operator("LOGISTIC", [x], b.tensor((1, 10), *PROBABILITY))
    x = b.operator("SOFTMAX", [x], b.tensor((1, 10), *PROBABILITY), SoftmaxOptions(4.0))
    return write_tflite(b.build([source], [x]))


def split_and_join_model(seed: int = 4) -> bytes:
    """The operators that `every_operator_model` lacks; input int8[1, 6, 5, 8]."""
    b = Layers(seed)
    source = b.tensor((1, 6, 5, 8), 0.05, -10)
    axis = b.constant(np.array(3, np.int32))
    halves = [b.tensor((1, 6, 5, 4), 0.05, -10) for _ in range(2)]
    b.operators.append(Operator("SPLIT", (axis, source), tuple(halves), SplitOptions(2)))
    first = b.operator("HARD_SWISH", halves[:1], b.tensor((1, 6, 5, 4), 0.04, -80))
    second = b.operator(
        "LEAKY_RELU", halves[1:], b.tensor((1, 6, 5, 4), 0.06, -40), LeakyReluOptions(0.3)
    )
    x = b.operator("SUB", [first, second], b.tensor((1, 6, 5, 4), 0.06), ArithmeticOptions())
    values = b.rng.integers(-100, 100, (4,)).astype(np.int8)
    x = b.operator("MUL", [x, b.tensor((4,), 0.01, data=values)], b.same(x), ArithmeticOptions())
    x = b.operator("TANH", [x], b.tensor((1, 6, 5, 4), 1 / 128))
    borders = b.constant(np.array([[0, 0], [1, 0], [0, 2], [1, 0]], np.int32))
    value = b.tensor((), 1 / 128, data=np.array(9, np.int8))
    x = b.operator("PADV2", [x, borders, value], b.tensor((1, 7, 7, 5), 1 / 128))
    parts = [b.tensor((1, rows, 7, 5), 1 / 128) for rows in (2, 4, 1)]
    sizes = [b.constant(np.array(v, np.int32)) for v in ([2, -1, 1], 1)]
    b.operators.append(Operator("SPLIT_V", (x, *sizes), tuple(parts), SplitOptions(3)))
    bounds = [
        b.constant(np.array(v, np.int32)) for v in ([0, 3, 6, 4], [0, 0, 0, 0], [1, -1, -2, -1])
    ]
    sliced = b.tensor((1, 3, 3, 4), 1 / 128)
    x = b.operator("STRIDED_SLICE", [parts[1], *bounds], sliced, StridedSliceOptions(0, 0b0001))
    joined = b.tensor((1, 3, 3, 8), 1 / 128)
    x = b.operator("CONCATENATION", [x, x], joined, ConcatenationOptions(axis=-1))
    return write_tflite(b.build([source], [b.convolution(x, 4, 3, padding="VALID", logits=True)]))
