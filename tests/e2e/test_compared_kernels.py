"""The self-test with the reference kernels finds a faulty optimised kernel on the board itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from board_program import link_for_board
from conftest import LIB, ROOT, SANITIZERS
from firmware_build import build_around, running
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS
from host_tools.emulator import start
from host_tools.link.device import Device
from host_tools.link.messages import SelfTestStage
from host_tools.manifest import load_manifest
from training.export import export_model
from training.export.bench_model import temporal_model
from training.export.reference_network import write_reference_network
from training.recipe import FrontendConfig

GENERATED = ROOT / "generated"
FIRMWARE = ROOT / "firmware"
DSP_KERNEL = "matrix_vector_exact_dsp"
CHANNEL = 5
FRAMES, STEM = 49, 200
"""A window of a wide network: one layer is larger than the memory that the comparison has."""

FAULTY = """
#include "sotto/HEADER.h"
void __real_sotto_KERNEL_s8(const sotto_PARAMS_params *params, const int8_t *input, int8_t *output,
                            int8_t *scratch);
void __wrap_sotto_KERNEL_s8(const sotto_PARAMS_params *params, const int8_t *input, int8_t *output,
                            int8_t *scratch);
void __wrap_sotto_KERNEL_s8(const sotto_PARAMS_params *params, const int8_t *input, int8_t *output,
                            int8_t *scratch) {
  __real_sotto_KERNEL_s8(params, input, output, scratch);
  if (WHERE) output[PLACE] ^= 1;
}
"""


def faulty_kernel(folder: Path, **words: str) -> tuple[Path, str]:
    """A wrapper that spoils one number of a kernel, and the linker's option for it."""
    text = FAULTY
    for name, value in words.items():
        text = text.replace(name.upper(), value)
    (folder / "faulty.c").write_text(text)
    return folder / "faulty.c", f"-Wl,--wrap=sotto_{words['kernel']}_s8"


def comparing_flags(generated: Path, folder: Path) -> list[str]:
    write_reference_network(generated, folder / "reference")
    return ["-DSOTTO_COMPARE_KERNELS=1", "-I", str(folder / "reference"), "-I", str(LIB / "src")]


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.mark.slow
@pytest.mark.emulator
def test_the_shipped_network_equals_the_reference_kernels_on_the_chip() -> None:
    board = ("--board", "stm32f405", "--generated", GENERATED)
    told = sotto("info", *board, "--compare-kernels", "--self-test", "--json")
    assert told.exit_code == 0, told.output
    fields = json.loads(told.stdout)
    assert fields["self_test"].endswith("and every layer is what the reference kernels give")
    assert fields["self_test_at_start"] == fields["self_test"]
    assert "compares_kernels" in fields["build"]


@pytest.mark.slow
@pytest.mark.emulator
def test_a_faulty_kernel_of_a_cortex_m7_is_found_and_named(tmp_path: Path) -> None:
    wrapper, option = faulty_kernel(
        tmp_path,
        header="nn_dsp",
        kernel=DSP_KERNEL,
        params="matrix_vector_dsp",
        where="params->output_channels > 5",
        place=str(CHANNEL),
    )
    sources = [wrapper, *(FIRMWARE / "src").glob("*.c"), *(FIRMWARE / "compare").glob("*.c")]
    sources += [path for path in (LIB / "src").rglob("*.c") if path.parent.name != "microphone"]
    sources += GENERATED.glob("*.c")
    flags = [*comparing_flags(GENERATED, tmp_path), "-I", str(GENERATED), option]
    elf = link_for_board(BOARDS["mps2_m7"], sources, tmp_path / "faulty.elf", flags)
    with start(BOARDS["mps2_m7"], elf) as board:
        told = sotto("info", "--port", board.url, "--generated", GENERATED, "--json")
    said = json.loads(told.stdout)["self_test_at_start"]
    layers = load_manifest(GENERATED).targets["dsp"].layers
    number = next(n for n, layer in enumerate(layers) if layer.kernel == DSP_KERNEL)
    assert f"layer {number} of golden case 0 gives " in said
    assert f"as byte {CHANNEL}, the reference kernel gives " in said
    assert f"({layers[number].operator} by the kernel {DSP_KERNEL}, " in said


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide") / "generated"
    config = FrontendConfig()
    rng = np.random.default_rng(3)
    export_model(
        temporal_model(STEM, 12),
        name="wide",
        labels=[f"word {i}" for i in range(12)],
        frontend=config,
        golden_pcm=rng.integers(-9_000, 9_000, (2, config.clip_samples), dtype=np.int16),
        out_dir=folder,
        streaming="never",
    )
    return folder


def test_the_last_byte_of_a_layer_larger_than_the_memory_is_compared(
    wide: Path, tmp_path: Path
) -> None:
    """On the host, under sanitizers."""
    last = FRAMES * STEM - 1
    wrapper, option = faulty_kernel(
        tmp_path,
        header="nn_portable",
        kernel="matrix_portable",
        params="matrix_portable",
        where=f"params->output_channels == {STEM}",
        place=str(last),
    )
    sources = [wrapper]
    for part in ("src", "compare", "ports/host"):
        sources += (FIRMWARE / part).glob("*.c")
    for part in ("nn", "nn_portable", "nn_step"):
        sources += (LIB / "src" / part).glob("*.c")
    compiler = ("gcc", "-O0", *SANITIZERS, *comparing_flags(wide, tmp_path), option)
    program = build_around(wide, sources, tmp_path / "firmware", compiler)
    with running(program) as url, Device.open(url) as device:
        found = device.self_test()
    assert (found.stage, found.case, found.index) == (SelfTestStage.KERNEL, 0, last)
    assert found.actual == found.expected ^ 1
    layer = load_manifest(wide).targets["portable"].layers[found.layer]
    assert (layer.kernel, layer.shape) == ("matrix_portable", (FRAMES, 1, STEM))
