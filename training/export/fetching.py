"""Constants that are not where kernels read them: coded in flash, or in a memory beside it.

    huffman          decoded into RAM once, by `sotto_model_init`
    huffman-layers   decoded before each layer, into memory that other layers use as well
    storage          read before each layer from where the port says (`sotto/storage.h`)

The planner gives each array a place in the arena: for good, or during its call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from training.export.graph import Quantization
from training.export.huffman import HuffmanCode, fit_code

if TYPE_CHECKING:
    from training.export.program import KernelParams, Program

Placement = Literal["flash", "huffman", "huffman-layers", "storage"]
"""Where constants lie until they are used; `flash` is where the core reads them."""
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)
LEAST_BYTES = 64
"""Of an array that is fetched: smaller ones are not worth the statements."""
ALIGNMENT_BYTES = 4
"""Of an array among others: kernels load words."""


@dataclass(frozen=True)
class Fetched:
    """A constant array of a kernel call.

    Attributes:
        call: position of the call.
        field: of its parameters.
        values: what the kernel reads.
        start_byte: where they begin in their block.
    """

    call: int
    field: str
    values: np.ndarray
    start_byte: int

    @property
    def flash_bytes(self) -> bytes:
        """Lowest byte of a number first, as every core of ours has them."""
        return self.values.astype(self.values.dtype.newbyteorder("<")).tobytes()


@dataclass(frozen=True)
class Block:
    """Arrays that are brought together.

    Attributes:
        call: the call before which they are brought; None for all arrays, when the model begins.
        buffer: the memory that they are brought to, of `Program.buffers`.
        arrays: in their order there.
        stored: uint8[n], what is kept of them.
        offset: of its first byte in the storage.
    """

    call: int | None
    buffer: int
    arrays: tuple[Fetched, ...]
    stored: np.ndarray
    offset: int


@dataclass(frozen=True)
class Fetching:
    """All arrays of a program that are fetched.

    Attributes:
        blocks: in the order of their calls.
        code: of the blocks; None where a storage holds them as they are.
    """

    blocks: tuple[Block, ...]
    code: HuffmanCode | None = None

    @property
    def kept(self) -> frozenset[int]:
        """Memory of what stays there between inferences."""
        return frozenset(block.buffer for block in self.blocks if block.call is None)

    @property
    def buffers(self) -> frozenset[int]:
        """Memory that arrays are brought to."""
        return frozenset(block.buffer for block in self.blocks)

    def before(self, call: int) -> Block | None:
        """What is brought before a call."""
        return next((block for block in self.blocks if block.call == call), None)

    def of_call(self, call: int) -> list[tuple[Block, Fetched]]:
        """The arrays of a call and their blocks."""
        return [(block, one) for block in self.blocks for one in block.arrays if one.call == call]

    def without(self, call: int, params: KernelParams) -> KernelParams:
        """A call's parameters with nothing in the place of its fetched arrays."""
        empty = {one.field: one.values.reshape(-1)[:0] for _, one in self.of_call(call)}
        return replace(params, **empty)

    @property
    def flash_bytes(self) -> int:
        """Bytes of flash of the blocks and their code."""
        if self.code is None:
            return 0
        return self.code.table_bytes + sum(block.stored.nbytes for block in self.blocks)

    @property
    def saved_bytes(self) -> int:
        """Bytes of flash that plain arrays would take more."""
        plain = sum(one.values.nbytes for block in self.blocks for one in block.arrays)
        return plain - self.flash_bytes

    @property
    def storage(self) -> bytes:
        """Content of the memory beside flash; empty for coded blocks."""
        if self.code is not None:
            return b""
        return b"".join(block.stored.tobytes() for block in self.blocks)


def fetch_constants(program: Program, placement: Placement) -> Program:
    """The program with its constant arrays coded or put aside; computes the same bytes.

    Arrays below `LEAST_BYTES`, and coded ones that would not shrink, stay in flash.
    """
    from training.export.program import Buffer

    found = [
        Fetched(position, field, values, 0)
        for position, call in enumerate(program.calls)
        for field, values in _arrays(call.params)
        if values.nbytes >= LEAST_BYTES
    ]
    code = None
    if placement == "flash" or not found:
        return program
    if placement != "storage":
        code = fit_code([one.flash_bytes for one in found])
        found = [one for one in found if code.encode(one.flash_bytes).nbytes < one.values.nbytes]
    groups: dict[int | None, list[Fetched]] = {}
    for one in found:
        groups.setdefault(None if placement == "huffman" else one.call, []).append(one)
    buffers, blocks, offset = list(program.buffers), list[Block](), 0
    for call, group in groups.items():
        data, arrays = _together(group)
        stored = np.frombuffer(data, np.uint8) if code is None else code.encode(data)
        blocks.append(Block(call, len(buffers), arrays, stored, offset))
        name = "weights" if call is None else f"weights of call {call}"
        buffers.append(Buffer(name, (len(data),), Quantization((), ())))
        offset += stored.nbytes
    fetching = Fetching(tuple(blocks), code)
    if fetching.saved_bytes <= 0:
        return program
    return replace(program, buffers=tuple(buffers), fetching=fetching)


def call_bytes(program: Program, position: int) -> int:
    """Bytes of a call's constants in flash; what is under a code is not among them."""
    fetched = [] if program.fetching is None else program.fetching.of_call(position)
    plain = program.calls[position].params.constant_bytes
    return plain - sum(one.values.nbytes for _, one in fetched)


def _arrays(params: KernelParams) -> list[tuple[str, np.ndarray]]:
    """Constant arrays that the parameters name themselves."""
    values = [(field.name, getattr(params, field.name)) for field in fields(params)]
    return [(name, value) for name, value in values if isinstance(value, np.ndarray)]


def _together(group: Sequence[Fetched]) -> tuple[bytes, tuple[Fetched, ...]]:
    """The bytes of arrays one after the other, and where each begins."""
    data, arrays = bytearray(), list[Fetched]()
    for one in group:
        arrays.append(replace(one, start_byte=len(data)))
        data += one.flash_bytes
        data += bytes(-len(data) % ALIGNMENT_BYTES)
    return bytes(data), tuple(arrays)
