"""Calibration: the range of each activation, from what it is on training clips.

Values outside a range saturate, values inside are rounded to one of 256 steps; a narrower range
saturates more and rounds less. All methods see the same sample of values x.

- min-max: from the least to the greatest (Jacob et al. 2018).
- percentile p: the part p of the values is inside, (1 - p) / 2 beyond each end (McKinstry et al.
  2018); an end at zero, behind a ReLU, stays.
- mean squared error: the scaled range `a [min, max]`, a <= 1, whose quantiser Q makes
  `sum (x - Q(x))^2` least (Sung, Shin, Hwang 2015; Banner et al. 2019).
- Kullback-Leibler: the threshold t on |x| for which the histogram P of the clipped values and the
  histogram Q of 128 steps have the least `sum P log(P / Q)` (Migacz 2017, "8-bit inference with
  TensorRT").

Symmetric ranges reach as far below zero as above, so that the zero point is 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.convert import Range, convert
from training.compress.grid import Grid, Zeros
from training.compress.student import Context, Student
from training.export.notes import ask_for_packed_weights
from training.recipe_compress import CalibrateConfig

STEPS = 255
"""Between the 256 values of an int8."""
SHRINKS = np.linspace(0.3, 1.0, 71)
"""Parts of the full range that are tried."""
BINS, LEVELS = 2_048, 128
"""Of the histogram, and of the int8 magnitudes that it is compared with."""
EMPTY = 1e-6
"""Probability of a value that the steps cannot have."""


def calibrate(
    student: Student, config: CalibrateConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """Remember how the ranges shall be found."""
    return replace(student, calibration=config), {}


def to_int8(student: Student, context: Context) -> bytes:
    """The int8 `.tflite` of a student by the calibration that it asks for."""
    config = student.calibration
    grids = {name: form for name, form in student.forms.items() if isinstance(form, Grid)}
    examples = context.examples(config.clips)
    choose = chooser(config)
    made = convert(student.network, examples, choose, grids, per_channel=config.per_channel)
    zeros = any(isinstance(form, Zeros) for form in student.forms.values())
    return ask_for_packed_weights(made) if zeros else made


def chooser(config: CalibrateConfig) -> Range:
    """The range of a tensor by its values."""

    def choose(values: np.ndarray) -> tuple[float, float]:
        low, high = _METHODS[config.method](values, config)
        # Zero must be a step: padding and ReLU need it exactly.
        low, high = min(float(low), 0.0), max(float(high), 0.0)
        if config.symmetric:
            # 128 steps below zero and 127 above it.
            step = max(-low / 128, high / 127)
            low, high = -128 * step, 127 * step
        return low, max(high, low + float(np.finfo(np.float32).eps))

    return choose


def min_max(values: np.ndarray, config: CalibrateConfig) -> tuple[float, float]:
    """All values are inside."""
    return values.min(), values.max()


def percentile(values: np.ndarray, config: CalibrateConfig) -> tuple[float, float]:
    """The part `config.percentile` of the values is inside."""
    if values.min() >= 0.0:
        return 0.0, np.percentile(values, config.percentile)
    beyond = (100.0 - config.percentile) / 2.0
    return np.percentile(values, beyond), np.percentile(values, 100.0 - beyond)


def squared_error(values: np.ndarray, config: CalibrateConfig) -> tuple[float, float]:
    """The scaled range that loses least."""
    ends = np.array([min(values.min(), 0.0), max(values.max(), 0.0)], np.float64)
    if ends[0] == ends[1]:
        return ends[0], ends[1]
    low, high = ends * SHRINKS[np.argmin([_error(values, *(ends * a)) for a in SHRINKS])]
    return low, high


def _error(values: np.ndarray, low: float, high: float) -> float:
    step = (high - low) / STEPS
    rounded = np.clip(np.rint(values / step), np.rint(low / step), np.rint(high / step)) * step
    return float(np.sum((values - rounded) ** 2))


def divergence(values: np.ndarray, config: CalibrateConfig) -> tuple[float, float]:
    """The threshold that tells least apart."""
    sizes = np.abs(values)
    if sizes.max() == 0.0:
        return 0.0, 0.0
    counts, edges = np.histogram(sizes, BINS, (0.0, float(sizes.max())))
    counts[0] = 0  # exact zeros, of which a ReLU makes many, lose nothing
    tried = range(LEVELS, BINS + 1, LEVELS // 8)
    best = min(tried, key=lambda bins: _divergence(counts, bins))
    limit = edges[best]
    return max(values.min(), -limit), min(values.max(), limit)


def _divergence(counts: np.ndarray, bins: int) -> float:
    """Of a clipped histogram from itself on `LEVELS` levels, in nats."""
    clipped = counts[:bins].astype(np.float64)
    full = clipped > 0
    clipped[-1] += counts[bins:].sum()
    level = np.arange(bins) * LEVELS // bins
    total = np.bincount(level, counts[:bins], LEVELS)
    places = np.bincount(level, full, LEVELS)
    mean = np.divide(total, places, out=np.zeros(LEVELS), where=places > 0)
    spread = np.where(full, mean[level], 0.0)
    p, q = clipped / clipped.sum(), spread / max(spread.sum(), 1.0)
    seen = p > 0
    return float(np.sum(p[seen] * np.log(p[seen] / np.maximum(q[seen], EMPTY))))


_METHODS = {
    "min_max": min_max,
    "percentile": percentile,
    "mse": squared_error,
    "kl": divergence,
}
