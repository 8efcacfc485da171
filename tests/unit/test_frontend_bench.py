"""The front-end's bench tells damaged features from good ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.bench_frontend import compare, feature_error, main

CLASSES, SPEAKERS = 3, 30


def _features(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clips whose class is the bin of a hump, in noise; two clips a speaker."""
    targets = np.arange(2 * SPEAKERS) % CLASSES
    hump = 60.0 * np.exp(-(((np.arange(40) - 8 - 10 * targets[:, None]) / 3.0) ** 2))
    steps = hump[:, None, :] + rng.normal(0.0, 12.0, (targets.size, 49, 40))
    return steps, targets, np.arange(targets.size) // 2


def test_frontend_bench_finds_no_loss_in_rounding_and_a_loss_in_damage() -> None:
    steps, targets, groups = _features(np.random.default_rng(0))
    rounded = np.clip(np.round(steps), -128, 127).astype(np.int8)
    good = compare(steps, rounded, targets, groups, seeds=1)
    assert good.float_percent == 100.0
    assert good.loss_low_points <= good.loss_points == 0.0 <= good.loss_high_points
    damaged = compare(steps, np.zeros_like(rounded), targets, groups, seeds=1)
    assert damaged.loss_low_points > 20.0
    assert damaged.loss_points == damaged.float_percent - damaged.int8_percent


def test_frontend_bench_measures_the_error_of_features() -> None:
    steps, _, _ = _features(np.random.default_rng(1))
    rounded = np.clip(np.round(steps), -128, 127).astype(np.int8)
    exact = feature_error(steps, rounded)
    assert exact.rms_steps == pytest.approx(12**-0.5, rel=0.02)
    assert exact.greatest_steps <= 0.5
    shifted = feature_error(steps, (rounded + 2).astype(np.int8))
    assert shifted.mean_steps == pytest.approx(2.0, abs=0.02)
    assert shifted.snr_db < exact.snr_db - 10


def test_frontend_bench_command_prints_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(2)
    for word in ("yes", "no"):
        (tmp_path / word).mkdir()
        for speaker in range(8):
            pcm = rng.integers(-3000, 3000, 16_000).astype(np.int16)
            soundfile.write(tmp_path / word / f"s{speaker}_nohash_0.wav", pcm, 16_000)
    assert main(["--data", str(tmp_path), "--seeds", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["features"]["features"] == 16 * 49 * 40
    assert printed["classifier"]["speakers"] == 8


def test_frontend_bench_names_a_missing_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path / "none")]) == 2
    printed = capsys.readouterr()
    assert "is no folder" in printed.err
    assert printed.out == ""
