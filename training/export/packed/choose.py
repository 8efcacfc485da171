"""Program -> program in which layers keep their weights in few bits, where their values allow it.

Nothing is rounded: a layer is packed where its weights take few values already. What the call
before it unpacks is, word for word, the stream that its kernel had in flash; or the kernel is
another one, which multiplies by codes or leaves out zeros.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from training.export.graph import Quantization
from training.export.packed.codes import code_weights, codes_of_bytes
from training.export.packed.grid import GRID_BITS, grid_kernel
from training.export.packed.layout import layout_of, take_apart, weights_of, words_of
from training.export.packed.params import (
    NO_STREAM,
    UNPACKED,
    UNPACKING,
    Streamed,
    UnpackParams,
)
from training.export.packed.sparse import sparse_kernel
from training.export.program import Buffer, KernelCall, KernelParams, Program

UNPACK = "UNPACK"
"""What a call that unpacks weights is called."""
PARAMS_BYTES = 13 * 4
"""Of `sotto_unpack_params` on a core of 32 bits: what packing costs beside codes and constants."""


def pack_stream(params: KernelParams) -> UnpackParams | None:
    """What unpacks the stream of a kernel, or None where it would be no smaller."""
    layout = layout_of(params)
    if layout is None:
        return None
    assert isinstance(params, Streamed)
    stream = params.stream.reshape(-1)
    parts = take_apart(stream, layout)
    weights = [weights_of(words, layout.lanes) for words in parts.words]
    coded = code_weights(weights, layout.by_channel)
    if coded is None or coded.bytes + parts.constants.nbytes + PARAMS_BYTES >= stream.nbytes:
        return None
    first, last = layout.sections[0], layout.sections[1:]
    own = len(coded.books) > 1
    rest = last[0] if last else None
    return UNPACKING[coded.bits, own, layout.lanes](
        blocks=first.blocks,
        channels=first.channels if own else 1,
        words=first.words if own else first.words * first.channels,
        words_before=first.before,
        words_after=first.after,
        last_blocks=rest.blocks if rest else 0,
        last_words=rest.words if rest else 0,
        last_before=rest.before if rest else 0,
        last_after=rest.after if rest else 0,
        aside=int(layout.aside),
        book=coded.books.reshape(-1),
        codes=coded.codes,
        constants=parts.constants,
    )


def unpack(params: UnpackParams) -> np.ndarray:
    """int32[words]: the stream that the kernel of `params` unpacks."""
    p = params
    books, codes = p.book.reshape(-1, 1 << p.bits), codes_of_bytes(p.codes, p.bits)
    constants, stream, at, book, code = p.constants.tolist(), list[int](), 0, 0, 0
    blocks = [(p.words_before, p.words, p.channels, p.words_after)] * p.blocks
    blocks += [(p.last_before, p.last_words, 1, p.last_after)] * p.last_blocks
    for before, words, channels, after in blocks:
        stream += constants[at : at + before]
        at += before
        for_channels = codes[code : code + 4 * words * channels].reshape(channels, words, 4)
        own = book + np.arange(channels)[:, np.newaxis, np.newaxis] if p.own else 0
        weights = np.moveaxis(books[own, for_channels], 0, 1)
        stream += words_of(weights, p.lanes).reshape(-1).tolist()
        code, book = code + 4 * words * channels, book + channels
        end = at
        while p.aside and constants[end] < 0:
            end += 1
        stream += constants[at : end + after]
        at = end + after
    return np.array(stream, np.int32)


def pack_weights(program: Program) -> Program:
    """Keep the weights of every layer in as few bits as they need, or without groups of zeros."""
    buffers, calls = list(program.buffers), list[KernelCall]()
    for call in program.calls:
        packed, sparse = pack_stream(call.params), sparse_kernel(call.params)
        grid = grid_kernel(call.params)
        if sparse is not None and (
            packed is None or sparse.constant_bytes < packed.constant_bytes + PARAMS_BYTES
        ):
            call = replace(call, params=sparse)
        elif grid is not None and (packed is None or packed.bits >= GRID_BITS):
            assert call.scratch is not None
            size = (grid.scratch_bytes,)
            buffers[call.scratch] = replace(buffers[call.scratch], shape=size)
            call = replace(call, params=grid)
        elif packed is not None:
            assert isinstance(call.params, Streamed)
            values = call.params.stream.nbytes
            name = f"weights of {program.buffers[call.output].name}"
            shapes = f"{packed.bits} bits a weight -> {values} bytes"
            memory, scratch = len(buffers), None
            buffers.append(Buffer(name, (values,), Quantization((), ())))
            if packed.scratch_bytes:
                scratch = len(buffers)
                size = (packed.scratch_bytes,)
                buffers.append(Buffer(f"scratch of {name}", size, Quantization((), ())))
            calls.append(KernelCall(UNPACK, packed, (), memory, shapes, scratch=scratch))
            call = replace(call, params=_unpacked(call.params), weights=memory)
        calls.append(call)
    return replace(program, buffers=tuple(buffers), calls=tuple(calls))


def _unpacked(params: Streamed) -> KernelParams:
    """The parameters of the same kernel with its stream in memory."""
    values = {field.name: getattr(params, field.name) for field in fields(params)}
    return UNPACKED[type(params)](**values | {"stream": NO_STREAM})
