"""Kernels of sotto/nn_portable.h, as this computer compiles them, against the reference kernels.

The same kernels on the instructions of other cores: test_portable_kernels_on_cores and the boards'
self-tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from model_builder import Builder, Layers
from operator_cases import (
    conv2d,
    conv2d_without_bias,
    depthwise_conv2d,
    ds_cnn_layer,
    fully_connected,
    fully_connected_per_channel,
    int8,
)

from training.export.graph import ArithmeticOptions, ConvOptions, Graph
from training.export.lower import lower
from training.export.lower_context import output_extent
from training.export.passes.in_place import work_in_place
from training.export.portable.choose import choose_portable_kernels
from training.export.portable.params import DepthwiseStripsPortableParams, MatrixPortableParams
from training.export.program import Program

MODELS = 120
ROUNDS = 6
SEED = 32
PACKED = (MatrixPortableParams, DepthwiseStripsPortableParams)
Case = Callable[[np.random.Generator], Graph]


@pytest.fixture(scope="module")
def kernels(build_shared: Callable) -> Kernels:
    return Kernels(build_shared(NN_SOURCES))


def _rounds(rng: np.random.Generator, program: Program) -> list[list[np.ndarray]]:
    """All least, all greatest, then random inputs."""
    shapes = [program.buffers[i].shape for i in program.inputs]
    extremes = [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]
    return extremes + [[int8(rng, s) for s in shapes] for _ in range(ROUNDS - len(extremes))]


def greatest_weights(rng: np.random.Generator) -> Graph:
    """A layer whose every weight is -127 or 127: no group of four products fits 16 bits."""
    b = Builder()
    positions, channels, outputs = (int(n) for n in rng.integers(1, 14, 3))
    source = b.tensor((1, positions, 1, channels), 0.05, int(rng.choice([-128, 127, 3])))
    shape = (outputs, 1, 1, channels)
    signs = (127 * rng.choice([-1, 1], shape)).astype(np.int8)
    scales = rng.uniform(0.5, 1.5, outputs) / 1_000
    weights = b.tensor(shape, scales, axis=0, data=signs)
    bias = b.tensor((outputs,), scales * 0.05, data=np.zeros(outputs, np.int32))
    target = b.tensor((1, positions, 1, outputs), 0.1, int(rng.choice([-128, -20])))
    b.operator("CONV_2D", [source, weights, bias], target, ConvOptions("SAME", 1, 1))
    return b.build([source], [target])


def depthwise_strips(rng: np.random.Generator) -> Graph:
    """A depthwise layer of three columns: all strides and paddings, with and without ReLU."""
    b = Builder()
    height, channels = (int(n) for n in rng.integers([1, 4], [9, 25]))
    width = int(rng.integers(5, 26))
    rows, stride_height, stride_width = (int(n) for n in rng.integers(1, [6, 4, 3]))
    padding = str(rng.choice(["SAME", "VALID"]))
    height += rows
    source = b.tensor((1, height, width, channels), 0.05, int(rng.choice([-128, 127, 3])))
    shape = (1, rows, 3, channels)
    scales = rng.uniform(0.5, 1.5, channels) / 1_000
    weights = b.tensor(shape, scales, axis=3, data=int8(rng, shape))
    values = rng.integers(-9_000, 9_000, channels).astype(np.int32)
    bias = b.tensor((channels,), scales * 0.05, data=values)
    sizes = [
        output_extent(padding, height, rows, stride_height)[0],
        output_extent(padding, width, 3, stride_width)[0],
    ]
    scale = float(10 ** rng.uniform(-2.3, -1))
    target = b.tensor((1, *sizes, channels), scale, int(rng.choice([-128, 127, -20])))
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    options = ConvOptions(padding, stride_height, stride_width, 1, 1, activation, 1)
    b.operator("DEPTHWISE_CONV_2D", [source, weights, bias], target, options)
    return b.build([source], [target])


@pytest.mark.parametrize(
    ("case", "least_packed"),
    [
        (conv2d, 0.5),
        (conv2d_without_bias, 0.5),
        (depthwise_conv2d, 0.05),
        (fully_connected, 0.5),
        (fully_connected_per_channel, 0.5),
        (ds_cnn_layer, 0.45),
        (greatest_weights, 1.0),
        (depthwise_strips, 0.5),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_packed_kernels_give_the_reference_bytes(
    case: Case, least_packed: float, kernels: Kernels
) -> None:
    rng = np.random.default_rng(SEED)
    packed, fitted, values = 0, 0, set()
    for model in range(MODELS):
        graph = case(rng)
        reference = lower(graph)
        chosen = choose_portable_kernels(reference)
        params = chosen.calls[-1].params
        packed += isinstance(params, PACKED)
        fitted += isinstance(params, PACKED) and bool(params.fitted)
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), expected, f"model {model}: {graph}"
        )
        values.update(np.unique(expected).tolist())
    assert packed >= least_packed * MODELS, "hardly a layer got a packed kernel"
    assert 0 < fitted < packed, "one of the two requantisations was not met"
    assert len(values) > 200, "the models saturate: they test nothing"


def test_kernels_that_may_write_over_their_input_do(kernels: Kernels) -> None:
    """`Kernels` gives a call one pointer for both where the program has one buffer for both."""
    rng = np.random.default_rng(SEED)
    shared = 0
    for _ in range(MODELS // 4):
        b = Layers(seed=int(rng.integers(2**31)))
        height, channels = (int(n) for n in rng.integers(3, 12, 2))
        source = b.tensor((1, height, int(rng.integers(5, 12)), channels), 0.05, -128)
        x = b.convolution(source, channels, 1)
        for _ in range(3):
            before = x
            x = b.convolution(x, channels, 3, multiplier=1)
            x = b.convolution(x, channels, 1)
            x = b.operator("ADD", [before, x], b.same(before, 0.07), ArithmeticOptions())
        graph = b.build([source], [b.convolution(x, 3, 1)])
        reference = lower(graph)
        chosen = work_in_place(choose_portable_kernels(reference))
        shared += sum(c.output in c.inputs and isinstance(c.params, PACKED) for c in chosen.calls)
        rounds = _rounds(rng, reference)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), kernels.run(reference, rounds), str(graph)
        )
    assert shared > MODELS // 2
