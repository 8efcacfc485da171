"""What a firmware takes of flash and RAM, by part, read from the linker's map.

The stack's depth is not here: the board measures it with painted memory and reports the peak.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host_tools.errors import SottoError

ALIGNMENT = "alignment and sharing"
"""What the linker filled in between sections, less what equal strings share; may be negative."""

_MAP_STARTS = "Linker script and memory map"
# As ESP-IDF's linker scripts name them; code that runs from RAM is stored in flash as well.
_ESP_IN_RAM = {".iram0.vectors", ".iram0.text", ".iram0.data", ".dram0.data"}
_ESP_IN_FLASH = {".flash.appdesc", ".flash.rodata", ".flash.text"}
_STORED = {".text", ".rodata", ".ARM.exidx", ".data.rel.ro", ".data"} | _ESP_IN_RAM | _ESP_IN_FLASH
_VARIABLES = {".data", ".bss", ".dram0.bss", ".iram0.bss", ".noinit"} | _ESP_IN_RAM
_STACK = ".stack"
_OUTPUT = re.compile(r"^(\.[\w.]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)")
_INPUT = re.compile(r"^ (\.\S+|COMMON)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$")
_NAME_ALONE = re.compile(r"^ ?(\.\S+|COMMON)$")
Parts = tuple[tuple[re.Pattern[str], str], ...]

FIRMWARE_PARTS: Parts = (
    (re.compile(r"/generated/sotto_model_aot\w*\.o \.text"), "model code"),
    (re.compile(r"/generated/sotto_model_(aot\w*|tflite)\.o "), "weights"),
    # The back-end's own file, a built library, and one of those that PlatformIO numbers.
    (
        re.compile(r"/backends/tflm/|/libtensorflow-microlite\.a\(|/lib[0-9a-f]{3}/lib(?!sotto\.)"),
        "TFLite-Micro",
    ),
    (re.compile(r"/generated/sotto_frontend_tables\.o "), "front-end tables"),
    (re.compile(r"/generated/"), "labels and self-test data"),
    (re.compile(r"/libsotto\.a\("), "library"),
    (re.compile(r"/ports/"), "port"),
    (re.compile(r"/(src|mlperf)/"), "application"),
    (re.compile(r""), "C library"),
)
"""Of an object file's path and, where it matters, its section; the first that fits decides."""


@dataclass(frozen=True)
class Part:
    """A part of the firmware.

    Attributes:
        flash_bytes: code, constants, initial values of variables.
        ram_bytes: variables, and code that runs from RAM.
    """

    name: str
    flash_bytes: int
    ram_bytes: int


@dataclass(frozen=True)
class Sizes:
    """What a firmware takes. Host programs are counted by the same rules, for their own processor.

    Attributes:
        flash_bytes: all that is stored: code, constants, initial values of variables.
        ram_bytes: variables, and code that runs from RAM, without the stack.
        stack_reserved_bytes: what the linker script keeps for the stack; 0 for host programs.
        parts: most flash first; they sum up to flash_bytes and ram_bytes.
    """

    flash_bytes: int
    ram_bytes: int
    stack_reserved_bytes: int
    parts: tuple[Part, ...]


def measure(map_file: Path, parts_of: Parts = FIRMWARE_PARTS) -> Sizes:
    """Read a map that GNU ld wrote (`-Wl,-Map`).

    Args:
        parts_of: names of parts by what `path section` of an object file looks like.

    Raises:
        SottoError: there is no map, or the file is none.
    """
    try:
        text = map_file.read_text(errors="replace")
    except OSError as error:
        raise _no_map(map_file, str(error.strerror)) from error
    _, found, text = text.partition(_MAP_STARTS)
    if not found:
        raise _no_map(map_file, "it is no linker map")
    flash, ram, stack = _add_up(text, parts_of)
    parts = [Part(name, flash[name], ram[name]) for name in flash.keys() | ram.keys()]
    parts.sort(key=lambda part: (-part.flash_bytes, -part.ram_bytes, part.name))
    return Sizes(flash.total(), ram.total(), stack, tuple(parts))


def _no_map(map_file: Path, reason: str) -> SottoError:
    return SottoError(f"cannot read sizes from {map_file}: {reason}", "Build the firmware again.")


def _add_up(text: str, parts_of: Parts) -> tuple[Counter[str], Counter[str], int]:
    """Bytes of flash and of RAM by part, and bytes of stack."""
    flash: Counter[str] = Counter()
    ram: Counter[str] = Counter()
    stack = 0
    output = ""
    for line in _whole_lines(text):
        if section := _OUTPUT.match(line):
            output, part, size = section[1], ALIGNMENT, int(section[2], 16)
            stack += size if output == _STACK else 0
        elif piece := _INPUT.match(line):
            part, size = _part_of(piece[3], piece[1], parts_of), int(piece[2], 16)
        else:
            continue
        # What the pieces of a section do not explain stays with ALIGNMENT.
        for sections, totals in ((_STORED, flash), (_VARIABLES, ram)):
            if output in sections and size:
                totals[part] += size
                totals[ALIGNMENT] -= size if part != ALIGNMENT else 0
    return flash, ram, stack


def _whole_lines(text: str) -> Iterator[str]:
    """Lines of a map, with those joined that the linker broke after a long name."""
    name = ""
    for line in text.splitlines():
        if _NAME_ALONE.match(line):
            name = line
            continue
        yield name + line
        name = ""


def _part_of(object_file: str, section: str, parts_of: Parts) -> str:
    where = f"{object_file} {section}"
    return next(name for pattern, name in parts_of if pattern.search(where))
