"""Links a compiled model, the kernels and a port into a bench program."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from host_tools.bench.cores import Core
from host_tools.errors import SottoError

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "firmware/lib/sotto"
SOURCES = LIBRARY / "src"
PORTS = ROOT / "firmware/ports"
BENCH = ROOT / "firmware/bench"
MODEL = "model"
"""Folder of the generated files and their objects, below the one that `build` is given."""

C_FLAGS = (
    "-std=c11 -O2 -g1 -ffunction-sections -fdata-sections -fstack-usage "
    "-Wall -Wextra -Wconversion -Werror"
)
"""With the lines that stages.py reads."""
SMALL = "-Os"
"""After C_FLAGS, of what the bench says about itself: none of it is measured but its flash."""
LINK_FLAGS = "-Wl,--gc-sections -nostartfiles"

PARTS = (
    (re.compile(r"/model/\S+ \.text"), "model code"),
    (
        re.compile(r"/model/\S+ \.rodata\.\w+_(stream|weights|bias|multiplier|shift|book|codes)\b"),
        "weights",
    ),
    (re.compile(r"/model/\S+ \.rodata\.(\w+_(constants|coded)\b|constant_)"), "weights"),
    (re.compile(r"/model/"), "tables"),
    (re.compile(r"/library/(nn|dsp|mve)"), "kernels"),
    (re.compile(r"/library/frontend"), "front-end"),
    (re.compile(r"/(ports|bench)/"), "bench program and port"),
    (re.compile(r""), "C library"),
)
"""Of an object file's path and its section; the first that fits decides (sizes.measure)."""


def build(core: Core, main: str, folder: Path) -> Path:
    """Build `folder`/bench.elf, with its linker map beside it and `.su` files below.

    Args:
        main: the bench program: a file of firmware/bench.
        folder: of which `model` has the C files of the model or of the front-end's tables.

    Raises:
        SottoError: the compiler is missing, or refuses.
    """
    elf = folder / "bench.elf"
    common = Path(_common_objects(core).name)
    _compile(core, (folder / MODEL).glob("*.c"), folder / MODEL, folder / MODEL)
    said_by = [BENCH / main, BENCH / "bench.c"]
    _compile(core, said_by, folder / "bench", folder / MODEL, SMALL)
    # in an order that the names of temporary folders do not change, as the layout follows it
    objects = [*sorted(folder.rglob("*.o")), *sorted(common.rglob("*.o"))]
    script = PORTS / core.machine.port / core.machine.script
    link = [f"-T{script}", f"-Wl,-Map,{elf.with_suffix('.map')}", *LINK_FLAGS.split()]
    _run(core, [*link, *map(str, objects), "-o", str(elf)], ROOT)
    return elf


def usage_files(core: Core, folder: Path) -> list[Path]:
    """The `.su` files of what `build` has compiled for `folder`."""
    return [*Path(_common_objects(core).name).rglob("*.su"), *folder.rglob("*.su")]


@functools.cache
def _common_objects(core: Core) -> tempfile.TemporaryDirectory[str]:
    """What is the same for all models: library and port. It lives as long as this process."""
    folder = tempfile.TemporaryDirectory()
    root = Path(folder.name)
    sources = {root / "library" / one.name: one for one in filter(Path.is_dir, SOURCES.iterdir())}
    for port in (core.machine.port, *core.machine.shared):
        sources[root / "ports" / port] = PORTS / port
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiling = [
            pool.submit(_compile, core, source.glob("*.c"), objects)
            for objects, source in sources.items()
        ]
    for one in compiling:
        one.result()
    return folder


def _compile(
    core: Core,
    sources: Iterable[Path],
    objects: Path,
    generated: Path | None = None,
    *flags: str,
) -> None:
    """Compile sources of different names into a folder."""
    if not (names := sorted(map(str, sources))):
        return
    objects.mkdir(parents=True, exist_ok=True)
    includes = [LIBRARY / "include", ROOT / "firmware/src", *filter(None, [generated])]
    name = f'-DSOTTO_BOARD_NAME="{core.name}"'
    target = f"-DSOTTO_TARGET=SOTTO_TARGET_{core.target.upper()}"
    options = [*(f"-I{folder}" for folder in includes), name, target]
    _run(core, [*C_FLAGS.split(), *flags, *options, "-c", *names], objects)


def _run(core: Core, arguments: Sequence[str], folder: Path) -> None:
    """Run the compiler of a core in a folder, which is where it leaves what has no `-o`."""
    command = [core.toolchain.gcc, *core.toolchain.flags, *core.toolchain.c_library]
    command += arguments
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    except OSError as error:
        raise SottoError(f"{command[0]} is not on PATH", "Run `make setup`.") from error
    if done.returncode != 0:
        raise SottoError(
            f"building the bench for {core.name} failed:\n{done.stderr}",
            "Mend what the compiler names, then bench again.",
        )
