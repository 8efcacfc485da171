"""Static memory plan: an offset in one arena for every tensor that lives in it, and its proof.

States come first, then greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep
Neural Net Inference", 2020): the largest tensor first, each at the lowest offset where no other is
alive at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.export.program import Program

ALIGNMENT_BYTES = 16


@dataclass(frozen=True)
class Lifetime:
    """Calls `first_call` (which writes it) to `last_call` (which reads it last), both included.

    A `persistent` one is a state: alive in every call, and between inferences.
    """

    buffer: int
    bytes: int
    first_call: int
    last_call: int
    persistent: bool = False

    def alive(self, call: int) -> bool:
        """Whether it may not be overwritten during `call`."""
        return self.persistent or self.first_call <= call <= self.last_call

    def meets(self, other: Lifetime) -> bool:
        """Whether both are alive during one call."""
        if self.persistent or other.persistent:
            return True
        return self.first_call <= other.last_call and other.first_call <= self.last_call


@dataclass(frozen=True)
class Plan:
    """Offsets in bytes by buffer index, and the size of the arena that holds them."""

    offsets: Mapping[int, int]
    arena_bytes: int


def lifetimes_of(program: Program) -> list[Lifetime]:
    """Lifetimes of the buffers that have memory in the arena; views count for what holds them."""
    inside, states = program.in_arena, frozenset(program.states)
    spans: dict[int, list[int]] = {}
    for position, call in enumerate(program.calls):
        for buffer in map(program.holder, call.buffers):
            if buffer in inside:
                spans.setdefault(buffer, []).append(position)
    return [
        Lifetime(buffer, program.buffers[buffer].bytes, min(calls), max(calls), buffer in states)
        for buffer, calls in sorted(spans.items())
    ]


def state_bytes_of(lifetimes: Sequence[Lifetime]) -> int:
    """Bytes that are kept between inferences."""
    return sum(life.bytes for life in lifetimes if life.persistent)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def plan_memory(lifetimes: Sequence[Lifetime]) -> Plan:
    """Place `lifetimes` in one arena; the same input gives the same plan."""
    order = sorted(
        lifetimes, key=lambda life: (not life.persistent, -life.bytes, life.first_call, life.buffer)
    )
    offsets: dict[int, int] = {}
    placed: list[Lifetime] = []
    for life in order:
        offset = 0
        for other in sorted(placed, key=lambda o: offsets[o.buffer]):
            start = offsets[other.buffer]
            if life.meets(other) and offset + life.bytes > start:
                offset = max(offset, _aligned(start + other.bytes))
        offsets[life.buffer] = offset
        placed.append(life)
    ends = [offsets[life.buffer] + life.bytes for life in lifetimes]
    return Plan(offsets, _aligned(max(ends, default=0)))


def verify_plan(lifetimes: Sequence[Lifetime], plan: Plan) -> None:
    """Check a plan without knowing how it was made: call by call, in the order of the addresses.

    Raises:
        ValueError: a buffer has no place, is misaligned, leaves the arena, or two buffers that are
            alive during one call share a byte.
    """
    calls = 1 + max((life.last_call for life in lifetimes), default=-1)
    for life in lifetimes:
        if life.buffer not in plan.offsets:
            raise ValueError(f"buffer {life.buffer} has no place in the arena")
        offset = plan.offsets[life.buffer]
        if offset < 0 or offset % ALIGNMENT_BYTES:
            raise ValueError(f"buffer {life.buffer} lies at {offset}, which is not aligned")
    for call in range(calls):
        alive = [life for life in lifetimes if life.alive(call)]
        free_from, owner = 0, -1
        for life in sorted(alive, key=lambda a: plan.offsets[a.buffer]):
            start = plan.offsets[life.buffer]
            if start < free_from:
                raise ValueError(
                    f"buffers {owner} and {life.buffer} share byte {start} in call {call}"
                )
            free_from, owner = start + life.bytes, life.buffer
        if free_from > plan.arena_bytes:
            raise ValueError(f"buffer {owner} ends at byte {free_from} of {plan.arena_bytes}")
