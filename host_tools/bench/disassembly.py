"""The instructions of a linked program, by address, as objdump reads them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.errors import SottoError

_FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\s*(.*)$")
_COMMENT = re.compile(r"\s*(?:[;@#] 0x|[;@] |// ).*$")
_CALLS = {"bl", "blx", "jal", "jalr", "call0", "callx0"}
_NO_LINK = re.compile(r"(zero|x0),")


@dataclass(frozen=True)
class Instruction:
    """One instruction. `size_bytes` is 2, 3 or 4."""

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


@dataclass
class Function:
    """A symbol and the instructions that follow it up to the next."""

    name: str
    address: int
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True)
class Program:
    """All code of an ELF file."""

    functions: dict[str, Function]
    at: dict[int, Instruction]

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
            function = Function(head[2], int(head[1], 16))
            functions[function.name] = function
        elif found := _INSTRUCTION.match(line):
            lines.append((int(found[1], 16), found[2], _COMMENT.sub("", found[3]), function))
    at: dict[int, Instruction] = {}
    ends = [line[0] for line in lines[1:]] + [lines[-1][0] + 4 if lines else 0]
    for (address, mnemonic, operands, owner), end in zip(lines, ends, strict=True):
        size = end - address if 0 < end - address <= 4 else 4
        at[address] = Instruction(address, size, mnemonic, operands)
        owner.instructions.append(at[address])
    return Program(functions, at)
