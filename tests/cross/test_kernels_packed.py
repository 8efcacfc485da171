"""Layers with packed weights against the reference kernels, and what unpacks them against Python.

The instructions of the cores themselves: test_kernels_on_cores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from operator_cases import conv2d, ds_cnn_layer, fully_connected, int8, one_window

from training.export.dsp import choose as dsp_choose
from training.export.dsp.choose import choose_dsp_kernels
from training.export.lower import lower
from training.export.packed import choose
from training.export.packed.choose import pack_weights, unpack
from training.export.packed.few_values import FORMS, with_few_values, with_zero_blocks
from training.export.packed.params import Streamed, UnpackParams
from training.export.packed.sparse import sparse_kernel
from training.export.program import Program
from training.export.targets import TARGETS, Target

MODELS = 24
SPARSE_MODELS = 120
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
        streams = [call.params.stream for call in plain.calls if isinstance(call.params, Streamed)]
        for call in chosen.calls:
            if isinstance(call.params, UnpackParams):
                packed[call.params.kernel] += 1
                np.testing.assert_array_equal(unpack(call.params), streams.pop(0).reshape(-1))
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
