"""Choice and packing of the kernels of sotto/nn_portable.h."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_builder import every_operator_model, keyword_model

from training.export.compile import compile_model
from training.export.portable.choose import depthwise_strips_kernel, matrix_kernel
from training.export.portable.pack import fits_digit, pack_matrix, pad_taps
from training.export.portable.params import DepthwiseStripsPortableParams, MatrixPortableParams
from training.export.program import DepthwiseConv2dParams, FullyConnectedParams
from training.export.targets import PORTABLE, REFERENCE

ROOT = Path(__file__).resolve().parents[2]


def _first(kind: type) -> FullyConnectedParams | DepthwiseConv2dParams:
    model = compile_model(every_operator_model(), target=REFERENCE)
    return next(c.params for c in model.program.calls if isinstance(c.params, kind))


def _depthwise() -> DepthwiseConv2dParams:
    calls = compile_model(keyword_model(), target=REFERENCE).program.calls
    found = (c.params for c in calls if isinstance(c.params, DepthwiseConv2dParams))
    return next(p for p in found if depthwise_strips_kernel(p))


def test_digit_fits_what_the_worst_inputs_give() -> None:
    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, (2_000, 4))
    worst = np.stack([np.where(weights > 0, a, b) for a, b in ((127, -128), (-128, 127))]) * weights
    sums = worst.sum(axis=-1)
    expected = (sums.max(axis=0) < 2**15) & (sums.min(axis=0) >= -(2**15))
    np.testing.assert_array_equal(fits_digit(weights), expected)
    assert 0 < expected.sum() < len(expected)
    assert fits_digit(np.array([-127, -127]))
    assert not fits_digit(np.array([-128, -128]))


def test_stream_is_laid_out_as_the_header_says() -> None:
    groups = pad_taps(np.array([[1, -2, 3, -4, 5], [127, -127, 127, -127, 6]]))
    assert groups.shape == (2, 2, 4)
    stream = pack_matrix(groups, np.array([[7, -8], [9, 10]], np.int32)).view(np.uint32)
    # bytes w1, w3, w0, w2, plus 128, from the lowest
    assert stream[:2].tolist() == [0x83817C7E, 0x80858080]
    assert stream[2:4].tolist() == [7, 2**32 - 8]
    assert stream[4:6].tolist() == [0xFF800180, 0x80868080], "the first pair is taken out"
    assert stream[6] == 1 << 31 | 0 << 16 | 127 << 8 | 0x81
    assert stream[7:].tolist() == [9, 10]


def test_refused_layers_keep_their_kernel() -> None:
    dense, depthwise = _first(FullyConnectedParams), _depthwise()
    assert matrix_kernel(dense) is not None
    assert matrix_kernel(replace(dense, bias=dense.bias + 2**29)) is None
    assert matrix_kernel(replace(dense, shift=np.zeros_like(dense.shift))) is None
    assert matrix_kernel(replace(dense, weights=np.full_like(dense.weights, -128))) is None
    assert matrix_kernel(depthwise) is None
    assert depthwise_strips_kernel(dense) is None
    for change in (
        {"stride_width": 3},
        {"dilation_height": 2},
        {"dilation_width": 2},
        {"depth_multiplier": 2},
        {"output_width": 4},
        {"bias": depthwise.bias + 2**29},
        {"output_height": 1_000},
    ):
        assert depthwise_strips_kernel(replace(depthwise, **change)) is None, change


@pytest.mark.parametrize(("change", "expected"), [({}, True), ({"output_height": 7}, False)])
def test_strips_write_over_an_input_of_their_shape(change: dict[str, int], expected: bool) -> None:
    chosen = depthwise_strips_kernel(_depthwise())
    assert chosen is not None
    shape = {"output_height": chosen.input_height, "output_width": chosen.input_width} | change
    assert replace(chosen, **shape).writes_over_input is expected


def test_scratch_is_what_the_header_asks_for() -> None:
    models = [compile_model(m, target=PORTABLE) for m in (keyword_model(), every_operator_model())]
    wanted = set()
    for program, call in ((m.program, call) for m in models for call in m.program.calls):
        p = call.params
        if isinstance(p, MatrixPortableParams):
            sizes = f"{p.groups}, {p.tile_windows}"
            macro = f"MATRIX_PORTABLE_SCRATCH_BYTES({sizes})"
        elif isinstance(p, DepthwiseStripsPortableParams):
            sizes = f"{p.output_height}, {p.output_width}, {p.kernel_height}"
            strides = f"{p.stride_height}, {p.stride_width}"
            macro = f"DEPTHWISE_STRIPS_PORTABLE_SCRATCH_BYTES({sizes}, {strides})"
        else:
            assert call.scratch is None
            continue
        assert call.scratch is not None
        assert program.buffers[call.scratch].bytes == p.scratch_bytes
        wanted.add(f'_Static_assert(SOTTO_{macro} == {p.scratch_bytes}, "");')
    assert len({line.split("(")[1] for line in wanted}) == 2
    source = "\n".join(['#include "sotto/nn_portable.h"', *sorted(wanted)])
    include = ROOT / "firmware/lib/sotto/include"
    command = ["gcc", "-std=c11", "-fsyntax-only", "-x", "c", "-I", str(include), "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
