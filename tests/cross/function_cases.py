"""Random one-operator models of functions of one value, and the softmax."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from model_builder import NO_OPTIONS, Builder
from operator_cases import scale, zero_point

from training.export.graph import Graph, LeakyReluOptions, Options, SoftmaxOptions

SHAPE = 1, 64


def softmax(rng: np.random.Generator) -> Graph:
    """SOFTMAX of 1 to 40 classes."""
    b = Builder()
    shape = int(rng.integers(1, 4)), int(rng.integers(1, 41))
    source = b.tensor(shape, float(10 ** rng.uniform(-3, 0.5)), zero_point(rng))
    output = b.tensor(shape, 1 / 256, -128)
    b.operator("SOFTMAX", [source], output, SoftmaxOptions(float(rng.choice([1.0, 0.5, 2.0]))))
    return b.build([source], [output])


def _sigmoid(rng: np.random.Generator, name: str, *output: float) -> Graph:
    b = Builder()
    source = b.tensor(SHAPE, float(10 ** rng.uniform(-3, 0)), zero_point(rng))
    return b.build([source], [b.operator(name, [source], b.tensor(SHAPE, *output))])


def logistic(rng: np.random.Generator) -> Graph:
    """LOGISTIC."""
    return _sigmoid(rng, "LOGISTIC", 1 / 256, -128)


def tanh(rng: np.random.Generator) -> Graph:
    """TANH."""
    return _sigmoid(rng, "TANH", 1 / 128, 0)


def _unary(
    rng: np.random.Generator, name: str, rescaled: bool, options: Options = NO_OPTIONS
) -> Graph:
    b = Builder()
    quantization = scale(rng), zero_point(rng)
    source = b.tensor(SHAPE, *quantization)
    if rescaled:
        quantization = quantization[0] * float(10 ** rng.uniform(-1, 1)), zero_point(rng)
    output = b.operator(name, [source], b.tensor(SHAPE, *quantization), options)
    return b.build([source], [output])


def relu(rng: np.random.Generator) -> Graph:
    """RELU."""
    return _unary(rng, "RELU", rescaled=True)


def relu6(rng: np.random.Generator) -> Graph:
    """RELU6 of one quantisation: between two, the interpreters differ."""
    return _unary(rng, "RELU6", rescaled=False)


def relu_n1_to_1(rng: np.random.Generator) -> Graph:
    """RELU_N1_TO_1."""
    return _unary(rng, "RELU_N1_TO_1", rescaled=True)


def leaky_relu(rng: np.random.Generator) -> Graph:
    """LEAKY_RELU with slopes below and above 1."""
    slope = float(rng.choice([0.0, 0.01, 0.1, 0.3, 1.0, 1.5]))
    return _unary(rng, "LEAKY_RELU", rescaled=True, options=LeakyReluOptions(slope))


def hard_swish(rng: np.random.Generator) -> Graph:
    """HARD_SWISH."""
    b = Builder()
    own = float(10 ** rng.uniform(-2.5, -0.5))
    source = b.tensor(SHAPE, own, zero_point(rng))
    output = b.tensor(SHAPE, own * float(rng.uniform(0.05, 2)), zero_point(rng))
    return b.build([source], [b.operator("HARD_SWISH", [source], output)])


def quantize(rng: np.random.Generator) -> Graph:
    """QUANTIZE from int8 to int8."""
    return _unary(rng, "QUANTIZE", rescaled=True)


def _quantize(rng: np.random.Generator, source_type: str, target_type: str) -> Graph:
    b = Builder()

    def tensor(dtype: str, own: float) -> int:
        least = {"int8": 0, "uint8": 128, "int16": 0}[dtype]
        zero = 0 if dtype == "int16" else zero_point(rng) + least
        return b.tensor(SHAPE, own, zero, dtype=dtype)

    own = scale(rng)
    coarser = {"int16": 1 / 256}.get(target_type, 1.0) / {"int16": 1 / 256}.get(source_type, 1.0)
    source = tensor(source_type, own)
    output = tensor(target_type, own * coarser * float(10 ** rng.uniform(-0.7, 0.7)))
    return b.build([source], [b.operator("QUANTIZE", [source], output)])


def _quantize_case(source_type: str, target_type: str) -> Callable[[np.random.Generator], Graph]:
    def case(rng: np.random.Generator) -> Graph:
        return _quantize(rng, source_type, target_type)

    case.__name__ = f"quantize_{source_type}_{target_type}"
    return case


QUANTIZE = {
    (source, target): _quantize_case(source, target)
    for source in ("int8", "uint8", "int16")
    for target in ("int8", "uint8", "int16")
    if (source, target) != ("int16", "uint8")
}

ALIKE = (
    softmax,
    logistic,
    tanh,
    relu,
    relu6,
    leaky_relu,
    hard_swish,
    quantize,
    QUANTIZE["int8", "uint8"],
    QUANTIZE["uint8", "int8"],
    QUANTIZE["int8", "int16"],
    QUANTIZE["int16", "int8"],
    QUANTIZE["int16", "int16"],
)
"""Operators that LiteRT and TFLite-Micro compute alike."""

LITERT_ONLY = (relu_n1_to_1, QUANTIZE["uint8", "uint8"], QUANTIZE["uint8", "int16"])
"""Operators that TFLite-Micro lacks."""
