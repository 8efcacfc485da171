"""The cross compilers: which one makes code for a core, and with which flags."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_FREESTANDING = Path(__file__).resolve().parents[1] / "firmware/ports/freestanding"
_CORTEX_M = ("arm-none-eabi-", "--specs=nano.specs")


@dataclass(frozen=True)
class Toolchain:
    """A GNU toolchain.

    Attributes:
        prefix: of its programs.
        flags: of the compiler, for the processor.
        c_library: flags that choose the C library, for compiling and linking.
        c_sources: what stands for a C library where the compiler comes without one.
    """

    prefix: str
    flags: tuple[str, ...]
    c_library: tuple[str, ...] = ()
    c_sources: tuple[Path, ...] = ()

    @property
    def gcc(self) -> str:
        """Name of the compiler."""
        return f"{self.prefix}gcc"

    def missing(self) -> str | None:
        """What keeps it from compiling C on this machine; None when nothing does."""
        return self._missing(self.gcc, "c", "string.h", "C library")

    def missing_cxx(self) -> str | None:
        """As `missing`, of C++."""
        return self._missing(f"{self.prefix}g++", "c++", "new", "C++ library")

    def _missing(self, compiler: str, language: str, header: str, library: str) -> str | None:
        if shutil.which(compiler) is None:
            return f"{compiler} is not on PATH"
        probe = [compiler, *self.flags, *self.c_library, "-E", "-x", language, "-"]
        found = subprocess.run(
            probe, input=f"#include <{header}>\n", capture_output=True, text=True, check=False
        )
        return None if found.returncode == 0 else f"{compiler} has no {library}"


def _cortex_m(*flags: str) -> Toolchain:
    prefix, library = _CORTEX_M
    return Toolchain(prefix, ("-mthumb", *flags), (library,))


TOOLCHAINS: dict[str, Toolchain] = {
    "cortex-m0plus": _cortex_m("-mcpu=cortex-m0plus"),
    "cortex-m3": _cortex_m("-mcpu=cortex-m3"),
    "cortex-m4f": _cortex_m("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "cortex-m7": _cortex_m("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "cortex-m33": _cortex_m("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    "cortex-m55": _cortex_m("-mcpu=cortex-m55", "-mfloat-abi=hard"),
    "rv32imc": Toolchain(
        "riscv64-unknown-elf-", ("-march=rv32imc", "-mabi=ilp32"), ("--specs=picolibc.specs",)
    ),
    "xtensa": Toolchain(
        "xtensa-lx106-elf-",
        ("-mlongcalls",),
        ("-nolibc", "-ffreestanding", f"-I{_FREESTANDING}"),
        tuple(sorted(_FREESTANDING.glob("*.c"))),
    ),
    "host": Toolchain("", ()),
}
"""By the core's name, as `sotto compile --target` takes it."""
