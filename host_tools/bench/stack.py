"""The deepest that a call can take the stack, from the instructions of the linked program.

Each function is followed along all of its branches with the depth that its pushes and its stack
pointer arithmetic make; a call adds what the callee takes. The compiler's own account
(`-fstack-usage`) counts where it is greater. Assembly and the C library have no such account.
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from host_tools.bench.disassembly import (
    Function,
    Instruction,
    Program,
    condition_of,
    count_registers,
)
from host_tools.errors import SottoError

WORD_BYTES = 4
GREATEST_BYTES = 1 << 16
LIBRARY_FOLDER = "/lib/sotto/"

_USAGE = re.compile(r"^(.*):\d+:\d+:(\S+)\t(\d+)\t", re.MULTILINE)
_PUSH = re.compile(r"v?push|v?stmdb")
_POP = re.compile(r"v?pop|v?ldmia|v?ldm")
_STEP = re.compile(r"(?P<down>sub|subw)|add|addw|addi")
_STEP_BY = re.compile(r"sp,( ?sp,)? ?#?(-?\d+)$")
_WRITE_BACK = re.compile(r"\[sp, #-(\d+)\]!$")
_POST_INDEX = re.compile(r"\[sp\], #(\d+)$")
_JUMP = re.compile(r"b|bx|j|jr|ret|tbb|tbh|udf")
_BY_REGISTER = {"bx": "lr", "jr": "ra"}
"""Jumps to what a register holds, and the register with which they return."""
_TABLE_HELPER = "__gnu_thumb1_case_"  # it returns to one of several places, like TBB


class Frames:
    """Stack use of the functions of one program.

    Args:
        usage: bytes of the compiler's account by function.
        pointed_at: functions that a call through a pointer may enter.
    """

    def __init__(self, program: Program, usage: dict[str, int], pointed_at: Collection[str]):
        self._program = program
        self._usage = usage
        self._pointed_at = pointed_at
        self._worst: dict[str, int] = {}
        self._deepest: dict[str, str] = {}

    def own(self, name: str) -> int:
        """Bytes that a function takes at its deepest, without what it calls."""
        followed = max(self._depths(self._program.functions[name]).values(), default=0)
        source_name = re.split("[@.]", name)[0]  # without what tells copies of a function apart
        return max(followed, self._usage.get(source_name, 0))

    def worst(self, name: str, callers: tuple[str, ...] = ()) -> int:
        """Bytes that a call of `name` takes at most, with all that it calls.

        Raises:
            SottoError: it calls itself, or its stack grows in a loop.
        """
        if name in callers:
            raise SottoError(f"{' -> '.join((*callers, name))} is a recursion", "Write a loop.")
        if name not in self._worst:
            depths = self._depths(self._program.functions[name])
            deepest = self.own(name)
            for address, depth in depths.items():
                for callee in self._callees(name, self._program.at[address], callers):
                    with_callee = depth + self.worst(callee, (*callers, name))
                    if with_callee > deepest:
                        deepest, self._deepest[name] = with_callee, callee
            self._worst[name] = deepest
        return self._worst[name]

    def chain(self, name: str) -> tuple[str, ...]:
        """The calls that take `worst(name)`, which must have been asked for."""
        deeper = self._deepest.get(name)
        return (name,) if deeper is None else (name, *self.chain(deeper))

    def through_pointer(self, caller: str, callers: tuple[str, ...]) -> list[str]:
        """Functions that a call through a pointer in `caller` may enter."""
        return sorted(set(self._pointed_at) - {caller, *callers})

    def _callees(
        self, caller: str, instruction: Instruction, callers: tuple[str, ...]
    ) -> Iterator[str]:
        """Functions that an instruction may enter: by a call, a jump, or by running into them."""
        if instruction.target is None and (instruction.is_call or _is_computed(instruction)):
            yield from self.through_pointer(caller, callers)
            return
        entered = [] if instruction.target is None else [instruction.target]
        if not _leaves(instruction):
            entered.append(instruction.end)
        for address in entered:
            name = self._program.name_at.get(address)
            if name is not None and (name != caller or instruction.is_call):
                yield name

    def _depths(self, function: Function) -> dict[int, int]:
        """By address: the greatest depth at or behind each instruction that is reached."""
        inside = {one.address: one for one in function.instructions}
        before: dict[int, int] = {}
        deepest: dict[int, int] = {}
        at_tables = -1
        waiting = [(function.address, 0)]
        while waiting:
            address, depth = waiting.pop()
            if address in inside and depth > before.get(address, -1):
                if depth > GREATEST_BYTES:
                    raise SottoError(
                        f"the stack of {function.name} grows in a loop",
                        "Move its pushes out of the loop.",
                    )
                one = inside[address]
                before[address] = depth
                after = max(depth + growth(one), 0)
                deepest[address] = max(depth, after)
                waiting += [(following, after) for following in _followings(one)]
                at_tables = max(at_tables, after if _is_table_branch(one) else -1)
            if not waiting and at_tables >= 0:  # what nothing else reaches, the tables name
                left = (a for a in sorted(inside) if a not in before and not _pads(inside[a]))
                waiting = [(a, at_tables) for a in left][:1]
        return deepest


def growth(instruction: Instruction) -> int:
    """Bytes by which an instruction moves the stack down; negative: up."""
    name, condition = condition_of(instruction.mnemonic)
    operands = instruction.operands
    listed = count_registers(operands) * WORD_BYTES * (2 if "{d" in operands else 1)
    on_stack = "push" in name or "pop" in name or operands.startswith("sp!")
    bytes_down = 0
    if _PUSH.fullmatch(name) and on_stack:
        bytes_down = listed
    elif _POP.fullmatch(name) and on_stack:
        bytes_down = -listed
    elif (step := _STEP.fullmatch(name)) and (by := _STEP_BY.match(operands)):
        bytes_down = int(by[2]) if step["down"] else -int(by[2])
    elif found := _WRITE_BACK.search(operands):
        bytes_down = int(found[1])
    elif found := _POST_INDEX.search(operands):
        bytes_down = -int(found[1])
    return max(bytes_down, 0) if condition else bytes_down


def _is_computed(instruction: Instruction) -> bool:
    """Whether it jumps to an address in a register: a call at the end, or a table of places."""
    name, _ = condition_of(instruction.mnemonic)
    return name in _BY_REGISTER and instruction.operands != _BY_REGISTER[name]


def _is_table_branch(instruction: Instruction) -> bool:
    tables = instruction.mnemonic in {"tbb", "tbh"} or _TABLE_HELPER in instruction.operands
    return tables or _is_computed(instruction) or instruction.operands.startswith("pc, [pc")


def _pads(instruction: Instruction) -> bool:
    """Whether it only fills the room before the next function, where nothing reaches it."""
    return instruction.mnemonic.startswith("nop")


def _leaves(instruction: Instruction) -> bool:
    """Whether the next instruction in memory is not executed after this one."""
    name, condition = condition_of(instruction.mnemonic)
    loads_pc = (
        re.search(r"\bpc\}|^pc,", instruction.operands) is not None
    ) and not name.startswith(("push", "stm", "str", "cmp"))
    jumps = _JUMP.fullmatch(name) is not None or loads_pc or _TABLE_HELPER in instruction.operands
    return jumps and not condition


def _followings(instruction: Instruction) -> Iterator[int]:
    if instruction.target is not None and not instruction.is_call:
        yield instruction.target
    if not _leaves(instruction):
        yield instruction.end


def read_usage(files: Iterable[Path]) -> tuple[dict[str, int], set[str]]:
    """The compiler's account in `.su` files.

    Returns:
        bytes by function, the greatest of equal names; and the functions of sotto's library.
    """
    usage: dict[str, int] = {}
    library = set()
    for file in files:
        for path, name, size in _USAGE.findall(file.read_text(encoding="utf-8")):
            usage[name] = max(usage.get(name, 0), int(size))
            if LIBRARY_FOLDER in path:
                library.add(name)
    return usage, library


def addresses_in(elf: Path, program: Program, toolchain: str) -> set[str]:
    """Functions whose address lies somewhere in the program's constants or initial values."""
    image = elf.with_suffix(".bin")
    subprocess.run([f"{toolchain}objcopy", "-O", "binary", str(elf), str(image)], check=True)
    content = image.read_bytes()
    words = struct.unpack(f"<{len(content) // WORD_BYTES}I", content[: len(content) & -WORD_BYTES])
    # Bit 0 of a pointer to Thumb code is set; no function begins at an odd address.
    return {program.name_at[word & ~1] for word in words if word & ~1 in program.name_at}
