"""Kernels of sotto/nn_portable.h, as this computer compiles them, against the reference kernels.

The same kernels on the instructions of other cores: test_kernels_on_cores and the boards'
self-tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from model_builder import Builder
from operator_cases import (
    conv2d,
    conv2d_without_bias,
    ds_cnn_layer,
    fully_connected,
    fully_connected_per_channel,
    int8,
)

from training.export.graph import ConvOptions, Graph
from training.export.lower import lower
from training.export.portable.choose import choose_portable_kernels
from training.export.portable.params import MatrixPortableParams
from training.export.program import Program

MODELS = 250
ROUNDS = 6
SEED = 32
PACKED = (MatrixPortableParams,)
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


@pytest.mark.parametrize(
    ("case", "least_packed"),
    [
        (conv2d, 0.5),
        (conv2d_without_bias, 0.5),
        (fully_connected, 0.5),
        (fully_connected_per_channel, 0.5),
        (ds_cnn_layer, 0.45),
        (greatest_weights, 1.0),
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
        chosen = choose_portable_kernels(reference)
        packed += isinstance(chosen.calls[0].params, PACKED)
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), expected, f"model {model}: {graph}"
        )
        values.update(np.unique(expected).tolist())
    assert packed >= least_packed * MODELS, "hardly a layer got a packed kernel"
    assert len(values) > 200, "the models saturate: they test nothing"
