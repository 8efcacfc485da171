"""What a compiled model will cost on a core, as plain data: for `sotto compile` and the report.

Sizes are facts of the memory plan and of the constants. Instructions are estimates (`costs.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.export.compile import CompiledModel
from training.export.cores import Core
from training.export.costs import estimate
from training.export.fetching import call_bytes
from training.export.plan import Lifetime, lifetimes_of
from training.export.program import Buffer, Program

Kind = Literal["tensor", "scratch", "state", "weights"]

TABLE_KERNELS = ("lookup", "softmax")
"""Kernels whose constants are tables of a function, not weights."""


@dataclass(frozen=True)
class Port:
    """Input or output of the model: the caller's memory, outside of the arena."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Layer:
    """One kernel call.

    Attributes:
        kernel: the C function is `sotto_<kernel>_s8`.
        constants_bytes: weights, biases, multipliers and tables, as they lie in flash.
        instructions: estimated; None where the kernel's cost on the core is not known, or its
            weights are fetched before.
    """

    operator: str
    shapes: str
    kernel: str
    macs: int
    constants_bytes: int
    instructions: int | None


@dataclass(frozen=True)
class Box:
    """A run of bytes of the arena, and the calls from which to which it is alive.

    A state, and weights that were decoded once, are alive in all calls, and between inferences.

    Attributes:
        name: the tensor's; a scratch buffer's says whose it is.
        shape: without the batch.
        written_in: calls that write to it; several where layers work in place or side by side.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    offset: int
    bytes: int
    first_call: int
    last_call: int
    written_in: tuple[int, ...]


@dataclass(frozen=True)
class Arena:
    """The memory plan.

    Attributes:
        boxes: in the order of their first call.
        bytes: size of the arena.
        state_bytes: kept between inferences.
        fullest_call: the call during which most bytes are alive.
        tensors_bytes: of tensors during that call.
        scratch_bytes: of scratch during that call.
        weights_bytes: of weights that are fetched, during that call.
    """

    boxes: tuple[Box, ...]
    bytes: int
    state_bytes: int
    fullest_call: int
    tensors_bytes: int
    scratch_bytes: int
    weights_bytes: int


@dataclass(frozen=True)
class Flash:
    """Constants by kind, before a linker adds code."""

    weights_bytes: int
    tables_bytes: int


@dataclass(frozen=True)
class Description:
    """A model on a core.

    Attributes:
        core: name in `cores.CORES`.
        kernels: name of the target whose kernels it runs.
        window_frames: of a clip.
        step_frames: that one inference takes; fewer in a streaming model.
        steps: inferences of a clip.
        macs: of one inference.
        instructions: the sum of the layers' estimates; None where one is missing.
        ram_bytes: arena, input and output.
    """

    model: str
    core: str
    kernels: str
    input: Port
    output: Port
    window_frames: int
    step_frames: int
    steps: int
    macs: int
    instructions: int | None
    flash: Flash
    ram_bytes: int
    arena: Arena
    layers: tuple[Layer, ...]


def describe(model: CompiledModel, core: Core) -> Description:
    """Describe a model that was compiled for `core.target`."""
    calls = range(len(model.program.calls))
    layers = tuple(_layer(model.program, position, core) for position in calls)
    estimates = [layer.instructions for layer in layers if layer.instructions is not None]
    constants = {i: b.bytes for i, b in enumerate(model.program.buffers) if b.data is not None}
    tables = sum(layer.constants_bytes for layer in layers if layer.kernel in TABLE_KERNELS)
    weights = sum(layer.constants_bytes for layer in layers) - tables + sum(constants.values())
    if model.program.fetching is not None:
        weights += model.program.fetching.flash_bytes
    return Description(
        model=model.name,
        core=core.name,
        kernels=model.target.name,
        input=_port(model.input),
        output=_port(model.output),
        window_frames=model.window_frames,
        step_frames=model.frames_bins[0],
        steps=model.steps,
        macs=model.summary.macs,
        instructions=sum(estimates) if len(estimates) == len(layers) else None,
        flash=Flash(weights, tables),
        ram_bytes=model.plan.arena_bytes + model.input.bytes + model.output.bytes,
        arena=_arena(model),
        layers=layers,
    )


def _layer(program: Program, position: int, core: Core) -> Layer:
    call, fetching = program.calls[position], program.fetching
    fetched = fetching is not None and fetching.before(position) is not None
    return Layer(
        operator=call.operator,
        shapes=call.shapes,
        kernel=call.params.kernel,
        macs=call.macs,
        constants_bytes=call_bytes(program, position),
        instructions=None if fetched else estimate(core.name, program, call),
    )


def _port(buffer: Buffer) -> Port:
    q = buffer.quantization
    return Port(
        buffer.name, buffer.shape, buffer.dtype, buffer.bytes, q.scales[0], q.zero_points[0]
    )


def _arena(model: CompiledModel) -> Arena:
    lifetimes = lifetimes_of(model.program)
    boxes = sorted(
        (_box(model, life) for life in lifetimes), key=lambda box: (box.first_call, box.offset)
    )
    fullest = max(range(len(model.program.calls)), key=lambda call: _alive(boxes, call))
    return Arena(
        boxes=tuple(boxes),
        bytes=model.plan.arena_bytes,
        state_bytes=model.summary.state_bytes,
        fullest_call=fullest,
        tensors_bytes=_alive(boxes, fullest, "tensor"),
        scratch_bytes=_alive(boxes, fullest, "scratch"),
        weights_bytes=_alive(boxes, fullest, "weights"),
    )


def _box(model: CompiledModel, life: Lifetime) -> Box:
    program = model.program
    buffer, last_call = program.buffers[life.buffer], len(program.calls) - 1
    written = (i for i, c in enumerate(program.calls) if program.holder(c.output) == life.buffer)
    return Box(
        name=buffer.name,
        kind=_kind(program, life.buffer),
        shape=buffer.shape[1:] if len(buffer.shape) > 1 else buffer.shape,
        offset=model.plan.offsets[life.buffer],
        bytes=life.bytes,
        first_call=0 if life.persistent else life.first_call,
        last_call=last_call if life.persistent else life.last_call,
        written_in=tuple(written),
    )


def _kind(program: Program, buffer: int) -> Kind:
    fetched = program.fetching is not None and buffer in program.fetching.buffers
    if fetched or any(call.weights == buffer for call in program.calls):
        return "weights"
    if buffer in program.states:
        return "state"
    scratch = any(call.scratch == buffer for call in program.calls)
    return "scratch" if scratch else "tensor"


def _alive(boxes: Sequence[Box], call: int, kind: Kind | None = None) -> int:
    """Bytes of the boxes (of one kind) that are alive during a call."""
    return sum(
        box.bytes
        for box in boxes
        if box.first_call <= call <= box.last_call and kind in (None, box.kind)
    )
