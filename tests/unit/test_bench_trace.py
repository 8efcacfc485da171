"""What is read from QEMU's log, and how it is attributed."""

from __future__ import annotations

import numpy as np
import pytest

from host_tools.bench.cycles import CORTEX_M4
from host_tools.bench.disassembly import Function, Instruction, Program
from host_tools.bench.layers import (
    Cost,
    cost_of,
    last_call,
    split_by_calls,
    split_by_function,
    sum_of,
)
from host_tools.bench.trace import Trace, read_log
from host_tools.errors import SottoError

# main calls run, which calls first and second; each callee loops three times over two instructions.
CODE = {
    "main": ["bl 8 <run>", "b.n 4 <main>"],
    "run": ["push {r4, lr}", "bl 18 <first>", "bl 20 <second>", "pop {r4, pc}"],
    "first": ["subs r0, #1", "bne.n 18 <first>"],
    "second": ["subs r1, #1", "bne.n 20 <second>", "bx lr"],
}
# What the block at an address has: the address of its last instruction.
BLOCKS = {0x0: 0x0, 0x4: 0x4, 0x8: 0xC, 0x10: 0x10, 0x14: 0x14, 0x18: 0x1C, 0x20: 0x24, 0x28: 0x28}
RUN = [0x0, 0x8, 0x18, 0x18, 0x18, 0x10, 0x20, 0x20, 0x20, 0x28, 0x14, 0x4]


def program() -> Program:
    functions: dict[str, Function] = {}
    at: dict[int, Instruction] = {}
    for name, lines in CODE.items():
        functions[name] = Function(name, len(at) * 4)
        for line in lines:
            mnemonic, _, operands = line.partition(" ")
            instruction = Instruction(len(at) * 4, 4, mnemonic, operands)
            at[instruction.address] = instruction
            functions[name].instructions.append(instruction)
    return Program(functions, at)


def entry(address: int, allowed: int = 0) -> str:
    flags = 0xFF020200 | allowed
    return f"Trace 0: 0x7f21b4000100 [00800408/{address:08x}/00000110/{flags:08x}] some_name\n"


def listing(start: int, last: int) -> str:
    lines = [f"0x{address:08x}:  f8d2 3d88  something" for address in range(start, last + 1, 4)]
    return "----------------\nIN: some_name\n" + "\n".join(lines) + "\n\n"


def log(*lines: str) -> bytes:
    listings = "".join(listing(start, last) for start, last in BLOCKS.items())
    return (listings + "".join(lines)).encode()


def traced() -> Trace:
    return Trace("", *read_log(log(*map(entry, RUN)), program()))


def test_blocks_are_read_in_order() -> None:
    starts, counts = read_log(log(*map(entry, RUN)), program())
    assert starts.tolist() == RUN
    assert counts.tolist() == [1, 2, 2, 2, 2, 1, 2, 2, 2, 1, 1, 1]


def test_a_block_that_was_left_at_once_does_not_count() -> None:
    stopped = "Stopped execution of TB chain before 0x7f21b403a040 [00000018] first\n"
    starts, _ = read_log(log(entry(0x8), entry(0x18), stopped, entry(0x18), entry(0x10)), program())
    assert starts.tolist() == [0x8, 0x18, 0x10]


def test_a_block_that_was_allowed_less_counts_less() -> None:
    _, counts = read_log(log(entry(0x8, allowed=1), entry(0x8, allowed=5)), program())
    assert counts.tolist() == [1, 2]


def test_an_instruction_that_qemu_cannot_read_counts_as_one() -> None:
    """QEMU lists the halves of what it does not know; the addresses still tell where it ends."""
    halves = "IN: f\n0x00000018:  f04e       .byte\n0x0000001a:  e001       b  #2\n\n"
    _, counts = read_log((halves + entry(0x18)).encode(), program())
    assert counts.tolist() == [1]


def test_riscv_listings_have_a_line_more_and_a_boot_loader_before_the_program() -> None:
    text = (
        log(entry(0x1000), entry(0x8)).decode().replace("some_name\n0x", "f\nPriv: 3; Virt: 0\n0x")
    )
    text = listing(0x1000, 0x1008) + text
    starts, counts = read_log(text.encode(), program())
    assert (starts.tolist(), counts.tolist()) == ([0x1000, 0x8], [0, 2])


def test_a_log_without_trace_is_an_error() -> None:
    with pytest.raises(SottoError, match="wrote no trace"):
        read_log(b"IN: f\n", program())


def test_layers_add_up_to_the_call() -> None:
    trace, code = traced(), program()
    region = last_call(trace, code, code.functions["run"], "main")
    assert (region.start, region.stop) == (1, 11)
    parts = split_by_calls(trace, region, code.functions["run"])
    assert [(name, trace.starts[blocks].tolist()) for name, blocks in parts] == [
        ("first", [0x8, 0x18, 0x18, 0x18]),
        ("second", [0x10, 0x20, 0x20, 0x20, 0x28, 0x14]),
    ]
    costs = [cost_of(trace, blocks, code, CORTEX_M4) for _, blocks in parts]
    # push 3, bl 1 + 2; three times subs 1, bne 1 + 2
    assert costs[0] == Cost(8, (3 + 3) + 4 + 4 + 4)
    assert sum_of(costs).instructions == 8 + 9
    by_function = split_by_function(trace, region, code)
    assert [name for name, _ in by_function] == ["run", "first", "second"]
    again = [cost_of(trace, blocks, code, CORTEX_M4) for _, blocks in by_function]
    assert sum_of(again) == sum_of(costs)


def test_the_last_of_several_calls_is_measured() -> None:
    code = program()
    starts, counts = read_log(log(*map(entry, [*RUN[:-1], *RUN])), code)
    region = last_call(Trace("", starts, counts), code, code.functions["run"], "main")
    assert (region.start, region.stop) == (12, 22)


def test_a_call_that_does_not_return_is_an_error() -> None:
    code = program()
    starts, counts = read_log(log(*map(entry, RUN[:5])), code)
    with pytest.raises(SottoError, match="run did not run to its end"):
        last_call(Trace("", starts, counts), code, code.functions["run"], "main")


def test_no_cycles_without_a_model() -> None:
    cost = cost_of(traced(), np.arange(1, 11), program(), None)
    assert cost == Cost(17, None)
    assert sum_of([cost, Cost(1, 2)]) == Cost(18, None)
