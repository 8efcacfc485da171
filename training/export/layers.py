"""What a model shows of its layers: outputs that a tap sees, and constants that a board checks.

The C files and the manifest are printed from the same lists, so a layer has one number in both.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.export import c_text
from training.export.compile import CompiledModel
from training.export.fetching import Block
from training.export.huffman import HuffmanCode
from training.export.moving_params import CopyParams, MoveParams, ShiftParams
from training.export.program import KernelCall, Program

CODE_LENGTHS, CODE_VALUES = "huffman_lengths", "huffman_values"
"""C arrays of the code that constants are under."""


@dataclass(frozen=True)
class Shown:
    """The output of a layer, as a tap sees it.

    Attributes:
        call: position of the kernel call.
        start_byte: of the output's buffer, where the kernel writes.
        bytes: that it writes from there on.
    """

    call: int
    start_byte: int
    bytes: int


@dataclass(frozen=True)
class Constant:
    """A constant array in flash.

    Attributes:
        name: of the C array.
        values: its content.
        call: position of the first kernel call that reads it.
    """

    name: str
    values: np.ndarray
    call: int

    @property
    def flash_bytes(self) -> bytes:
        """As they lie in flash, lowest byte of a number first."""
        return self.values.astype(self.values.dtype.newbyteorder("<")).tobytes()

    @property
    def crc32(self) -> int:
        """Of its bytes in flash."""
        return zlib.crc32(self.flash_bytes)


def shown_layers(program: Program) -> list[Shown]:
    """One for each call whose output is whole when it returns.

    A kernel that fills single places of a tensor leaves the others as they were, which is different
    memory on another kind of core; so such a tensor is shown by the last call that writes to it.
    Unpacked weights are no layer.
    """
    last = {call.output: position for position, call in enumerate(program.calls)}
    unpacked = {call.weights for call in program.calls}
    return [
        Shown(position, *_written(program, call))
        for position, call in enumerate(program.calls)
        if call.output not in unpacked
        and (not _writes_places(call) or last[call.output] == position)
    ]


def _writes_places(call: KernelCall) -> bool:
    scattered = isinstance(call.params, MoveParams | CopyParams)
    return scattered and call.params.written_part is None


def _written(program: Program, call: KernelCall) -> tuple[int, int]:
    if isinstance(call.params, ShiftParams):
        return 0, call.params.kept_bytes
    return call.params.written_part or (0, program.buffers[call.tensor].bytes)


def constants(program: Program) -> list[Constant]:
    """Every constant array, those of buffers first."""
    return [*_constant_buffers(program), *_parameters(program)]


def _constant_buffers(program: Program) -> Iterator[Constant]:
    for index, buffer in enumerate(program.buffers):
        if buffer.data is not None:
            readers = (
                i for i, c in enumerate(program.calls) if index in map(program.holder, c.inputs)
            )
            yield Constant(f"constant_{index}", buffer.data, next(readers, 0))


def _parameters(program: Program) -> Iterator[Constant]:
    for position, call in enumerate(program.calls):
        params = call.params
        if program.fetching is not None:
            params = program.fetching.without(position, params)
        for name, values in c_text.arrays(f"{call.params.kernel}_{position}", params):
            yield Constant(name, values, position)
    if program.fetching is not None and program.fetching.code is not None:
        yield from _coded(program.fetching.blocks, program.fetching.code)


def _coded(blocks: Sequence[Block], code: HuffmanCode) -> Iterator[Constant]:
    """What flash holds in place of arrays under a code."""
    yield Constant(CODE_LENGTHS, code.codes_of_length, blocks[0].arrays[0].call)
    yield Constant(CODE_VALUES, code.values, blocks[0].arrays[0].call)
    for block in blocks:
        yield Constant(coded_name(block), block.stored, block.arrays[0].call)


def coded_name(block: Block) -> str:
    """Of the C array that holds a block under the code."""
    return f"block_{block.buffer}_coded"


def layer_of(shown: list[Shown], call: int) -> int:
    """Number of the layer that a call takes part in: the first that is shown from there on."""
    return next((n for n, one in enumerate(shown) if one.call >= call), len(shown) - 1)


def constants_crc32(program: Program) -> int:
    """Over all constant arrays, as a board reports it."""
    crc32 = 0
    for one in constants(program):
        crc32 = zlib.crc32(one.flash_bytes, crc32)
    return crc32


def layers_for_manifest(model: CompiledModel) -> list[dict[str, Any]]:
    """The layers by their numbers: what they are called in the `.tflite`, and what they write."""
    program = model.program
    return [
        {
            "tensor": program.buffers[program.calls[one.call].tensor].name,
            "operator": program.calls[one.call].operator,
            "kernel": program.calls[one.call].params.kernel,
            "shape": list(_shape(program, one)),
            "dtype": program.buffers[program.calls[one.call].tensor].dtype,
        }
        for one in shown_layers(program)
    ]


def _shape(program: Program, one: Shown) -> tuple[int, ...]:
    """Shape of the bytes shown: the tensor's without the batch, or flat where only a part is."""
    buffer = program.buffers[program.calls[one.call].tensor]
    if one.bytes == buffer.bytes:
        return buffer.shape[1:] if len(buffer.shape) > 1 else buffer.shape
    return (one.bytes // buffer.item_bytes,)
