"""Layers with weights: convolutions and matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from training.export.lower_context import INT8_MAX, INT8_MIN, Context, Lowered
from training.export.operators.windows import windows
from training.export.program import Conv2dParams, DepthwiseConv2dParams, FullyConnectedParams

ACCUMULATOR_LIMIT = 2**31 - 2**8
"""Leaves room for the zero point that a kernel adds to the rescaled accumulator."""
SHIFT_LIMIT = 30


def _multipliers(c: Context, channels: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Multiplier and shift of each output channel of a layer with weights."""
    input_scale, _ = c.quantization(c.tensor(0))
    output_scale, _ = c.quantization(c.output)
    q = c.tensor(1).quantization
    c.need(
        q is not None and all(0 < s < math.inf for s in q.scales), "its weights are not quantised"
    )
    assert q is not None
    c.need(all(z == 0 for z in q.zero_points), "its weights have a zero point other than 0")
    c.need(
        len(q.scales) == 1 or (len(q.scales) == channels and q.axis == axis),
        f"its weights have {len(q.scales)} scales on axis {q.axis} for {channels} channels",
    )
    scales = q.scales if len(q.scales) == channels else q.scales * channels
    pairs = [c.multiplier(input_scale * s / output_scale, SHIFT_LIMIT) for s in scales]
    table = np.array(pairs, dtype=np.int32).reshape(channels, 2)
    return table[:, 0].copy(), table[:, 1].copy()


def _bias(c: Context, channels: int) -> np.ndarray:
    if len(c.inputs) < 3 or c.inputs[2] is None:
        return np.zeros(channels, np.int32)
    bias = c.constant(2, "int32").reshape(-1)
    c.need(bias.size == channels, f"its bias has {bias.size} values for {channels} channels")
    return bias


def _check_accumulators(
    c: Context, weights: np.ndarray, bias: np.ndarray, shift: np.ndarray
) -> None:
    """Keep |accumulator| << shift in 32 bits for every channel; `weights` is [channels, taps]."""
    _, zero_point = c.quantization(c.tensor(0))
    greatest_input = max(INT8_MAX - zero_point, zero_point - INT8_MIN)
    magnitudes = np.abs(weights.astype(np.int64)).sum(axis=1)
    bounds = magnitudes * greatest_input + np.abs(bias.astype(np.int64))
    c.need(
        bool((bounds < ACCUMULATOR_LIMIT >> np.maximum(shift, 0).astype(np.int64)).all()),
        f"an accumulator may reach {int(bounds.max())}, beyond 32 bits",
    )


def _weighted(c: Context, weights: np.ndarray, axis: int) -> dict[str, Any]:
    """Fields of a layer with weights; `weights` is [channels, taps] for the bound only."""
    channels = weights.shape[0]
    multiplier, shift = _multipliers(c, channels, axis)
    bias = _bias(c, channels)
    _check_accumulators(c, weights, bias, shift)
    low, high = c.clamp()
    return {
        "input_offset": -c.quantization(c.tensor(0))[1],
        "output_offset": c.quantization(c.output)[1],
        "activation_min": low,
        "activation_max": high,
        "bias": bias,
        "multiplier": multiplier,
        "shift": shift,
    }


def conv2d(c: Context) -> list[Lowered]:
    """CONV_2D."""
    o, weights = c.options, c.constant(1, "int8")
    channels = c.image(c.tensor(0))[2]
    c.need(weights.ndim == 4, f"its weights have shape {list(weights.shape)}")
    c.need(weights.shape[3] == channels, "grouped convolution is not supported")
    c.need(c.image(c.output)[2] == weights.shape[0], "its output has other channels")
    params = Conv2dParams(
        **windows(c, weights.shape[1:3], (o.dilation_height, o.dilation_width)),
        **_weighted(c, weights.reshape(weights.shape[0], -1), axis=0),
        input_channels=channels,
        output_channels=weights.shape[0],
        kernel_height=weights.shape[1],
        kernel_width=weights.shape[2],
        dilation_height=o.dilation_height,
        dilation_width=o.dilation_width,
        weights=weights,
    )
    return [Lowered(params, (0,), c.output.elements * int(np.prod(weights.shape[1:])))]


def depthwise_conv2d(c: Context) -> list[Lowered]:
    """DEPTHWISE_CONV_2D."""
    o, weights = c.options, c.constant(1, "int8")
    channels = c.image(c.tensor(0))[2]
    c.need(weights.ndim == 4 and weights.shape[0] == 1, f"weights have shape {list(weights.shape)}")
    c.need(
        weights.shape[3] % channels == 0 and c.image(c.output)[2] == weights.shape[3],
        f"{weights.shape[3]} output channels are no multiple of {channels} input channels",
    )
    params = DepthwiseConv2dParams(
        **windows(c, weights.shape[1:3], (o.dilation_height, o.dilation_width)),
        **_weighted(c, weights.reshape(-1, weights.shape[3]).T, axis=3),
        input_channels=channels,
        depth_multiplier=weights.shape[3] // channels,
        kernel_height=weights.shape[1],
        kernel_width=weights.shape[2],
        dilation_height=o.dilation_height,
        dilation_width=o.dilation_width,
        weights=weights,
    )
    return [Lowered(params, (0,), c.output.elements * weights.shape[1] * weights.shape[2])]


def fully_connected(c: Context) -> list[Lowered]:
    """FULLY_CONNECTED."""
    weights, source = c.constant(1, "int8"), c.tensor(0)
    c.need(weights.ndim == 2 and weights.size > 0, f"its weights are {list(weights.shape)}")
    outputs, features = weights.shape
    c.need(
        source.elements % features == 0,
        f"input {list(source.shape)} does not divide into rows of {features}",
    )
    c.writes(source.elements // features * outputs)
    params = FullyConnectedParams(
        rows=source.elements // features,
        input_features=features,
        output_features=outputs,
        weights=weights,
        **_weighted(c, weights, axis=0),
    )
    return [Lowered(params, (0,), c.output.elements * features)]
