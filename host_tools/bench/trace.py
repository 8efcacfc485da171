"""Runs a bench program in QEMU and records which instructions it executed, in order.

QEMU writes a line each time it enters a block of translated instructions (`-d exec,nochain`) and
lists the instructions of each block when it translates it (`in_asm`).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.bench.cores import Core
from host_tools.emulator import find_qemu
from host_tools.errors import SottoError

RUN_TIMEOUT_S = 300
COUNT_MASK = 0x1FF
"""In a block's flags: the most instructions that it was allowed, or 0 (QEMU's CF_COUNT_MASK)."""

# A block is entered; or the one just entered was left before its first instruction.
_EVENT = re.compile(
    rb"^(?:Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]{8})/[0-9a-f]+/([0-9a-f]{8})\]|(Stopped) )",
    re.MULTILINE,
)
_LISTING = re.compile(rb"^IN: .*\n((?:0x[0-9a-f]+: .*\n)+)", re.MULTILINE)


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


def run_traced(core: Core, elf: Path) -> Trace:
    """Run a program to its restart, with time that advances by instructions.

    Raises:
        SottoError: no emulator, or the program does not end.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "trace"
        command = [find_qemu(core.qemu), "-M", core.machine, "-kernel", str(elf)]
        command += ["-nodefaults", "-display", "none", "-nic", "none", "-no-reboot"]
        command += ["-serial", "stdio", "-icount", "shift=0"]
        command += ["-d", "exec,nochain,in_asm", "-D", str(log)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=RUN_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise SottoError(f"the bench on {core.name} does not end", "Debug it.") from error
        if done.returncode != 0:
            raise SottoError(f"{core.qemu} failed: {done.stderr}", "Run `sotto doctor`.")
        return Trace(done.stdout, *_read(log.read_bytes()))


def _read(log: bytes) -> tuple[np.ndarray, np.ndarray]:
    events = _EVENT.findall(log)
    packed = bytes.fromhex(b"".join(a + b if not c else b"0" * 16 for a, b, c in events).decode())
    table = np.frombuffer(packed, ">u4").reshape(-1, 2).astype(np.uint32)
    stopped = np.array([bool(c) for _, _, c in events], bool)
    entered = ~stopped
    entered[:-1] &= ~stopped[1:]
    table = table[entered]
    starts, allowed = table[:, 0], table[:, 1] & COUNT_MASK
    natural: dict[int, int] = {}
    for listing in _LISTING.findall(log):
        first = int(listing[: listing.index(b":")], 16)
        natural[first] = max(natural.get(first, 0), listing.count(b"\n"))
    kinds, which = np.unique(starts, return_inverse=True)
    lengths = np.array([natural[int(start)] for start in kinds], np.uint32)[which]
    counts = np.where(allowed > 0, np.minimum(lengths, allowed), lengths)
    return starts, counts.astype(np.uint16)
