"""Attributes an execution trace to the calls of the function that runs the layers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.bench.cycles import Timing, estimate
from host_tools.bench.disassembly import Function, Program
from host_tools.bench.trace import Trace
from host_tools.errors import SottoError

COPY = "<memcpy>"


@dataclass(frozen=True)
class Cost:
    """What a stretch of the trace took. `cycles` is None where the core has no cycle model."""

    instructions: int
    cycles: int | None


def sum_of(costs: Sequence[Cost]) -> Cost:
    """What several stretches took together."""
    cycles = [cost.cycles for cost in costs if cost.cycles is not None]
    return Cost(
        sum(cost.instructions for cost in costs), sum(cycles) if len(cycles) == len(costs) else None
    )


def last_call(trace: Trace, program: Program, function: Function, caller: str) -> slice:
    """The blocks of the last call of `function` by `caller`, from its entry to its return.

    Raises:
        SottoError: it was not called, or did not return.
    """
    calls = (one for one in program.functions[caller].instructions if one.is_call)
    returns = [one.end for one in calls if f"<{function.name}>" in one.operands]
    entered = np.flatnonzero(trace.starts == function.address)
    left = np.flatnonzero(np.isin(trace.starts, returns))
    if not entered.size or not left.size or left[-1] < entered[-1]:
        raise SottoError(f"{function.name} did not run to its end", "Run the program by hand.")
    return slice(int(entered[-1]), int(left[-1]))


def split_by_calls(trace: Trace, region: slice, function: Function) -> list[tuple[str, np.ndarray]]:
    """The region cut behind each call of `function`: the callee's name and its blocks.

    A copy of parameters by the C library belongs to the call that they are for. The first part
    begins with the function's own entry, the last ends with its return, so that the parts add up to
    the region.
    """
    names: list[str] = []
    cuts: list[int] = [region.start]
    for call in (one for one in function.instructions if one.is_call and COPY not in one.operands):
        behind = np.flatnonzero(trace.starts[cuts[-1] : region.stop] == call.end)
        if behind.size:
            cuts.append(cuts[-1] + int(behind[0]))
            names.append(call.operands.partition("<")[2].rstrip(">"))
    cuts[-1] = region.stop
    return [
        (name, np.arange(*ends)) for name, ends in zip(names, itertools.pairwise(cuts), strict=True)
    ]


def split_by_function(
    trace: Trace, region: slice, program: Program
) -> list[tuple[str, np.ndarray]]:
    """The region by the function that each block is of, in the order of their first blocks."""
    functions = sorted(program.functions.values(), key=lambda one: one.address)
    addresses = np.array([one.address for one in functions], np.uint32)
    blocks = np.arange(region.start, region.stop)
    owners = np.searchsorted(addresses, trace.starts[blocks], side="right") - 1
    kinds, first = np.unique(owners, return_index=True)
    return [(functions[kind].name, blocks[owners == kind]) for kind in kinds[np.argsort(first)]]


def cost_of(trace: Trace, blocks: np.ndarray, program: Program, timing: Timing | None) -> Cost:
    """Add up what some blocks of the trace take."""
    cycles = None
    if timing is not None:
        cycles = 0
        for start, count, following, times in _distinct_blocks(trace, blocks):
            run = program.run_of(start, count)
            cycles += times * estimate(run, following != run[-1].end, timing)
    return Cost(int(trace.counts[blocks].sum(dtype=np.int64)), cycles)


def _distinct_blocks(trace: Trace, blocks: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Address, instructions and successor of each kind of block, and how often it came."""
    both = np.concatenate([trace.starts[blocks], trace.starts[blocks + 1]])
    addresses, which = np.unique(both, return_inverse=True)
    lengths = trace.counts[blocks].astype(np.int64)
    most = int(lengths.max()) + 1
    pairs = which[: blocks.size].astype(np.int64) * addresses.size + which[blocks.size :]
    kinds, times = np.unique(pairs * most + lengths, return_counts=True)
    for key, n in zip(kinds.tolist(), times.tolist(), strict=True):
        pair, count = divmod(key, most)
        start, following = divmod(pair, addresses.size)
        yield int(addresses[start]), count, int(addresses[following]), n
