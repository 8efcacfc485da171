"""Shapes of sliding windows, and the pools over them."""

from __future__ import annotations

from typing import Any

from training.export.graph import Border, ConvOptions, PoolOptions
from training.export.lower_context import Context, Lowered, output_extent
from training.export.program import AveragePoolParams, MaxPoolParams

SPAN_LIMIT = 2**24
"""Rows or columns of a kernel with its dilation: positions beside the input stay in 32 bits."""
TAPS_LIMIT = 2**23
"""Values in a window: their sum stays in 32 bits."""


def border_of(
    o: ConvOptions | PoolOptions, size: tuple[int, int], spans: tuple[int, int]
) -> Border:
    """Padding of an image of `size` (height, width) by the options' rule, for dilated kernels."""
    sides: list[int] = []
    strides = o.stride_height, o.stride_width
    for extent, span, stride in zip(size, spans, strides, strict=True):
        output, before = output_extent(o.padding, extent, span, stride)
        around = max((output - 1) * stride + span - extent, 0)
        sides += [before, around - before]
    return Border(*sides)


def windows(c: Context, kernel: tuple[int, int], dilation: tuple[int, int]) -> dict[str, Any]:
    """Shape fields that convolutions and pools share, checked against the output tensor."""
    o = c.options
    height, width, _ = c.image(c.tensor(0))
    steps = (*kernel, *dilation, o.stride_height, o.stride_width)
    c.need(min(steps) >= 1, f"kernel, dilation and stride are {steps}")
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    c.need(max(spans) <= SPAN_LIMIT, f"its kernel spans {spans[0]}x{spans[1]}")
    border = o.border or border_of(o, (height, width), (spans[0], spans[1]))
    output_height, output_width = (
        (size + around - span) // stride + 1
        for size, around, span, stride in (
            (height, border.top + border.bottom, spans[0], o.stride_height),
            (width, border.left + border.right, spans[1], o.stride_width),
        )
    )
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
        "pad_top": border.top,
        "pad_left": border.left,
    }


def _pool(c: Context, kind: type[AveragePoolParams] | type[MaxPoolParams]) -> list[Lowered]:
    o = c.options
    c.same_quantization(c.tensor(0))
    c.need(c.image(c.output)[2] == c.image(c.tensor(0))[2], "its output has other channels")
    low, high = c.clamp()
    height, width, _ = c.image(c.tensor(0))
    taps = min(o.filter_height, height) * min(o.filter_width, width)
    c.need(taps <= TAPS_LIMIT, f"its windows hold {taps} values")
    params = kind(
        **windows(c, (o.filter_height, o.filter_width), (1, 1)),
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
