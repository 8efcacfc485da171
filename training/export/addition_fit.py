"""A quantised addition as one sum of two products, fitted to the reference's results at export.

TensorFlow Lite rounds three times: both terms, with 20 fraction bits, and their sum. All 65,536
pairs of int8 inputs are few enough to look for integers that give the same results by

    saturate((a * factor1 + b * factor2 + beta) >> FRACTION_BITS)

The factors are the real ones times 2**FRACTION_BITS, or next to them. For given factors every
level's lowest sum bounds beta below, and the highest sum under it bounds beta above.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from training.export.fixed_point import requantize
from training.export.program import AddParams

FRACTION_BITS = 21
TERM_BITS = 20
"""Fraction bits of the reference's terms."""
NEIGHBOURS = (0, -1, 1, -2, 2)
_STORED = np.arange(-128, 128, dtype=np.int64)


@dataclass(frozen=True)
class AdditionFit:
    """Integers of the one-step addition; every product and sum fits an int32."""

    factor1: int
    factor2: int
    beta: int


def _requantize(values: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    """`requantize` of int64 values for a shift that is not to the left."""
    product = (values * multiplier + (1 << 30)) >> 31
    mask = (1 << -shift) - 1
    return (product >> -shift) + ((product & mask) > (mask >> 1) + (product < 0))


def reference_sums(params: AddParams) -> np.ndarray:
    """int64[256, 256]: the reference's results before the activation, clamped to int8."""
    p = params
    terms = [
        np.array([requantize((int(q) + offset) << TERM_BITS, m, s) for q in _STORED])
        for offset, m, s in (
            (p.input1_offset, p.input1_multiplier, p.input1_shift),
            (p.input2_offset, p.input2_multiplier, p.input2_shift),
        )
    ]
    total = terms[0][:, None] + terms[1]
    results = _requantize(total, p.output_multiplier, p.output_shift) + p.output_offset
    return np.clip(results, -128, 127)


def fit_addition(params: AddParams) -> AdditionFit | None:
    """The fit of an addition whose output shift is to the right, or None where there is none."""
    p = params
    output = p.output_multiplier * 2.0 ** (p.output_shift - 31)
    real = [
        m * 2.0 ** (s - 31) * output * 2**TERM_BITS * 2**FRACTION_BITS
        for m, s in (
            (p.input1_multiplier, p.input1_shift),
            (p.input2_multiplier, p.input2_shift),
        )
    ]
    results = reference_sums(p).reshape(-1)
    order = np.argsort(results, kind="stable")
    levels, starts = np.unique(results[order], return_index=True)
    for change1, change2 in itertools.product(NEIGHBOURS, NEIGHBOURS):
        factors = round(real[0]) + change1, round(real[1]) + change2
        sums = (_STORED[:, None] * factors[0] + _STORED * factors[1]).reshape(-1)
        beta = _common_beta(sums[order], levels, starts)
        if beta is None:
            continue
        # Beside 0 the other input gives the sum of one product and beta: among those of `sums`.
        products = _STORED[:, None] * np.array(factors)
        if max(np.abs(sums + beta).max(), np.abs(products).max()) < 2**31:
            return AdditionFit(*factors, beta)
    return None


def _common_beta(sums: np.ndarray, levels: np.ndarray, starts: np.ndarray) -> int | None:
    """A beta that puts the sums of each level, in runs from `starts`, to their level."""
    least = np.minimum.reduceat(sums, starts)
    greatest = np.maximum.reduceat(sums, starts)
    width = 1 << FRACTION_BITS
    # What saturates need not reach its own level, only pass it.
    lower = [level * width - low for level, low in zip(levels, least, strict=True) if level > -128]
    upper = [
        (level + 1) * width - 1 - high
        for level, high in zip(levels, greatest, strict=True)
        if level < 127
    ]
    if not lower or not upper:  # one result for all: not worth a fit
        return None
    from_, to = max(lower), min(upper)
    return int((from_ + to) // 2) if from_ <= to else None
