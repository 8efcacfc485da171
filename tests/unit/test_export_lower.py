"""Lowering: passes keep the meaning, numbers follow the published formulas, refusals have names."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_builder import Builder, every_operator_model, keyword_model

from training.errors import UserError
from training.export.compile import compile_model
from training.export.fixed_functions import exp_negative_q31, logistic_table, softmax_exp_table
from training.export.fixed_point import (
    divide_by_power_of_two,
    multiply_high,
    quantize_multiplier,
    requantize,
    round_half_away,
)
from training.export.graph import (
    ArithmeticOptions,
    ConcatenationOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    Operator,
    PoolOptions,
    SoftmaxOptions,
)
from training.export.lower import lower
from training.export.lower_context import activation_range, output_extent
from training.export.passes.check_order import check_order
from training.export.passes.fold_constants import fold_constants
from training.export.passes.fuse_activations import fuse_activations
from training.export.program import Conv2dParams, LookupParams
from training.export.reader import read_tflite
from training.export.targets import REFERENCE
from training.export.tflite_writer import write_tflite
from training.export.version import ABI, TOOL_VERSION

ROOT = Path(__file__).resolve().parents[2]


def test_versions_are_said_once() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{TOOL_VERSION}"' in project
    library = (ROOT / "firmware" / "lib" / "sotto" / "library.json").read_text()
    assert f'"version": "{TOOL_VERSION}"' in library
    header = (ROOT / "firmware/lib/sotto/include/sotto/abi.h").read_text()
    assert re.search(rf"^#define SOTTO_ABI {ABI}$", header, re.MULTILINE)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (2**30, 0)),
        (1.0, (2**30, 1)),
        (0.75, (3 * 2**29, 0)),
        (2.0**-31, (2**30, -30)),
        (2.0**-33, (0, 0)),
        (1.0 - 2.0**-40, (2**30, 1)),
    ],
)
def test_quantize_multiplier(real: float, expected: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == expected


@given(st.floats(1e-8, 1e4))
def test_multipliers_are_close(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    assert math.isclose(multiplier * 2.0 ** (shift - 31), real, rel_tol=2.0**-30)


@given(st.integers(-(2**20), 2**20), st.floats(1e-5, 1.0))
def test_requantize_is_within_one_of_the_real_product(value: int, real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert abs(requantize(value, multiplier, shift) - value * real) <= 1.0


def test_rounding_of_ties() -> None:
    assert [multiply_high(v, 2**30) for v in (1, -1, 3, -3)] == [1, 0, 2, -1]
    assert [divide_by_power_of_two(v, 1) for v in (1, -1, 3, -3)] == [1, -1, 2, -2]
    assert [round_half_away(v) for v in (0.5, -0.5, 1.5, 2.4)] == [1, -1, 2, 2]
    assert multiply_high(-(2**31), -(2**31)) == 2**31 - 1


def test_exponential_and_logistic_are_near_the_real_functions() -> None:
    for a in np.linspace(-15.9, 0, 200):
        fixed = exp_negative_q31(int(a * 2**26), 5) / 2**31
        assert abs(fixed - math.exp(int(a * 2**26) / 2**26)) < 1e-6
    table = logistic_table(0.05, 10)
    real = [1 / (1 + math.exp(-0.05 * (q - 10))) for q in range(-128, 128)]
    assert np.abs((table.astype(int) + 128) / 256 - real).max() < 1 / 256
    exponentials = softmax_exp_table(0.1, 1.0)
    assert abs(exponentials[10] / 2**31 - math.exp(-1.0)) < 1e-6
    assert (np.diff(exponentials.astype(np.int64)) < 0).all()
    assert exponentials[-1] / 2**31 == pytest.approx(2**-20, rel=0.1), "half a unit of the sum"
    assert (len(softmax_exp_table(0.001, 1.0)), len(softmax_exp_table(9.0, 9.0))) == (256, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("VALID", 10, 3, 1), (8, 0)),
        (("VALID", 10, 3, 2), (4, 0)),
        (("SAME", 10, 3, 2), (5, 0)),
        (("SAME", 49, 10, 2), (25, 4)),
        (("SAME", 5, 1, 3), (2, 0)),
    ],
)
def test_output_extent(arguments: tuple, expected: tuple[int, int]) -> None:
    assert output_extent(*arguments) == expected


def test_activation_range() -> None:
    assert activation_range("NONE", 0.1, 3) == (-128, 127)
    assert activation_range("RELU", 0.1, 3) == (3, 127)
    assert activation_range("RELU6", 0.1, -128) == (-128, -68)
    assert activation_range("RELU_N1_TO_1", 0.1, 0) == (-10, 10)


def _layer_and_relu(relu_scale: float, second_reader: bool) -> Graph:
    b = Builder()
    source = b.tensor((1, 4, 4, 2), 0.1)
    weights = b.tensor((3, 1, 1, 2), 0.01, data=np.ones((3, 1, 1, 2), np.int8))
    bias = b.tensor((3,), 0.001, data=np.zeros(3, np.int32))
    middle = b.tensor((1, 4, 4, 3), 0.05, -10)
    b.operator("CONV_2D", [source, weights, bias], middle, ConvOptions("SAME", 1, 1))
    output = b.operator("RELU", [middle], b.tensor((1, 4, 4, 3), relu_scale, -10))
    if second_reader:
        total = b.tensor((1, 4, 4, 3), 0.1)
        output = b.operator("ADD", [middle, output], total, ArithmeticOptions())
    return b.build([source], [output])


def test_activation_is_fused_where_one_quantisation_rules() -> None:
    program = lower(fuse_activations(_layer_and_relu(0.05, second_reader=False)))
    assert [call.operator for call in program.calls] == ["CONV_2D"]
    params = program.calls[0].params
    assert isinstance(params, Conv2dParams)
    assert (params.activation_min, params.activation_max) == (-10, 127)


@pytest.mark.parametrize(("relu_scale", "second_reader"), [(0.06, False), (0.05, True)])
def test_activation_is_kept_otherwise(relu_scale: float, second_reader: bool) -> None:
    program = lower(fuse_activations(_layer_and_relu(relu_scale, second_reader)))
    assert [call.operator for call in program.calls][:2] == ["CONV_2D", "RELU"]
    assert isinstance(program.calls[1].params, LookupParams)


def test_views_cost_nothing() -> None:
    program = compile_model(keyword_model(), target=REFERENCE).program
    assert "RESHAPE" not in [call.operator for call in program.calls]
    assert program.calls[-1].output == program.outputs[0]


def test_views_of_constants_become_constants() -> None:
    b = Builder()
    source = b.tensor((1, 4), 0.1)
    data = np.array([[[[1, 2, 3, 4]]]], np.int8)
    constant = b.tensor((1, 1, 1, 4), 0.1, data=data)
    flat = b.operator("RESHAPE", [constant], b.tensor((1, 4), 0.1))
    b.operator("ADD", [source, flat], b.tensor((1, 4), 0.2), ArithmeticOptions())
    graph = b.build([source], [3])
    folded = fold_constants(graph)
    assert [operator.name for operator in folded.operators] == ["ADD"]
    assert np.array_equal(folded.tensors[flat].data, [[1, 2, 3, 4]])
    program = lower(folded)
    assert program.buffers[program.calls[0].inputs[1]].data is not None


def test_summary_adds_up() -> None:
    model = compile_model(every_operator_model(), target=REFERENCE)
    assert model.summary.macs == sum(layer.macs for layer in model.summary.layers) > 0
    layers = sum(layer.constants_bytes for layer in model.summary.layers)
    assert model.summary.weights_bytes == layers > 0
    assert model.summary.arena_bytes == model.plan.arena_bytes
    first = model.summary.layers[0]
    assert (first.operator, first.macs) == ("CONV_2D", 12 * 10 * 8 * 3 * 3 * 4)
    assert first.constants_bytes == 8 * 3 * 3 * 4 + 3 * 8 * 4


def _unsupported() -> bytes:
    b = Builder()
    source = b.tensor((1, 4), 0.1)
    output = b.operator("CUMSUM", [source], b.tensor((1, 4), 0.1))
    return write_tflite(b.build([source], [output]))


def test_missing_operator_is_named() -> None:
    expected = re.escape("operator 0 (CUMSUM -> 't1') of other.tflite is not supported")
    with pytest.raises(UserError, match=expected) as caught:
        compile_model(_unsupported(), name="other.tflite")
    assert "docs/export.md" in caught.value.remedy


def _changed(index: int, **changes: object) -> bytes:
    graph = read_tflite(keyword_model())
    tensors = list(graph.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **changes)
    return write_tflite(dataclasses.replace(graph, tensors=tuple(tensors)))


def _pair(second: tuple[int, ...], scale: float) -> bytes:
    b = Builder()
    first = b.tensor((1, 2, 2, 4), 0.1), b.tensor(second, 0.1)
    output = b.tensor((1, 2, 2, 4), scale)
    b.operator("ADD", first, output, ArithmeticOptions())
    return write_tflite(b.build(first, [output]))


def _one(name: str, source: tuple, output: tuple, options: object = None) -> bytes:
    b = Builder()
    first = b.tensor(*source)
    arguments = [] if options is None else [options]
    b.operator(name, [first], b.tensor(*output), *arguments)
    return write_tflite(b.build([first], [1]))


def _fully_connected(bias: int) -> bytes:
    b = Builder()
    source = b.tensor((1, 4), 0.1)
    weights = b.tensor((2, 4), 0.1, data=np.full((2, 4), 127, np.int8))
    values = b.tensor((2,), 0.01, data=np.full(2, bias, np.int32))
    output = b.tensor((1, 2), 0.001)
    b.operator("FULLY_CONNECTED", [source, weights, values], output, FullyConnectedOptions())
    return write_tflite(b.build([source], [output]))


def _dilated(dilation: int) -> bytes:
    b = Builder()
    source = b.tensor((1, 4, 4, 1), 0.1)
    weights = b.tensor((1, 5, 1, 1), 0.01, data=np.ones((1, 5, 1, 1), np.int8))
    bias = b.tensor((1,), 0.001, data=np.zeros(1, np.int32))
    options = ConvOptions("SAME", 1, 1, dilation, 1)
    output = b.operator("CONV_2D", [source, weights, bias], b.tensor((1, 4, 4, 1), 0.1), options)
    return write_tflite(b.build([source], [output]))


def _pooled(size: int) -> bytes:
    options = PoolOptions("VALID", 1, 1, size, size)
    return _one("AVERAGE_POOL_2D", ((1, size, size, 1), 0.1), ((1, 1, 1, 1), 0.1), options)


def _concatenated(shape: tuple[int, ...], joined: tuple[int, ...], axis: int) -> bytes:
    b = Builder()
    source = b.tensor(shape, 0.1)
    output = b.tensor(joined, 0.1)
    b.operator("CONCATENATION", [source, source], output, ConcatenationOptions(axis))
    return write_tflite(b.build([source], [output]))


def _with_operator(position: int, **changes: object) -> bytes:
    graph = read_tflite(keyword_model())
    operators = list(graph.operators)
    operators[position] = dataclasses.replace(operators[position], **changes)
    return write_tflite(dataclasses.replace(graph, operators=tuple(operators)))


def _relu_without(**ends: tuple[int, ...]) -> bytes:
    graph = _layer_and_relu(0.05, second_reader=False)
    damaged = dataclasses.replace(graph.operators[1], **ends)
    return write_tflite(dataclasses.replace(graph, operators=(graph.operators[0], damaged)))


def _unwritten_output() -> bytes:
    b = Builder()
    source, _, stray = (b.tensor((1, 4), 0.1) for _ in range(3))
    b.operator("RELU", [source], 1)
    return write_tflite(b.build([source], [stray]))


SMALLEST_SCALE = 2.0**-149
"""The least positive number that float32 has."""


@pytest.mark.parametrize(
    ("tflite", "words"),
    [
        (_concatenated((1, 0, 4), (1, 0, 8), 2), r"'t0' of \[1, 0, 4\] is empty"),
        (_concatenated((0, 4), (0, 4), 0), r"'t0' of \[0, 4\] is empty"),
        (_one("RELU", ((1, 0), 0.1), ((1, 0), 0.1)), "is empty"),
        (_relu_without(inputs=()), "input 0 is missing"),
        (_relu_without(outputs=()), "no layer of speech.tflite writes"),
        (_with_operator(-1, inputs=(-1,)), "RESHAPE"),
        (_with_operator(0, outputs=(0,)), "'t[01]' is written twice"),
        (_with_operator(0, outputs=(1,)), "'t[01]' is written twice"),
        (_unwritten_output(), "no layer of speech.tflite writes its output"),
        (_one("RELU6", ((1, 4), SMALLEST_SCALE), ((1, 4), SMALLEST_SCALE)), "too small for RELU6"),
        (_dilated(2**30), "spans 4294967297x1"),
        (_pooled(2900), "windows hold 8410000"),
        (_changed(0, dtype="float32", quantization=None), "'t0' is float32"),
        (_changed(0, quantization=None), "no single positive scale"),
        (_changed(3, shape=(1, 25, 21, 8)), "output is 25x21, its options say 25x20"),
        (_changed(3, shape=(1, 25, 20, 9)), "other channels"),
        (_changed(1, data=None), "nothing wrote its input 1"),
        (_changed(2, data=np.zeros(9, np.int32), shape=(9,)), "bias has 9 values for 8"),
        (_pair((1, 2, 3, 4), 0.1), r"\[1, 2, 2, 4\] and \[1, 2, 3, 4\] do not broadcast"),
        (_pair((1, 2, 2, 4), 1e-9), "more than fits an int32"),
        (_fully_connected(2**31 - 1), "beyond 32 bits"),
        (_one("SOFTMAX", ((1, 4), 0.1), ((1, 4), 0.1), SoftmaxOptions(1.0)), "scale 1/256"),
        (_one("LOGISTIC", ((1, 4), 0.1), ((1, 5), 1 / 256, -128)), "has not 4 elements"),
        (_one("RELU6", ((1, 4), 0.1), ((1, 4), 0.2)), "quantised differently"),
        (_one("RESHAPE", ((1, 4), 0.1), ((1, 5), 0.1)), "RESHAPE"),
    ],
)
def test_refusals_say_what_and_where(tflite: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        compile_model(tflite, name="speech.tflite")
    assert "speech.tflite" in caught.value.message
    assert caught.value.remedy


def test_one_input_and_one_output() -> None:
    with pytest.raises(UserError, match="2 inputs"):
        compile_model(_pair((1, 2, 2, 4), 0.1))


def test_unwritten_input_is_refused() -> None:
    b = Builder()
    source, stray, output = (b.tensor((1, 4), 0.1) for _ in range(3))
    b.operator("ADD", [source, stray], output, ArithmeticOptions())
    with pytest.raises(UserError, match="nothing wrote its input 1"):
        check_order(b.build([source], [output]))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_positions_of_equal_operators_are_told_apart(seed: int) -> None:
    """`where` goes by identity: a model may hold two equal operators."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 6))
    operators = tuple(Operator("RELU", (0,), (0,)) for _ in range(count))
    graph = dataclasses.replace(_layer_and_relu(0.05, False), operators=operators)
    chosen = int(rng.integers(count))
    assert graph.where(operators[chosen]).startswith(f"operator {chosen} ")
