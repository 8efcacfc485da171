"""Parameters of the reference kernels that move bytes, field by field as the C structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.export.program import KernelParams


@dataclass(frozen=True)
class FillParams(KernelParams):
    """`sotto_fill_params`."""

    kernel: ClassVar[str] = "fill"
    struct: ClassVar[str] = "fill"
    bytes: int
    value: int


@dataclass(frozen=True)
class PadParams(KernelParams):
    """`sotto_pad_params`."""

    kernel: ClassVar[str] = "pad"
    struct: ClassVar[str] = "pad"
    input_height: int
    input_row_bytes: int
    before_rows: int
    after_rows: int
    before_bytes: int
    after_bytes: int
    value: int


@dataclass(frozen=True)
class CopyParams(KernelParams):
    """`sotto_copy_params`."""

    kernel: ClassVar[str] = "copy"
    struct: ClassVar[str] = "copy"
    blocks: int
    block_bytes: int
    input_start_byte: int
    input_stride_bytes: int
    output_start_byte: int
    output_stride_bytes: int

    @property
    def written_part(self) -> tuple[int, int] | None:
        """A single block is one part."""
        return (self.output_start_byte, self.block_bytes) if self.blocks == 1 else None


@dataclass(frozen=True)
class MoveParams(KernelParams):
    """`sotto_move_params`."""

    kernel: ClassVar[str] = "move"
    struct: ClassVar[str] = "move"
    input_start_byte: int
    output_start_byte: int
    extents: np.ndarray
    input_strides_bytes: np.ndarray
    output_strides_bytes: np.ndarray


@dataclass(frozen=True)
class ShiftParams(KernelParams):
    """`sotto_shift_params`."""

    kernel: ClassVar[str] = "shift"
    struct: ClassVar[str] = "shift"
    kept_bytes: int
    dropped_bytes: int
