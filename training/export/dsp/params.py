"""Parameters of the kernels of `sotto/nn_dsp.h`, field by field as the C structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.export.program import KernelParams

WINDOWS = 3
"""Windows that the matrix kernels multiply at a time."""
MATRIX_UNITS = 8
"""SOTTO_MATRIX_DSP_UNITS."""
DEPTHWISE_CHANNELS = 4
"""Channels that the depthwise kernels take at a time."""
VECTOR_CHANNELS = 4
"""Channels that the matrix-vector kernels take at a time."""


@dataclass(frozen=True)
class MatrixDspParams(KernelParams):
    """`sotto_matrix_dsp_params`."""

    kernel: ClassVar[str] = "matrix_dsp"
    struct: ClassVar[str] = "matrix_dsp"
    output_height: int
    output_width: int
    output_channels: int
    row_step_bytes: int
    column_step_bytes: int
    kernel_rows: int
    kernel_row_step_bytes: int
    row_runs: int
    run_step_bytes: int
    run_bytes: int
    copied_groups: int
    units: int
    pair_words: int
    rounding_base: int
    activation_min: int
    activation_max: int
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_MATRIX_DSP_SCRATCH_BYTES."""
        return self.units * 48 + WINDOWS * max(4 * self.copied_groups, self.output_channels)

    @property
    def writes_over_input(self) -> bool:
        """Windows lie one after the other, and the results of each in its place."""
        one_run = self.kernel_rows * self.row_runs == 1
        one_row = self.output_height == 1 and self.column_step_bytes == self.run_bytes
        return one_run and one_row and self.run_bytes == self.output_channels


@dataclass(frozen=True)
class MatrixLongDspParams(MatrixDspParams):
    """The same for a kernel that takes windows of any length."""

    kernel: ClassVar[str] = "matrix_long_dsp"


@dataclass(frozen=True)
class MatrixExactDspParams(MatrixDspParams):
    """The same for a kernel that rounds as the reference does, in any channel."""

    kernel: ClassVar[str] = "matrix_exact_dsp"


@dataclass(frozen=True)
class MatrixVectorDspParams(KernelParams):
    """`sotto_matrix_vector_dsp_params`."""

    kernel: ClassVar[str] = "matrix_vector_dsp"
    struct: ClassVar[str] = "matrix_vector_dsp"
    output_channels: int
    windows: int
    window_step_bytes: int
    runs: int
    run_step_bytes: int
    run_bytes: int
    groups: int
    channel_words: int
    rounding_base: int
    activation_min: int
    activation_max: int
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_MATRIX_VECTOR_DSP_SCRATCH_BYTES."""
        return self.groups * 8

    @property
    def writes_over_input(self) -> bool:
        """The only window is widened first."""
        return self.windows == 1


@dataclass(frozen=True)
class MatrixVectorExactDspParams(MatrixVectorDspParams):
    """The same for a kernel that rounds as the reference does, in any channel."""

    kernel: ClassVar[str] = "matrix_vector_exact_dsp"


@dataclass(frozen=True)
class DepthwiseDspParams(KernelParams):
    """`sotto_depthwise_dsp_params`."""

    kernel: ClassVar[str] = "depthwise_dsp"
    struct: ClassVar[str] = "depthwise_dsp"
    input_height: int
    input_width: int
    channels: int
    output_height: int
    output_width: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int
    pad_value: int
    taps_padded: int
    rounding_base: int
    activation_min: int
    activation_max: int
    image_offsets: np.ndarray
    patch_offsets: np.ndarray
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_DEPTHWISE_DSP_SCRATCH_BYTES."""
        return self.kernel_height * self.kernel_width * self.channels


