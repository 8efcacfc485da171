"""What a compiled model costs, layer by layer: facts of the plan, nothing estimated."""

from __future__ import annotations

from dataclasses import dataclass

from training.export.fetching import call_bytes
from training.export.plan import Plan
from training.export.program import Program


@dataclass(frozen=True)
class LayerSummary:
    """One kernel call. `constants_bytes`: weights, biases, multipliers and tables in flash."""

    operator: str
    shapes: str
    macs: int
    constants_bytes: int


@dataclass(frozen=True)
class ModelSummary:
    """All calls and their sums.

    `arena_bytes`: RAM of intermediate tensors, scratch and state; `state_bytes` of it are kept
    between inferences.
    """

    layers: tuple[LayerSummary, ...]
    macs: int
    weights_bytes: int
    arena_bytes: int
    state_bytes: int
    tflite_bytes: int


def summarize(program: Program, plan: Plan, tflite_bytes: int) -> ModelSummary:
    """Sum up a program and its memory plan."""
    return ModelSummary(
        layers=tuple(
            LayerSummary(call.operator, call.shapes, call.macs, call_bytes(program, position))
            for position, call in enumerate(program.calls)
        ),
        macs=program.macs,
        weights_bytes=program.constant_bytes,
        arena_bytes=plan.arena_bytes,
        state_bytes=sum(program.buffers[state].bytes for state in program.states),
        tflite_bytes=tflite_bytes,
    )
