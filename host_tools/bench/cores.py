"""The cores that the bench measures.

A further core is one row of CORES and, where no machine here has it, a port under firmware/ports.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from host_tools.bench.cycles import CORTEX_M0PLUS, CORTEX_M3, CORTEX_M4, Timing
from host_tools.toolchains import TOOLCHAINS, Toolchain


@dataclass(frozen=True)
class Machine:
    """What executes a bench program.

    Attributes:
        name: QEMU's name of it.
        port: folder of firmware/ports.
        script: linker script in that folder.
        shared: further folders of firmware/ports that are compiled with it.
        qemu: the emulator, and options of it that the machine needs.
    """

    name: str
    port: str
    script: str
    shared: tuple[str, ...] = ("cortex_m",)
    qemu: tuple[str, ...] = ("qemu-system-arm",)


_MPS2_M3 = Machine("mps2-an385", "mps2", "mps2.ld")
_MPS2_M4 = replace(_MPS2_M3, name="mps2-an386")
_MPS2_M7 = replace(_MPS2_M3, name="mps2-an500")
_MPS3_M55 = Machine("mps3-an547", "mps3", "mps3.ld")
_RISCV_VIRT = Machine(
    "virt,firmware=none", "riscv_virt", "riscv_virt.ld", (), qemu=("qemu-system-riscv32",)
)


_XTENSA_LX60 = Machine(
    "lx60-nommu",
    "xtensa_lx60",
    "xtensa_lx60.ld",
    shared=("freestanding",),
    qemu=("qemu-system-xtensa", "-cpu", "lx106"),
)


@dataclass(frozen=True)
class Core:
    """A row of the bench's tables.

    Attributes:
        name: what the figures are filed under.
        target: whose kernels it takes.
        timing: its cycle model, or None where there is none.
    """

    name: str
    target: str
    toolchain: Toolchain
    machine: Machine
    timing: Timing | None = None


# Without this flag GCC reads inline assembly for Armv6-M in Arm's old syntax.
_ARMV6M = replace(
    TOOLCHAINS["cortex-m0plus"],
    flags=(*TOOLCHAINS["cortex-m0plus"].flags, "-masm-syntax-unified"),
)

CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core("cortex-m4f", "dsp", TOOLCHAINS["cortex-m4f"], _MPS2_M4, CORTEX_M4),
        Core("cortex-m4f-portable", "portable", TOOLCHAINS["cortex-m4f"], _MPS2_M4, CORTEX_M4),
        Core("cortex-m7", "dsp", TOOLCHAINS["cortex-m7"], _MPS2_M7),
        Core("cortex-m3", "portable", TOOLCHAINS["cortex-m3"], _MPS2_M3, CORTEX_M3),
        Core("cortex-m55", "mve", TOOLCHAINS["cortex-m55"], _MPS3_M55),
        # Armv6-M code on an emulated Cortex-M3, which executes all of its instructions.
        Core("cortex-m0plus", "portable", _ARMV6M, _MPS2_M3, CORTEX_M0PLUS),
        Core("rv32imc", "portable", TOOLCHAINS["rv32imc"], _RISCV_VIRT),
    )
}
"""All cores by name, in the order of the tables."""

XTENSA = Core("xtensa", "portable", TOOLCHAINS["xtensa"], _XTENSA_LX60)
"""Runs bench programs, and is not measured: the traces' reader does not know its instructions."""

BUDGET_CORES = ("cortex-m4f", "cortex-m3", "cortex-m55")
"""Those whose figures a test holds (budget.py)."""
