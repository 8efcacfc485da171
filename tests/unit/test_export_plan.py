"""Memory planner: any lifetimes give a plan that an independent verifier accepts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.export.graph import Quantization
from training.export.plan import (
    ALIGNMENT_BYTES,
    Lifetime,
    Plan,
    least_bytes,
    lifetimes_of,
    plan_memory,
    verify_plan,
)
from training.export.program import Buffer, KernelCall, LookupParams, Program, View


@st.composite
def lifetimes(draw: st.DrawFn) -> list[Lifetime]:
    spans = draw(
        st.lists(
            st.tuples(st.integers(1, 5_000), st.integers(0, 12), st.integers(0, 6), st.booleans()),
            max_size=14,
        )
    )
    return [
        Lifetime(buffer, size, first, first + length, persistent and buffer % 2 == 0)
        for buffer, (size, first, length, persistent) in enumerate(spans)
    ]


def needed_bytes(lives: list[Lifetime]) -> int:
    """Least arena: the greatest sum of sizes alive in one call."""
    calls = range(1 + max((life.last_call for life in lives), default=0))
    alive = ([a for a in lives if a.alive(call)] for call in calls)
    return max(sum(life.bytes for life in each) for each in alive)


@settings(deadline=None, max_examples=300)
@given(lifetimes())
def test_plans_hold(lives: list[Lifetime]) -> None:
    plan = plan_memory(lives)
    verify_plan(lives, plan)
    assert plan == plan_memory(list(reversed(lives)))
    least = needed_bytes(lives)
    padding = ALIGNMENT_BYTES * len(lives)
    assert least <= plan.arena_bytes <= sum(life.bytes for life in lives) + padding


@settings(deadline=None, max_examples=300)
@given(lifetimes(), st.data())
def test_verifier_sees_any_overlap(lives: list[Lifetime], data: st.DataObject) -> None:
    """Two tensors that live together, moved onto one address: the verifier must object."""
    pairs = [(a, b) for a in lives for b in lives if a.buffer < b.buffer and a.meets(b)]
    if not pairs:
        return
    plan = plan_memory(lives)
    kept, moved = data.draw(st.sampled_from(pairs))
    offsets = {**plan.offsets, moved.buffer: plan.offsets[kept.buffer]}
    arena_bytes = max(offsets[life.buffer] + life.bytes for life in lives)
    with pytest.raises(ValueError, match="share byte"):
        verify_plan(lives, Plan(offsets, arena_bytes))


LIVES = [Lifetime(0, 100, 0, 1), Lifetime(1, 60, 1, 2), Lifetime(2, 100, 2, 3)]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan({0: 0, 1: 112}, 176), "buffer 2 has no place"),
        (Plan({0: 0, 1: 104, 2: 0}, 176), "buffer 1 lies at 104"),
        (Plan({0: 0, 1: -16, 2: 0}, 176), "buffer 1 lies at -16"),
        (Plan({0: 0, 1: 112, 2: 0}, 171), "ends at byte 172 of 171"),
        (Plan({0: 0, 1: 96, 2: 0}, 176), "share byte 96 in call 1"),
    ],
)
def test_verifier_names_the_fault(plan: Plan, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        verify_plan(LIVES, plan)


def test_several_orders_beat_one() -> None:
    """By size alone the 48 bytes lie above the 80, and no place is left beside the 64: 160."""
    spans = [(32, 4, 5), (80, 3, 3), (48, 2, 4), (64, 4, 4)]
    lives = [Lifetime(buffer, *span) for buffer, span in enumerate(spans)]
    plan = plan_memory(lives)
    verify_plan(lives, plan)
    assert plan.arena_bytes == least_bytes(lives) == 144


def test_a_chain_needs_two_buffers_only() -> None:
    plan = plan_memory(LIVES)
    verify_plan(LIVES, plan)
    assert plan == Plan({0: 0, 1: 112, 2: 0}, 176)


def test_nothing_to_place() -> None:
    assert plan_memory([]) == Plan({}, 0)


def test_a_state_shares_memory_with_nothing() -> None:
    lives = [Lifetime(0, 10, 5, 5, persistent=True), Lifetime(1, 10, 0, 1), Lifetime(2, 10, 2, 6)]
    plan = plan_memory(lives)
    assert plan == Plan({0: 0, 1: 16, 2: 16}, 32)
    verify_plan(lives, plan)
    with pytest.raises(ValueError, match="share byte 0 in call 0"):
        verify_plan(lives, Plan({0: 0, 1: 0, 2: 16}, 32))


def test_a_view_keeps_what_holds_it_alive() -> None:
    def buffer(size: int, **more: object) -> Buffer:
        return Buffer("", (size,), Quantization((), ()), **more)

    def call(source: int, target: int) -> KernelCall:
        return KernelCall("", LookupParams(4, np.zeros(256, np.int8)), (source,), target, "")

    state = buffer(8, initial=np.zeros(8, np.int8))
    buffers = (buffer(4), state, buffer(4, view=View(1, 4)), buffer(2, view=View(2, 2)), buffer(4))
    program = Program(buffers, (call(0, 3), call(2, 4)), (0,), (4,))
    assert program.place(3) == View(1, 6)
    lives = lifetimes_of(program)
    assert lives == [Lifetime(1, 8, 0, 1, persistent=True)]
    assert sum(life.bytes for life in lives if life.persistent) == 8
