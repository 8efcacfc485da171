"""Choice and packing of the kernels of sotto/nn_dsp.h."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_builder import Layers, every_operator_model, keyword_model

from training.errors import UserError
from training.export.compile import compile_model
from training.export.dsp import choose
from training.export.dsp.choose import (
    add_fitted_kernel,
    add_kernel,
    depthwise_five_kernel,
    depthwise_kernel,
    depthwise_rows_kernel,
    matrix_kernel,
    matrix_vector_kernel,
)
from training.export.dsp.pack import pack_depthwise, pack_matrix, pack_vector, pad_runs
from training.export.dsp.params import (
    AddDspParams,
    AddFittedDspParams,
    DepthwiseDspParams,
    DepthwiseFiveDspParams,
    DepthwiseRowsDspParams,
    MatrixDspParams,
    MatrixExactDspParams,
    MatrixVectorDspParams,
    MatrixVectorExactDspParams,
)
from training.export.fixed_point import requantize
from training.export.graph import ArithmeticOptions, Graph
from training.export.lower import lower
from training.export.padding import pad_first
from training.export.passes import simplify
from training.export.program import (
    AddParams,
    Conv2dParams,
    DepthwiseConv2dParams,
    KernelCall,
    Program,
)
from training.export.reader import read_tflite
from training.export.targets import DSP, REFERENCE, find_target
from training.export.tflite_writer import write_tflite
from training.export.weighted import channel_bounds, requantisation

ROOT = Path(__file__).resolve().parents[2]


def _first(kind: type) -> Conv2dParams | DepthwiseConv2dParams:
    params = (
        call.params for call in compile_model(keyword_model(), target=REFERENCE).program.calls
    )
    return next(p for p in params if isinstance(p, kind))


@given(st.integers(0, 2**32 - 1), st.integers(-127, 128))
@settings(deadline=None)
def test_bounds_hold_for_extreme_inputs(seed: int, offset: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (3, 7))
    bias = rng.integers(-5_000, 5_000, 3)
    bounds = channel_bounds(weights, bias, offset)
    inputs = rng.choice([-128, 127, -offset], (50, 7)) + offset
    assert (np.abs(inputs @ weights.T + bias) <= bounds).all()
    worst = np.where(weights > 0, 127, -128) + offset, np.where(weights > 0, -128, 127) + offset
    reached = [np.abs((w * weights).sum(axis=1) + bias) for w in worst]
    if abs(offset) < 128:  # then 0, a tap outside of the input, is no extreme
        np.testing.assert_array_equal(np.maximum(*reached), bounds)


@pytest.mark.parametrize("shift", [1, 0, -1, -8, -22, -23, -31])
def test_exponents_are_in_range_or_the_channel_is_silent(shift: int) -> None:
    bounds, multiplier = np.array([70_000]), np.array([2**30 + 12_345])
    factors = requantisation(bounds, multiplier, np.array([shift]))
    if factors is None:
        assert shift >= 0
        return
    (found,), (exponent,) = factors
    assert 1 <= exponent <= 22
    for value in (-70_000, -1, 0, 1, 70_000):
        expected = requantize(value, int(multiplier[0]), shift)
        assert requantize(value, int(found), -int(exponent)) == expected


def test_a_dead_channel_stays_dead() -> None:
    factors = requantisation(np.array([9]), np.array([0]), np.array([0]))
    assert factors is not None
    assert (factors[0][0], factors[1][0]) == (0, 1)


def test_matrix_stream_is_laid_out_as_the_header_says() -> None:
    weights = np.array([[1, -2, 3, -4, 5], [-127, 127, -127, 127, -127], [0, 0, 0, 0, 9]])
    start, ends = 256 * np.array([10, 20, 30]), np.array([[7, 1], [8, 2], [9, 3]])
    stream = pack_matrix(weights, start, 128, ends).reshape(2, 5, 2)
    words = stream[0, 1:3, 0]
    assert words[0] == (256 * 1 - 2) & 0xFFFF | (256 * 3 - 4) << 16
    assert words[1] == 256 * 5
    assert stream[0, 0, 0] == 256 * 10 + 32_513 * (-2 - 4)
    assert stream[1, 3:].tolist() == [[9, 0], [3, 0]]
    assert stream[1, :, 1].tolist() == [0] * 5


def test_windows_are_whole_units() -> None:
    ones = np.ones((2, 9), np.int64)
    stream = pack_matrix(ones, np.zeros(2, np.int64), 0, ones[:, :1])
    assert stream.shape == (1, 2 + 4 * 2 + 2)
    assert stream[0, -4:].tolist() == [0, 0, 1, 1]


def test_a_stream_for_four_channels() -> None:
    """Then for the fifth alone; an exponent stands below the bias."""
    weights = np.arange(5 * 8).reshape(5, 8)
    ends = np.arange(10).reshape(5, 2)
    stream = pack_vector(weights, 256 * np.arange(5), 128, ends)
    words = [256 * w + w + 1 | 256 * w + 2 * 257 + w + 1 << 16 for w in weights[:, 0]]
    odd = 32_513 * weights[:, 1::2].sum(axis=1)
    blocks, last = stream[:16].reshape(4, 4), stream[16:]
    assert blocks[0].tolist() == [256 * c + 2 * c + 1 + odd[c] for c in range(4)]
    assert blocks[1].tolist() == words[:4]
    assert blocks[3].tolist() == [0, 2, 4, 6]
    assert [last[0], last[1], last[3]] == [256 * 4 + 9 + odd[4], words[4], 8]


def test_a_window_has_two_groups_or_more() -> None:
    stream = pack_vector(
        np.ones((1, 3), np.int64), np.zeros(1, np.int64), 128, np.ones((1, 1), int)
    )
    assert stream.tolist() == [32_513, 257 | 256 << 16, 0, 1]


def test_runs_end_in_weights_of_zero() -> None:
    weights = np.arange(1, 13).reshape(2, 6)
    padded = [[1, 2, 3, 0, 4, 5, 6, 0], [7, 8, 9, 0, 10, 11, 12, 0]]
    assert pad_runs(weights, 2).tolist() == padded
    assert pad_runs(np.ones((1, 8)), 2).shape == (1, 8)


def test_a_weight_may_not_leave_its_lane() -> None:
    with pytest.raises(ValueError, match="lane"):
        pack_matrix(np.array([[-128, -1, 0, 0]]), np.array([0]), 0, np.array([[1]]))


def test_depthwise_stream_repeats_the_last_channels() -> None:
    weights = np.arange(9 * 6).reshape(9, 6) - 27
    factors = np.arange(6), np.full(6, 4)
    stream = pack_depthwise(weights, np.zeros(6, np.int64), 0, factors).reshape(2, 4 + 4 * 5 + 8)
    assert stream[1, -8::2].tolist() == [2, 3, 4, 5]
    last = stream[1, 4 + 4 * 4 : 4 + 4 * 5]
    assert last.tolist() == [256 * w for w in weights[8, 2:6]]


def test_refused_layers_keep_their_kernel() -> None:
    conv, depthwise = _first(Conv2dParams), _first(DepthwiseConv2dParams)
    assert isinstance(conv, Conv2dParams)
    assert matrix_kernel(conv) is None, "it has padding"
    conv = replace(conv, pad_top=0, pad_left=0, output_height=1, output_width=1)
    assert isinstance(depthwise, DepthwiseConv2dParams)
    assert matrix_kernel(conv) is not None
    assert depthwise_kernel(depthwise) is not None
    assert matrix_kernel(replace(conv, bias=conv.bias + 2**23)) is None
    assert matrix_kernel(replace(conv, shift=np.zeros_like(conv.shift))) is None
    assert matrix_kernel(replace(conv, weights=np.full_like(conv.weights, -128))) is None
    assert depthwise_kernel(replace(depthwise, bias=depthwise.bias + 2**23)) is None
    assert depthwise_kernel(replace(depthwise, depth_multiplier=2)) is None
    assert matrix_kernel(depthwise) is None


def test_rows_are_for_three_columns_and_little_scratch() -> None:
    calls = compile_model(keyword_model(), target=REFERENCE).program.calls
    *_, rows = (c.params for c in calls if isinstance(c.params, DepthwiseConv2dParams))
    chosen = depthwise_rows_kernel(rows)
    assert isinstance(chosen, DepthwiseRowsDspParams)
    w0, w1, w2 = rows.weights.reshape(3, 3, -1)[1, :, 5].tolist()
    end = 6 * chosen.channel_bytes
    assert chosen.stream[end - 6 : end - 3].tolist() == [w1, w0, w2]
    assert len(chosen.stream) == chosen.channels * chosen.channel_bytes + 1
    assert depthwise_rows_kernel(replace(rows, stride_width=3)) is None
    assert depthwise_rows_kernel(replace(rows, dilation_width=2)) is None
    tall = replace(rows, input_width=1, output_width=1, input_height=80, output_height=80)
    assert depthwise_rows_kernel(tall) is None, "its planes are longer than its input"


def _five_columns() -> Graph:
    b = Layers(seed=5)
    source = b.tensor((1, 7, 5, 8), 1 / 16, -128)
    return b.build([source], [b.convolution(source, 8, 3, multiplier=1)])


def test_rows_of_five_columns_have_a_kernel() -> None:
    program = lower(_five_columns())
    (layer,) = (c.params for c in program.calls)
    assert isinstance(layer, DepthwiseConv2dParams)
    chosen = depthwise_five_kernel(layer)
    assert isinstance(chosen, DepthwiseFiveDspParams)
    assert chosen.kernel == "depthwise_five_3_dsp"
    w0, w1, w2 = layer.weights.reshape(3, 3, -1)[1, :, 5].tolist()
    assert chosen.channel_bytes == 8 + 9
    assert chosen.stream[5 * 17 + 11 : 5 * 17 + 14].tolist() == [w1, w0, w2]
    assert depthwise_five_kernel(replace(layer, input_offset=127)) is None
    assert depthwise_five_kernel(replace(layer, stride_height=2)) is None
    assert depthwise_five_kernel(replace(layer, pad_left=0)) is None
    assert depthwise_five_kernel(replace(layer, output_offset=0)) is None, "it has no ReLU to fit"


def _addition(**changes: int) -> KernelCall:
    call = next(
        c
        for c in compile_model(keyword_model(), target=REFERENCE).program.calls
        if isinstance(c.params, AddParams)
    )
    assert isinstance(call.params, AddParams)
    return replace(call, params=replace(call.params, **changes))


def test_the_greater_scale_is_added_first() -> None:
    swapped = add_kernel(_addition(input1_multiplier=2**30 + 5, input1_shift=-3, input1_offset=7))
    assert swapped is not None
    assert isinstance(swapped.params, AddDspParams)
    assert swapped.inputs == _addition().inputs[::-1]
    assert swapped.params.input2_offset == 7
    assert (swapped.params.input2_multiplier, swapped.params.input2_exponent) == (2**30 + 5, 3)
    assert add_kernel(_addition(output_shift=0)) is None
    assert add_kernel(_addition(input1_shift=-1, input2_shift=-1)) is None


def test_an_addition_behind_a_relu_takes_one_step() -> None:
    call = add_fitted_kernel(_addition())
    assert call is not None
    assert isinstance(call.params, AddFittedDspParams)
    assert call.inputs == _addition().inputs
    assert add_fitted_kernel(_addition(output_shift=-15)) is None, "its sums leave int32"
    assert add_fitted_kernel(_addition(input1_shift=1)) is None


def test_few_products_do_not_pay_for_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = [c for c in compile_model(keyword_model(), target=DSP).program.calls if c.macs][-1]
    assert isinstance(logits.params, Conv2dParams)
    monkeypatch.setattr(choose, "EXACT_MACS", logits.macs)
    logits = [c for c in compile_model(keyword_model(), target=DSP).program.calls if c.macs][-1]
    assert isinstance(logits.params, MatrixExactDspParams)


def _windows_of_one(channels: int, logits: bool) -> Program:
    b = Layers(seed=4)  # whose first layer fits
    source = b.tensor((1, 5, 1, 40), 1 / 16)
    x = b.convolution(source, 32, (5, 1), padding="VALID")
    output = b.convolution(x, channels, 1, logits=logits)
    return compile_model(write_tflite(b.build([source], [output])), target=DSP).program


def test_one_window_has_a_kernel_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = (c.params for c in _windows_of_one(129, logits=True).calls)
    assert type(first) is MatrixVectorDspParams
    assert (first.runs, first.run_bytes, first.groups) == (1, 5 * 40, 50)
    assert isinstance(last, MatrixVectorExactDspParams)
    *_, few = (c.params for c in _windows_of_one(12, logits=True).calls)
    assert not isinstance(few, MatrixVectorDspParams), "the exact kernel is not worth its flash"
    *_, fitted = (c.params for c in _windows_of_one(12, logits=False).calls)
    assert type(fitted) is MatrixVectorDspParams, "the first layer has paid for it"
    monkeypatch.setattr(choose, "VECTOR_MACS", 10_000)
    calls = _windows_of_one(12, logits=False).calls
    assert all(isinstance(c.params, MatrixDspParams) for c in calls)


def test_what_one_window_is() -> None:
    conv = _first(Conv2dParams)
    assert isinstance(conv, Conv2dParams)
    assert matrix_vector_kernel(conv) is None, "it has padding"
    conv = replace(conv, pad_top=0, pad_left=0, output_height=1, output_width=1)
    chosen = matrix_vector_kernel(conv)
    assert chosen is not None
    assert chosen.runs == conv.kernel_height, "a row of the input is wider than the window"
    assert chosen.groups == chosen.runs * -(-chosen.run_bytes // 4)
    two = matrix_vector_kernel(replace(conv, output_width=2))
    assert two is not None
    assert (two.windows, two.writes_over_input) == (2, False)
    assert matrix_vector_kernel(replace(conv, output_width=3)) is None
    assert matrix_vector_kernel(replace(conv, dilation_width=2)) is None
    assert matrix_vector_kernel(replace(conv, weights=np.full_like(conv.weights, -128))) is None


def test_scratch_is_what_the_header_asks_for() -> None:
    models = [keyword_model(), every_operator_model(), write_tflite(_five_columns())]
    programs = [compile_model(model, target=DSP).program for model in models]
    programs.append(_windows_of_one(129, logits=True))
    wanted = set()
    for program, call in ((found, call) for found in programs for call in found.calls):
        p = call.params
        if isinstance(p, MatrixDspParams):
            sizes = f"{p.units}, {p.copied_groups}, {p.output_channels}"
            macro = f"MATRIX_DSP_SCRATCH_BYTES({sizes})"
        elif isinstance(p, MatrixVectorDspParams):
            macro = f"MATRIX_VECTOR_DSP_SCRATCH_BYTES({p.groups})"
        elif isinstance(p, DepthwiseDspParams):
            taps = p.kernel_height * p.kernel_width
            macro = f"DEPTHWISE_DSP_SCRATCH_BYTES({taps}, {p.channels})"
        elif isinstance(p, DepthwiseFiveDspParams):
            macro = f"DEPTHWISE_FIVE_DSP_SCRATCH_BYTES({p.plane_rows})"
        elif isinstance(p, DepthwiseRowsDspParams):
            sizes = f"{p.plane_rows}, {p.plane_pairs}, {p.kernel_height}"
            macro = f"DEPTHWISE_ROWS_DSP_SCRATCH_BYTES({sizes})"
        else:
            assert call.scratch is None
            continue
        assert call.scratch is not None
        assert program.buffers[call.scratch].bytes == p.scratch_bytes
        wanted.add(f'_Static_assert(SOTTO_{macro} == {p.scratch_bytes}, "");')
    assert len({line.split("(")[1] for line in wanted}) == 5
    source = "\n".join(['#include "sotto/nn_dsp.h"', *sorted(wanted)])
    include = ROOT / "firmware/lib/sotto/include"
    command = ["gcc", "-std=c11", "-fsyntax-only", "-x", "c", "-I", str(include), "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_padded_input_is_a_buffer_of_its_own() -> None:
    """Even where the input is a state or a view."""
    program = lower(simplify(read_tflite(keyword_model(), "tiny")))
    source = program.inputs[0]
    state = replace(program.buffers[source], initial=np.zeros(49 * 40, np.int8))
    buffers = (*program.buffers[:source], state, *program.buffers[source + 1 :])
    padded = pad_first(replace(program, buffers=buffers), lambda _: True)
    pad, conv = padded.calls[:2]
    assert pad.operator == "PAD"
    assert pad.inputs == (source,)
    assert conv.inputs == (pad.output,)
    bordered = padded.buffers[pad.output]
    assert (bordered.initial, bordered.view, bordered.data) == (None, None, None)
    assert bordered.bytes > state.bytes


def _bottleneck(repeat: int) -> Program:
    """Blocks of depthwise and pointwise layers of one shape, with a shortcut over the last."""
    b = Layers(seed=4)
    source = b.tensor((1, 12, 9, 32), 1 / 16)
    x = before = b.convolution(source, 32, 3)
    for _ in range(repeat):
        before = x
        x = b.convolution(b.convolution(x, 32, 3, multiplier=1), 32, 1)
    x = b.operator("ADD", [before, x], b.same(before, 0.07), ArithmeticOptions())
    x = b.convolution(x, 32, 3, multiplier=1)
    output = b.convolution(b.mean(x), 5, 1, logits=True)
    return compile_model(write_tflite(b.build([source], [output])), target=DSP).program


def test_layers_of_one_shape_share_one_buffer() -> None:
    program = _bottleneck(3)
    plane = 12 * 9 * 32
    planes = {b for c in program.calls for b in (*c.inputs, c.output)}
    held = [b for b in planes - {*program.inputs} if program.buffers[b].bytes == plane]
    assert len(held) == 2, "one for the trunk, one for the branch beside the shortcut"
    add = next(c for c in program.calls if isinstance(c.params, AddFittedDspParams))
    assert add.output in add.inputs


def test_what_is_read_later_is_not_written_over() -> None:
    program = _bottleneck(1)
    trunk = next(c for c in program.calls if isinstance(c.params, MatrixDspParams)).output
    add = next(c for c in program.calls if isinstance(c.params, AddFittedDspParams))
    assert trunk in add.inputs
    between = program.calls[2 : program.calls.index(add)]  # the first pads, the second is `trunk`
    assert all(call.output != trunk for call in between)


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, True), ({"channels": 30}, False), ({"output_height": 5}, False)],
)
def test_depthwise_writes_over_its_input_where_all_groups_are_whole(
    change: dict[str, int], expected: bool
) -> None:
    calls = _bottleneck(1).calls
    rows = next(c.params for c in calls if isinstance(c.params, DepthwiseRowsDspParams))
    assert replace(rows, **change).writes_over_input is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"output_channels": 31}, False),
        ({"column_step_bytes": 2 * 32}, False),
        ({"output_height": 2}, False),  # rows that do not follow one another
    ],
)
def test_only_plain_matrices_write_over_their_input(change: dict[str, int], expected: bool) -> None:
    calls = _bottleneck(1).calls
    matrices = [c.params for c in calls if isinstance(c.params, MatrixDspParams)]
    assert not matrices[0].writes_over_input, "a window of 3x3 reaches into the next"
    assert replace(matrices[1], **change).writes_over_input is expected


def test_targets_share_all_but_the_kernels() -> None:
    reference, dsp = (compile_model(keyword_model(), target=t) for t in (REFERENCE, DSP))
    layers = [c.shapes for c in dsp.program.calls if c.operator != "PAD"]
    assert [c.shapes for c in reference.program.calls] == layers
    assert reference.summary.macs == dsp.summary.macs
    assert find_target("dsp") is DSP
    with pytest.raises(UserError, match="no target 'm4'"):
        find_target("m4")
