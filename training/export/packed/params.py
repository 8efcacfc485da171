"""Parameters of `sotto/nn_packed.h`, and those of the kernels whose stream lies in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.export.dsp.params import (
    MatrixDspParams,
    MatrixExactDspParams,
    MatrixLongDspParams,
    MatrixVectorDspParams,
    MatrixVectorExactDspParams,
)
from training.export.mve.params import MatrixMveParams
from training.export.packed.codes import CODE_BITS
from training.export.portable.params import MatrixPortableParams
from training.export.program import KernelParams


@dataclass(frozen=True)
class UnpackParams(KernelParams):
    """`sotto_unpack_params`, of kernels for weights with one codebook.

    Attributes:
        bits: of a code.
        lanes: whether words are those of `sotto/nn_dsp.h`.
        own: whether the channels have codebooks of their own.
    """

    struct: ClassVar[str] = "unpack"
    bits: ClassVar[int]
    lanes: ClassVar[bool] = False
    own: ClassVar[bool] = False
    blocks: int
    channels: int
    words: int
    words_before: int
    words_after: int
    last_blocks: int
    last_words: int
    last_before: int
    last_after: int
    aside: int
    book: np.ndarray
    codes: np.ndarray
    constants: np.ndarray

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_UNPACK_SCRATCH_BYTES, or none."""
        return 0 if self.own else 2 << (2 * self.bits)


def _unpacking(bits: int, own: bool, lanes: bool) -> type[UnpackParams]:
    """The parameters of one of the kernels of `sotto/nn_packed.h`."""
    kernel = f"unpack_{'own_' * own}{bits}{'_dsp' * lanes}"
    fixed = {"kernel": kernel, "bits": bits, "own": own, "lanes": lanes}
    return type(f"Unpack{'Own' * own}{bits}{'Dsp' * lanes}Params", (UnpackParams,), fixed)


UNPACKING = {
    (bits, own, lanes): _unpacking(bits, own, lanes)
    for bits in CODE_BITS
    for own in (False, True)
    for lanes in (False, True)
}
"""By bits of a code, whether channels have codebooks of their own, and whether words are lanes."""


Streamed = MatrixDspParams | MatrixVectorDspParams | MatrixPortableParams | MatrixMveParams
"""Of kernels with one stream of constants and weights."""
NO_STREAM = np.zeros(0, np.int32)
"""In the parameters of a kernel whose stream lies in memory."""


def _with_stream_in_memory(params: type[Streamed]) -> type[Streamed]:
    """The parameters of `sotto_<kernel>_unpacked_s8`: those of the kernel itself."""
    name = params.__name__.removesuffix("Params") + "UnpackedParams"
    return type(name, (params,), {"kernel": f"{params.kernel}_unpacked", "__doc__": params.__doc__})


UNPACKED: dict[type[KernelParams], type[KernelParams]] = {
    params: _with_stream_in_memory(params)
    for params in (
        MatrixDspParams,
        MatrixLongDspParams,
        MatrixExactDspParams,
        MatrixVectorDspParams,
        MatrixVectorExactDspParams,
        MatrixPortableParams,
        MatrixMveParams,
    )
}
"""By the parameters of a kernel, those of the same kernel with its stream in memory."""
