"""A streaming model on an emulated board: features, scores and decisions are the host's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from host_tools import cli
from training.export import export_model
from training.export.bench_model import temporal_model
from training.recipe import FrontendConfig

CLIPS = 6
LABELS = [f"word{i}" for i in range(12)]
CONFIG = FrontendConfig()

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def _sound(rng: np.random.Generator) -> np.ndarray:
    """A tone that swells and fades, in noise: float64[samples]."""
    time_s = np.arange(CONFIG.clip_samples) / CONFIG.sample_rate_hz
    tone = np.sin(2 * np.pi * rng.uniform(100, 3_000) * time_s) * np.sin(np.pi * time_s) ** 8
    noise = rng.normal(0, rng.uniform(0.001, 0.1), CONFIG.clip_samples)
    return np.clip(0.7 * tone + noise, -1, 1)


@pytest.mark.parametrize("board", ["stm32f405", "riscv_virt"])
def test_steps_on_a_board_equal_those_on_the_host(board: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    sounds = [_sound(rng) for _ in range(CLIPS)]
    for n, sound in enumerate(sounds):
        path = tmp_path / "data" / LABELS[n] / f"{n}.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, sound, CONFIG.sample_rate_hz)
    export_model(
        temporal_model(),
        name="stream",
        labels=LABELS,
        frontend=CONFIG,
        golden_pcm=(np.stack(sounds) * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16),
        out_dir=tmp_path / "generated",
        streaming="always",
    )
    folders = "--data", str(tmp_path / "data"), "--generated", str(tmp_path / "generated")
    result = CliRunner().invoke(cli.app, ["validate", *folders, "--board", board, "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    for stage in ("features", "scores", "decisions"):
        assert figures[f"identical_{stage}"] == figures["clips"] == CLIPS
