"""Layers with packed weights against the reference kernels, and what unpacks them against Python.

The instructions of the cores themselves: test_kernels_on_cores.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from model_builder import Builder
from operator_cases import conv2d, ds_cnn_layer, fully_connected, int8, one_window

from training.export.dsp import choose as dsp_choose
from training.export.dsp.choose import choose_dsp_kernels
from training.export.graph import FullyConnectedOptions, Graph
from training.export.lower import lower
from training.export.packed import choose
from training.export.packed.choose import pack_weights, unpack
from training.export.packed.few_values import FORMS, with_few_values, with_zero_blocks
from training.export.packed.grid import CODE_SUM_LIMIT, GRID_KERNELS, grid_kernel
from training.export.packed.params import Streamed, UnpackParams
from training.export.packed.sparse import sparse_kernel
from training.export.program import Program
from training.export.targets import TARGETS, Target

MODELS = 24
SPARSE_MODELS = 120
GRID_MODELS = 120
GRIDS = (np.arange(-8, 8), 15 * np.arange(-8, 8), 18 * np.arange(-7, 8))
"""Weights that codes of four bits say by themselves."""
SEED = 51


@pytest.fixture(autouse=True)
def every_layer_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small."""
    for name in ("EXACT_MACS", "VECTOR_MACS"):
        monkeypatch.setattr(dsp_choose, name, 0)
    monkeypatch.setattr(choose, "PARAMS_BYTES", -1_000)


@pytest.fixture(scope="module")
def kernels(build_shared: Callable) -> Kernels:
    return Kernels(build_shared(NN_SOURCES))


def _rounds(rng: np.random.Generator, program: Program) -> list[list[np.ndarray]]:
    shapes = [program.buffers[i].shape for i in program.inputs]
    extremes = [[np.full(shape, value, np.int8) for shape in shapes] for value in (-128, 127)]
    return [*extremes, [int8(rng, shape) for shape in shapes], [int8(rng, s) for s in shapes]]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("form", FORMS)
def test_packed_layers_give_the_reference_bytes(
    form: str, target: Target, kernels: Kernels
) -> None:
    rng = np.random.default_rng(SEED)
    packed, values = Counter[str](), set()
    for model in range(MODELS):
        case = (conv2d, fully_connected, ds_cnn_layer, one_window)[model % 4]
        graph = with_few_values(case(rng), FORMS[form])
        reference = lower(graph)
        plain = target.choose(reference)
        chosen = pack_weights(plain)
        streams = {call.output: call.params for call in plain.calls}
        for call, layer in itertools.pairwise(chosen.calls):
            if isinstance(call.params, UnpackParams):
                packed[call.params.kernel] += 1
                params = streams[layer.output]
                assert isinstance(params, Streamed)
                np.testing.assert_array_equal(unpack(call.params), params.stream.reshape(-1))
        packed.update(c.params.kernel for c in chosen.calls if isinstance(c.params, GRID_KERNELS))
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(
            kernels.run(chosen, rounds), expected, f"model {model}: {graph}"
        )
        values.update(np.unique(expected).tolist())
    assert packed.total() >= MODELS // 3, f"hardly a layer was packed: {packed}"
    assert len(values) > 100, "the models saturate: they test nothing"


def test_layers_without_groups_of_zeros_give_the_reference_bytes(kernels: Kernels) -> None:
    rng = np.random.default_rng(SEED)
    found, values = Counter[str](), set()
    for model in range(SPARSE_MODELS):
        case = (ds_cnn_layer, one_window)[model % 2]
        graph = with_zero_blocks(case(rng), float(rng.choice([0.65, 0.8, 1.0])), model)
        reference = lower(graph)
        dense = choose_dsp_kernels(reference)
        sparse = [sparse_kernel(call.params) for call in dense.calls]
        found.update(params.kernel for params in sparse if params is not None)
        calls = [
            replace(call, params=params or call.params)
            for call, params in zip(dense.calls, sparse, strict=True)
        ]
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(
            kernels.run(replace(dense, calls=tuple(calls)), rounds), expected, f"{model}: {graph}"
        )
        values.update(np.unique(expected).tolist())
    assert len(found) == 4, f"not every sparse kernel: {found}"
    assert len(values) > 100, "the models saturate: they test nothing"


def test_layers_on_a_grid_give_the_reference_bytes(kernels: Kernels) -> None:
    rng = np.random.default_rng(SEED)
    found, odd, values = Counter[str](), Counter[int](), set()
    for model in range(GRID_MODELS):
        case = (fully_connected, one_window)[model % 2]
        graph = with_few_values(case(rng), GRIDS[model % len(GRIDS)])
        reference = lower(graph)
        chosen = pack_weights(choose_dsp_kernels(reference))
        for call in chosen.calls:
            if isinstance(call.params, GRID_KERNELS):
                found[call.params.kernel] += 1
                odd[call.params.output_channels % 4] += 1
        rounds = _rounds(rng, reference)
        expected = kernels.run(reference, rounds)
        np.testing.assert_array_equal(kernels.run(chosen, rounds), expected, f"{model}: {graph}")
        values.update(np.unique(expected).tolist())
    assert len(found) == 2, f"not both kernels: {found}"
    assert found.total() >= GRID_MODELS // 2, f"hardly a layer took codes: {found}"
    assert len(odd) == 4, f"not every number of channels in the last block: {odd}"
    assert len(values) > 100, "the models saturate: they test nothing"


def _four_channels_of(weights: list[int]) -> Graph:
    """A fully connected layer of four channels with the same weights, whose sums reach far."""
    b = Builder()
    data = np.tile(np.array(weights, np.int8), (4, 1))
    inputs = [
        b.tensor((1, len(weights)), 0.5, 0),
        b.tensor(data.shape, 0.25, data=data),
        b.tensor((4,), 0.125, data=np.array([-7, 0, 7, 99], np.int32)),
    ]
    target = b.tensor((1, 4), 640.0, 0)
    b.operator("FULLY_CONNECTED", inputs, target, FullyConnectedOptions())
    return b.build([inputs[0]], [target])


def test_codes_are_taken_as_far_as_their_sums_fit(kernels: Kernels) -> None:
    weights = [-7] * 582 + [-6, -5, -4, -3, -2, 1]
    assert sum(map(abs, weights)) == CODE_SUM_LIMIT - 1
    reference = lower(_four_channels_of(weights))
    dense = choose_dsp_kernels(reference)
    chosen = pack_weights(dense)
    assert any(isinstance(call.params, GRID_KERNELS) for call in chosen.calls)
    rounds = _rounds(np.random.default_rng(SEED), reference)
    expected = kernels.run(reference, rounds)
    np.testing.assert_array_equal(kernels.run(chosen, rounds), expected)
    assert abs(int(expected[0].flat[0])) > 50, "the sums are small"
    more = choose_dsp_kernels(lower(_four_channels_of([*weights, -1])))
    assert [grid_kernel(call.params) for call in more.calls] == [None] * len(more.calls)
