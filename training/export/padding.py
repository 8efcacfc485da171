"""Convolutions whose windows all lie in their input: what matrix kernels read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from training.export.moving_params import PadParams
from training.export.program import Buffer, Conv2dParams, KernelCall, Program
from training.export.weighted import as_conv2d


def window_geometry(conv: Conv2dParams) -> dict[str, int]:
    """Where the windows of an unpadded convolution lie, in bytes."""
    row = conv.input_width * conv.input_channels
    dilated = conv.dilation_width > 1 and conv.kernel_width > 1
    geometry = {
        "row_step_bytes": conv.stride_height * row,
        "column_step_bytes": conv.stride_width * conv.input_channels,
        "kernel_rows": conv.kernel_height,
        "kernel_row_step_bytes": conv.dilation_height * row,
        "row_runs": conv.kernel_width if dilated else 1,
        "run_step_bytes": conv.dilation_width * conv.input_channels,
        "run_bytes": (1 if dilated else conv.kernel_width) * conv.input_channels,
    }
    if not dilated and geometry["run_bytes"] == geometry["kernel_row_step_bytes"]:
        geometry |= {"kernel_rows": 1, "run_bytes": conv.kernel_height * geometry["run_bytes"]}
    return geometry


def padding_of(conv: Conv2dParams) -> PadParams | None:
    """What adds the rows and columns outside of the input that windows reach, if any do."""
    height = (conv.output_height - 1) * conv.stride_height
    height += (conv.kernel_height - 1) * conv.dilation_height + 1
    width = (conv.output_width - 1) * conv.stride_width
    width += (conv.kernel_width - 1) * conv.dilation_width + 1
    below = max(0, height - conv.pad_top - conv.input_height)
    right = max(0, width - conv.pad_left - conv.input_width)
    if not any((conv.pad_top, conv.pad_left, below, right)):
        return None
    return PadParams(
        input_height=conv.input_height,
        input_row_bytes=conv.input_width * conv.input_channels,
        before_rows=conv.pad_top,
        after_rows=below,
        before_bytes=conv.pad_left * conv.input_channels,
        after_bytes=right * conv.input_channels,
        value=-conv.input_offset,
    )


def _padded(conv: Conv2dParams, pad: PadParams) -> Conv2dParams:
    """The same convolution of the padded input."""
    height = pad.before_rows + pad.input_height + pad.after_rows
    row = pad.before_bytes + pad.input_row_bytes + pad.after_bytes
    width = row // conv.input_channels
    return replace(conv, input_height=height, input_width=width, pad_top=0, pad_left=0)


def pad_first(program: Program, takes: Callable[[Conv2dParams], bool]) -> Program:
    """Give padded convolutions their input with its border, for a matrix kernel to read.

    Args:
        takes: whether that kernel takes a convolution without padding; where not, it stays as it
            is.
    """
    buffers, calls = list(program.buffers), list[KernelCall]()
    for call in program.calls:
        conv = as_conv2d(call.params)
        pad = None if conv is None else padding_of(conv)
        if conv is None or pad is None or not takes(_padded(conv, pad)):
            calls.append(call)
            continue
        inner, source = _padded(conv, pad), program.buffers[call.inputs[0]]
        shape = (1, inner.input_height, inner.input_width, inner.input_channels)
        text = "{}x{}x{}".format(*shape[1:])
        bordered = len(buffers)
        buffers.append(Buffer(f"{source.name} padded", shape, source.quantization))
        shapes = f"{call.shapes.split(' -> ')[0]} -> {text}"
        calls.append(KernelCall("PAD", pad, call.inputs, bordered, shapes))
        calls.append(replace(call, params=inner, inputs=(bordered,)))
    return replace(program, buffers=tuple(buffers), calls=tuple(calls))
