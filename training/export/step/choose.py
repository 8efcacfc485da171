"""Kernels of sotto/nn_step.h for layers with one output position, where their checks hold."""

from __future__ import annotations

import numpy as np

from training.export.program import DepthwiseConv2dParams, KernelParams
from training.export.requantise_fit import SCALE, Staircase, fit_requantisation
from training.export.step.params import COLUMN_CHANNELS, DepthwiseColumnParams
from training.export.weighted import (
    SCALED_ACCUMULATOR_LIMIT,
    channel_range,
    layer_factors,
    overlapping_blocks,
    wrap_int32,
)


def step_constants(
    weights: np.ndarray, params: DepthwiseConv2dParams
) -> tuple[bool, np.ndarray] | None:
    """Whether the requantisation is fitted and the constants, or None where a check refuses.

    Args:
        weights: int64[channels, taps].

    Returns:
        int32[channels, 2], as sotto/nn_step.h says.
    """
    factors = layer_factors(weights, params, SCALED_ACCUMULATOR_LIMIT)
    start = SCALE * (params.bias.astype(np.int64) + params.input_offset * weights.sum(axis=1))
    # Sums in between may wrap, but a start of its own is shifted: it, too, must fit.
    if factors is None or np.abs(start).max() // SCALE > SCALED_ACCUMULATOR_LIMIT:
        return None
    low, high = channel_range(weights, params.bias, params.input_offset)
    fit = fit_requantisation(Staircase(*factors, low, high, params.output_offset))
    if fit.found.all():
        return True, wrap_int32(np.column_stack([fit.factor, start + fit.beta]))
    multiplier, exponent = factors
    return False, wrap_int32(np.column_stack([multiplier, start + exponent - 1]))


def depthwise_column_kernel(params: KernelParams) -> DepthwiseColumnParams | None:
    """The kernel for a depthwise layer of one output position, or None where a check refuses."""
    if not isinstance(params, DepthwiseConv2dParams) or params.depth_multiplier != 1:
        return None
    p, channels = params, params.input_channels
    if (p.output_height, p.output_width, p.pad_top, p.pad_left) != (1, 1, 0, 0):
        return None
    if min(p.kernel_height, p.kernel_width) > 1 or channels < COLUMN_CHANNELS:
        return None
    weights = p.weights.reshape(-1, channels).astype(np.int64)
    constants = step_constants(weights.T, p)
    if constants is None:
        return None
    row = p.dilation_height * p.input_width * channels
    blocks = overlapping_blocks(channels, COLUMN_CHANNELS)
    packed = weights[:, blocks].transpose(1, 0, 2)  # [taps, blocks, 4] -> [blocks, taps, 4]
    return DepthwiseColumnParams(
        channels=channels,
        taps=len(weights),
        tap_step_bytes=row if p.kernel_width == 1 else p.dilation_width * channels,
        fitted=int(constants[0]),
        rounding_base=2 * p.output_offset + 1,
        activation_min=p.activation_min,
        activation_max=p.activation_max,
        weights=np.ascontiguousarray(packed, np.int8),
        constants=np.ascontiguousarray(constants[1][blocks]),
    )
