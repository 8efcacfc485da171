"""Which elements a slice takes: begin, end, strides and masks -> a range a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.export.graph import StridedSliceOptions


@dataclass(frozen=True)
class Range:
    """`count` indices from `start` on, `step` apart; `step` may be negative."""

    start: int
    count: int
    step: int


def _range(
    extent: int, begin: int | None, end: int | None, step: int, *, single: bool
) -> Range | None:
    """Python's slice, `begin` or `end` None where a mask leaves it out."""
    if single:
        if begin is None:
            begin = 0
        index = begin + extent if begin < 0 else begin
        return Range(index, 1, 1) if 0 <= index < extent else None
    if step == 0:
        return None
    indices = range(extent)[begin:end:step]
    return Range(indices.start, len(indices), step) if len(indices) else None


def ranges_of(
    shape: Sequence[int],
    begin: Sequence[int],
    end: Sequence[int],
    strides: Sequence[int],
    options: StridedSliceOptions,
) -> list[Range] | None:
    """One range a dimension of `shape`, or None for what selects nothing or does not fit.

    Semantics: TensorFlow's `strided_slice`. A shrunken dimension keeps its range of one index.
    """
    entries = len(begin)
    if not (entries == len(end) == len(strides)):
        return None
    added = sum(options.new_axis_mask >> i & 1 for i in range(entries))
    ellipses = [i for i in range(entries) if options.ellipsis_mask >> i & 1]
    omitted = len(shape) - (entries - added - len(ellipses))
    if len(ellipses) > 1 or omitted < 0 or (added and ellipses):
        return None
    ranges: list[Range] = []
    for i in range(entries):
        if i in ellipses:
            ranges += [Range(0, n, 1) for n in shape[len(ranges) : len(ranges) + omitted]]
            continue
        if options.new_axis_mask >> i & 1:
            continue
        extent = shape[len(ranges)]
        first = None if options.begin_mask >> i & 1 else begin[i]
        last = None if options.end_mask >> i & 1 else end[i]
        if options.offset and last is not None:
            last += begin[i]
        single = bool(options.shrink_axis_mask >> i & 1)
        found = _range(extent, first, last, strides[i], single=single)
        if found is None:
            return None
        ranges.append(found)
    return ranges + [Range(0, n, 1) for n in shape[len(ranges) :]]
