"""Lowering of single operators: what is refused, by name, and which kernel takes what is not."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_builder import Builder

from training.errors import UserError
from training.export.fixed_functions import hard_swish_table, tanh_table
from training.export.graph import (
    ArithmeticOptions,
    Graph,
    LeakyReluOptions,
    Operator,
    Options,
    ReducerOptions,
    SplitOptions,
    StridedSliceOptions,
)
from training.export.lower import lower
from training.export.operators.slices import ranges_of
from training.export.operators.strides import merged

SHAPE = (1, 4, 3, 2)


def _graph(
    name: str,
    inputs: list[np.ndarray | tuple],
    outputs: list[tuple],
    options: Options | None = None,
    position: int = 0,
) -> Graph:
    """One operator; input `position` is the model's, int8 of SHAPE and scale 0.1."""
    b = Builder()
    numbers = []
    for entry in inputs:
        if isinstance(entry, np.ndarray):
            numbers.append(b.constant(entry.astype(np.int32)))
        else:
            numbers.append(b.tensor(*entry))
    targets = [b.tensor(*entry) for entry in outputs]
    operator = Operator(name, tuple(numbers), tuple(targets))
    if options is not None:
        operator = dataclasses.replace(operator, options=options)
    b.operators.append(operator)
    return b.build([numbers[position]], targets)


SOURCE = (SHAPE, 0.1)
ARITHMETIC = ArithmeticOptions()


def _array(*values: object) -> np.ndarray:
    return np.array(values[0] if len(values) == 1 else values)


def _split(axis: int, shapes: list[tuple], scale: float = 0.1) -> Graph:
    outputs = [(shape, scale) for shape in shapes]
    return _graph("SPLIT", [_array(axis), SOURCE], outputs, SplitOptions(len(shapes)), 1)


def _split_v(sizes: list[int], shapes: list[tuple]) -> Graph:
    inputs = [SOURCE, np.array(sizes), _array(1)]
    return _graph("SPLIT_V", inputs, [(s, 0.1) for s in shapes], SplitOptions(len(shapes)))


def _slice(begin: list[int], end: list[int], strides: list[int], shape: tuple) -> Graph:
    inputs = [SOURCE, np.array(begin), np.array(end), np.array(strides)]
    return _graph("STRIDED_SLICE", inputs, [(shape, 0.1)], StridedSliceOptions())


def _quantized(source: str, target: str) -> Graph:
    graph = _graph("QUANTIZE", [SOURCE], [SOURCE])
    tensors = [
        dataclasses.replace(tensor, dtype=dtype)
        for tensor, dtype in zip(graph.tensors, (source, target), strict=True)
    ]
    return dataclasses.replace(graph, tensors=tuple(tensors))


