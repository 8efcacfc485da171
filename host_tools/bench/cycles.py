"""Estimated cycles of Armv7-M code, from Arm's published timings and an execution trace.

Sources: "Cortex-M4 Technical Reference Manual" r0p1 (Arm 100166), 3.3.1 table of processor
instructions and 3.3.2 load/store timings; "Cortex-M3 Technical Reference Manual" r2p1 (Arm DDI
0337I), 3.3.1 and 3.3.3. Memory without wait states; docs/bench.md says what is left out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from host_tools.bench.disassembly import Instruction, condition_of, count_registers

_REGISTER_OFFSET = re.compile(r"\[\w+, [a-z]")
# The first kind that fits a whole mnemonic without width and condition.
_KINDS = {
    "pair": re.compile(r"(ldr|str)d"),
    "load": re.compile(r"v?ldr(s?[bh])?"),
    "store": re.compile(r"v?str[bh]?"),
    "multiple": re.compile(r"v?(ldm|stm)(ia|db)?|v?push|v?pop"),
    "table_branch": re.compile(r"tb[bh]"),
    "multiply_add": re.compile(r"ml[as]"),
    "long_multiply": re.compile(r"[su]mull"),
    "long_multiply_add": re.compile(r"[su]mlal"),
    "divide": re.compile(r"[su]div"),
}


@dataclass(frozen=True)
class Timing:
    """What a core's manual gives, where one core differs from another.

    Attributes:
        refill: cycles more that a taken branch costs ("P", 1 to 3 in the manuals).
        multiply_add: MLA, MLS.
        long_multiply: SMULL, UMULL.
        long_multiply_add: SMLAL, UMLAL.
        divide: SDIV, UDIV; the manuals say 2 to 12.
    """

    refill: int
    multiply_add: int
    long_multiply: int
    long_multiply_add: int
    divide: int


CORTEX_M4 = Timing(refill=2, multiply_add=1, long_multiply=1, long_multiply_add=1, divide=12)
CORTEX_M3 = Timing(refill=2, multiply_add=2, long_multiply=5, long_multiply_add=7, divide=12)


def estimate(run: Sequence[Instruction], taken: bool, timing: Timing) -> int:
    """Cycles of instructions that follow one another; `taken`: the last one jumps."""
    cycles = 0
    loaded = ""  # destination of a single load just before: the next access overlaps with it
    for instruction in run:
        cost, loaded = _cost(instruction, timing, loaded)
        cycles += cost
    return cycles + (timing.refill if taken else 0)


@functools.cache
def _kind(mnemonic: str) -> str:
    name, _ = condition_of(mnemonic)
    for kind, pattern in _KINDS.items():
        if pattern.fullmatch(name):
            return kind
    return "simple"


def _cost(instruction: Instruction, timing: Timing, loaded: str) -> tuple[int, str]:
    """Cycles without refill, and the register that a single load fills."""
    operands = instruction.operands
    match _kind(instruction.mnemonic):
        case "simple":
            return 1, ""
        case "load":
            overlaps = loaded and loaded not in operands.partition("[")[2]
            return (1 if overlaps else 2), operands.split(",")[0]
        case "store":
            return (2 if _REGISTER_OFFSET.search(operands) and not loaded else 1), ""
        case "pair":
            return 3, ""
        case "multiple":
            return 1 + count_registers(operands), ""
        case "table_branch":
            return 2, ""
        case arithmetic:
            return int(getattr(timing, arithmetic)), ""
