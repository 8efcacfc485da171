"""Operators that move bytes and compute nothing."""

from __future__ import annotations

import math

import numpy as np

from training.export.graph import StreamOptions, Tensor
from training.export.lower_context import Context, Lowered
from training.export.moving_params import CopyParams, FillParams, PadParams, ShiftParams
from training.export.operators.moves import MOVE_DIMENSIONS, Move
from training.export.operators.slices import Range, ranges_of
from training.export.operators.strides import dense_strides


def _moved(c: Context, move: Move, position: int = 0, output: int | None = None) -> Lowered:
    params = move.params()
    if params is None:
        raise c.refuse(f"it moves bytes along more than {MOVE_DIMENSIONS} dimensions")
    return Lowered(params, (position,), output=output)


def _pad_rows(before: list[int], after: list[int], source: Tensor, value: int) -> PadParams | None:
    """The kernel for borders of neighbouring dimensions, or None where there are others."""
    padded = [axis for axis, both in enumerate(zip(before, after, strict=True)) if any(both)]
    if not padded:
        return None
    inner = padded[-1]
    outer = padded[:-1]
    if outer not in ([], [inner - 1]) or (outer and math.prod(source.shape[: inner - 1]) > 1):
        return None
    below = math.prod(source.shape[inner + 1 :])
    row = source.shape[inner] * below
    rows = (before[inner - 1], after[inner - 1]) if outer else (0, 0)
    return PadParams(
        input_height=source.elements // row,
        input_row_bytes=row,
        before_rows=rows[0],
        after_rows=rows[1],
        before_bytes=before[inner] * below,
        after_bytes=after[inner] * below,
        value=value,
    )


def _pad_value(c: Context) -> int:
    """Stored value of the border: the third input, or the zero point."""
    if len(c.inputs) < 3 or c.inputs[2] is None:
        return c.quantization(c.output)[1]
    c.same_quantization(c.tensor(2))
    value = c.constant(2, "int8").reshape(-1)
    c.need(value.size == 1, f"it pads with {value.size} values")
    return int(value[0])


def pad(c: Context) -> list[Lowered]:
    """PAD and PADV2 of any dimensions."""
    source = c.tensor(0)
    c.same_quantization(source)
    borders = c.constant(1, "int32")
    fits = borders.shape == (len(source.shape), 2) and bool((borders >= 0).all())
    c.need(fits, f"it pads {list(source.shape)} by {borders.tolist()}")
    before, after = borders.T.tolist()
    shape = tuple(sum(n) for n in zip(before, source.shape, after, strict=True))
    c.need(c.output.shape == shape, f"its output is {list(c.output.shape)}, not {list(shape)}")
    value = _pad_value(c)
    rows = _pad_rows(before, after, source, value)
    if rows is not None:
        return [Lowered(rows, (0,))]
    strides = dense_strides(shape)
    start = sum(n * stride for n, stride in zip(before, strides, strict=True))
    move = Move(source.shape, dense_strides(source.shape), strides, output_start=start)
    return [Lowered(FillParams(c.output.elements, value), ()), _moved(c, move)]


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


def _axis(c: Context, position: int, source: Tensor) -> int:
    """The dimension of `source` that constant input `position` names."""
    axes, rank = c.constant(position, "int32").reshape(-1).tolist(), len(source.shape)
    c.need(len(axes) == 1 and -rank <= axes[0] < rank, f"it splits along {axes} of {rank}")
    return int(axes[0]) % rank


def _split(c: Context, position: int, axis: int, sizes: list[int]) -> list[Lowered]:
    """One copy an output of input `position`, `sizes` along `axis`."""
    source = c.tensor(position)
    fits = len(sizes) == len(c.outputs) and sum(sizes) == source.shape[axis]
    c.need(fits and min(sizes) > 0, f"it splits {source.shape[axis]} into {sizes}")
    lowered, start = [], 0
    for size, output, tensor in zip(sizes, c.operator.outputs, c.outputs, strict=True):
        part = (*source.shape[:axis], size, *source.shape[axis + 1 :])
        c.need(tensor.shape == part, f"output '{tensor.name}' is {list(tensor.shape)}")
        c.need(
            c.quantization(tensor) == c.quantization(source),
            f"output '{tensor.name}' is quantised differently",
        )
        strides = dense_strides(source.shape)
        move = Move(part, strides, dense_strides(part), input_start=start * strides[axis])
        lowered.append(_moved(c, move, position, output))
        start += size
    return lowered


def split(c: Context) -> list[Lowered]:
    """SPLIT into equal parts."""
    source, parts = c.tensor(1), max(len(c.outputs), 1)
    axis = _axis(c, 0, source)
    return _split(c, 1, axis, [source.shape[axis] // parts] * parts)


def split_v(c: Context) -> list[Lowered]:
    """SPLIT_V into parts of given sizes, of which one may be -1: the rest."""
    source, sizes = c.tensor(0), c.constant(1, "int32").reshape(-1).tolist()
    axis = _axis(c, 2, source)
    c.need(sizes.count(-1) <= 1, f"it splits into {sizes}")
    rest = source.shape[axis] - sum(size for size in sizes if size >= 0)
    return _split(c, 0, axis, [rest if size == -1 else size for size in sizes])


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
