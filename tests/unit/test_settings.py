"""Settings as people say them, and as boards count them."""

from __future__ import annotations

import dataclasses

import pytest

from host_tools.errors import SottoError
from host_tools.link.messages import Setting
from host_tools.settings import Scale, out_of_range
from training.export.detection import Detection, ListenerNumbers, listener_numbers
from training.recipe import DetectionConfig, FrontendConfig

LABELS = ("yes", "no", "_unknown_")
SCALE = Scale(LABELS, hop_ms=20.0, feature_db=0.376)
VALUES = {1: 5, 2: 3, 3: 10, 4: 3277, 5: 0, 6: 50, 7: 19, 8: 22938, 9: 16384, 10: 0}
THRESHOLD = Setting.THRESHOLD_Q15


def test_settings_are_shown_in_milliseconds_decibels_and_shares() -> None:
    shown = SCALE.shown(VALUES | {Setting.GATE_MARGIN: 10})
    assert shown == {
        "stride_ms": 100.0,
        "smoothing_ms": 300.0,
        "refractory_ms": 1000.0,
        "hysteresis": 0.1,
        "gate_margin_db": 3.76,
        "gate_hold_ms": 1000.0,
        "gate_rise_db_per_s": 0.9895,
        "threshold.yes": 0.7,
        "threshold.no": 0.5,
        "threshold._unknown_": 0.0,
    }


@pytest.mark.parametrize(
    ("texts", "changes"),
    [
        (["threshold.yes=0.5"], {THRESHOLD: 16384}),
        (["threshold.no=0"], {THRESHOLD + 1: 0}),
        (["threshold=0.5"], {THRESHOLD: 16384, THRESHOLD + 1: 16384}),
        (["threshold.no=1", "threshold=0.5"], {THRESHOLD: 16384, THRESHOLD + 1: 32768}),
        (["smoothing_ms=500"], {Setting.SMOOTHING_STEPS: 5}),
        (["smoothing_ms=0"], {Setting.SMOOTHING_STEPS: 1}),
        (
            ["smoothing_ms=500", "stride_ms=20", "refractory_ms=1000"],
            {
                Setting.STRIDE_FRAMES: 1,
                Setting.SMOOTHING_STEPS: 25,
                Setting.REFRACTORY_STEPS: 50,
            },
        ),
        (["gate_margin_db=10", "gate_hold_ms=1000"], {5: 27, 6: 50}),
        (["gate_rise_db_per_s=1.0"], {Setting.GATE_RISE_FRAMES: 19}),
    ],
)
def test_changes_are_counted_in_the_boards_units(texts: list[str], changes: dict[int, int]) -> None:
    assert SCALE.changes(texts, VALUES) == changes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("treshold=0.5", "no setting 'treshold'"),
        ("threshold.jes=0.5", "no setting 'threshold.jes'"),
        ("threshold.yes", "NAME=NUMBER"),
        ("threshold.yes=high", "NAME=NUMBER"),
        ("threshold.yes=nan", "NAME=NUMBER"),
        ("threshold.yes=3", "threshold.yes = 3 is out of range"),
        ("hysteresis=-0.1", "hysteresis = -0.1 is out of range"),
        ("smoothing_ms=-1", "smoothing_ms = -1 is out of range"),
        ("refractory_ms=1e9", "is out of range"),
        ("gate_rise_db_per_s=0", "is out of range"),
    ],
)
def test_what_no_board_could_take_is_refused_here(text: str, words: str) -> None:
    with pytest.raises(SottoError, match=words):
        SCALE.changes([text], VALUES)


def test_what_a_board_refuses_is_named() -> None:
    error = out_of_range(SCALE, THRESHOLD + 1, {THRESHOLD + 1: 40_000})
    assert error.message.startswith("threshold.no: the board refuses the value of 40000")


@pytest.mark.parametrize(
    "config",
    [
        DetectionConfig(),
        DetectionConfig(threshold=0.91, stride_ms=40, smoothing_ms=470, refractory_ms=730),
        DetectionConfig(hysteresis=0.03, gate_margin_db=11.3, gate_hold_ms=777),
        DetectionConfig(gate_rise_db_per_s=0.7, smoothing_ms=0),
    ],
)
def test_a_command_and_a_recipe_mean_the_same(config: DetectionConfig) -> None:
    """Two sides of the law that host tools never import training: held together here."""
    frontend = FrontendConfig()
    numbers = listener_numbers(Detection(config), frontend, frontend.frames, LABELS)
    scale = Scale(LABELS, 20.0, frontend.step_log2 * 3.0102999566398120)
    said = {k: v for k, v in dataclasses.asdict(config).items() if k != "gate_preroll_ms"}
    changes = scale.changes([f"{name}={value}" for name, value in said.items()], VALUES)
    expected = dict(enumerate(_as_settings(numbers), start=1))
    del expected[THRESHOLD + 2]  # no word, so `threshold` does not mean it
    assert changes == expected


def _as_settings(n: ListenerNumbers) -> list[int]:
    head = [n.stride_frames, n.smoothing_steps, n.refractory_steps, n.hysteresis_q15]
    return [*head, n.gate_margin, n.gate_hold_frames, n.gate_rise_frames, *n.thresholds_q15]
