"""Attributes an execution trace to the calls of the function that runs the layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from host_tools.bench.cycles import Timing, estimate
from host_tools.bench.disassembly import Function, Program
from host_tools.bench.trace import Trace
from host_tools.errors import SottoError


@dataclass(frozen=True)
class Cost:
    """What a stretch of the trace took. `cycles` is None where the core has no cycle model."""

    instructions: int
    cycles: int | None


def region_of(trace: Trace, program: Program, function: Function, caller: str) -> slice:
    """The blocks from the first entry of `function` to its return to `caller`.

    Raises:
        SottoError: it was not called, or did not return.
    """
    calls = (one for one in program.functions[caller].instructions if one.is_call)
    returns = [one.end for one in calls if f"<{function.name}>" in one.operands]
    entered = np.flatnonzero(trace.starts == function.address)
    left = np.flatnonzero(np.isin(trace.starts, returns))
    left = left[left > entered[0]] if entered.size else left
    if not entered.size or not left.size:
        raise SottoError(f"{function.name} did not run to its end", "Run the program by hand.")
    return slice(int(entered[0]), int(left[0]))


def split_by_calls(trace: Trace, region: slice, function: Function) -> list[tuple[str, slice]]:
    """The region cut behind each call of `function`: the callee's name and its blocks.

    The first part begins with the function's own entry, the last ends with its return, so that
    the parts add up to the region.
    """
    parts: list[tuple[str, slice]] = []
    start = region.start
    for call in (one for one in function.instructions if one.is_call):
        behind = np.flatnonzero(trace.starts[start : region.stop] == call.end)
        if behind.size:
            stop = start + int(behind[0])
            parts.append((call.operands.partition("<")[2].rstrip(">"), slice(start, stop)))
            start = stop
    if not parts:
        return [(function.name, region)]
    name, last = parts[-1]
    return [*parts[:-1], (name, slice(last.start, region.stop))]


def cost_of(trace: Trace, part: slice, program: Program, timing: Timing | None) -> Cost:
    """Add up what the blocks of a part take."""
    cycles = None
    if timing is not None:
        cycles = 0
        for start, count, following, times in _distinct_blocks(trace, part):
            run = program.run_of(start, count)
            cycles += times * estimate(run, following != run[-1].end, timing)
    return Cost(int(trace.counts[part].sum(dtype=np.int64)), cycles)


def _distinct_blocks(trace: Trace, part: slice) -> Iterator[tuple[int, int, int, int]]:
    """Address, instructions and successor of each kind of block, and how often it came."""
    followings = trace.starts[part.start + 1 : part.stop + 1]
    table = np.stack([trace.starts[part], trace.counts[part].astype(np.uint32), followings], 1)
    kinds, times = np.unique(table, axis=0, return_counts=True)
    for (start, count, following), n in zip(kinds.tolist(), times.tolist(), strict=True):
        yield start, count, following, n
