"""`make bench-engine`: what an inference costs on emulated cores, beside TFLite-Micro.

Each model is compiled for a target, linked with the kernels, a port and `firmware/bench/engine.c`,
and run once in QEMU with counted instructions. Its scores must be those of TFLite-Micro.
Instructions are not cycles: loads, branches and flash wait states cost more on silicon.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from host_tools.boards import BOARDS
from host_tools.emulator import find_qemu
from host_tools.errors import SottoError
from host_tools.sizes import measure

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "firmware/lib/sotto"
MODELS_BESIDE = ROOT.parent / "shared/models"
MLPERF = "mlperf_tiny_kws_int8"
DEFAULT_OUT = Path("build/bench/engine.json")
LCG_STEP, LCG_INCREMENT = 1_664_525, 1_013_904_223
RUN_TIMEOUT_S = 120
C_FLAGS = "-std=c11 -O2 -g -ffunction-sections -fdata-sections -Wall -Wextra -Wconversion -Werror"
LINK_FLAGS = "-Wl,--gc-sections -nostartfiles --specs=nano.specs"


@dataclass(frozen=True)
class Core:
    """How a bench program is built and run.

    Attributes:
        name: what the figures are filed under.
        board: whose emulator runs it.
        port: folder of firmware/ports.
        script: linker script in that folder.
        manifest: board of the PlatformIO platform, for its compiler flags.
        target: whose kernels it takes.
    """

    name: str
    board: str
    port: str
    script: str
    manifest: str
    target: str


CORES = (
    Core("Cortex-M4F", "stm32f405", "stm32f4", "stm32f405.ld", "netduinoplus2", "dsp"),
    Core(
        "Cortex-M4F, portable", "stm32f405", "stm32f4", "stm32f405.ld", "netduinoplus2", "portable"
    ),
    Core("Cortex-M3", "mps2_m3", "mps2", "mps2.ld", "mps2_an385", "portable"),
)


@dataclass(frozen=True)
class Baseline:
    """TFLite-Micro with CMSIS-NN on the same model, core and input, measured in August 2026."""

    instructions: int
    flash_bytes: int
    ram_bytes: int


BASELINES = {
    (MLPERF, "Cortex-M4F"): Baseline(7_700_362, 107_868, 23_920),
    (MLPERF, "Cortex-M4F, portable"): Baseline(7_700_362, 107_868, 23_920),
    (MLPERF, "Cortex-M3"): Baseline(10_547_166, 107_128, 23_920),
}


@dataclass(frozen=True)
class Figures:
    """One model on one core.

    Attributes:
        flash_bytes: the whole bench program: model, kernels, port, C library.
        ram_bytes: arena, input and output of the model.
        stack_bytes: painted peak of the whole program.
        ratio_instructions: ours / TFLite-Micro's, or None where that was not measured.
    """

    model: str
    core: str
    instructions: int
    macs: int
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    ratio_instructions: float | None
    ratio_flash: float | None
    ratio_ram: float | None


def bench_input(count: int) -> bytes:
    """The input that firmware/bench/engine.c makes for itself, as int8."""
    state, values = 1, bytearray()
    for _ in range(count):
        state = (state * LCG_STEP + LCG_INCREMENT) % 2**32
        values.append(state >> 24)
    return bytes(values)


def _compile(core: Core, generated: Path, elf: Path) -> None:
    boards = ROOT / "firmware/platforms/qemu/boards"
    manifest = json.loads((boards / f"{core.manifest}.json").read_text())["build"]
    ports = ROOT / "firmware/ports"
    sources = [ROOT / "firmware/bench/engine.c", *generated.glob("*.c")]
    for folder in (LIBRARY / "src/nn", LIBRARY / "src/nn_dsp", ports / "cortex_m"):
        sources += folder.glob("*.c")
    sources += (ports / core.port).glob("*.c")
    includes = [LIBRARY / "include", ROOT / "firmware/src", ports / "cortex_m", generated]
    command = [
        manifest["toolchain_prefix"] + "gcc",
        *manifest["cpu_flags"],
        *C_FLAGS.split(),
        *LINK_FLAGS.split(),
        *manifest.get("extra_flags", "").replace("-D ", "-D").split(),
        f'-DSOTTO_BOARD_NAME="{core.board}"',
        f"-DSOTTO_TARGET=SOTTO_TARGET_{core.target.upper()}",
        *(f"-I{folder}" for folder in includes),
        f"-T{ports / core.port / core.script}",
        f"-Wl,-Map,{elf.with_suffix('.map')}",
        *map(str, sorted(sources)),
        *("-o", str(elf)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise SottoError(f"building the bench for {core.name} failed:\n{done.stderr}", "Mend it.")


def _run(core: Core, elf: Path) -> tuple[int, int, bytes]:
    """Instructions, peak stack and scores of one run."""
    machine = BOARDS[core.board].machine
    command = [find_qemu(), "-M", machine, "-kernel", str(elf), "-nodefaults", "-display", "none"]
    command += ["-nic", "none", "-serial", "stdio", "-icount", "shift=0", "-no-reboot"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_TIMEOUT_S,
    )
    words = done.stdout.split()
    if len(words) != 4 or words[1] != "instructions":
        raise SottoError(f"the bench on {core.name} said {done.stdout!r}", "Run it by hand.")
    return int(words[0]), int(words[2]), bytes.fromhex(words[3])


def bench(name: str, tflite: bytes, core: Core) -> Figures:
    """Measure one model on one core.

    Raises:
        SottoError: it does not build or run, or its scores are wrong.
    """
    import numpy as np

    from training.export import c_writer
    from training.export.compile import compile_model
    from training.export.reference import run_micro
    from training.export.targets import find_target
    from training.export.tflm_arena import measure_tflm_arena

    model = compile_model(tflite, name=name, target=find_target(core.target))
    identity = c_writer.Identity(name, "0" * 64)
    arena = measure_tflm_arena(tflite, compile_model(tflite, name=name).program, name)
    with tempfile.TemporaryDirectory() as folder:
        generated, elf = Path(folder), Path(folder) / "bench.elf"
        (generated / "sotto_model.h").write_text(c_writer.model_header([model], identity, arena))
        (generated / "sotto_model_aot.c").write_text(c_writer.model_source(model, identity))
        _compile(core, generated, elf)
        flash = measure(elf.with_suffix(".map")).flash_bytes
        instructions, stack, scores = _run(core, elf)
    source = np.frombuffer(bench_input(model.input.bytes), np.int8)
    expected = run_micro(tflite, source.reshape(model.input.shape), arena).tobytes()
    if scores != expected:
        raise SottoError(f"{name} on {core.name} computes {scores.hex()}, not {expected.hex()}", "")
    ram = c_writer.arena_bytes(model) + model.input.bytes + model.output.bytes
    base = BASELINES.get((name, core.name))
    return Figures(
        model=name,
        core=core.name,
        instructions=instructions,
        macs=model.summary.macs,
        flash_bytes=flash,
        ram_bytes=ram,
        stack_bytes=stack,
        ratio_instructions=round(instructions / base.instructions, 4) if base else None,
        ratio_flash=round(flash / base.flash_bytes, 4) if base else None,
        ratio_ram=round(ram / base.ram_bytes, 4) if base else None,
    )


def models(beside: Path) -> dict[str, bytes]:
    """The shipped model, and every `.tflite` in the folder `beside`, if it is there."""
    from training.export.regenerate import read_exported_tflite

    found = {"shipped": read_exported_tflite(ROOT / "generated")}
    return found | {path.stem: path.read_bytes() for path in sorted(beside.glob("*.tflite"))}


def _line(figures: dict[str, Any]) -> str:
    text = "{model:22} {core:22} {instructions:>10,} instructions  {flash_bytes:>8,} B flash"
    text += "  {ram_bytes:>7,} B RAM  {stack_bytes:>5,} B stack"
    if figures["ratio_instructions"] is not None:
        text += "  TFLite-Micro x {ratio_instructions} / {ratio_flash} / {ratio_ram}"
    return text.format(**figures)


def main(arguments: Sequence[str]) -> int:
    """Bench every model on every core; write JSON and a table."""
    from training.errors import UserError

    parser = argparse.ArgumentParser(prog="make bench-engine", description=__doc__)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--models", type=Path, default=MODELS_BESIDE, help="more models to run")
    options = parser.parse_args(arguments)
    rows = []
    for name, tflite in models(options.models).items():
        try:
            rows += [asdict(bench(name, tflite, core)) for core in CORES]
        except UserError as error:
            print(f"left out: {error.message}", file=sys.stderr)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print("\n".join(map(_line, rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
