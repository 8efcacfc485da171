"""Choice and packing of the kernels of sotto/nn_mve.h."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_builder import Layers, keyword_model

from training.export.choice import HALF
from training.export.compile import compile_model
from training.export.cores import find_core
from training.export.graph import ArithmeticOptions
from training.export.lower import lower
from training.export.mve.choose import (
    Strips,
    add_kernel,
    choose_mve_kernels,
    depthwise_kernel,
    matrix_kernel,
)
from training.export.mve.pack import pack_depthwise, pack_matrix
from training.export.mve.params import (
    AddMveParams,
    DepthwiseLongMveParams,
    DepthwiseMveParams,
)
from training.export.program import (
    AddParams,
    Conv2dParams,
    DepthwiseConv2dParams,
    KernelCall,
    Program,
)
from training.export.regenerate import read_exported_tflite
from training.export.targets import MVE, PORTABLE, REFERENCE

GENERATED = Path(__file__).resolve().parents[2] / "generated"


def _first(kind: type) -> Conv2dParams | DepthwiseConv2dParams:
    program = compile_model(keyword_model(), target=REFERENCE).program
    return next(call.params for call in program.calls if isinstance(call.params, kind))


def _depthwise(height: int, width: int, channels: int, kernel: int) -> DepthwiseConv2dParams:
    b = Layers(seed=5)
    source = b.tensor((1, height, width, channels), 0.05, -128)
    output = b.convolution(source, channels, kernel, multiplier=1)
    params = lower(b.build([source], [output])).calls[0].params
    assert isinstance(params, DepthwiseConv2dParams)
    return params


def _sum(scales: tuple[float, float]) -> KernelCall:
    b = Layers(seed=6)
    sources = [b.tensor((1, 3, 3, 5), scale, 4) for scale in scales]
    output = b.operator("ADD", sources, b.same(sources[0], 0.2), ArithmeticOptions())
    return lower(b.build(sources, [output])).calls[0]


def _bytes(words: np.ndarray) -> list[int]:
    return np.ascontiguousarray(words).view(np.int8).tolist()


def test_matrix_stream_is_laid_out_as_the_header_says() -> None:
    columns = np.arange(5 * 19).reshape(5, 19) - 40
    factors = np.array([11, 12, 13, 14, 15]), np.array([1, 2, 3, 4, 22])
    bias = np.array([100, 200, 300, 400, 500])
    stream = pack_matrix(columns, bias, 3, factors).reshape(2, 9 + 16 + 3)
    assert stream[0, :4].tolist() == (bias + 3 * columns.sum(axis=1))[:4].tolist()
    assert _bytes(stream[0, 4:20]) == columns[:4, :16].reshape(-1).tolist()
    assert _bytes(stream[0, 20:23]) == columns[:4, 16:].reshape(-1).tolist()
    assert _bytes(stream[1, 20:23]) == [*columns[4, 16:], *[0] * 9]
    assert stream[0, 23:27].tolist() == [11, 12, 13, 14]
    assert _bytes(stream[0, 27:]) == [0, 1, 2, 3]
    assert stream[1, 23:27].tolist() == [15, 0, 0, 0]
    assert _bytes(stream[1, 27:])[0] == 21


def test_matrix_stream_of_whole_vectors_or_less_than_one_has_no_tail() -> None:
    factors, bias = (np.full(4, 7), np.full(4, 2)), np.zeros(4)
    for taps, vectors in ((1, 1), (15, 1), (16, 1), (32, 2)):
        stream = pack_matrix(np.ones((4, taps), int), bias, 0, factors)
        assert stream.size == 9 + 16 * vectors


def test_depthwise_stream_holds_taps_or_vectors() -> None:
    columns = np.arange(4 * 3).reshape(4, 3) - 6
    factors = np.full(4, 7), np.full(4, 2)
    short = pack_depthwise(columns, np.zeros(4), 0, factors, np.array([0, 5, 15]))
    assert _bytes(short[9:]) == columns.reshape(-1).tolist()
    long = pack_depthwise(columns, np.zeros(4), 0, factors, np.array([0, 5, 16]))
    vectors = np.array(_bytes(long[9:])).reshape(2, 4, 16)
    assert vectors[0, :, [0, 5]].T.tolist() == columns[:, :2].tolist()
    assert vectors[1, :, 0].tolist() == columns[:, 2].tolist()
    assert np.count_nonzero(vectors) == np.count_nonzero(columns)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 7), st.data())
def test_strips_hold_every_window_of_the_layer(
    height: int, width: int, kernel: int, data: st.DataObject
) -> None:
    params = replace(
        _depthwise(height, width, 1, kernel),
        dilation_width=data.draw(st.integers(1, 2)),
        dilation_height=data.draw(st.integers(1, 2)),
    )
    one_by_one = data.draw(st.booleans())
    strips = Strips(params, data.draw(st.integers(1, params.output_width)), one_by_one=one_by_one)
    places = strips.places
    assert len(set(places.tolist())) == kernel * kernel
    assert places.max() < 16 * strips.vectors
    for strip in range(strips.count):
        outputs = min(strips.outputs, params.output_width - strip * strips.outputs)
        first = strip % strips.held * strips.rows * strips.columns
        last = first + (params.output_height - 1) * strips.columns + outputs - 1
        assert last + 16 * strips.vectors <= strips.plane_bytes


def test_columns_that_a_strip_lacks_are_padding() -> None:
    strips = Strips(_depthwise(25, 5, 64, 3), 5)
    assert (strips.columns, strips.vectors) == (6, 1)  # 5 and one of padding, on which rows meet
    assert strips.places.tolist() == [0, 1, 2, 6, 7, 8, 12, 13, 14]
    narrow = Strips(_depthwise(25, 1, 64, 3), 1)
    assert narrow.columns == 3  # with 2, the last tap of a row were the first one of the next


def test_wide_kernels_get_the_loop_over_vectors() -> None:
    assert type(depthwise_kernel(_depthwise(12, 12, 16, 3))) is DepthwiseMveParams
    long = depthwise_kernel(_depthwise(12, 12, 16, 7))
    assert type(long) is DepthwiseLongMveParams
    assert long.vectors > 1
    assert long.scratch_bytes == 8 * long.plane_bytes


def test_refused_layers_keep_their_kernel() -> None:
    conv, depthwise = _first(Conv2dParams), _first(DepthwiseConv2dParams)
    assert matrix_kernel(conv) is not None
    assert depthwise_kernel(depthwise) is not None
    to_the_left = np.ones_like(conv.shift)
    assert matrix_kernel(replace(conv, shift=to_the_left)) is None
    huge = np.full_like(conv.bias, 2**30)
    assert matrix_kernel(replace(conv, bias=huge)) is None
    assert depthwise_kernel(replace(depthwise, bias=np.full_like(depthwise.bias, 2**30))) is None
    assert depthwise_kernel(replace(depthwise, depth_multiplier=2)) is None
    assert depthwise_kernel(conv) is None
    assert matrix_kernel(depthwise) is None


@pytest.mark.parametrize(("channels", "planes"), [(64, 8), (9, 4), (8, 4), (4, None)])
def test_scratch_is_no_larger_than_the_input(channels: int, planes: int | None) -> None:
    chosen = depthwise_kernel(_depthwise(40, 40, channels, 3))
    assert (chosen and chosen.planes) == planes
    assert chosen is None or chosen.scratch_bytes <= 40 * 40 * channels


def _residual_block(added: bool) -> Program:
    """Depthwise behind a pointwise layer whose output an addition may read again."""
    b = Layers(seed=7)
    source = b.tensor((1, 25, 5, 64), 0.05, -128)
    before = b.convolution(source, 64, 1)
    x = b.convolution(before, 64, (5, 3), multiplier=1)
    if added:
        x = b.operator("ADD", [x, before], b.same(x, 0.2), ArithmeticOptions())
    return choose_mve_kernels(lower(b.build([source], [b.convolution(x, 12, 1)])))


@pytest.mark.parametrize("added", [False, True])
def test_a_layer_that_cannot_work_in_place_holds_one_strip(added: bool) -> None:
    params = _residual_block(added).calls[1].params
    assert isinstance(params, DepthwiseMveParams)
    assert params.strips > 1
    assert params.strips_held == (1 if added else params.strips)
    assert params.writes_over_input != added
    assert params.scratch_bytes <= 8 * (29 * 3 + 16) * params.strips_held  # rows, columns, a vector


def test_the_shipped_model_needs_no_more_memory_than_without_vectors() -> None:
    tflite = read_exported_tflite(GENERATED)
    arenas = {
        t: compile_model(tflite, target=t, streaming="auto").plan.arena_bytes
        for t in (PORTABLE, MVE)
    }
    assert arenas[MVE] <= arenas[PORTABLE]


@pytest.mark.parametrize(("width", "scratch_windows"), [(1, 1), (2, 2), (3, 2)])
def test_a_single_window_needs_room_for_one(width: int, scratch_windows: int) -> None:
    b = Layers(seed=8)
    source = b.tensor((1, 1, width, 40), 0.05, -128)
    params = lower(b.build([source], [b.convolution(source, 8, 1)])).calls[0].params
    chosen = matrix_kernel(params)
    assert chosen is not None
    assert chosen.scratch_bytes == scratch_windows * 16 * 3


@pytest.mark.parametrize("activation_min", [-128, -3])
def test_ties_matter_where_negative_results_show(activation_min: int) -> None:
    conv = replace(_first(Conv2dParams), output_offset=-3, activation_min=activation_min)
    chosen = matrix_kernel(conv)
    assert chosen is not None
    assert chosen.ties_away == (activation_min < -3)


@pytest.mark.parametrize("scales", [(0.5, 0.1), (0.1, 0.5)])
def test_an_addition_begins_with_the_greater_scale(scales: tuple[float, float]) -> None:
    call = _sum(scales)
    chosen = add_kernel(call)
    assert chosen is not None
    assert chosen.inputs == (call.inputs if scales[0] > scales[1] else call.inputs[::-1])
    params = chosen.params
    assert isinstance(params, AddMveParams)
    assert params.input2_shift < 0
    assert params.writes_over_input


def test_an_addition_without_the_factor_one_half_is_refused() -> None:
    call = _sum((0.5, 0.1))
    assert isinstance(call.params, AddParams)
    assert (call.params.input1_multiplier, call.params.input1_shift) == HALF
    other = replace(call, params=replace(call.params, input1_shift=-1))
    assert add_kernel(other) is None


def test_the_core_with_vectors_gets_them() -> None:
    assert find_core("cortex-m55").target is MVE