ZEROS = np.zeros((4, 2))
BESIDE = np.array([[0, 0], [1, 0], [0, 0], [0, 0]])
LARGER = (1, 5, 3, 2)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (_graph("SUB", [SOURCE, ((3, 3), 0.1)], [SOURCE], ARITHMETIC), "do not broadcast"),
        (_graph("MUL", [SOURCE, ((2,), 0.1)], [((1, 4, 3, 1), 0.1)], ARITHMETIC), "its output is"),
        (_graph("MEAN", [SOURCE, _array([4])], [((1,), 0.1)], ReducerOptions(False)), "axes"),
        (_graph("MEAN", [SOURCE, _array([1])], [((1, 4), 0.1)], ReducerOptions(False)), "has not"),
        (_graph("PAD", [SOURCE, ZEROS[:3]], [SOURCE]), "it pads"),
        (_graph("PAD", [SOURCE, -BESIDE], [((1, 3, 3, 2), 0.1)]), "it pads"),
        (
            _graph("PAD", [SOURCE, BESIDE], [SOURCE]),
            r"output is \[1, 4, 3, 2\], not \[1, 5, 3, 2\]",
        ),
        (_graph("PAD", [SOURCE, BESIDE], [(LARGER, 0.2)]), "quantised differently"),
        (_graph("PADV2", [SOURCE, BESIDE, ((2,), 0.1)], [(LARGER, 0.1)]), "must be constant int8"),
        (_split(4, [SHAPE]), "it splits along"),
        (_split(1, [(1, 1, 3, 2)] * 3), r"splits 4 into \[1, 1, 1\]"),
        (_split(1, [(1, 2, 3, 2), (1, 2, 3, 1)]), r"output 't3' is \[1, 2, 3, 1\]"),
        (_split(1, [(1, 2, 3, 2)] * 2, 0.2), "output 't2' is quantised differently"),
        (_split_v([2, 1], [(1, 2, 3, 2), (1, 1, 3, 2)]), r"splits 4 into \[2, 1\]"),
        (_split_v([-1, -1], [(1, 2, 3, 2)] * 2), r"it splits into \[-1, -1\]"),
        (_split_v([4, 0], [SHAPE, SHAPE]), r"splits 4 into \[4, 0\]"),
        (_split_v([5, -1], [SHAPE, SHAPE]), r"splits 4 into \[5, -1\]"),
        (_slice([0, 2, 0, 0], [1, 2, 3, 2], [1] * 4, SHAPE), "it slices"),
        (_slice([0, 0, 0, 0], [1, 4, 3, 2], [1, 0, 1, 1], SHAPE), "it slices"),
        (_slice([0] * 5, [1] * 5, [1] * 5, SHAPE), "it slices"),
        (_slice([0, 0, 0], [1, 4], [1, 1], SHAPE), "it slices"),
        (_slice([0, 1, 0, 0], [1, 4, 3, 2], [1] * 4, SHAPE), "has not 18 elements"),
        (_quantized("int16", "uint8"), "no reference defines int16 to uint8"),
        (_graph("TANH", [SOURCE], [SOURCE]), "not scale 1/128 and zero point 0"),
        (_graph("LEAKY_RELU", [SOURCE], [SOURCE], LeakyReluOptions(-0.5)), "its slope is -0.5"),
        (_graph("LEAKY_RELU", [SOURCE], [SOURCE], LeakyReluOptions(math.nan)), "its slope is nan"),
        (_graph("HARD_SWISH", [(SHAPE, 9.0)], [(SHAPE, 0.001)]), "too far apart"),
        (_graph("RELU_N1_TO_1", [SOURCE], [((1, 5), 0.1)]), "has not 24 elements"),
    ],
)
def test_refusals_say_what_and_where(graph: Graph, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        lower(graph)
    assert f"operator 0 ({graph.operators[0].name}" in caught.value.message
    assert "of model" in caught.value.message


@pytest.mark.parametrize(
    ("graph", "kernels"),
    [
        (_graph("SUB", [SOURCE, SOURCE], [SOURCE], ARITHMETIC), ["sub"]),
        (_graph("ADD", [SOURCE, ((1, 1, 1), 0.1)], [SOURCE], ARITHMETIC), ["add_broadcast"]),
        (_graph("PAD", [SOURCE, BESIDE], [(LARGER, 0.1)]), ["pad"]),
        (_graph("PAD", [SOURCE, BESIDE[::-1]], [((1, 4, 4, 2), 0.1)]), ["pad"]),
        (
            _graph("PAD", [SOURCE, BESIDE + BESIDE[[3, 0, 0, 1]]], [((1, 5, 3, 3), 0.1)]),
            ["fill", "copy"],
        ),
        (_split(3, [(1, 4, 3, 1)] * 2), ["copy", "copy"]),
        (_slice([0, 0, 0, 0], [1, 4, 3, 2], [1, 2, 2, 1], (1, 2, 2, 2)), ["move"]),
        (_slice([0, 1, 0, 0], [1, 3, 3, 2], [1] * 4, (1, 2, 3, 2)), ["copy"]),
        (
            _graph("MEAN", [SOURCE, _array([2, 1])], [((1, 2), 0.1)], ReducerOptions(False)),
            ["mean"],
        ),
        (
            _graph("MEAN", [SOURCE, _array([1, 3])], [((1, 3), 0.1)], ReducerOptions(False)),
            ["mean_axes"],
        ),
        (_quantized("uint8", "int8"), ["lookup"]),
        (_quantized("int16", "int8"), ["narrow"]),
        (_quantized("int8", "int16"), ["widen"]),
        (_quantized("int16", "int16"), ["rescale"]),
    ],
)
def test_the_cheapest_kernel_is_taken(graph: Graph, kernels: list[str]) -> None:
    assert [call.params.kernel for call in lower(graph).calls] == kernels


def test_functions_are_near_the_real_ones() -> None:
    stored = np.arange(-128, 128)
    real = np.tanh(0.03 * (stored - 7))
    assert np.abs(tanh_table(0.03, 7) / 128 - real).max() < 1 / 128
    inputs = 0.05 * (stored + 20)
    swish = inputs * np.clip(inputs + 3, 0, 6) / 6
    table = hard_swish_table(0.05, -20, 0.04, -100)
    assert table is not None
    exact = np.clip(swish / 0.04 - 100, -128, 127)
    assert np.abs(table - exact).max() < 1.5


@settings(deadline=None)
@given(st.data())
def test_slices_are_those_of_numpy(data: st.DataObject) -> None:
    """Any begin, end and stride, also beyond the ends and from behind."""
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    entries = data.draw(st.integers(1, len(shape)))

    def numbers(values: st.SearchStrategy[int]) -> list[int]:
        return data.draw(st.lists(values, min_size=entries, max_size=entries))

    begin, end = numbers(st.integers(-8, 8)), numbers(st.integers(-8, 8))
    strides = numbers(st.sampled_from([-3, -2, -1, 1, 2, 3]))
    begin_mask, end_mask = data.draw(st.tuples(st.integers(0, 15), st.integers(0, 15)))
    whole = np.arange(math.prod(shape)).reshape(shape)
    index = tuple(
        slice(
            None if begin_mask >> i & 1 else begin[i],
            None if end_mask >> i & 1 else end[i],
            strides[i],
        )
        for i in range(entries)
    )
    expected = whole[index]
    ranges = ranges_of(shape, begin, end, strides, StridedSliceOptions(begin_mask, end_mask))
    if expected.size == 0:
        assert ranges is None
        return
    assert ranges is not None
    chosen = [[r.start + r.step * i for i in range(r.count)] for r in ranges]
    np.testing.assert_array_equal(whole[np.ix_(*chosen)], expected)


def test_dimensions_are_merged_where_one_step_serves() -> None:
    assert merged([(2, 12, 12), (3, 4, 4), (4, 1, 1)]) == [(24, 1, 1)]
    assert merged([(2, 12, 0), (1, 7, 9), (3, 4, 4), (4, 1, 1)]) == [(2, 12, 0), (12, 1, 1)]
    assert merged([(2, 0, 6), (3, 0, 2), (2, 1, 1)]) == [(6, 0, 2), (2, 1, 1)]
    assert merged([(1, 5, 5)]) == []
