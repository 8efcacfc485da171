"""Measures the code of a compiled model: links a program that does nothing but one inference."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from host_tools.errors import SottoError
from host_tools.sizes import Sizes, measure
from host_tools.toolchains import TOOLCHAINS, Toolchain

C_FLAGS = ("-std=c11", "-O2", "-ffunction-sections", "-fdata-sections")
LIBRARY = Path("firmware/lib/sotto")
PROGRAM = Path("firmware/bench/inference.c")
# Neither start-up nor the default entry point: only what an inference calls is kept.
LINK_FLAGS = ("-nostartfiles", "-Wl,--gc-sections", "-Wl,-e,main")
_LAST_LINES = 20


@dataclass(frozen=True)
class CodeSize:
    """What the linker kept.

    Attributes:
        sizes: by part; None when it was not measured.
        reason: why not; empty when it was.
    """

    sizes: Sizes | None
    reason: str = ""


def measure_code(core: str, generated: Mapping[str, str], root: Path) -> CodeSize:
    """Compile and link a network with the library for a core.

    Args:
        core: name in `toolchains.TOOLCHAINS`.
        generated: the C files of the network, text by name.
        root: the project.

    Raises:
        SottoError: the compiler refuses.
    """
    toolchain = TOOLCHAINS[core]
    if (missing := toolchain.missing()) is not None:
        return CodeSize(None, missing)
    with tempfile.TemporaryDirectory(prefix="sotto-code-") as name:
        folder = Path(name)
        network = folder / "generated"
        network.mkdir()
        for file, text in generated.items():
            (network / file).write_text(text, encoding="utf-8")
        flags = [*C_FLAGS, f"-I{root / LIBRARY / 'include'}", f"-I{network}"]
        library = folder / "libsotto.a"
        for kernels in sorted((root / LIBRARY / "src").glob("nn*")):
            objects = _compile(toolchain, sorted(kernels.glob("*.c")), flags, folder / kernels.name)
            _run([f"{toolchain.prefix}ar", "qcs", str(library), *map(str, objects)], folder)
        # Where objects lie tells host_tools.sizes what they are.
        parts = _compile(toolchain, [root / PROGRAM], flags, folder / "src")
        parts += _compile(toolchain, sorted(network.glob("*.c")), flags, network)
        if toolchain.c_sources:
            parts += _compile(toolchain, toolchain.c_sources, flags, folder / "c_library")
        map_file = folder / "code.map"
        link = [*_driver(toolchain), *LINK_FLAGS, f"-Wl,-Map,{map_file}", *map(str, parts)]
        _run([*link, str(library), "-o", str(folder / "code.elf")], folder)
        return CodeSize(measure(map_file))


def _driver(toolchain: Toolchain) -> list[str]:
    return [toolchain.gcc, *toolchain.flags, *toolchain.c_library]


def _compile(
    toolchain: Toolchain, sources: Sequence[Path], flags: Sequence[str], folder: Path
) -> list[Path]:
    """Objects of sources with different names, in `folder`."""
    folder.mkdir(exist_ok=True)
    _run([*_driver(toolchain), *flags, "-c", *map(str, sources)], folder)
    return [folder / f"{source.stem}.o" for source in sources]


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join(done.stderr.splitlines()[-_LAST_LINES:])
        raise SottoError(
            f"{command[0]} does not compile this model:\n{last}",
            "Compare its version with the one in docs/boards.md, or use --no-code.",
        )
