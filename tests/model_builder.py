"""Models that many tests share, built from arrays."""

from __future__ import annotations

import numpy as np

from training.export.graph import (
    ArithmeticOptions,
    ConcatenationOptions,
    PoolOptions,
    SoftmaxOptions,
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
