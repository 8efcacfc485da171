"""Means."""

from __future__ import annotations

import math

from training.export.lower_context import BYTE_SHIFT_LIMIT, INT8_MAX, INT8_MIN, Context, Lowered
from training.export.operators.strides import STRIDED_DIMENSIONS, columns, dense_strides, merged
from training.export.program import MeanAxesParams, MeanParams

MEAN_POSITIONS_LIMIT = 2**23
SUM_LIMIT = 2**31 - 2**8
"""Leaves room for the zero point that the kernel adds to the rescaled sum."""


def mean(c: Context) -> list[Lowered]:
    """MEAN over any dimensions: the division is part of the multiplier."""
    source = c.tensor(0)
    rank = len(source.shape)
    axes = c.constant(1, "int32").reshape(-1).tolist()
    c.need(all(-rank <= a < rank for a in axes), f"it averages over axes {axes} of {rank}")
    reduced = {a % rank for a in axes}
    positions = math.prod(source.shape[a] for a in reduced)
    c.writes(source.elements // positions)
    c.need(positions <= MEAN_POSITIONS_LIMIT, f"it averages {positions} positions")
    (scale, zero), (output_scale, output_zero) = map(c.quantization, (source, c.output))
    multiplier, shift = c.multiplier(scale / output_scale, BYTE_SHIFT_LIMIT)
    # As many bits as the division leaves free move from the shift into the multiplier.
    spare = min(positions.bit_length() - 1, 32, 31 + shift)
    greatest = positions * (INT8_MAX - INT8_MIN) << max(shift - spare, 0)
    c.need(greatest < SUM_LIMIT, f"its sum may reach {greatest}, beyond 32 bits")
    common = {
        "positions": positions,
        "input_offset": -zero,
        "output_offset": output_zero,
        "multiplier": (multiplier << spare) // positions,
        "shift": shift - spare,
    }
    strides = dense_strides(source.shape)
    sides = [
        merged((source.shape[a], strides[a]) for a in range(rank) if (a in reduced) == wanted)
        for wanted in (False, True)
    ]
    kept, averaged = sides
    channels = c.output.elements
    if kept in ([], [(channels, 1)]) and averaged in ([], [(positions, channels)]):
        return [Lowered(MeanParams(channels=channels, **common), (0,))]
    c.need(max(map(len, sides)) <= STRIDED_DIMENSIONS, f"it averages over axes {axes}")
    kept_extents, kept_strides = columns(kept, 2, STRIDED_DIMENSIONS)
    reduced_extents, reduced_strides = columns(averaged, 2, STRIDED_DIMENSIONS)
    params = MeanAxesParams(
        outputs=channels,
        kept_extents=kept_extents,
        kept_strides=kept_strides,
        reduced_extents=reduced_extents,
        reduced_strides=reduced_strides,
        **common,
    )
    return [Lowered(params, (0,))]
