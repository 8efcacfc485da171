"""Layers with weights as the packed kernels of every kind of core see them."""

from __future__ import annotations

import numpy as np

from training.export.program import (
    Conv2dParams,
    DepthwiseConv2dParams,
    FullyConnectedParams,
    KernelParams,
)

EXPONENT_LIMIT = 22
"""A rounding term of 255 * 2^(exponent - 1) fits an int32."""
INT8_MIN, INT8_MAX = -128, 127
SCALED_ACCUMULATOR_LIMIT = 2**23 - 2
"""256 times an accumulator, and 2**9 for rounding, fit an int32."""
GEOMETRY = (
    "input_height",
    "input_width",
    "output_height",
    "output_width",
    "kernel_height",
    "kernel_width",
    "stride_height",
    "stride_width",
    "dilation_height",
    "dilation_width",
    "pad_top",
    "pad_left",
)
"""Fields that say where a window lies."""


def as_conv2d(params: KernelParams) -> Conv2dParams | None:
    """A layer with weights that mixes all its inputs, as the convolution that it equals."""
    if isinstance(params, Conv2dParams):
        return params
    shared = {
        name: getattr(params, name, 0)
        for name in ("input_offset", "output_offset", "activation_min", "activation_max")
    }
    if isinstance(params, FullyConnectedParams):
        ones = dict.fromkeys(GEOMETRY, 1) | {"pad_top": 0, "pad_left": 0}
        ones |= {"input_height": params.rows, "output_height": params.rows}
        return Conv2dParams(
            **ones,
            **shared,
            input_channels=params.input_features,
            output_channels=params.output_features,
            weights=params.weights,
            bias=params.bias,
            multiplier=params.multiplier,
            shift=params.shift,
        )
    if isinstance(params, DepthwiseConv2dParams) and params.input_channels == 1:
        taps = params.kernel_height * params.kernel_width
        weights = params.weights.reshape(taps, params.depth_multiplier).T
        return Conv2dParams(
            **{name: getattr(params, name) for name in GEOMETRY},
            **shared,
            input_channels=1,
            output_channels=params.depth_multiplier,
            weights=np.ascontiguousarray(weights),
            bias=params.bias,
            multiplier=params.multiplier,
            shift=params.shift,
        )
    return None


def channel_range(
    weights: np.ndarray, bias: np.ndarray, input_offset: int
) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest accumulator of each channel over all inputs.

    Args:
        weights: int64[channels, taps].
        bias: int32[channels].
    """
    low, high = INT8_MIN + input_offset, INT8_MAX + input_offset
    # A tap outside of the input adds 0, which may lie outside of low .. high.
    least = np.minimum(np.minimum(weights * low, weights * high), 0).sum(axis=1) + bias
    greatest = np.maximum(np.maximum(weights * low, weights * high), 0).sum(axis=1) + bias
    return least, greatest


def channel_bounds(weights: np.ndarray, bias: np.ndarray, input_offset: int) -> np.ndarray:
    """Greatest |accumulator| of each channel over all inputs; arguments of `channel_range`."""
    least, greatest = channel_range(weights, bias, input_offset)
    return np.maximum(np.abs(least), np.abs(greatest))


def wrap_int32(values: np.ndarray) -> np.ndarray:
    """int64 modulo 2**32, as int32: sums in the kernels wrap, so packed constants may."""
    return np.ascontiguousarray((values & 0xFFFFFFFF).astype(np.uint32)).view(np.int32)


def requantisation(
    bounds: np.ndarray, multiplier: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Multiplier and exponent of each channel in the kernels' range, or None.

    A channel whose every result rounds to 0 gets multiplier 0 and exponent 1, which gives 0 too.
    """
    exponents = -shift.astype(np.int64)
    products = bounds.astype(object) * multiplier.astype(object)
    silent = np.array(
        [
            # |round(acc * multiplier / 2^31)| <= 2^(exponent - 1) - 1 rounds to 0
            m == 0 or (e >= 1 and (int(p) + 2**30 >> 31) < 2 ** (int(e) - 1))
            for m, e, p in zip(multiplier, exponents, products, strict=True)
        ]
    )
    exponents = np.where(silent, 1, exponents)
    if exponents.min() < 1 or exponents.max() > EXPONENT_LIMIT:
        return None
    return np.where(silent, 0, multiplier.astype(np.int64)), exponents


def layer_factors(
    weights: np.ndarray, params: Conv2dParams | DepthwiseConv2dParams, limit: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """What `requantisation` gives a layer whose accumulators' magnitude is `limit` at most.

    Args:
        weights: int64[channels, taps].
    """
    bounds = channel_bounds(weights, params.bias, params.input_offset)
    if bounds.max() > limit:
        return None
    return requantisation(bounds, params.multiplier, params.shift)


def overlapping_blocks(channels: int, size: int) -> np.ndarray:
    """Channels as kernels take `size` at a time: int64[blocks, size], the last from the end.

    Args:
        channels: `size` or more.
    """
    first = np.minimum(np.arange(0, channels, size), channels - size)
    return np.asarray(first[:, None] + np.arange(size))
