"""Estimates of instructions: the counts of a layer, the fit, and what is said without one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from model_builder import Layers, keyword_model

from host_tools.bench.cores import CORES as MEASURED
from training.export import costs
from training.export.compile import compile_model
from training.export.cores import CORES
from training.export.costs import COUNTS, Sample, Work, fit, work_of
from training.export.describe import describe
from training.export.targets import REFERENCE
from training.export.tflite_writer import write_tflite

TABLE = json.loads(costs.TABLE.read_text())


def samples_of(factors: dict[str, float], count: int, noise: float = 0.0) -> list[Sample]:
    """Layers of random work on a kernel with these factors."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(count):
        work = Work(1, *(int(n) for n in rng.integers(10, 100_000, len(COUNTS) - 1)))
        exact = sum(factor * getattr(work, name) for name, factor in factors.items())
        found.append(Sample("kernel", work, round(exact * rng.uniform(1 - noise, 1 + noise))))
    return found


def test_fit_finds_the_factors() -> None:
    factors = {"call": 300.0, "mac": 0.75, "output": 12.5}
    found = fit(samples_of(factors, 30))
    assert found.factors == pytest.approx(factors, rel=0.05)
    assert found.samples == 30
    assert found.worst < 0.01


def test_fit_tells_its_error() -> None:
    found = fit(samples_of({"mac": 0.75, "output": 12.5}, 30, noise=0.1))
    assert 0.02 < found.worst < 0.3


def test_no_factor_is_negative() -> None:
    samples = samples_of({"mac": 1.0}, 12, noise=0.3)
    assert min(fit(samples).factors.values()) > 0


def test_few_samples_get_few_factors() -> None:
    samples = samples_of({"mac": 2.0, "input": 3.0}, 3, noise=0.05)
    assert len(fit(samples).factors) <= 2
    assert fit(samples[:1]).worst == pytest.approx(0, abs=1e-3)


def test_counts_of_a_layer() -> None:
    b = Layers(seed=1)
    source = b.tensor((1, 10, 8, 6), 1 / 16)
    x = b.convolution(source, 12, (5, 3), (2, 1), padding="VALID")
    x = b.convolution(x, 0, 3, multiplier=1)
    x = b.convolution(x, 20, 1)
    program = compile_model(write_tflite(b.build([source], [x])), target=REFERENCE).program
    conv, depthwise, pointwise = (work_of(program, call) for call in program.calls)
    assert (conv.call, conv.mac, conv.output, conv.input) == (1, 3 * 6 * 12 * 90, 216, 480)
    assert (conv.window, conv.tap, conv.gathered) == (18, 18 * 15, 18 * 90)
    assert (depthwise.mac, depthwise.output) == (216 * 9, 216)
    assert (pointwise.mac, pointwise.window, pointwise.gathered) == (216 * 20, 0, 0)
    assert pointwise.constant == program.calls[2].params.constant_bytes


def test_sum_of_the_layers_is_told() -> None:
    core = CORES["cortex-m4f"]
    figures = describe(compile_model(keyword_model(), target=core.target), core)
    assert figures.instructions == sum(layer.instructions or 0 for layer in figures.layers)
    assert figures.instructions > 0


def test_core_that_was_not_measured_has_no_estimate() -> None:
    figures = describe(compile_model(keyword_model()), CORES["host"])
    assert figures.instructions is None
    assert {layer.instructions for layer in figures.layers} == {None}


def test_cores_of_one_instruction_set_share_their_costs() -> None:
    for core, same in costs.SAME_CODE.items():
        assert CORES[core].target == CORES[same].target
        assert core not in TABLE
    model = compile_model(keyword_model(), target=CORES["cortex-m33"].target)
    both = [describe(model, CORES[name]).instructions for name in ("cortex-m33", "cortex-m4f")]
    assert both[0] == both[1]


def test_only_measured_cores_have_costs() -> None:
    assert set(TABLE) <= set(MEASURED) & set(CORES)


def test_table_names_counts_and_no_negative_costs() -> None:
    for kernels in TABLE.values():
        for factors in kernels.values():
            assert set(factors) <= set(COUNTS)
            assert min(factors.values()) >= 0


def test_every_measured_core_has_costs_of_the_kernels_that_layers_fall_back_to() -> None:
    for core, kernels in TABLE.items():
        assert {"conv2d", "depthwise_conv2d", "fully_connected"} <= set(kernels), core
