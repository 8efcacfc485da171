"""Worst-case stack from disassembled code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from host_tools.bench.disassembly import Function, Instruction, Program
from host_tools.bench.stack import Frames, growth, read_usage
from host_tools.errors import SottoError


def program(**functions: list[str]) -> Program:
    """Functions in the order of memory. `name` or `name+8` in the end is where a branch goes."""
    address, heads, sizes = 0, {}, {name: 4 * len(lines) for name, lines in functions.items()}
    for name, size in sizes.items():
        heads[name] = address
        address += size
    made: dict[str, Function] = {}
    for name, lines in functions.items():
        made[name] = Function(name, heads[name])
        for i, line in enumerate(lines):
            mnemonic, _, operands = line.partition(" ")
            target, _, offset = operands.rpartition(" ")[2].partition("+")
            if target in heads:
                operands = f"{heads[target] + int(offset or 0):x} <{target}>"
            made[name].instructions.append(Instruction(heads[name] + 4 * i, 4, mnemonic, operands))
    return Program(made, {one.address: one for f in made.values() for one in f.instructions})


def worst(code: Program, name: str = "top", pointed_at: Sequence[str] = ()) -> int:
    return Frames(code, {}, pointed_at).worst(name)


LEAF = ["push {r4, r5}", "sub sp, #24", "add sp, #24", "pop {r4, r5}", "bx lr"]


def test_a_call_adds_what_the_callee_takes() -> None:
    code = program(top=["push {r4, lr}", "bl leaf", "pop {r4, pc}"], leaf=LEAF)
    assert worst(code, "leaf") == 32
    assert worst(code) == 8 + 32


def test_a_tail_call_comes_after_the_frame_is_gone() -> None:
    code = program(top=["push {r4, lr}", "pop {r4, lr}", "b.w leaf"], leaf=LEAF)
    assert worst(code) == 32


def test_the_deepest_branch_counts() -> None:
    code = program(
        top=["cbz r0, top+12", "push {r0-r3}", "pop {r0-r3}", "push {r4, r5, lr}", "pop {r4, pc}"]
    )
    assert worst(code) == 16


def test_a_table_reaches_what_no_branch_does() -> None:
    code = program(
        top=["push {r4, lr}", "tbb [pc, r0]", "pop {r4, pc}", "bl leaf", "pop {r4, pc}"], leaf=LEAF
    )
    assert worst(code) == 8 + 32


def test_padding_behind_a_table_does_not_run_into_the_next_function() -> None:
    code = program(top=["push {r4, lr}", "tbb [pc, r0]", "pop {r4, pc}", "nop"], leaf=LEAF)
    assert worst(code) == 8


@pytest.mark.parametrize("jump", ["jr a5", "ldr.w pc, [pc, r3, lsl #2]"])
def test_a_computed_jump_may_be_a_table(jump: str) -> None:
    code = program(top=["push {r4, lr}", jump, "push {r0, r1}", "pop {r4, pc}"])
    assert worst(code) == 16


def test_a_jump_through_a_pointer_is_a_call_at_the_end() -> None:
    code = program(top=["push {r4, lr}", "pop {r4, lr}", "bx r3"], leaf=LEAF)
    assert (worst(code), worst(code, pointed_at=["leaf"])) == (8, 32)


def test_a_call_through_a_pointer_may_enter_each_function_that_is_pointed_at() -> None:
    code = program(
        top=["push {r4, lr}", "blx r3", "pop {r4, pc}"],
        leaf=LEAF,
        deeper=["sub.w sp, sp, #100", "add.w sp, sp, #100", "bx lr"],
    )
    assert worst(code) == 8
    assert worst(code, pointed_at=["leaf"]) == 8 + 32
    assert worst(code, pointed_at=["leaf", "deeper"]) == 8 + 100


def test_code_that_runs_into_the_next_function_enters_it() -> None:
    code = program(top=["push {r4}", "cmp r0, #0"], leaf=LEAF)
    assert worst(code) == 4 + 32


def test_recursion_and_growing_loops_are_refused() -> None:
    with pytest.raises(SottoError, match="top -> other -> top is a recursion"):
        worst(program(top=["bl other", "bx lr"], other=["bl top", "bx lr"]))
    with pytest.raises(SottoError, match="grows in a loop"):
        worst(program(top=["push {r0}", "bne.n top", "bx lr"]))


def test_a_loop_that_counts_down_in_an_argument_register_takes_no_stack() -> None:
    code = program(top=["add sp,sp,-16", "add a1,a1,-1", "bnez top+4", "add sp,sp,16", "ret"])
    assert worst(code) == 16


def test_the_compilers_account_counts_where_it_is_greater() -> None:
    code = program(top=["push {r4, lr}", "pop {r4, pc}"])
    assert Frames(code, {"top": 40}, ()).worst("top") == 40


@pytest.mark.parametrize(
    ("line", "bytes_down"),
    [
        ("vpush {d8-d9}", 16),
        ("stmdb sp!, {r4, r5, r6, r7, r8, r9, sl, fp, lr}", 36),
        ("stmdb r0!, {r4, r5}", 0),
        ("ldmia.w sp!, {r4-r6, pc}", -16),
        ("popne {r4, pc}", 0),
        ("str.w lr, [sp, #-8]!", 8),
        ("ldr.w pc, [sp], #8", -8),
        ("strd r0, r1, [sp, #8]", 0),
        ("add r0, sp, #88", 0),
        ("addi sp,sp,-48", 48),
        ("add sp,sp,32", -32),
        ("add a1,a1,-1", 0),
    ],
)
def test_what_an_instruction_does_to_the_stack_pointer(line: str, bytes_down: int) -> None:
    mnemonic, _, operands = line.partition(" ")
    assert growth(Instruction(0, 4, mnemonic, operands)) == bytes_down


def test_usage_files_name_the_functions_of_the_library(tmp_path: Path) -> None:
    one, two = tmp_path / "one.su", tmp_path / "two.su"
    one.write_text("/x/lib/sotto/src/nn/a.c:7:6:clamp\t8\tstatic\n")
    two.write_text("/x/ports/b.c:7:6:clamp\t16\tstatic\n/x/ports/b.c:9:6:put\t4\tstatic\n")
    assert read_usage([one, two]) == ({"clamp": 16, "put": 4}, {"clamp"})
