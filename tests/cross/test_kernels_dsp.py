"""Packed kernels (their C model of the instructions) against the reference kernels.

The same kernels on the instructions themselves: test_validate_boards and the boards' self-tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from model_builder import Builder, Layers
from operator_cases import (
    add,
    conv2d,
    conv2d_without_bias,
    depthwise_conv2d,
    ds_cnn_layer,
    fully_connected,
    fully_connected_per_channel,
    int8,
    one_window,
)

from training.export.dsp import choose
from training.export.dsp.choose import choose_dsp_kernels
from training.export.dsp.params import (
    AddDspParams,
    AddFittedDspParams,
    AverageDspParams,
    DepthwiseDspParams,
    DepthwiseFiveDspParams,
    DepthwiseRowsDspParams,
    MatrixDspParams,
    MatrixVectorDspParams,
    MatrixVectorExactDspParams,
)
from training.export.graph import ArithmeticOptions, ConvOptions, Graph, PoolOptions
from training.export.lower import lower
from training.export.passes.in_place import work_in_place
from training.export.program import Program

MODELS = 200
ROUNDS = 6
SEED = 31
PACKED = (
    MatrixDspParams,
    MatrixVectorDspParams,
    DepthwiseDspParams,
    DepthwiseFiveDspParams,
    DepthwiseRowsDspParams,
    AddDspParams,
    AddFittedDspParams,
    AverageDspParams,
)
Case = Callable[[np.random.Generator], Graph]


def rows_of_five(rng: np.random.Generator) -> Graph:
    """A depthwise layer behind a ReLU, five columns wide."""
    b = Builder()
    height, channels = int(rng.integers(1, 12)), int(rng.integers(4, 20))
    kernel = int(rng.choice([3, 5]))
    source = b.tensor((1, height, 5, channels), 0.05, -128)
    scales = rng.uniform(0.5, 1.5, channels) / 1_000
    shape = (1, kernel, 3, channels)
    weights = b.tensor(shape, scales, axis=3, data=int8(rng, shape))
    values = rng.integers(-9_000, 9_000, channels).astype(np.int32)
    bias = b.tensor((channels,), scales * 0.05, data=values)
    scale = float(10 ** rng.uniform(-2.5, -1.5))
    target = b.tensor((1, height, 5, channels), scale, -128)
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    options = ConvOptions("SAME", 1, 1, 1, 1, activation, 1)
    b.operator("DEPTHWISE_CONV_2D", [source, weights, bias], target, options)
    return b.build([source], [target])


def add_behind_relu(rng: np.random.Generator) -> Graph:
    """A shortcut of a residual model: one that mostly fits one step."""
    b = Layers(seed=int(rng.integers(2**31)))
    shape = (1, *(int(n) for n in rng.integers(1, 9, 3)))
    sources = [
        b.tensor(shape, float(scale), int(point))
        for scale, point in zip(rng.uniform(0.02, 0.2, 2), rng.integers(-128, 128, 2), strict=True)
    ]
    target = b.tensor(shape, float(rng.uniform(0.03, 0.2)), -128)
    options = ArithmeticOptions(str(rng.choice(["RELU", "RELU6"])))
    return b.build(sources, [b.operator("ADD", sources, target, options)])


def whole_image(rng: np.random.Generator) -> Graph:
    """A mean or an average of all positions, up to those whose sum fits 16 bits."""
    b = Layers(seed=int(rng.integers(2**31)))
    height, width, channels = (int(n) for n in rng.integers(1, 17, 3))
    source = b.tensor((1, height, width, channels + 3), 0.05, int(rng.integers(-128, 128)))
    if rng.integers(2):
        return b.build([source], [b.mean(source)])
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    options = PoolOptions("VALID", height, width, height, width, activation)
    quantization = b.tensors[source].quantization
    assert quantization is not None
    target = b.tensor((1, 1, 1, channels + 3), 0.05, quantization.zero_points[0])
    return b.build([source], [b.operator("AVERAGE_POOL_2D", [source], target, options)])


@pytest.fixture(autouse=True)
def every_layer_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small."""
    monkeypatch.setattr(choose, "EXACT_MACS", 0)


@pytest.fixture(scope="module")
def kernels(build_shared: Callable) -> Kernels:
    return Kernels(build_shared(NN_SOURCES))


