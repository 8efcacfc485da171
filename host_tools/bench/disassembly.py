"""The instructions of a linked program, by address, as objdump reads them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from host_tools.errors import SottoError

_FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
# An instruction that objdump does not know has the mnemonic "@".
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
_COMMENT = re.compile(r"\s*([;@#] |//).*$")
_TARGET = re.compile(r"\b(?:0x)?([0-9a-f]+) <")
_CALLS = {"bl", "blx", "jal", "jalr"}
_NO_LINK = re.compile(r"(zero|x0),")
_CONDITION = re.compile(r"(\w+?)(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)$")
_UNCONDITIONAL = {"mls"}  # it only looks as if it ended with a condition
_LIST = re.compile(r"\{([a-z][^}]*)\}")  # not a coprocessor's number, as vectors are shown
_OTHER_NAMES = {"sl": "r10", "fp": "r11", "ip": "r12"}
_GREATEST_SIZE_BYTES = 4


@dataclass(frozen=True)
class Instruction:
    """One instruction. `size_bytes` is 2 or 4."""

    address: int
    size_bytes: int
    mnemonic: str
    operands: str

    @property
    def end(self) -> int:
        """Address of what follows in memory."""
        return self.address + self.size_bytes

    @property
    def is_call(self) -> bool:
        """Whether it leaves a return address; of a RISC-V jump only with a link register."""
        return self.mnemonic in _CALLS and not _NO_LINK.match(self.operands)

    @property
    def target(self) -> int | None:
        """Where a direct branch or call goes to."""
        found = _TARGET.search(self.operands)
        return int(found[1], 16) if found else None


@cache
def condition_of(mnemonic: str) -> tuple[str, str]:
    """An Arm mnemonic without width and condition, and the condition, or ""."""
    name = mnemonic.split(".")[0]
    found = None if name in _UNCONDITIONAL else _CONDITION.match(name)
    return (found[1], found[2]) if found else (name, "")


def count_registers(operands: str) -> int:
    """How many registers a list like {r0, r2-r5, lr} names."""
    found = _LIST.search(operands)
    count = 0
    for part in found[1].split(",") if found else ():
        first, _, last = (_OTHER_NAMES.get(end, end) for end in part.strip().partition("-"))
        count += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count


@dataclass
class Function:
    """A symbol and the instructions that follow it up to the next.

    Attributes:
        name: the symbol; of a second one with the same name with `@` and its address.
    """

    name: str
    address: int
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True)
class Program:
    """All code of an ELF file."""

    functions: dict[str, Function]
    at: dict[int, Instruction]

    @cached_property
    def name_at(self) -> dict[int, str]:
        """Names of the functions by the address where they begin."""
        return {one.address: one.name for one in self.functions.values()}

    def count_between(self, start: int, end: int) -> int:
        """How many instructions lie from one address to another."""
        count = 0
        while start < end:
            start = self.at[start].end
            count += 1
        return count

    def run_of(self, address: int, count: int) -> list[Instruction]:
        """`count` instructions in the order of memory, from `address` on."""
        run = []
        for _ in range(count):
            run.append(self.at[address])
            address = run[-1].end
        return run


def disassemble(elf: Path, toolchain: str) -> Program:
    """Read the code of a program.

    Raises:
        SottoError: objdump cannot.
    """
    command = [f"{toolchain}objdump", "-d", "-z", "--no-show-raw-insn", str(elf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SottoError(f"{command[0]} cannot read {elf}: {done.stderr}", "Run `sotto doctor`.")
    functions: dict[str, Function] = {}
    lines: list[tuple[int, str, str, Function]] = []
    function = Function("", 0)
    for line in done.stdout.splitlines():
        if head := _FUNCTION.match(line):
            address = int(head[1], 16)
            name = f"{head[2]}@{address:x}" if head[2] in functions else head[2]
            functions[name] = function = Function(name, address)
        elif found := _INSTRUCTION.match(line):
            lines.append((int(found[1], 16), found[2], _COMMENT.sub("", found[3]), function))
    at: dict[int, Instruction] = {}
    ends = [line[0] for line in lines[1:]] + [0]
    for (address, mnemonic, operands, owner), end in zip(lines, ends, strict=True):
        size = end - address
        if not 0 < size <= _GREATEST_SIZE_BYTES:  # the last one of a section
            size = _GREATEST_SIZE_BYTES
        at[address] = Instruction(address, size, mnemonic, operands)
        owner.instructions.append(at[address])
    return Program(functions, at)
