"""Parameters of the kernels of `sotto/nn_portable.h`, field by field as the C structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.export.program import KernelParams

STRIP_OUTPUTS = 5
"""Columns that the depthwise kernel computes at a time."""
KERNEL_COLUMNS = 3


@dataclass(frozen=True)
class MatrixPortableParams(KernelParams):
    """`sotto_matrix_portable_params`."""

    kernel: ClassVar[str] = "matrix_portable"
    struct: ClassVar[str] = "matrix_portable"
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
    in_words: int
    groups: int
    tile_windows: int
    fitted: int
    rounding_base: int
    activation_min: int
    activation_max: int
    stream: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_MATRIX_PORTABLE_SCRATCH_BYTES."""
        return self.groups * (12 * self.tile_windows + 4)

    @property
    def writes_over_input(self) -> bool:
        """Windows that lie one behind the other, of as many bytes as there are results."""
        row_bytes = self.output_width * self.output_channels
        steps = (self.row_step_bytes, self.column_step_bytes)
        in_place = (row_bytes, self.output_channels) == steps
        return in_place and (self.kernel_rows, self.run_bytes) == (1, self.output_channels)


@dataclass(frozen=True)
class DepthwiseStripsPortableParams(KernelParams):
    """`sotto_depthwise_strips_portable_params`."""

    kernel: ClassVar[str] = "depthwise_strips_portable"
    struct: ClassVar[str] = "depthwise_strips_portable"
    input_height: int
    input_width: int
    channels: int
    output_height: int
    output_width: int
    kernel_height: int
    stride_height: int
    stride_width: int
    pad_top: int
    pad_left: int
    pad_value: int
    fitted: int
    rounding_base: int
    activation_min: int
    activation_max: int
    weights: np.ndarray
    constants: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_DEPTHWISE_STRIPS_PORTABLE_SCRATCH_BYTES."""
        rows = (self.output_height - 1) * self.stride_height + self.kernel_height
        strips = -(-self.output_width // STRIP_OUTPUTS)
        columns = (STRIP_OUTPUTS - 1) * self.stride_width + KERNEL_COLUMNS
        return 4 * (strips * rows * columns + KERNEL_COLUMNS * self.kernel_height)

    @property
    def writes_over_input(self) -> bool:
        """Input and output of one shape."""
        source = self.input_height, self.input_width
        return source == (self.output_height, self.output_width)
