"""Program -> program with the kernels of sotto/nn_portable.h, where their preconditions hold.

A call that a check refuses keeps its reference kernel: the answer is the same, it takes longer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.export.choice import with_scratch
from training.export.padding import pad_first, padding_of, window_geometry
from training.export.portable.pack import (
    GROUP,
    fits_digit,
    fold_zero_point,
    pack_matrix,
    pad_taps,
    requantisation_constants,
)
from training.export.portable.params import (
    KERNEL_COLUMNS,
    STRIP_OUTPUTS,
    DepthwiseStripsPortableParams,
    MatrixPortableParams,
)
from training.export.program import (
    Conv2dParams,
    DepthwiseConv2dParams,
    KernelCall,
    KernelParams,
    Program,
)
from training.export.step.choose import depthwise_column_kernel
from training.export.weighted import as_conv2d, channel_range, layer_factors

ACCUMULATOR_LIMIT = 2**29 - 1
BLOCK_WINDOWS = 6
"""Windows that the matrix kernel multiplies at a time."""
GROUPS_LIMIT = 2**15
"""Groups are counted in 15 bits."""


_STRIPS_GEOMETRY = (
    "input_height",
    "input_width",
    "output_height",
    "output_width",
    "kernel_height",
    "stride_height",
    "stride_width",
    "pad_top",
    "pad_left",
)


def _constants(
    weights: np.ndarray, params: Conv2dParams | DepthwiseConv2dParams
) -> tuple[bool, np.ndarray] | None:
    """Whether the requantisation is fitted and its constants, or None where a check refuses.

    Args:
        weights: int64[channels, taps].
    """
    factors = layer_factors(weights, params, ACCUMULATOR_LIMIT)
    if factors is None:
        return None
    limits = channel_range(weights, params.bias, params.input_offset)
    start = fold_zero_point(weights, params.bias, params.input_offset)
    return requantisation_constants(start, limits, factors, params.output_offset)


def matrix_kernel(params: KernelParams) -> MatrixPortableParams | None:
    """The matrix kernel for an unpadded layer with weights, or None where a check refuses."""
    conv = as_conv2d(params)
    if conv is None or padding_of(conv) is not None:
        return None
    weights = conv.weights.reshape(conv.output_channels, -1).astype(np.int64)
    groups = pad_taps(weights)
    pairs_fit = fits_digit(groups.reshape(len(weights), -1, 2)).all()
    if not pairs_fit or groups.shape[1] > GROUPS_LIMIT:
        return None
    constants = _constants(weights, conv)
    if constants is None:
        return None
    windows = conv.output_height * conv.output_width
    geometry = window_geometry(conv)
    return MatrixPortableParams(
        output_height=conv.output_height,
        output_width=conv.output_width,
        output_channels=conv.output_channels,
        **geometry,
        in_words=int(geometry["row_runs"] == 1 and geometry["run_bytes"] % GROUP == 0),
        groups=groups.shape[1],
        tile_windows=BLOCK_WINDOWS if windows >= BLOCK_WINDOWS else 1,
        fitted=int(constants[0]),
        rounding_base=2 * conv.output_offset + 1,
        activation_min=conv.activation_min,
        activation_max=conv.activation_max,
        stream=pack_matrix(groups, constants[1]),
    )


def depthwise_strips_kernel(params: KernelParams) -> DepthwiseStripsPortableParams | None:
    """The depthwise kernel by strips of rows, or None where a check refuses."""
    if not isinstance(params, DepthwiseConv2dParams):
        return None
    p = params
    ones = p.depth_multiplier, p.dilation_height, p.dilation_width
    if p.kernel_width != KERNEL_COLUMNS or ones != (1, 1, 1) or p.stride_width not in (1, 2):
        return None
    if p.output_width < STRIP_OUTPUTS or p.kernel_height < 2:
        return None
    weights = p.weights.reshape(-1, p.input_channels).astype(np.int64).T
    constants = _constants(weights, p)
    if constants is None:
        return None
    chosen = DepthwiseStripsPortableParams(
        **{name: getattr(p, name) for name in _STRIPS_GEOMETRY},
        channels=p.input_channels,
        pad_value=-p.input_offset,
        fitted=int(constants[0]),
        rounding_base=2 * p.output_offset + 1,
        activation_min=p.activation_min,
        activation_max=p.activation_max,
        weights=np.ascontiguousarray(weights, np.int8),
        constants=constants[1],
    )
    # Speed is not worth more memory than one more tensor.
    image_bytes = p.input_height * p.input_width * p.input_channels
    return chosen if chosen.scratch_bytes <= image_bytes else None


def _chosen(call: KernelCall) -> KernelCall:
    p = call.params
    params = matrix_kernel(p) or depthwise_column_kernel(p) or depthwise_strips_kernel(p)
    return call if params is None else replace(call, params=params)


def choose_portable_kernels(program: Program) -> Program:
    """Give every call the packed kernel that computes the same bytes, if there is one."""
    program = pad_first(program, lambda conv: matrix_kernel(conv) is not None)
    return with_scratch(program, map(_chosen, program.calls))
