"""Reference kernels in C against LiteRT's reference kernels and TFLite-Micro, random tensors."""

from __future__ import annotations

from collections.abc import Callable

import function_cases
import movement_cases
import numpy as np
import operator_cases
import pytest
from interpreters import NN_SOURCES, Kernels, run_litert, run_micro
from operator_cases import FULLY_CONNECTED, conv2d_without_bias, int8

from training.export.graph import Graph, Tensor
from training.export.lower import lower
from training.export.passes import simplify
from training.export.program import FullyConnectedParams, Program
from training.export.reader import read_tflite
from training.export.tflite_writer import write_tflite

MODELS = 250
"""Of operators that compute; a third as many of those that move bytes or look them up."""
ROUNDS = 10
SEED = 20
Case = Callable[[np.random.Generator], Graph]


@pytest.fixture(scope="module")
def kernels(build_shared: Callable) -> Kernels:
    return Kernels(build_shared(NN_SOURCES))


def _compile(tflite: bytes) -> Program:
    return lower(simplify(read_tflite(tflite)))


def _rounds(rng: np.random.Generator, graph: Graph) -> list[list[np.ndarray]]:
    """Inputs: all least, all greatest, then random ones."""
    tensors = [graph.tensors[i] for i in graph.inputs]
    limits = [np.iinfo(t.dtype) for t in tensors]
    extremes = [
        [np.full(t.shape, getattr(n, end), t.dtype) for t, n in zip(tensors, limits, strict=True)]
        for end in ("min", "max")
    ]
    return extremes + [[_random(rng, t) for t in tensors] for _ in range(ROUNDS - len(extremes))]


def _random(rng: np.random.Generator, tensor: Tensor) -> np.ndarray:
    if tensor.dtype == "int8":
        return int8(rng, tensor.shape)
    limits = np.iinfo(tensor.dtype)
    return rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype)


ALIKE = [*operator_cases.ALIKE, *function_cases.ALIKE, *movement_cases.ALIKE]

LITERT_ONLY = [*function_cases.LITERT_ONLY, *movement_cases.LITERT_ONLY]


@pytest.mark.parametrize("case", ALIKE, ids=lambda case: case.__name__)
def test_equal_in_both_interpreters(case: Case, kernels: Kernels) -> None:
    rng = np.random.default_rng(SEED)
    values = set()
    for model in range(MODELS if case in operator_cases.ALIKE else MODELS // 3):
        graph = case(rng)
        tflite, rounds = write_tflite(graph), _rounds(rng, graph)
        ours = kernels.run(_compile(tflite), rounds)
        litert, micro = run_litert(tflite, rounds), run_micro(tflite, rounds)
        np.testing.assert_array_equal(ours, litert, f"LiteRT, model {model}: {graph}")
        np.testing.assert_array_equal(
            np.reshape(ours, -1), np.reshape(micro, -1), f"TFLite-Micro, model {model}: {graph}"
        )
        values.update(np.unique(ours).tolist())
    assert len(values) > 200, "the models saturate: they test nothing"


@pytest.mark.parametrize("case", LITERT_ONLY, ids=lambda case: case.__name__)
def test_equal_in_litert(case: Case, kernels: Kernels) -> None:
    rng = np.random.default_rng(SEED)
    for model in range(MODELS // 3):
        graph = case(rng)
        tflite, rounds = write_tflite(graph), _rounds(rng, graph)
        ours, litert = kernels.run(_compile(tflite), rounds), run_litert(tflite, rounds)
        np.testing.assert_array_equal(ours, litert, f"model {model}: {graph}")


def test_convolution_without_bias(kernels: Kernels) -> None:
    """LiteRT refuses such a model, so TFLite-Micro alone decides."""
    rng = np.random.default_rng(SEED)
    for _ in range(MODELS // 4):
        graph = conv2d_without_bias(rng)
        tflite, rounds = write_tflite(graph), _rounds(rng, graph)
        with pytest.raises(RuntimeError, match="has_bias"):
            run_litert(tflite, rounds)
        np.testing.assert_array_equal(
            kernels.run(_compile(tflite), rounds), run_micro(tflite, rounds)
        )


def _rounded_once(params: FullyConnectedParams, source: np.ndarray) -> np.ndarray:
    """The layer with one rounding of the exact product, half up."""
    rows = source.reshape(params.rows, -1).astype(np.int64) + params.input_offset
    accumulators = rows @ params.weights.astype(np.int64).T + params.bias
    right = 31 - params.shift.astype(np.int64)
    exact = accumulators * params.multiplier + (np.int64(1) << (right - 1))
    stored = (exact >> right) + params.output_offset
    return np.clip(stored, params.activation_min, params.activation_max)


@pytest.mark.parametrize("case", FULLY_CONNECTED, ids=lambda case: case.__name__)
def test_fully_connected(case: Case, kernels: Kernels) -> None:
    """TFLite-Micro rounds twice, as sotto does; LiteRT once, so that some results differ by one."""
    rng = np.random.default_rng(SEED)
    different = 0
    for _ in range(MODELS):
        graph = case(rng)
        tflite, rounds = write_tflite(graph), _rounds(rng, graph)
        program = _compile(tflite)
        params = program.calls[0].params
        assert isinstance(params, FullyConnectedParams)
        ours = np.array(kernels.run(program, rounds), np.int64)
        np.testing.assert_array_equal(ours, run_micro(tflite, rounds))
        litert = np.array(run_litert(tflite, rounds), np.int64)
        once = [_rounded_once(params, inputs[0]) for inputs in rounds]
        np.testing.assert_array_equal(litert, np.reshape(once, litert.shape))
        assert np.abs(ours - litert).max() <= 1
        different += int((ours != litert).sum())
    assert different > 0, "LiteRT rounds like TFLite-Micro now: say so in docs/export.md"
