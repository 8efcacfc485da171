"""Kernels of sotto/nn_step.h for layers with one output position, where their checks hold."""

from __future__ import annotations

import numpy as np

from training.export.program import DepthwiseConv2dParams, KernelParams
from training.export.requantise_fit import SCALE, Staircase, fit_requantisation
from training.export.step.params import COLUMN_CHANNELS, DepthwiseColumnParams
from training.export.weighted import channel_range, requantisation, wrap_int32

ACCUMULATOR_LIMIT = 2**23 - 2
"""256 times an accumulator, and 2**9 for rounding, fit an int32."""


def step_constants(
    weights: np.ndarray, params: DepthwiseConv2dParams
) -> tuple[bool, np.ndarray] | None:
    """Whether the requantisation is fitted and the constants, or None where a check refuses.

    Args:
        weights: int64[channels, taps].

    Returns:
        int32[channels, 2], as sotto/nn_step.h says.
    """
    low, high = channel_range(weights, params.bias, params.input_offset)
    bounds = np.maximum(np.abs(low), np.abs(high))
    factors = requantisation(bounds, params.multiplier, params.shift)
    start = SCALE * (params.bias.astype(np.int64) + params.input_offset * weights.sum(axis=1))
    # Sums in between may wrap, but a start of its own is shifted: it, too, must fit.
    if factors is None or max(bounds.max(), np.abs(start).max() // SCALE) > ACCUMULATOR_LIMIT:
        return None
    fit = fit_requantisation(Staircase(*factors, low, high, params.output_offset))
    if fit.found.all():
        return True, wrap_int32(np.column_stack([fit.factor, start + fit.beta]))
    multiplier, exponent = factors
    return False, wrap_int32(np.column_stack([multiplier, start + exponent - 1]))


def blocks_of(channels: int) -> np.ndarray:
    """Channels as the kernel takes them: int64[blocks * 4], the last four perhaps once more."""
    first = np.minimum(np.arange(0, channels, COLUMN_CHANNELS), channels - COLUMN_CHANNELS)
    return np.asarray(first[:, None] + np.arange(COLUMN_CHANNELS)).reshape(-1)


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
    blocks = blocks_of(channels)
    # [taps, blocks, 4] -> [blocks, taps, 4]
    packed = weights[:, blocks].reshape(len(weights), -1, COLUMN_CHANNELS).transpose(1, 0, 2)
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