def _rounds(rng: np.random.Generator, program: Program) -> list[list[np.ndarray]]:
    """All least, all greatest, then random inputs."""
    shapes = [program.buffers[i].shape for i in program.inputs]
    extremes = [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]
    return extremes + [[int8(rng, s) for s in shapes] for _ in range(ROUNDS - len(extremes))]


@pytest.mark.parametrize(
    ("case", "least_packed"),
    [
        (conv2d, 0.5),
        (conv2d_without_bias, 0.5),
        (depthwise_conv2d, 0.15),
        (fully_connected, 0.5),
        (fully_connected_per_channel, 0.5),
        (add, 0.9),
        (add_behind_relu, 1),
        (ds_cnn_layer, 0.9),
        (rows_of_five, 1),
        (whole_image, 1),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_packed_kernels_give_the_reference_bytes(
    case: Case, least_packed: float, kernels: Kernels
) -> None:
    rng = np.random.default_rng(SEED)
    packed, values = 0, set()
    for model in range(MODELS):
        graph = case(rng)
        reference = lower(graph)
        chosen = choose_dsp_kernels(reference)
        packed += isinstance(chosen.calls[-1].params, PACKED)
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), expected, f"model {model}: {graph}"
        )
        values.update(np.unique(expected).tolist())
    assert packed >= least_packed * MODELS, "hardly a layer got a packed kernel"
    assert len(values) > 200, "the models saturate: they test nothing"


def test_one_window_kernels_give_the_reference_bytes(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "VECTOR_MACS", 0)
    rng = np.random.default_rng(SEED)
    values, kinds, rests = set(), Counter[type](), set()
    for model in range(MODELS):
        graph = one_window(rng)
        reference = lower(graph)
        chosen = choose_dsp_kernels(reference)
        params = chosen.calls[-1].params
        assert isinstance(params, MatrixVectorDspParams)
        kinds[type(params)] += 1
        rests.add((params.runs > 1, params.run_bytes % 4, params.output_channels % 4))
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), expected, f"model {model}: {graph}"
        )
        values.update(np.unique(expected).tolist())
    assert len(values) > 200, "the models saturate: they test nothing"
    assert min(kinds[kind] for kind in (MatrixVectorDspParams, MatrixVectorExactDspParams)) >= 20
    assert len(rests) == 2 * 4 * 4, "not every rest of runs and of channels"


def test_a_window_may_be_written_over(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Kernels` gives a call one pointer for both where the program has one buffer for both."""
    monkeypatch.setattr(choose, "VECTOR_MACS", 0)
    b = Layers(seed=SEED)
    x = source = b.tensor((1, 1, 1, 61), 0.05, -128)
    for channels in (61, 47, 45, 6):
        x = b.convolution(x, channels, 1)
    reference = lower(b.build([source], [b.convolution(x, 3, 1)]))
    chosen = work_in_place(choose_dsp_kernels(reference))
    assert sum(call.output in call.inputs for call in chosen.calls) == 3
    rounds = _rounds(np.random.default_rng(SEED), reference)
    np.testing.assert_array_equal(kernels.run(chosen, rounds), kernels.run(reference, rounds))


def test_kernels_that_may_write_over_their_input_do(kernels: Kernels) -> None:
    """`Kernels` gives a call one pointer for both where the program has one buffer for both."""
    rng = np.random.default_rng(SEED)
    shared = 0
    for _ in range(MODELS // 4):
        b = Layers(seed=int(rng.integers(2**31)))
        height, width, channels = (int(n) for n in rng.integers(1, 12, 3))
        source = b.tensor((1, height, width, channels), 0.05, -128)
        x = b.convolution(source, channels, 1)
        for _ in range(3):
            before = x
            x = b.convolution(x, channels, 3, multiplier=1)
            x = b.convolution(x, channels, 1)
            x = b.operator("ADD", [before, x], b.same(before, 0.07), ArithmeticOptions())
        graph = b.build([source], [b.convolution(x, 3, 1)])
        reference = lower(graph)
        chosen = work_in_place(choose_dsp_kernels(reference))
        shared += sum(call.output in call.inputs for call in chosen.calls)
        rounds = _rounds(rng, reference)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), kernels.run(reference, rounds), str(graph)
        )
    assert shared > 3 * MODELS // 4
