"""Estimates how many instructions a kernel call will take, from what was measured on each core.

The instructions of a kernel are nearly a sum of a few counts of its layer (`Work`), each times a
factor. The factors stand in costs.json, by core and kernel. `make fit-costs` measures probe
networks on emulated cores, fits the factors, and prints how well they foretell networks that they
were not fitted to. An estimate is for choosing a network or a core; `make bench-engine` measures.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from training.export.program import KernelCall, Program

TABLE = Path(__file__).with_name("costs.json")

STATED_ERROR = 0.2
"""An estimate of a whole network is no further from the measurement; a test holds it."""

SAME_CODE = {"cortex-m7": "cortex-m4f", "cortex-m33": "cortex-m4f"}
"""Cores that run the assembly of another one, so that the other's costs are theirs."""

MOST_FOR_A_CALL = 1_000
"""Instructions that a kernel takes whatever its layer: fits with more are no explanations."""


@dataclass(frozen=True)
class Work:
    """What a call has to do.

    Attributes:
        call: 1, for what it costs to begin.
        mac: multiply-accumulates.
        output: bytes written.
        input: bytes of the tensors read.
        constant: bytes of weights and tables, in flash or unpacked.
        streamed: the same, as often as a layer with weights has output positions.
        window: windows that a layer with weights cannot read as words where they lie.
        tap: their kernel taps.
        gathered: their bytes.
    """

    call: int
    mac: int
    output: int
    input: int
    constant: int
    streamed: int
    window: int
    tap: int
    gathered: int


@dataclass(frozen=True)
class Sample:
    """A measured call."""

    kernel: str
    work: Work
    instructions: int


@dataclass(frozen=True)
class Fit:
    """Factors of one kernel on one core.

    Attributes:
        factors: by name of the count; those that are 0 are left out.
        samples: calls that were measured.
        worst: greatest relative error, |estimate / measured - 1|, over these calls.
    """

    factors: Mapping[str, float]
    samples: int
    worst: float


WORD_BYTES = 4
WEIGHT_POWER = 0.75
DIGITS = 4
COUNTS = tuple(field.name for field in fields(Work))


def work_of(program: Program, call: KernelCall) -> Work:
    """The counts of a call, from its tensors alone: kernels pack what they know of a layer."""
    moving = [program.buffers[i] for i in call.inputs if program.buffers[i].data is None]
    output = program.buffers[call.output]
    window_bytes = call.macs // output.elements
    channels = moving[0].shape[-1] if moving else 1
    constant = call.params.constant_bytes
    if call.weights is not None:
        constant += program.buffers[call.weights].bytes
    as_it_lies = window_bytes == channels and channels % WORD_BYTES == 0
    positions = output.elements // output.shape[-1] if call.macs else 0
    windows = 0 if as_it_lies else positions
    return Work(
        call=1,
        mac=call.macs,
        output=output.bytes,
        input=sum(buffer.bytes for buffer in moving),
        constant=constant,
        streamed=constant * positions,
        window=windows,
        tap=windows * max(1, window_bytes // channels),
        gathered=windows * window_bytes,
    )


def kernel_of(call: KernelCall) -> str:
    """The kernel whose factors count: where its weights lie makes no difference."""
    return call.params.kernel.removesuffix("_unpacked")


@cache
def _table() -> dict[str, dict[str, dict[str, float]]]:
    content: dict[str, dict[str, dict[str, float]]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return content


def estimate(core: str, program: Program, call: KernelCall) -> int | None:
    """Instructions that a call takes on a core, or None where its kernel was not measured there."""
    factors = _table().get(SAME_CODE.get(core, core), {}).get(kernel_of(call))
    if factors is None:
        return None
    work = work_of(program, call)
    return round(sum(factor * getattr(work, name) for name, factor in factors.items()))


def fit(samples: Sequence[Sample]) -> Fit:
    """Factors of one kernel by weighted least squares; none is negative.

    Each choice of counts is fitted. The one whose fits to all samples but one foretell that one
    best is kept: more counts than the samples can bear would foretell badly.

    Args:
        samples: one or more, of one kernel on one core.
    """
    measured = np.array([sample.instructions for sample in samples], np.float64)
    work = np.array([astuple(sample.work) for sample in samples], np.float64)
    # Between errors in instructions, which small layers would not count in, and relative ones.
    weights = measured**-WEIGHT_POWER
    rows, goal = work * weights[:, np.newaxis], measured * weights
    errors_of = ((_foretold_error(rows[:, c], goal), -rows[:, c].sum(), c) for c in _choices(rows))
    *_, chosen = min(one for one in errors_of if _bearable(one[-1], rows, goal))
    factors = _solve(rows[:, chosen], goal)
    if factors is None:
        raise ValueError(f"no count explains {samples[0].kernel}")
    errors = np.abs(work[:, chosen] @ factors / measured - 1)
    named = {COUNTS[i]: round(float(f), DIGITS) for i, f in zip(chosen, factors, strict=True)}
    kept = {name: factor for name, factor in named.items() if factor > 0}
    return Fit(kept, len(samples), float(errors.max()))


def _bearable(chosen: tuple[int, ...], rows: np.ndarray, goal: np.ndarray) -> bool:
    """Whether a fit exists in which what is paid once a call is no great part."""
    factors = _solve(rows[:, chosen], goal)
    if factors is None:
        return False
    return COUNTS.index("call") not in chosen or factors[0] <= MOST_FOR_A_CALL


def _choices(rows: np.ndarray) -> list[tuple[int, ...]]:
    """Sets of counts that are not 0, smaller than the number of samples (or of one count)."""
    used = [i for i in range(rows.shape[1]) if rows[:, i].any()]
    most = max(1, len(rows) - 1)
    sizes = range(1, min(len(used), most) + 1)
    return [choice for size in sizes for choice in itertools.combinations(used, size)]


def _solve(rows: np.ndarray, goal: np.ndarray) -> np.ndarray | None:
    """Least squares for `rows @ factors = goal`; None when a factor would be negative."""
    factors, _, rank, _ = np.linalg.lstsq(rows, goal, rcond=None)
    if rank < rows.shape[1] or factors.min() < 0:
        return None
    return np.asarray(factors, np.float64)


def _foretold_error(rows: np.ndarray, goal: np.ndarray) -> float:
    """Root mean square of the errors for each sample, when it is left out of the fit."""
    if _solve(rows, goal) is None:
        return np.inf
    if len(rows) == 1:
        return 0.0
    errors = []
    for left_out in range(len(rows)):
        factors = _solve(np.delete(rows, left_out, axis=0), np.delete(goal, left_out))
        if factors is None:
            return np.inf
        errors.append(rows[left_out] @ factors - goal[left_out])
    return float(np.sqrt(np.mean(np.square(errors))))
