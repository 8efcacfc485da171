"""Means."""

from __future__ import annotations

from training.export.lower_context import BYTE_SHIFT_LIMIT, INT8_MAX, INT8_MIN, Context, Lowered
from training.export.program import MeanParams

MEAN_POSITIONS_LIMIT = 2**23
SUM_LIMIT = 2**31 - 2**8
"""Leaves room for the zero point that the kernel adds to the rescaled sum."""


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
    c.need(greatest < SUM_LIMIT, f"its sum may reach {greatest}, beyond 32 bits")
    params = MeanParams(
        positions=positions,
        channels=channels,
        input_offset=-zero,
        output_offset=output_zero,
        multiplier=(multiplier << spare) // positions,
        shift=shift - spare,
    )
    return [Lowered(params, (0,))]
