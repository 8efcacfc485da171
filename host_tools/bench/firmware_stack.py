"""Whether the firmware's stack can ever be too small: the deepest chain of calls, and its reserve.

Direct calls are followed in the linked code (`host_tools.bench.stack`). What a call through a
pointer may enter is a matter of design: the firmware has layers, and such calls go down only, from
the main loop to requests, to clips and streams, to library and network, to those who look at a
stage, to the board's port. `LEVELS` says which function belongs where.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from host_tools.bench.disassembly import Program, disassemble
from host_tools.bench.stack import Frames
from host_tools.errors import SottoError

LEVELS = (
    (
        r"firmware/ports/.*:(spin_\w+|\w+_ticks|cycles|\w+_instructions|\w*_start\w*)$",
        7,
        "counters, clocks",
    ),
    (r"firmware/ports/", 6, "the board's port"),
    (r":see_(?!window)\w+", 5, "what a reply keeps of a stage"),
    (r":(show\w*|hash_stage|see_window_stage)$", 4, "who looks at a stage"),
    (r"firmware/lib/sotto/src/detect/listener\.c:", 2, "a stream"),
    (r"/sotto_\w+\.c:|firmware/lib/sotto/src/", 3, "library and network"),
    (r"firmware/src/(clip|capture|listening|trace|self_test)\.c:", 2, "clips, streams, tests"),
    (r":answer_\w+", 1, "requests"),
    (r"firmware/src/(main|commands)\.c:", 0, "the main loop"),
)
"""Pattern of `path:function`, level, what lies there; the first that fits counts. A call through a
pointer enters functions of greater levels alone."""

ENTRIES = {"arm-none-eabi-": "cortex_m_reset", "riscv64-unknown-elf-": "riscv_start"}
"""Where a core begins with an empty stack, by the prefix of its tools; nobody returns to it."""
EXCEPTION_FRAME_BYTES = {"arm-none-eabi-": 0x68 + 4, "riscv64-unknown-elf-": 0}
"""What a core pushes by itself: Arm DDI 0403E, B1.5.6, with its FPU and an alignment."""
_INTERRUPT = re.compile(r"\w*_interrupt|trap")
_FUNCTION = re.compile(r"^\s*\d+: ([0-9a-f]+)\s+\d+ FUNC ", re.MULTILINE)
_STACK = re.compile(r"\s\.stack\s+\w+\s+\w+\s+\w+\s+(\w+)\s")
_ADDRESS = re.compile(r"^0x[0-9a-f]+$", re.MULTILINE)
_COPY = re.compile(r"[@.]")
"""What tells copies of a function apart follows it."""


@dataclass(frozen=True)
class StackBound:
    """Worst cases of a program.

    Attributes:
        main_bytes: of the deepest chain of calls from the reset on.
        chain: names of its functions.
        interrupt_bytes: of the deepest interrupt handler, with what the core pushes; interrupts do
            not interrupt each other.
        reserve_bytes: what the linker script gives to the stack.
    """

    main_bytes: int
    chain: tuple[str, ...]
    interrupt_bytes: int
    reserve_bytes: int

    @property
    def bytes(self) -> int:
        """The most that the stack can take."""
        return self.main_bytes + self.interrupt_bytes

    @property
    def fits(self) -> bool:
        """Whether it can never leave its reserve."""
        return self.bytes <= self.reserve_bytes


class _Layered(Frames):
    """Frames in which calls through a pointer go down the levels."""

    def __init__(self, program: Program, levels: Mapping[str, int], entry: str):
        super().__init__(program, {}, ())
        self._levels = levels
        self._entry = entry

    def through_pointer(self, caller: str, callers: tuple[str, ...]) -> list[str]:
        """See Frames."""
        level = self._levels.get(caller)
        if level is None:
            raise SottoError(
                f"{caller} calls through a pointer, and nobody said what it may enter",
                "Give it a level in host_tools/bench/firmware_stack.py.",
            )
        return sorted(name for name, other in self._levels.items() if other > level)

    def worst(self, name: str, callers: tuple[str, ...] = ()) -> int:
        """See Frames. What follows a restart in memory is not entered."""
        return 0 if name == self._entry and callers else super().worst(name, callers)


def bound_stack(elf: Path, toolchain: str) -> StackBound:
    """The most stack that a firmware can take.

    Args:
        elf: linked, with debug information.
        toolchain: prefix of its tools.

    Raises:
        SottoError: a recursion, a function without a level, or tools that cannot read the file.
    """
    program = disassemble(elf, toolchain)
    levels = _levels(elf, toolchain, program)
    entry = ENTRIES[toolchain]
    frames = _Layered(program, levels, entry)
    handlers = [name for name in program.functions if _INTERRUPT.fullmatch(name)]
    return StackBound(
        main_bytes=frames.worst(entry),
        chain=frames.chain(entry),
        interrupt_bytes=EXCEPTION_FRAME_BYTES[toolchain] + max(map(frames.worst, handlers)),
        reserve_bytes=_reserve_bytes(elf, toolchain),
    )


def _said(elf: Path, command: Sequence[str], given: str = "") -> str:
    done = subprocess.run(
        [*command, str(elf)], input=given, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SottoError(f"{command[0]} cannot read {elf}: {done.stderr}", "Run `sotto doctor`.")
    return done.stdout


def _levels(elf: Path, toolchain: str, program: Program) -> dict[str, int]:
    """The level of each function whose source has one; constants are no functions."""
    symbols = _said(elf, [f"{toolchain}readelf", "-sW"])
    starts = {int(one[1], 16) & ~1 for one in _FUNCTION.finditer(symbols)}
    names = [(at, name) for at, name in program.name_at.items() if at in starts]
    asked = "".join(f"{at:#x}\n" for at, _ in names)
    # An address, then the file and line of each function that was inlined there, its own last.
    said = _said(elf, [f"{toolchain}addr2line", "-a", "-i", "-e"], asked)
    places = [one.splitlines()[-1] for one in _ADDRESS.split(said)[1:]]
    levels = {}
    for (_, name), place in zip(names, places, strict=True):
        path = place.partition(":")[0]
        key = f"{path}:{_COPY.split(name)[0]}"
        level = next((one for pattern, one, _ in LEVELS if re.search(pattern, key)), None)
        if level is not None:
            levels[name] = level
    return levels


def _reserve_bytes(elf: Path, toolchain: str) -> int:
    found = _STACK.search(_said(elf, [f"{toolchain}readelf", "-SW"]))
    if found is None:
        raise SottoError(f"{elf} reserves no stack", "Link it with a script of firmware/ports.")
    return int(found[1], 16)
