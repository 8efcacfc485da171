"""Program -> program with the kernels of sotto/nn_portable.h, where their preconditions hold.

A call that a check refuses keeps its reference kernel: the answer is the same, it takes longer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.export.graph import Quantization
from training.export.portable.pack import (
    fits_digit,
    pack_constants,
    pack_runs,
    pack_weights,
    pad_taps,
)
from training.export.portable.params import MatrixPortableParams
from training.export.program import Buffer, KernelCall, KernelParams, Program
from training.export.weighted import GEOMETRY, as_conv2d, channel_bounds, requantisation

ACCUMULATOR_LIMIT = 2**29 - 1
BLOCK_WINDOWS = 6
"""Windows that the matrix kernel multiplies at a time."""
LEAST_WINDOWS = 3
"""Fewer are faster one by one."""
INT16_MAX = 2**15 - 1


def matrix_kernel(params: KernelParams) -> MatrixPortableParams | None:
    """The matrix kernel for a layer with weights, or None where a check refuses."""
    conv = as_conv2d(params)
    if conv is None:
        return None
    weights = conv.weights.reshape(conv.output_channels, -1).astype(np.int64)
    bounds = channel_bounds(weights, conv.bias, conv.input_offset)
    factors = requantisation(bounds, conv.multiplier, conv.shift)
    groups = pad_taps(weights)
    pairs_fit = fits_digit(groups.reshape(len(weights), -1, 2)).all()
    if factors is None or bounds.max() > ACCUMULATOR_LIMIT or not pairs_fit:
        return None
    if groups.shape[1] > INT16_MAX:
        return None
    windows = conv.output_height * conv.output_width
    return MatrixPortableParams(
        **{name: getattr(conv, name) for name in GEOMETRY},
        input_channels=conv.input_channels,
        output_channels=conv.output_channels,
        pad_value=-conv.input_offset,
        groups=groups.shape[1],
        tile_windows=BLOCK_WINDOWS if windows >= LEAST_WINDOWS else 1,
        rounding_base=2 * conv.output_offset + 1,
        activation_min=conv.activation_min,
        activation_max=conv.activation_max,
        weights=pack_weights(groups),
        constants=pack_constants(weights, conv.bias, conv.input_offset, factors),
        runs=pack_runs(groups),
    )


def choose_portable_kernels(program: Program) -> Program:
    """Give every call the packed kernel that computes the same bytes, if there is one."""
    buffers, calls = list(program.buffers), list[KernelCall]()
    for call in program.calls:
        params = matrix_kernel(call.params)
        if params is None:
            calls.append(call)
            continue
        size = (params.scratch_bytes,)
        calls.append(replace(call, params=params, scratch=len(buffers)))
        buffers.append(Buffer(f"scratch of call {len(calls) - 1}", size, Quantization((), ())))
    return replace(program, buffers=tuple(buffers), calls=tuple(calls))
