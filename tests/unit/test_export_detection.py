"""Detection settings: from a recipe or a chosen file to the numbers in the generated C."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.errors import UserError
from training.export.detection import (
    DETECTION_FILE,
    ONE_Q15,
    Detection,
    chosen_detection,
    listener_numbers,
    load_detection,
    read_detection,
)
from training.export.listener_c import exp_table
from training.recipe import DetectionConfig, FrontendConfig

LABELS = ("yes", "no", "_unknown_", "_silence_")
FRONTEND = FrontendConfig()
HASH = "ab" * 32


def test_numbers_of_a_window_model() -> None:
    config = DetectionConfig(
        threshold=0.5,
        stride_ms=100,
        smoothing_ms=300,
        refractory_ms=1_000,
        hysteresis=0.25,
        gate_margin_db=10,
        gate_hold_ms=500,
        gate_rise_db_per_s=1.0,
    )
    n = listener_numbers(Detection(config, {"no": 0.75}), FRONTEND, 49, LABELS)
    assert (n.stride_frames, n.smoothing_steps, n.refractory_steps) == (5, 3, 10)
    assert (n.preroll_steps, n.smoothing_steps_max, n.hysteresis_q15) == (0, 10, ONE_Q15 // 4)
    # a feature step is 1/8 octave of energy, 0.376 dB; 50 frames a second
    assert (n.gate_margin, n.gate_hold_frames, n.gate_rise_frames) == (27, 25, 19)
    assert n.thresholds_q15 == (ONE_Q15 // 2, ONE_Q15 * 3 // 4, 0, 0)


def test_numbers_of_a_streaming_model_follow_its_hop() -> None:
    n = listener_numbers(Detection(), FRONTEND, 1, LABELS)
    assert (n.stride_frames, n.smoothing_steps, n.smoothing_steps_max) == (1, 15, 50)
    assert (n.preroll_steps, n.refractory_steps) == (15, 50)


@pytest.mark.parametrize(
    "config",
    [
        DetectionConfig(stride_ms=1.0, smoothing_ms=0.0, refractory_ms=0.0, gate_preroll_ms=0.0),
        DetectionConfig(stride_ms=10_000.0, smoothing_ms=1_000.0, refractory_ms=60_000.0),
        DetectionConfig(threshold=1.0, hysteresis=0.99, gate_margin_db=90.0),
        DetectionConfig(threshold=0.001, hysteresis=0.0, gate_rise_db_per_s=100.0),
        DetectionConfig(gate_rise_db_per_s=0.01, gate_hold_ms=60_000.0),
    ],
)
@pytest.mark.parametrize("frames", [1, 7, 49])
def test_numbers_stay_in_the_ranges_of_the_c(config: DetectionConfig, frames: int) -> None:
    frontend = replace(FRONTEND, clip_samples=16_000)
    n = listener_numbers(Detection(config), frontend, frames, LABELS)
    assert 1 <= n.stride_frames <= frames
    assert 1 <= n.smoothing_steps <= n.smoothing_steps_max <= 1_024
    assert 0 <= n.gate_margin <= 255
    assert 1 <= n.gate_rise_frames <= 65_535
    assert max(n.refractory_steps, n.gate_hold_frames) <= 65_535
    assert all(n.hysteresis_q15 < t <= ONE_Q15 for t in n.thresholds_q15 if t)


def test_exp_table_ends_before_the_first_zero() -> None:
    table = exp_table(0.5)
    assert table[0] == ONE_Q15
    assert table[-1] > 0
    assert ONE_Q15 * math.exp(-0.5 * len(table)) < 0.5
    np.testing.assert_allclose(table, ONE_Q15 * np.exp(-0.5 * np.arange(len(table))), atol=0.5)
    assert len(exp_table(0.001)) == 256


def test_what_a_manifest_says_is_read_back() -> None:
    detection = Detection(DetectionConfig(threshold=0.6), {"yes": 0.8}, {"audio": "1 h"})
    assert read_detection(detection.to_json(), LABELS, "manifest") == detection


def test_a_chosen_file_counts_for_its_model_alone(tmp_path: Path) -> None:
    recipe = DetectionConfig(threshold=0.6, smoothing_ms=200)
    assert chosen_detection(tmp_path, HASH, LABELS, recipe) == Detection(recipe)
    chosen = {"tflite_sha256": HASH, "thresholds": {"yes": 0.9}, "refractory_ms": 700}
    (tmp_path / DETECTION_FILE).write_text(json.dumps(chosen))
    expected = Detection(replace(recipe, refractory_ms=700), {"yes": 0.9})
    assert chosen_detection(tmp_path, HASH, LABELS, recipe) == expected
    assert chosen_detection(tmp_path, "cd" * 32, LABELS, recipe) == Detection(recipe)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("[1]", "no object"),
        ('{"tresholds": {}}', "no field tresholds"),
        ('{"thresholds": {"jes": 0.5}}', "jes is no label"),
        ('{"thresholds": {"yes": 1.5}}', "'yes': 1.5"),
        ('{"thresholds": {"yes": 0.1}}', "hysteresis of 0.1"),
        ('{"threshold": 2}', "out of range"),
        ('{"smoothing_ms": "long"}', "detection.json"),
        ('{"thresholds": {"yes": "high"}}', "detection.json"),
        ('{"thresholds": 3}', "detection.json"),
        ('{"thresholds": {"yes": NaN}}', "nan"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / DETECTION_FILE
    path.write_text(content)
    with pytest.raises(UserError, match=words):
        load_detection(path, LABELS)


def test_hysteresis_must_leave_a_word_to_be_heard_again() -> None:
    with pytest.raises(UserError, match="hysteresis"):
        DetectionConfig(threshold=0.1, hysteresis=0.1)
