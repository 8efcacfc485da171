"""Parameters of the kernels of `sotto/nn_step.h`, field by field as the C structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.export.program import KernelParams

COLUMN_CHANNELS = 4
"""Channels that the depthwise kernel takes at a time."""


@dataclass(frozen=True)
class DepthwiseColumnParams(KernelParams):
    """`sotto_depthwise_column_params`."""

    kernel: ClassVar[str] = "depthwise_column"
    struct: ClassVar[str] = "depthwise_column"
    channels: int
    taps: int
    tap_step_bytes: int
    fitted: int
    rounding_base: int
    activation_min: int
    activation_max: int
    weights: np.ndarray
    constants: np.ndarray
