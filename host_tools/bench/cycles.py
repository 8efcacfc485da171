"""Estimated cycles of Armv6-M and Armv7-M code, from Arm's timings and an execution trace.

Sources: "Cortex-M4 Technical Reference Manual" r0p1 (Arm 100166), 3.3.1 table of processor
instructions and 3.3.2 load/store timings; "Cortex-M3 Technical Reference Manual" r2p1 (Arm DDI
0337I), 3.3.1 and 3.3.3; "Cortex-M0+ Technical Reference Manual" r0p1 (Arm DDI 0484C), 3.3. Memory
without wait states; docs/bench.md says what is left out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    "call": re.compile(r"blx?"),
    "divide": re.compile(r"[su]div"),
}


@dataclass(frozen=True)
class Timing:
    """What a core's manual gives, where one core differs from another.

    Attributes:
        refill: cycles more that a taken branch costs ("P", 1 to 3 in the manuals of M3 and M4).
        far_refill: the same for BL and for a POP that returns.
        store: a store at an immediate offset.
        overlaps: whether a load or store takes a cycle less behind a load.
        multiply_add: MLA, MLS.
        long_multiply: SMULL, UMULL.
        long_multiply_add: SMLAL, UMLAL.
        divide: SDIV, UDIV; the manuals say 2 to 12.
    """

    refill: int
    far_refill: int
    store: int
    overlaps: bool
    multiply_add: int = 1
    long_multiply: int = 1
    long_multiply_add: int = 1
    divide: int = 12


CORTEX_M4 = Timing(refill=2, far_refill=2, store=1, overlaps=True)
CORTEX_M3 = replace(CORTEX_M4, multiply_add=2, long_multiply=5, long_multiply_add=7)
CORTEX_M0PLUS = Timing(refill=1, far_refill=2, store=2, overlaps=False)
"""With the fast multiplier (MULS 1), which microcontrollers have; it has no longer multiplications
and no division."""


def estimate(run: Sequence[Instruction], taken: bool, timing: Timing) -> int:
    """Cycles of instructions that follow one another; `taken`: the last one jumps."""
    cycles = 0
    loaded = ""  # destination of a single load just before: the next access overlaps with it
    for instruction in run:
        cost, loaded = _cost(instruction, timing, loaded)
        cycles += cost
    if not taken:
        return cycles
    far = _kind(run[-1].mnemonic) in {"call", "multiple"}
    return cycles + (timing.far_refill if far else timing.refill)


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
        case "simple" | "call":
            return 1, ""
        case "load":
            overlaps = timing.overlaps and loaded and loaded not in operands.partition("[")[2]
            return (1 if overlaps else 2), operands.split(",")[0]
        case "store":
            if timing.overlaps and loaded:
                return 1, ""
            return (2 if _REGISTER_OFFSET.search(operands) else timing.store), ""
        case "pair":
            return 3, ""
        case "multiple":
            return 1 + count_registers(operands), ""
        case "table_branch":
            return 2, ""
        case arithmetic:
            return int(getattr(timing, arithmetic)), ""
