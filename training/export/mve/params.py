"""Parameters of the kernels of `sotto/nn_mve.h`, field by field as the C structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.export.program import AveragePoolParams, KernelParams, MeanParams

VECTOR_BYTES = 16
"""What one multiply-accumulate instruction takes."""
WINDOWS = 2
"""Windows that the matrix kernel multiplies at a time."""
QUAD = 4
"""Output channels that are computed at a time."""
PLANES = (8, 4)
"""Channels that the depthwise kernel can unpack at a time, the better first."""


@dataclass(frozen=True)
class MatrixMveParams(KernelParams):
    """`sotto_matrix_mve_params`."""

    kernel: ClassVar[str] = "matrix_mve"
    struct: ClassVar[str] = "matrix_mve"
    input_height: int
    input_width: int
    input_channels: int
    output_height: int
    output_width: int
    output_channels: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int
    pad_value: int
    vectors: int
    tail_bytes: int
    ties_away: int
    rounding_base: int
    activation_min: int
    activation_max: int
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_MATRIX_MVE_SCRATCH_BYTES."""
        window_bytes = VECTOR_BYTES * (self.vectors + (self.tail_bytes > 0))
        return min(WINDOWS, self.output_height * self.output_width) * window_bytes

    @property
    def writes_over_input(self) -> bool:
        """1x1 windows with stride 1, and as many output channels as input channels."""
        window = (self.kernel_height, self.kernel_width, self.stride_height, self.stride_width)
        return window == (1, 1, 1, 1) and self.input_channels == self.output_channels


@dataclass(frozen=True)
class DepthwiseMveParams(KernelParams):
    """`sotto_depthwise_mve_params`, for windows of one vector."""

    kernel: ClassVar[str] = "depthwise_mve"
    struct: ClassVar[str] = "depthwise_mve"
    input_height: int
    input_width: int
    channels: int
    output_height: int
    output_width: int
    stride_height: int
    stride_width: int
    pad_top: int
    pad_left: int
    pad_value: int
    strips: int
    strips_held: int
    strip_outputs: int
    strip_columns: int
    strip_rows: int
    planes: int
    plane_bytes: int
    vectors: int
    taps: int
    bytes_with_tap: int
    ties_away: int
    rounding_base: int
    activation_min: int
    activation_max: int
    tap_of: np.ndarray
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_DEPTHWISE_MVE_SCRATCH_BYTES."""
        return self.planes * self.plane_bytes

    @property
    def writes_over_input(self) -> bool:
        """Input and output of one shape, and all strips unpacked before the first is computed."""
        one_shape = (self.input_height, self.input_width) == (self.output_height, self.output_width)
        return one_shape and self.strips_held == self.strips


@dataclass(frozen=True)
class DepthwiseLongMveParams(DepthwiseMveParams):
    """`sotto_depthwise_mve_params`, for windows of any number of vectors."""

    kernel: ClassVar[str] = "depthwise_long_mve"


@dataclass(frozen=True)
class AddMveParams(KernelParams):
    """`sotto_add_mve_params`."""

    kernel: ClassVar[str] = "add_mve"
    struct: ClassVar[str] = "add_mve"
    elements: int
    input1_offset: int
    input2_offset: int
    input2_multiplier: int
    input2_shift: int
    output_multiplier: int
    output_exponent_less_1: int
    ties_away: int
    rounding_base: int
    activation_min: int
    activation_max: int

    @property
    def writes_over_input(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True)
class AveragePoolMveParams(AveragePoolParams):
    """`sotto_pool_params` of an average."""

    kernel: ClassVar[str] = "average_pool_mve"


@dataclass(frozen=True)
class MeanMveParams(MeanParams):
    """`sotto_mean_params`."""

    kernel: ClassVar[str] = "mean_mve"
