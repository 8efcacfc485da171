"""Links a compiled model, the kernels and a port into a bench program."""

from __future__ import annotations

import subprocess
from pathlib import Path

from host_tools.bench.cores import Core
from host_tools.errors import SottoError

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "firmware/lib/sotto"
PORTS = ROOT / "firmware/ports"
C_FLAGS = (
    "-std=c11 -O2 -g -ffunction-sections -fdata-sections -fstack-usage "
    "-Wall -Wextra -Wconversion -Werror"
)
LINK_FLAGS = "-Wl,--gc-sections -nostartfiles"


BENCH = ROOT / "firmware/bench"


def build(core: Core, main: str, generated: Path, elf: Path) -> None:
    """Build `elf`, with its linker map and stack usage (`.su`) beside it.

    Args:
        main: the bench program: a file of firmware/bench.
        generated: folder with the C files of the model or of the front-end's tables.

    Raises:
        SottoError: the compiler is missing, or refuses.
    """
    folders = [p for p in (LIBRARY / "src").iterdir() if p.is_dir()]
    folders += [PORTS / core.port, generated]
    folders += [PORTS / core.shared] if core.shared else []
    sources = [BENCH / main, BENCH / "bench.c"]
    sources += [source for folder in folders for source in folder.glob("*.c")]
    includes = [LIBRARY / "include", ROOT / "firmware/src", BENCH, *folders]
    command = [
        core.toolchain + "gcc",
        *core.flags,
        *C_FLAGS.split(),
        *LINK_FLAGS.split(),
        *core.link,
        *(f"-D{define}" for define in core.defines),
        f'-DSOTTO_BOARD_NAME="{core.name}"',
        f"-DSOTTO_TARGET=SOTTO_TARGET_{core.target.upper()}",
        *(f"-I{folder}" for folder in includes),
        f"-T{PORTS / core.port / core.script}",
        f"-Wl,-Map,{elf.with_suffix('.map')}",
        *map(str, sorted(sources)),
        *("-o", str(elf)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError as error:
        raise SottoError(f"{command[0]} is not on PATH", "Run `make setup`.") from error
    if done.returncode != 0:
        raise SottoError(f"building the bench for {core.name} failed:\n{done.stderr}", "Mend it.")
