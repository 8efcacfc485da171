"""The cycle model: sums that can be checked by hand against Arm's tables."""

from __future__ import annotations

import pytest

from host_tools.bench.cycles import CORTEX_M0PLUS, CORTEX_M3, CORTEX_M4, estimate
from host_tools.bench.disassembly import Instruction


def code(*lines: str) -> list[Instruction]:
    split = (line.partition(" ") for line in lines)
    return [Instruction(4 * i, 4, a, b) for i, (a, _, b) in enumerate(split)]


@pytest.mark.parametrize(
    ("lines", "cycles"),
    [
        # the four examples of the manual's section on load/store timings
        (("ldr r0, [r1]", "ldr r1, [r2]"), 3),
        (("ldr.w r0, [r1, r2]", "str r0, [r3, #20]"), 3),
        (("ldr.w r0, [r1, r2]", "str.w r1, [r3, r2]"), 3),
        (("ldr.w r0, [r1, r5]", "ldr r1, [r2]", "ldr r2, [r3, #4]"), 4),
        # the second address is what the first one loads
        (("ldr r0, [r1]", "ldr r2, [r0]"), 4),
        (("ldrb r0, [r1]", "adds r0, #1", "ldrh r2, [r3]"), 5),
        (("str r0, [r1, #4]", "str.w r0, [r1, r2]"), 3),
        # 1 + N, also with register ranges and two words
        (("ldmia.w r0!, {r1, r2, r3}", "stmdb sp!, {r4, r5, r6, r7, lr}"), 4 + 6),
        (("push {r4-r11, lr}", "ldrd r0, r1, [sp]", "vpush {d8}"), 10 + 3 + 2),
        (("popeq {r4, pc}", "ldrne r0, [r1]"), 3 + 2),
        (("smlad r0, r1, r2, r0", "sxtb16 r1, r1", "mul r0, r1, r0"), 3),
        (("tbb [pc, r0]", "udiv r0, r1, r2"), 2 + 12),
    ],
)
def test_cycles_of_straight_code(lines: tuple[str, ...], cycles: int) -> None:
    assert estimate(code(*lines), False, CORTEX_M4) == cycles


def test_a_taken_branch_refills_the_pipeline() -> None:
    branch = code("subs r0, #1", "bne.n 0 <f>")
    assert estimate(branch, False, CORTEX_M4) == 2
    assert estimate(branch, True, CORTEX_M4) == 4


def test_multiplications_are_longer_on_cortex_m3() -> None:
    lines = code("mla r0, r1, r2, r0", "mls r0, r1, r2, r0", "smull r0, r1, r2, r3", "umlal r0")
    assert estimate(lines, False, CORTEX_M4) == 4
    assert estimate(lines, False, CORTEX_M3) == 2 + 2 + 5 + 7


def test_cortex_m0plus_overlaps_nothing() -> None:
    lines = code("ldr r0, [r1, #0]", "ldr r1, [r2, #0]", "str r0, [r3, #0]", "muls r0, r1")
    assert estimate(lines, False, CORTEX_M0PLUS) == 2 + 2 + 2 + 1
    assert estimate(code("b.n 0 <f>"), True, CORTEX_M0PLUS) == 2
    assert estimate(code("bl 0 <f>"), True, CORTEX_M0PLUS) == 3
    assert estimate(code("pop {r4, pc}"), True, CORTEX_M0PLUS) == 3 + 2
