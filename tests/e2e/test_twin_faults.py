"""Firmware with a planted fault of each kind: the first difference and the guess must be right."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT
from firmware_build import running
from planted_faults import (
    EXPECTED,
    Objects,
    PlantedFault,
    build_faulty,
    compile_all,
    corrupt,
    faulty_layer,
    plant_in_files,
)
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.emulator import start
from host_tools.link.device import Device
from host_tools.manifest import load_manifest
from host_tools.twin.compare import Bench
from host_tools.twin.guess import Cause
from host_tools.twin.run import Clip, Finding, find
from training.export import export_model
from training.export.bench_model import temporal_model
from training.recipe import FrontendConfig

CONFIG = FrontendConfig()
LABELS = [f"word {i}" for i in range(12)]


def clip() -> np.ndarray:
    """A tone that comes and goes, in noise."""
    rng = np.random.default_rng(11)
    time_s = np.arange(CONFIG.clip_samples) / CONFIG.sample_rate_hz
    tone = np.sin(2 * np.pi * (300 + 900 * time_s) * time_s) * np.sin(np.pi * time_s)
    return (9_000 * tone + rng.normal(0, 600, time_s.size)).astype(np.int16)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A streaming network with random weights."""
    folder = tmp_path_factory.mktemp("twin") / "generated"
    export_model(
        temporal_model(8, 12),
        name="twin",
        labels=LABELS,
        frontend=CONFIG,
        golden_pcm=np.stack([clip(), clip()[::-1]]),
        out_dir=folder,
        streaming="always",
    )
    return folder


@pytest.fixture(scope="module")
def objects(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Objects:
    return compile_all(generated, tmp_path_factory.mktemp("objects"))


@pytest.fixture(scope="module")
def good(objects: Objects, generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_faulty(None, objects, generated, tmp_path_factory.mktemp("good"))


@contextmanager
def bench(board: Path, twin: Path, generated: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        devices = [
            stack.enter_context(Device.open(stack.enter_context(running(elf))))
            for elf in (board, twin)
        ]
        yield Bench.of(devices[0], devices[1], load_manifest(generated))


def examined(board: Path, twin: Path, generated: Path) -> Finding | None:
    with bench(board, twin, generated) as both:
        return find(both, Clip("clip", clip()))


def test_equal_firmware_has_no_difference(good: Path, generated: Path) -> None:
    assert examined(good, good, generated) is None


@pytest.mark.parametrize("fault", PlantedFault, ids=lambda fault: fault.name.lower())
def test_planted_fault_is_found_and_guessed(
    fault: PlantedFault, good: Path, objects: Objects, generated: Path, tmp_path: Path
) -> None:
    found = examined(build_faulty(fault, objects, generated, tmp_path), good, generated)
    expected = EXPECTED[fault]
    assert found is not None
    assert found.guess is not None
    assert re.fullmatch(expected.stage, found.difference.stage), found
    assert found.guess.cause is expected.cause, found
    assert found.difference.board_value != found.difference.host_value
    if expected.at_layer:
        layer = load_manifest(generated).targets["portable"].layers[faulty_layer(generated)]
        assert found.difference.layer == faulty_layer(generated)
        assert found.difference.tensor == layer.tensor
        assert found.difference.operator == "DEPTHWISE_CONV_2D"
        assert "channel" in found.difference.place


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "clip.wav"
    soundfile.write(path, clip(), CONFIG.sample_rate_hz, subtype="PCM_16")
    return path


def twin(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, ["twin", *map(str, arguments)])


ARM, RISCV = "arm-none-eabi-", "riscv64-unknown-elf-"
SHIPPED = {
    "stm32f405": ("sotto_model_aot_dsp.c", ARM),
    "mps2_m7": ("sotto_model_aot_dsp.c", ARM),
    "riscv_virt": ("sotto_model_aot.c", RISCV),
}
"""Board -> the network that its firmware has, and its tools."""


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_firmware_of_an_emulated_board_equals_its_twin(name: str, wav: Path) -> None:
    result = twin("--clips", wav, "--board", name, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["board"], document["identical"], document["unseen"]) == (name, True, "")


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_worn_flash_of_an_emulated_board_is_named(name: str, wav: Path, tmp_path: Path) -> None:
    """The shipped firmware, with bits of one array turned over in the linked file."""
    board, generated, (network, tools) = BOARDS[name], ROOT / "generated", SHIPPED[name]
    text = (generated / network).read_text()
    rows = re.findall(r"^ +\{(\w+), sizeof \w+, 0x\w+u, (\d+)\},$", text, re.MULTILINE)
    array, layer = rows[len(rows) // 2]
    elf = shutil.copy(build(board, generated, ROOT).elf, tmp_path / "worn.elf")
    corrupt(Path(elf), array, tools)
    with start(board, Path(elf)) as worn:
        result = twin("--clips", wav, "--port", worn.url, "--json")
    assert result.exit_code == 1, result.output
    document = json.loads(result.stdout)
    (finding,) = document["findings"]
    assert finding["guess"]["cause"] == Cause.FLASH_CORRUPTED
    assert finding["difference"]["layer"] == int(layer)
    assert f"layer {layer} has the CRC-32" in finding["guess"]["evidence"]
    assert document["health"]["self_test_at_start"].startswith("self-test failed: constants of")


@pytest.mark.emulator
@pytest.mark.slow
def test_early_clamp_on_an_emulated_board_is_named(
    wav: Path, generated: Path, tmp_path: Path
) -> None:
    board, faulty = BOARDS["riscv_virt"], tmp_path / "faulty"
    shutil.copytree(generated, faulty)
    plant_in_files(PlantedFault.LAYER_CLAMPS_EARLY, faulty)
    page = tmp_path / "twin.html"
    with start(board, build(board, faulty, ROOT).elf) as clamping:
        options = ("--generated", generated, "--report", page)
        result = twin("--clips", wav, "--port", clamping.url, *options)
    assert result.exit_code == 1, result.output
    layer = faulty_layer(generated)
    assert f"layer {layer} (DEPTHWISE_CONV_2D, " in result.stdout
    assert f"guess: {Cause.SATURATION}" in result.stdout
    assert f'<span class="first">layer {layer}</span>' in page.read_text()
    assert "<svg" in page.read_text()
