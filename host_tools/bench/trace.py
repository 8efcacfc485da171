"""Runs a bench program in QEMU and records which instructions it executed, in order.

QEMU writes a line each time it enters a block of translated instructions (`-d exec,nochain`) and
lists the instructions of each block when it translates it (`in_asm`).
"""

from __future__ import annotations

import functools
import os
import re
import resource
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.bench.cores import Core
from host_tools.bench.disassembly import Program
from host_tools.emulator import end_with_parent, find_qemu
from host_tools.errors import SottoError

RUN_TIMEOUT_S = 300
TRACE_LIMIT_BYTES = 4 << 30
"""A program that does not end fills the disk sooner than its time is over."""
COUNT_MASK = 0x1FF
"""In a block's flags: the most instructions that it was allowed, or 0 (QEMU's CF_COUNT_MASK)."""

# "Trace 0: 0x7f21b4000100 [00800408/08001448/00000110/ff020200] name": the second number is the
# address, the fourth the flags. All lines have the same columns up to the name.
_TRACE = re.compile(rb"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]{8})/[0-9a-f]+/([0-9a-f]{8})\]", re.M)
_TRACE_LETTER, _STOPPED_LETTER = b"TS"
_NEW_LINE = 0x0A
# First and last line of a block, "0x0800144e:  f8d2 3d88  ldr.w r3, [r2]": address and code. What
# lies between is objdump's to say: QEMU's disassembler does not know every instruction.
_LISTING = re.compile(
    rb"^IN: .*\n(?:Priv: .*\n)?"
    rb"(?=0x([0-9a-f]+):)(?:0x.*\n)*?0x([0-9a-f]+):  ((?:[0-9a-f]+ )+).*\n(?!0x)",
    re.M,
)
_HEX_DIGITS = b"0123456789abcdef"


@dataclass(frozen=True)
class Trace:
    """One run.

    Attributes:
        said: what the program wrote to its serial line.
        starts: uint32[blocks], address of each block that was entered, in order.
        counts: uint16[blocks], how many instructions each has.
    """

    said: str
    starts: np.ndarray
    counts: np.ndarray


def run(core: Core, elf: Path, *options: str) -> str:
    """Run a program to its restart; what it wrote to its serial line.

    Args:
        options: more of the emulator.

    Raises:
        SottoError: no emulator, or the program does not end.
    """
    qemu, *of_machine = core.machine.qemu
    command = [find_qemu(qemu), "-M", core.machine.name, *of_machine, "-kernel", str(elf)]
    command += ["-nodefaults", "-display", "none", "-nic", "none", "-no-reboot"]
    command += ["-serial", "stdio", *options]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_TIMEOUT_S,
            preexec_fn=functools.partial(_before_exec, os.getpid()),
        )
    except subprocess.TimeoutExpired as error:
        raise SottoError(
            f"the bench on {core.name} had not ended after {RUN_TIMEOUT_S} s",
            f"Bench `--core {core.name}` one `--model` at a time: one of them loops on it.",
        ) from error
    if done.returncode != 0:
        raise SottoError(f"{qemu} failed: {done.stderr}", "Run `sotto doctor`.")
    return done.stdout


def _before_exec(parent_pid: int) -> None:
    """In the child: end with this process, however that ends, and write only so much."""
    end_with_parent(parent_pid)
    resource.setrlimit(resource.RLIMIT_FSIZE, (TRACE_LIMIT_BYTES, TRACE_LIMIT_BYTES))


def run_traced(core: Core, elf: Path, program: Program) -> Trace:
    """Run a program with time that advances by instructions, and record them.

    Args:
        program: what `disassemble` makes of `elf`.

    Raises:
        SottoError: as `run`, or there is no trace.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "trace"
        options = ("-icount", "shift=0", "-d", "exec,nochain,in_asm", "-D", str(log))
        said = run(core, elf, *options)
        return Trace(said, *read_log(log.read_bytes(), program))


def read_log(log: bytes, program: Program) -> tuple[np.ndarray, np.ndarray]:
    """`starts` and `counts` of the Trace that a log tells of.

    Raises:
        SottoError: it tells of none.
    """
    first = _TRACE.search(log)
    if first is None:
        raise SottoError("the emulator wrote no trace", "Use a QEMU with `-d exec` (7.2 has it).")
    text = np.frombuffer(log, np.uint8)
    lines = np.concatenate([[0], np.flatnonzero(text == _NEW_LINE)[:-1] + 1])
    letters = text[lines]
    events = lines[(letters == _TRACE_LETTER) | (letters == _STOPPED_LETTER)]
    # A line "Stopped" takes the entry just before it back: nothing of that block was executed.
    stopped = text[events] == _STOPPED_LETTER
    entered = ~stopped
    entered[:-1] &= ~stopped[1:]
    events = events[entered]
    starts, flags = (_numbers(text, events + first.start(k) - first.start()) for k in (1, 2))
    natural = _block_lengths(log, program)
    kinds, which = np.unique(starts, return_inverse=True)
    lengths = np.array([natural.get(int(start), 0) for start in kinds], np.uint32)[which]
    allowed = flags & COUNT_MASK
    counts = np.where(allowed > 0, np.minimum(lengths, allowed), lengths)
    return starts, counts.astype(np.uint16)


def _block_lengths(log: bytes, program: Program) -> dict[int, int]:
    """Instructions of each block by its address, where nothing cuts it short."""
    ends: dict[int, int] = {}
    for first, last, code in _LISTING.findall(log):
        start, end = int(first, 16), int(last, 16) + len(code.replace(b" ", b"")) // 2
        ends[start] = max(ends.get(start, 0), end)
    # A boot loader of the machine is no part of the program.
    known = {start: end for start, end in ends.items() if start in program.at}
    return {start: program.count_between(start, end) for start, end in known.items()}


def _numbers(text: np.ndarray, at: np.ndarray) -> np.ndarray:
    """uint32[n]: the eight hexadecimal digits at each of n places of a text."""
    digit = np.zeros(256, np.uint32)
    digit[list(_HEX_DIGITS)] = np.arange(16)
    number = np.zeros(at.size, np.uint32)
    for column in range(8):
        number = number << np.uint32(4) | digit[text[at + column]]
    return number
