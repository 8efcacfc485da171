"""The cores that the bench measures, and what TFLite-Micro takes on them.

A further core is one row here and, where no board has it yet, a port under firmware/ports.
"""

from __future__ import annotations

from dataclasses import dataclass

from host_tools.bench.cycles import CORTEX_M0PLUS, CORTEX_M3, CORTEX_M4, Timing

_THUMB = "-mthumb"
_M4F_FLAGS = (_THUMB, "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
# Without the last flag GCC reads inline assembly for Armv6-M in Arm's old syntax.
_M0PLUS_FLAGS = (_THUMB, "-mcpu=cortex-m0plus", "-masm-syntax-unified")
_M7F_FLAGS = (_THUMB, "-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard")


@dataclass(frozen=True)
class Core:
    """How a bench program is built and run.

    Attributes:
        name: what the figures are filed under.
        target: whose kernels it takes.
        flags: of the compiler, for the processor.
        machine: QEMU's name of the machine that executes it.
        port: folder of firmware/ports.
        script: linker script in that folder.
        timing: the cycle model of the core, or None where there is none.
        defines: macros that its port asks for.
        shared: folder of firmware/ports that the port builds upon; empty: none.
        qemu: the emulator, and options of it that the machine needs.
        toolchain: prefix of the compiler and of objdump.
        libc: options that choose the C library.
    """

    name: str
    target: str
    flags: tuple[str, ...]
    machine: str
    port: str
    script: str
    timing: Timing | None = None
    defines: tuple[str, ...] = ()
    shared: str = "cortex_m"
    qemu: tuple[str, ...] = ("qemu-system-arm",)
    toolchain: str = "arm-none-eabi-"
    libc: tuple[str, ...] = ("--specs=nano.specs",)


def _stm32f405(name: str, target: str) -> Core:
    script, crystal = "stm32f405.ld", ("SOTTO_HSE_HZ=25000000u",)
    return Core(
        name, target, _M4F_FLAGS, "netduinoplus2", "stm32f4", script, CORTEX_M4, defines=crystal
    )


def _mps2(
    name: str, target: str, machine: str, flags: tuple[str, ...], timing: Timing | None
) -> Core:
    return Core(name, target, flags, machine, "mps2", "mps2.ld", timing)


_M55_FLAGS = (_THUMB, "-mcpu=cortex-m55", "-mfloat-abi=hard")

CORES: dict[str, Core] = {
    core.name: core
    for core in (
        _stm32f405("cortex-m4f", "dsp"),
        _stm32f405("cortex-m4f-portable", "portable"),
        _mps2("cortex-m7", "dsp", "mps2-an500", _M7F_FLAGS, None),
        _mps2("cortex-m3", "portable", "mps2-an385", (_THUMB, "-mcpu=cortex-m3"), CORTEX_M3),
        Core("cortex-m55", "mve", _M55_FLAGS, "mps3-an547", "mps3", "mps3.ld"),
        # Armv6-M code on an emulated Cortex-M3, which executes all of its instructions.
        _mps2("cortex-m0plus", "portable", "mps2-an385", _M0PLUS_FLAGS, CORTEX_M0PLUS),
    )
}
"""All cores by name, in the order of the tables."""

BUDGET_CORES = ("cortex-m4f", "cortex-m3", "cortex-m55")
"""Those whose figures a test holds (budget.py)."""


@dataclass(frozen=True)
class BaselineLayer:
    """One layer in TFLite-Micro."""

    macs: int
    instructions: int


@dataclass(frozen=True)
class Baseline:
    """TFLite-Micro with CMSIS-NN on the same model, core and input, measured in August 2026.

    Attributes:
        flash_bytes: the whole program, with the model.
        ram_bytes: its arena with all objects, input and output.
        stack_bytes: peak of the inference.
        cycles: estimated as those of the bench are.
        layers: those with weights that were measured, in order.
    """

    instructions: int
    flash_bytes: int | None
    ram_bytes: int
    stack_bytes: int | None
    cycles: int | None = None
    layers: tuple[BaselineLayer, ...] = ()


FRONTEND = "frontend"
MLPERF = "mlperf_tiny_kws_int8"
_DEPTHWISE, _POINTWISE = BaselineLayer(72_000, 561_000), BaselineLayer(512_000, 1_069_000)
_M4F_LAYERS = (BaselineLayer(320_000, 1_118_000), *(_DEPTHWISE, _POINTWISE) * 4)
_TFLM_M4F = Baseline(7_700_362, 107_868, 23_920, 1_256, 9_180_000, _M4F_LAYERS)
# TFLite-Micro's micro_speech, of which only these two were measured.
_TFLM_FRONTEND = Baseline(105_000, None, 8_448, None)
BASELINES: dict[tuple[str, str], Baseline] = {
    (MLPERF, "cortex-m4f"): _TFLM_M4F,
    (MLPERF, "cortex-m4f-portable"): _TFLM_M4F,
    (MLPERF, "cortex-m3"): Baseline(10_547_166, 107_128, 23_920, 1_056, 16_985_435),
    (MLPERF, "cortex-m0plus"): Baseline(29_018_334, 118_024, 23_920, 1_084, 39_803_637),
    (MLPERF, "cortex-m55"): Baseline(1_787_859, 106_416, 28_444, 1_320),
    (FRONTEND, "cortex-m4f"): _TFLM_FRONTEND,
    (FRONTEND, "cortex-m4f-portable"): _TFLM_FRONTEND,
}
"""By model and core. The cycles of Cortex-M3 and M0+ are those of CMSIS-NN's kernels by cycles.py,
without the interpreter's 0.2 and 0.6 % of the instructions. Those of the Cortex-M4F are an older
estimate; the same model gives these kernels 1 % more, so the ratio does not flatter."""
