"""Attributes the front-end's instructions to its stages, by the source files they come from."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from host_tools.bench.disassembly import Program
from host_tools.bench.trace import Trace

MEL = "mel"
LIBRARY = "C library"
STAGES = {
    "frontend": "samples",
    "window": "window",
    "window_dsp": "window",
    "fft": "FFT",
    "fft_dsp": "FFT",
    "radix4_pass_armv7em": "FFT",
    "power": "power",
    "power_dsp": "power",
    "features": MEL,
    "log_mel": "logarithm",
    "pdm": "PDM",
}
"""By the name of a source file without its ending. Other files are parts of these."""


def stage_of(files: Sequence[str]) -> str:
    """The stage of an instruction.

    Args:
        files: it comes from a function in the first; that one was inlined into a function in the
            second, and so on.
    """
    stages = [STAGES[stem] for stem in (Path(file).stem for file in files) if stem in STAGES]
    # The logarithm is inlined into the function of the mel filters.
    return next((stage for stage in stages if stage != MEL), MEL) if stages else LIBRARY


def split_by_stage(
    trace: Trace, region: slice, program: Program, elf: Path, toolchain: str
) -> dict[str, int]:
    """Instructions of each stage in a region of the trace, the most first."""
    blocks = np.stack([trace.starts[region], trace.counts[region].astype(np.uint32)], axis=1)
    kinds, times = np.unique(blocks, axis=0, return_counts=True)
    executed: Counter[int] = Counter()
    for (start, count), n in zip(kinds.tolist(), times.tolist(), strict=True):
        for instruction in program.run_of(start, count):
            executed[instruction.address] += n
    stages: Counter[str] = Counter()
    for address, files in _source_files(elf, toolchain, executed).items():
        stages[stage_of(files)] += executed[address]
    return dict(stages.most_common())


def _source_files(elf: Path, toolchain: str, addresses: Iterable[int]) -> dict[int, list[str]]:
    """The source files of each instruction, as `stage_of` takes them."""
    done = subprocess.run(
        [f"{toolchain}addr2line", "--addresses", "--inlines", "--exe", str(elf)],
        input="\n".join(map(hex, addresses)),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[int, list[str]] = {}
    files: list[str] = []
    for line in done.stdout.splitlines():
        if line.startswith("0x"):
            files = found.setdefault(int(line, 16), [])
        else:
            files.append(line.rpartition(":")[0])
    return found
