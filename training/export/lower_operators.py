"""One function an operator: checked quantisation and shapes -> kernel parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.export import fixed_functions
from training.export.fixed_point import requantize
from training.export.graph import Quantization, Tensor
from training.export.lower_context import (
    INT8_MAX,
    INT8_MIN,
    Context,
    output_extent,
)
from training.export.program import (
    AddParams,
    AveragePoolParams,
    ConcatenateParams,
    Conv2dParams,
    DepthwiseConv2dParams,
    FullyConnectedParams,
    KernelParams,
    LookupParams,
    MaxPoolParams,
    MeanParams,
    MulParams,
    PadParams,
    SoftmaxParams,
)

ACCUMULATOR_LIMIT = 2**31 - 2**8
"""Leaves room for the zero point that a kernel adds to the rescaled accumulator."""
ADD_FRACTION_BITS = 20
MEAN_POSITIONS_LIMIT = 2**23
SPAN_LIMIT = 2**24
"""Rows or columns of a kernel with its dilation: positions beside the input stay in 32 bits."""
SOFTMAX_CLASSES_LIMIT = 511
"""Beyond, the kernel would have to shift by more than 31 bits."""
SOFTMAX_LEAST_STEP = 2.0**-26
"""Below it the reference kernels refuse to rescale the input."""
SHIFT_LIMIT = 30
MUL_SHIFT_LIMIT = 14
"""A product of two offset bytes has 16 bits."""
BYTE_SHIFT_LIMIT = 22
"""An offset byte has 8 bits."""
PROBABILITY = Quantization((1.0 / 256.0,), (-128,))


@dataclass(frozen=True)
class Lowered:
    """One kernel with the positions (in the operator's inputs) of the tensors it reads."""

    params: KernelParams
    inputs: tuple[int, ...]
    macs: int = 0


def _windows(c: Context, kernel: tuple[int, int], dilation: tuple[int, int]) -> dict[str, Any]:
    """Shape fields that convolutions and pools share, checked against the output tensor."""
    o = c.options
    height, width, _ = c.image(c.tensor(0))
    steps = (*kernel, *dilation, o.stride_height, o.stride_width)
    c.need(min(steps) >= 1, f"kernel, dilation and stride are {steps}")
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    c.need(max(spans) <= SPAN_LIMIT, f"its kernel spans {spans[0]}x{spans[1]}")
    output_height, pad_top = output_extent(o.padding, height, spans[0], o.stride_height)
    output_width, pad_left = output_extent(o.padding, width, spans[1], o.stride_width)
    found = c.image(c.output)[:2]
    c.need(
        found == (output_height, output_width),
        f"output is {found[0]}x{found[1]}, its options say {output_height}x{output_width}",
    )
    return {
        "input_height": height,
        "input_width": width,
        "output_height": output_height,
        "output_width": output_width,
        "stride_height": o.stride_height,
        "stride_width": o.stride_width,
        "pad_top": pad_top,
        "pad_left": pad_left,
    }


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
        **_windows(c, weights.shape[1:3], (o.dilation_height, o.dilation_width)),
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
        **_windows(c, weights.shape[1:3], (o.dilation_height, o.dilation_width)),
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


def _pair(c: Context) -> tuple[Tensor, Tensor]:
    first, second = c.tensor(0), c.tensor(1)
    c.need(
        first.shape == second.shape,
        f"it broadcasts {list(first.shape)} and {list(second.shape)}, which is not supported",
    )
    c.writes(first.elements)
    return first, second


def add(c: Context) -> list[Lowered]:
    """ADD: both inputs rescaled to twice the greater scale with 20 fraction bits."""
    first, second = _pair(c)
    (scale1, zero1), (scale2, zero2) = c.quantization(first), c.quantization(second)
    output_scale, output_zero = c.quantization(c.output)
    twice = 2.0 * max(scale1, scale2)
    multiplier1, shift1 = c.multiplier(scale1 / twice, 0)
    multiplier2, shift2 = c.multiplier(scale2 / twice, 0)
    multiplier, shift = c.multiplier(twice / (2**ADD_FRACTION_BITS * output_scale), 0)
    low, high = c.clamp()
    params = AddParams(
        elements=c.output.elements,
        input1_offset=-zero1,
        input2_offset=-zero2,
        output_offset=output_zero,
        input1_multiplier=multiplier1,
        input1_shift=shift1,
        input2_multiplier=multiplier2,
        input2_shift=shift2,
        output_multiplier=multiplier,
        output_shift=shift,
        activation_min=low,
        activation_max=high,
    )
    return [Lowered(params, (0, 1))]


def mul(c: Context) -> list[Lowered]:
    """MUL."""
    first, second = _pair(c)
    (scale1, zero1), (scale2, zero2) = c.quantization(first), c.quantization(second)
    output_scale, output_zero = c.quantization(c.output)
    multiplier, shift = c.multiplier(scale1 * scale2 / output_scale, MUL_SHIFT_LIMIT)
    low, high = c.clamp()
    params = MulParams(
        elements=c.output.elements,
        input1_offset=-zero1,
        input2_offset=-zero2,
        output_offset=output_zero,
        multiplier=multiplier,
        shift=shift,
        activation_min=low,
        activation_max=high,
    )
    return [Lowered(params, (0, 1))]


def _pool(c: Context, kind: type[AveragePoolParams] | type[MaxPoolParams]) -> list[Lowered]:
    o = c.options
    c.same_quantization(c.tensor(0))
    c.need(c.image(c.output)[2] == c.image(c.tensor(0))[2], "its output has other channels")
    low, high = c.clamp()
    height, width, _ = c.image(c.tensor(0))
    taps = min(o.filter_height, height) * min(o.filter_width, width)
    c.need(taps <= MEAN_POSITIONS_LIMIT, f"its windows hold {taps} values")
    params = kind(
        **_windows(c, (o.filter_height, o.filter_width), (1, 1)),
        channels=c.image(c.tensor(0))[2],
        filter_height=o.filter_height,
        filter_width=o.filter_width,
        activation_min=low,
        activation_max=high,
    )
    return [Lowered(params, (0,))]


def average_pool(c: Context) -> list[Lowered]:
    """AVERAGE_POOL_2D."""
    return _pool(c, AveragePoolParams)


def max_pool(c: Context) -> list[Lowered]:
    """MAX_POOL_2D."""
    return _pool(c, MaxPoolParams)


def mean(c: Context) -> list[Lowered]:
    """MEAN over height and width: the division is part of the multiplier."""
    height, width, channels = c.image(c.tensor(0))
    axes = sorted(int(a) % 4 for a in c.constant(1, "int32").reshape(-1))
    c.need(axes == [1, 2], f"it averages over axes {axes}; only height and width are supported")
    positions = height * width
    c.writes(channels)
    c.need(positions <= MEAN_POSITIONS_LIMIT, f"it averages {positions} positions")
    (scale, zero), (output_scale, output_zero) = map(c.quantization, (c.tensor(0), c.output))
    multiplier, shift = c.multiplier(scale / output_scale, BYTE_SHIFT_LIMIT)
    # As many bits as the division leaves free move from the shift into the multiplier.
    spare = min(positions.bit_length() - 1, 32, 31 + shift)
    greatest = positions * (INT8_MAX - INT8_MIN) << max(shift - spare, 0)
    c.need(greatest < ACCUMULATOR_LIMIT, f"its sum may reach {greatest}, beyond 32 bits")
    params = MeanParams(
        positions=positions,
        channels=channels,
        input_offset=-zero,
        output_offset=output_zero,
        multiplier=(multiplier << spare) // positions,
        shift=shift - spare,
    )
    return [Lowered(params, (0,))]


def softmax(c: Context) -> list[Lowered]:
    """SOFTMAX over the last axis."""
    source = c.tensor(0)
    scale, _ = c.quantization(source)
    c.need(
        c.output.quantization == PROBABILITY,
        f"output quantisation is {c.output.quantization}, not scale 1/256 and zero point -128",
    )
    classes = source.shape[-1] if source.shape else 0
    c.need(1 <= classes <= SOFTMAX_CLASSES_LIMIT, f"it has {classes} classes")
    c.writes(source.elements)
    beta = c.options.beta
    c.need(SOFTMAX_LEAST_STEP < beta * scale < math.inf, f"its beta is {beta}, its scale {scale}")
    table = fixed_functions.softmax_exp_table(scale, beta)
    return [Lowered(SoftmaxParams(source.elements // classes, classes, table), (0,))]


def logistic(c: Context) -> list[Lowered]:
    """LOGISTIC."""
    c.need(
        c.output.quantization == PROBABILITY,
        f"output quantisation is {c.output.quantization}, not scale 1/256 and zero point -128",
    )
    c.writes(c.tensor(0).elements)
    table = fixed_functions.logistic_table(*c.quantization(c.tensor(0)))
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def _rescaled(c: Context, low: int, high: int) -> list[Lowered]:
    """A table of the requantised and clamped stored values."""
    c.writes(c.tensor(0).elements)
    (scale, zero), (output_scale, output_zero) = map(c.quantization, (c.tensor(0), c.output))
    multiplier, shift = c.multiplier(scale / output_scale, BYTE_SHIFT_LIMIT)
    values = [
        requantize(stored - zero, multiplier, shift) + output_zero
        for stored in range(INT8_MIN, INT8_MAX + 1)
    ]
    table = np.clip(np.array(values), low, high).astype(np.int8)
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def quantize(c: Context) -> list[Lowered]:
    """QUANTIZE from int8 to int8."""
    return _rescaled(c, INT8_MIN, INT8_MAX)


def relu(c: Context) -> list[Lowered]:
    """RELU and RELU6 that could not be fused."""
    if c.operator.name != "RELU":
        # LiteRT rescales between different quantisations, TFLite-Micro does not.
        c.same_quantization(c.tensor(0))
    return _rescaled(c, *c.bounds(c.operator.name))


def pad(c: Context) -> list[Lowered]:
    """PAD of height and width with the zero point."""
    source = c.tensor(0)
    height, width, channels = c.image(source)
    borders = c.constant(1, "int32").reshape(-1).tolist()
    borders = [borders[i : i + 2] for i in range(0, len(borders), 2)]
    c.need(
        len(borders) == 4
        and len(borders[3]) == 2
        and borders[0] == [0, 0]
        and borders[3] == [0, 0],
        f"it pads by {borders}; only height and width can be padded",
    )
    c.same_quantization(source)
    c.need(min(map(min, borders)) >= 0, f"it pads by {borders}")
    c.writes((height + sum(borders[1])) * (width + sum(borders[2])) * channels)
    params = PadParams(
        input_height=height,
        input_row_bytes=width * channels,
        before_rows=borders[1][0],
        after_rows=borders[1][1],
        before_bytes=borders[2][0] * channels,
        after_bytes=borders[2][1] * channels,
        value=c.quantization(c.output)[1],
    )
    return [Lowered(params, (0,))]


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def concatenation(c: Context) -> list[Lowered]:
    """CONCATENATION: one copy an input."""
    c.need(c.options.activation == "NONE", "its fused activation is not supported")
    c.need(len(c.output.shape) > 0, "its output is a scalar")
    axis = c.options.axis % len(c.output.shape)
    sources = [c.tensor(position) for position in range(len(c.inputs))]
    around = {_without(source.shape, axis) for source in sources}
    c.need(around == {_without(c.output.shape, axis)}, "its inputs do not line up")
    c.writes(sum(source.elements for source in sources))
    blocks = int(np.prod(c.output.shape[:axis], dtype=np.int64))
    stride = c.output.elements // blocks
    lowered, start = [], 0
    for position, source in enumerate(sources):
        c.same_quantization(source)
        block = source.elements // blocks
        lowered.append(Lowered(ConcatenateParams(blocks, block, stride, start), (position,)))
        start += block
    return lowered


LOWERINGS: dict[str, Callable[[Context], Sequence[Lowered]]] = {
    "CONV_2D": conv2d,
    "DEPTHWISE_CONV_2D": depthwise_conv2d,
    "FULLY_CONNECTED": fully_connected,
    "ADD": add,
    "MUL": mul,
    "AVERAGE_POOL_2D": average_pool,
    "MAX_POOL_2D": max_pool,
    "MEAN": mean,
    "SOFTMAX": softmax,
    "LOGISTIC": logistic,
    "QUANTIZE": quantize,
    "RELU": relu,
    "RELU6": relu,
    "PAD": pad,
    "CONCATENATION": concatenation,
}
"""Operator name -> kernels. A new operator is one function here and one kernel in C."""
