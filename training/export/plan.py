"""Static memory plan: an offset in one arena for every tensor that lives in it, and its proof.

Greedy, as Pisarchyk and Lee ("Efficient Memory Management for Deep Neural Net Inference", 2020):
one tensor after the other, each at the lowest offset where no other is alive at the same time. They
go by size; here several orders are tried, and changes to them, until the least possible is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from training.export.program import Program

ALIGNMENT_BYTES = 16


@dataclass(frozen=True)
class Lifetime:
    """Calls `first_call` (which writes it) to `last_call` (which reads it last), both included.

    A `persistent` one is alive in every call, and between inferences: a state, or weights that were
    decoded once.
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
    inside, kept = program.in_arena, frozenset(program.states)
    spans: dict[int, list[int]] = {}
    if program.fetching is not None:
        spans |= {block.buffer: [block.call or 0] for block in program.fetching.blocks}
        kept |= program.fetching.kept
    for position, call in enumerate(program.calls):
        for buffer in map(program.holder, call.buffers):
            if buffer in inside:
                spans.setdefault(buffer, []).append(position)
    return [
        Lifetime(buffer, program.buffers[buffer].bytes, min(calls), max(calls), buffer in kept)
        for buffer, calls in sorted(spans.items())
    ]


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def least_bytes(lifetimes: Sequence[Lifetime]) -> int:
    """What no plan can go below: the greatest sum of sizes alive in one call."""
    calls = {life.first_call for life in lifetimes}
    alive = ((life.bytes for life in lifetimes if life.alive(call)) for call in calls)
    return _aligned(max(map(sum, alive), default=0))


def _place(order: Sequence[Lifetime]) -> Plan:
    """Each at the lowest offset where nothing placed before it is alive at the same time."""
    offsets: dict[int, int] = {}
    placed: list[Lifetime] = []
    end = 0
    for life in order:
        offset = 0
        for other in sorted(placed, key=lambda o: offsets[o.buffer]):
            start = offsets[other.buffer]
            if life.meets(other) and offset + life.bytes > start:
                offset = max(offset, _aligned(start + other.bytes))
        offsets[life.buffer] = offset
        placed.append(life)
        end = max(end, offset + life.bytes)
    return Plan(offsets, _aligned(end))


def _calls(life: Lifetime) -> int:
    return life.last_call - life.first_call + 1


ORDERS: tuple[Callable[[Lifetime], tuple[int, ...]], ...] = (
    lambda life: (-life.bytes, life.first_call, life.buffer),
    lambda life: (-life.bytes * _calls(life), life.first_call, life.buffer),
    lambda life: (-_calls(life), -life.bytes, life.buffer),
    lambda life: (life.first_call, -life.bytes, life.buffer),
)
"""By size; by size and time; by time; as they come. None is best for every program."""


def _improved(order: list[Lifetime], plan: Plan, enough_bytes: int) -> Plan:
    """The best plan that placing some tensor before all others leads to, again and again."""
    better = True
    while better and plan.arena_bytes > enough_bytes:
        better = False
        for life in order:
            candidate = [life, *(other for other in order if other is not life)]
            found = _place(candidate)
            if found.arena_bytes < plan.arena_bytes:
                order, plan, better = candidate, found, True
                break
    return plan


def plan_memory(lifetimes: Sequence[Lifetime]) -> Plan:
    """Place `lifetimes` in one arena; the same input gives the same plan."""
    enough_bytes, best = least_bytes(lifetimes), Plan({}, 0)
    for number, key in enumerate(ORDERS):
        order = sorted(lifetimes, key=lambda life: (not life.persistent, *key(life)))
        plan = _improved(order, _place(order), enough_bytes)
        if number == 0 or plan.arena_bytes < best.arena_bytes:
            best = plan
        if best.arena_bytes <= enough_bytes:
            break
    return best


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