@dataclass(frozen=True)
class DepthwiseRowsDspParams(KernelParams):
    """`sotto_depthwise_rows_dsp_params`."""

    kernel: ClassVar[str] = "depthwise_rows_dsp"
    struct: ClassVar[str] = "depthwise_rows_dsp"
    input_height: int
    input_width: int
    channels: int
    output_height: int
    output_width: int
    kernel_height: int
    stride_height: int
    stride_width: int
    dilation_height: int
    pad_top: int
    pad_left: int
    pad_value: int
    plane_rows: int
    plane_pairs: int
    channel_bytes: int
    rounding_base: int
    activation_min: int
    activation_max: int
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_DEPTHWISE_ROWS_DSP_SCRATCH_BYTES."""
        return self.plane_rows * self.plane_pairs * 16 + 12 + 8 * self.kernel_height

    @property
    def writes_over_input(self) -> bool:
        """Input and output of one shape, and channels a multiple of four."""
        source = self.input_height, self.input_width
        same = source == (self.output_height, self.output_width)
        return same and self.channels % DEPTHWISE_CHANNELS == 0


@dataclass(frozen=True)
class DepthwiseRowsBy2DspParams(DepthwiseRowsDspParams):
    """The same for a horizontal stride of 2."""

    kernel: ClassVar[str] = "depthwise_rows_by_2_dsp"


@dataclass(frozen=True)
class DepthwiseRows3DspParams(DepthwiseRowsDspParams):
    """The same for a horizontal stride of 1 and three kernel rows."""

    kernel: ClassVar[str] = "depthwise_rows_3_dsp"


@dataclass(frozen=True)
class DepthwiseRows5DspParams(DepthwiseRowsDspParams):
    """The same for a horizontal stride of 1 and five kernel rows."""

    kernel: ClassVar[str] = "depthwise_rows_5_dsp"


@dataclass(frozen=True)
class DepthwiseRowsExactDspParams(DepthwiseRowsDspParams):
    """The same for a kernel that rounds as the reference does, in any channel."""

    kernel: ClassVar[str] = "depthwise_rows_exact_dsp"


@dataclass(frozen=True)
class DepthwiseFiveDspParams(KernelParams):
    """`sotto_depthwise_five_dsp_params`, for five columns and a kernel of three rows."""

    kernel: ClassVar[str] = "depthwise_five_3_dsp"
    struct: ClassVar[str] = "depthwise_five_dsp"
    input_height: int
    channels: int
    output_height: int
    pad_top: int
    plane_rows: int
    channel_bytes: int
    activation_min: int
    activation_max: int
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_DEPTHWISE_FIVE_DSP_SCRATCH_BYTES."""
        return self.plane_rows * 48

    @property
    def writes_over_input(self) -> bool:
        """Input and output of one shape, and channels a multiple of four."""
        same = self.input_height == self.output_height
        return same and self.channels % DEPTHWISE_CHANNELS == 0


@dataclass(frozen=True)
class DepthwiseFive5DspParams(DepthwiseFiveDspParams):
    """The same for a kernel of five rows."""

    kernel: ClassVar[str] = "depthwise_five_5_dsp"


@dataclass(frozen=True)
class AddDspParams(KernelParams):
    """`sotto_add_dsp_params`."""

    kernel: ClassVar[str] = "add_dsp"
    struct: ClassVar[str] = "add_dsp"
    elements: int
    input1_offset: int
    input2_offset: int
    input2_multiplier: int
    input2_exponent: int
    output_multiplier: int
    output_exponent_less_1: int
    rounding_base: int
    activation_min: int
    activation_max: int

    @property
    def writes_over_input(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True)
class AddFittedDspParams(KernelParams):
    """`sotto_add_fitted_dsp_params`."""

    kernel: ClassVar[str] = "add_fitted_dsp"
    struct: ClassVar[str] = "add_fitted_dsp"
    elements: int
    factor1: int
    factor2: int
    beta: int
    activation_min: int
    activation_max: int

    @property
    def writes_over_input(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True)
class AverageDspParams(KernelParams):
    """`sotto_means_dsp_params` of an average; the last four fields are not used."""

    kernel: ClassVar[str] = "average_dsp"
    struct: ClassVar[str] = "means_dsp"
    positions: int
    channels: int
    activation_min: int
    activation_max: int
    input_offset: int
    output_offset: int
    multiplier: int
    shift: int


@dataclass(frozen=True)
class MeanDspParams(AverageDspParams):
    """The same of a mean, which has no activation."""

    kernel: ClassVar[str] = "mean_dsp"
