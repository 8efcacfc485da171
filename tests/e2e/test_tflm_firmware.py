"""Firmware with the TFLite-Micro back-end, linked with a stand-in for TFLite-Micro."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tflm_stand_in import build_archive, write_headers
from typer.testing import CliRunner

from host_tools import cli, emulator
from host_tools.boards import BOARDS
from host_tools.build import Firmware, build
from host_tools.link.device import Device
from host_tools.link.twin_messages import Tail
from host_tools.manifest import load_manifest
from host_tools.tflm import TfliteMicro
from host_tools.toolchains import TOOLCHAINS

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
BOARD = BOARDS["stm32f405"]
TAILS = [tail.name.lower() for tail in Tail]

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def test_a_brought_library_runs_the_model_on_the_emulated_board(tmp_path: Path) -> None:
    manifest = load_manifest(GENERATED)
    shape, classes = (manifest.frames, manifest.bins), len(manifest.labels)
    write_headers(tmp_path)
    toolchain = TOOLCHAINS[BOARD.compile_target]
    archive = build_archive(tmp_path, toolchain, shape[0] * shape[1], classes)
    result = build(BOARD, GENERATED, ROOT, Firmware(tflm=TfliteMicro(archive, (tmp_path,))))
    flash_bytes = {part.name: part.flash_bytes for part in result.sizes.parts}
    assert flash_bytes["TFLite-Micro"] > 0
    assert "model code" not in flash_bytes
    features = np.random.default_rng(3).integers(-128, 128, shape).astype(np.int8)
    with emulator.start(BOARD, result.elf) as running:
        with Device.open(running.url) as device:
            assert device.info().backend == "tflm"
            assert device.info().model_hash == manifest.model_hash
            assert device.infer(features).scores == tuple(features[0, :classes])
        word = tmp_path / "clips" / manifest.labels[0]
        word.mkdir(parents=True)
        soundfile.write(word / "0.wav", np.zeros(manifest.clip_samples, np.int16), 16_000)
        arguments = ("--port", running.url, "--backend", "aot", "--data", word.parent)
        refused = CliRunner().invoke(cli.app, ["validate", *map(str, arguments)])
        compared = ("--port", running.url, "--clips", word / "0.wav", "--timing", "--json")
        twin = CliRunner().invoke(cli.app, ["twin", *map(str, compared)])
    assert refused.exit_code == 2, refused.output
    assert "runs by tflm" in refused.stderr
    assert twin.exit_code == 1, twin.output  # the stand-in's scores are features
    said = json.loads(twin.stdout)
    assert said["unseen"].startswith("tflm runs the network and does not show its layers")
    assert said["findings"][0]["difference"]["stage"] == "scores"
    assert said["findings"][0]["difference"]["layer"] is None
    timed = [row["stage"] for row in said["timing"]["stages"]]
    assert timed == ["window", "FFT", "power", "mel, logarithm", *TAILS]
