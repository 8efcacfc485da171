"""Operators that move bytes and compute nothing."""

from __future__ import annotations

import numpy as np

from training.export.graph import StreamOptions
from training.export.lower_context import Context, Lowered
from training.export.operators.moves import MOVE_DIMENSIONS, Move, dense_strides
from training.export.operators.slices import Range, ranges_of
from training.export.program import CopyParams, PadParams, ShiftParams


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


def _moved(c: Context, move: Move, position: int = 0, output: int | None = None) -> Lowered:
    params = move.params()
    if params is None:
        raise c.refuse(f"it moves bytes along more than {MOVE_DIMENSIONS} dimensions")
    return Lowered(params, (position,), output=output)


def _whole(elements: int) -> CopyParams:
    return CopyParams(1, elements, 0, 0, 0, 0)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def concatenation(c: Context) -> list[Lowered]:
    """CONCATENATION: one copy an input."""
    c.need(c.options.activation == "NONE", "its fused activation is not supported")
    shape = c.output.shape
    c.need(len(shape) > 0, "its output is a scalar")
    axis = c.options.axis % len(shape)
    sources = [c.tensor(position) for position in range(len(c.inputs))]
    around = {_without(source.shape, axis) for source in sources}
    c.need(around == {_without(shape, axis)}, "its inputs do not line up")
    c.writes(sum(source.elements for source in sources))
    strides = dense_strides(shape)
    lowered, start = [], 0
    for position, source in enumerate(sources):
        c.same_quantization(source)
        own = dense_strides(source.shape)
        lowered.append(_moved(c, Move(source.shape, own, strides, output_start=start), position))
        start += source.shape[axis] * strides[axis]
    return lowered


def _slice(c: Context, ranges: list[Range], output: int | None = None) -> Lowered:
    """Copy of the elements of input 0 that `ranges` select, densely, to an output."""
    source = c.tensor(0)
    strides = dense_strides(source.shape)
    extents = tuple(r.count for r in ranges)
    move = Move(
        extents,
        tuple(r.step * stride for r, stride in zip(ranges, strides, strict=True)),
        dense_strides(extents),
        input_start=sum(r.start * stride for r, stride in zip(ranges, strides, strict=True)),
    )
    return _moved(c, move, output=output)


def strided_slice(c: Context) -> list[Lowered]:
    """STRIDED_SLICE with constant begin, end and strides."""
    source = c.tensor(0)
    c.same_quantization(source)
    begin, end, strides = (c.constant(i, "int32").reshape(-1).tolist() for i in (1, 2, 3))
    ranges = ranges_of(source.shape, begin, end, strides, c.options)
    c.need(ranges is not None, f"it slices {list(source.shape)} by {begin}, {end}, {strides}")
    assert ranges is not None
    c.writes(int(np.prod([r.count for r in ranges], dtype=np.int64)))
    return [_slice(c, ranges)]


def read_variable(c: Context) -> list[Lowered]:
    """READ_VARIABLE: a copy of the state, for later assignments do not change what was read."""
    return [Lowered(_whole(c.tensor(0).elements), (0,))]


def assign_variable(c: Context) -> list[Lowered]:
    """ASSIGN_VARIABLE: a copy into the state."""
    return [Lowered(_whole(c.tensor(1).elements), (1,), output=c.operator.inputs[0])]


def stream(c: Context) -> list[Lowered]:
    """STREAM: the state makes room before all layers, then the new values take the room."""
    state, options = c.tensor(0), c.options
    assert isinstance(options, StreamOptions)
    target = c.operator.inputs[0]
    new_bytes = state.elements - options.kept_elements
    shift = ShiftParams(kept_bytes=options.kept_elements, dropped_bytes=new_bytes)
    text = f"keeps {options.kept_elements} bytes, drops {new_bytes}"
    lowered = [Lowered(shift, (), output=target, text=text, first=True)]
    start = options.kept_elements
    for position in range(1, len(c.inputs)):
        size = c.tensor(position).elements
        lowered.append(Lowered(CopyParams(1, size, 0, 0, start, 0), (position,), output=target))
        start += size
    return lowered
