"""Kernels of sotto/nn_mve.h (their inner loops in C) against the reference kernels.

The same kernels on the instructions themselves: test_bench_engine, test_validate_boards and the
board's self-test.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from model_builder import Layers
from operator_cases import (
    add,
    average_pool,
    conv2d,
    conv2d_without_bias,
    depthwise_conv2d,
    ds_cnn_layer,
    fully_connected,
    fully_connected_per_channel,
    int8,
    layer_of_one_window,
    layer_of_ties,
    mean,
)

from training.export.graph import Graph
from training.export.lower import lower
from training.export.mve.choose import choose_mve_kernels
from training.export.mve.params import (
    AddMveParams,
    AveragePoolMveParams,
    DepthwiseLongMveParams,
    DepthwiseMveParams,
    MatrixMveParams,
    MeanMveParams,
)
from training.export.passes.in_place import work_in_place
from training.export.program import Program

MODELS = 250
ROUNDS = 6
SEED = 33
PACKED = (MatrixMveParams, DepthwiseMveParams, AddMveParams, AveragePoolMveParams, MeanMveParams)
Case = Callable[[np.random.Generator], Graph]


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
        (depthwise_conv2d, 0.25),
        (fully_connected, 0.5),
        (fully_connected_per_channel, 0.5),
        (ds_cnn_layer, 0.9),
        (layer_of_one_window, 0.9),
        (layer_of_ties, 0.9),
        (add, 1.0),
        (average_pool, 1.0),
        (mean, 1.0),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_vector_kernels_give_the_reference_bytes(
    case: Case, least_packed: float, kernels: Kernels
) -> None:
    rng = np.random.default_rng(SEED)
    packed, values = 0, set()
    for model in range(MODELS):
        graph = case(rng)
        reference = lower(graph)
        chosen = choose_mve_kernels(reference)
        packed += isinstance(chosen.calls[0].params, PACKED)
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), expected, f"model {model}: {graph}"
        )
        values.update(np.unique(expected).tolist())
    assert packed >= least_packed * MODELS, "hardly a layer got a vector kernel"
    assert len(values) > 200, "the models saturate: they test nothing"


def test_kernels_that_may_write_over_their_input_do(kernels: Kernels) -> None:
    """`Kernels` gives a call one pointer for both where the program has one buffer for both."""
    rng = np.random.default_rng(SEED)
    shared, long_windows = 0, 0
    for _ in range(MODELS // 4):
        b = Layers(seed=int(rng.integers(2**31)))
        height, width, channels = (int(n) for n in rng.integers(1, 12, 3))
        x = source = b.tensor((1, height, width, channels), 0.05, -128)
        for kernel in (3, 5):
            x = b.convolution(x, channels, kernel, multiplier=1)
            x = b.convolution(x, channels, 1)
        graph = b.build([source], [b.convolution(x, 3, 1)])
        reference = lower(graph)
        chosen = work_in_place(choose_mve_kernels(reference))
        shared += sum(call.output in call.inputs for call in chosen.calls)
        long_windows += sum(isinstance(c.params, DepthwiseLongMveParams) for c in chosen.calls)
        rounds = _rounds(rng, reference)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), kernels.run(reference, rounds), str(graph)
        )
    assert shared > 2 * MODELS // 4
    assert long_windows > MODELS // 8
