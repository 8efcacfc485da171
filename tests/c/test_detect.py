"""Detection in C under sanitizers against a plain model of the same formulas."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import LIB
from listening import (
    LOGITS,
    ONE,
    PROBABILITY_S8,
    PROBABILITY_U8,
    DetectSettings,
    PlainDetection,
    Step,
    exp_table,
)

TOOL = Path(__file__).with_name("detect_tool.c")
SOURCES = [TOOL, LIB / "src/detect/detect.c", LIB / "src/detect/posterior.c"]
E_ARGUMENT = -1
SMOOTHING, HYSTERESIS, THRESHOLD = 2, 4, 8
"""Numbers of enum sotto_setting."""


@dataclass(frozen=True)
class Detection:
    """What the tool reads before the steps."""

    kind: int = LOGITS
    scale: float = 0.125
    steps_max: int = 8
    smoothing: int = 4
    refractory: int = 5
    hysteresis: int = 0
    thresholds: tuple[int, ...] = (20000, 20000, 0)
    first: int = 0
    """First distance of the table; a sound one begins at 0, where exp() is 1."""
    entries: int = 256

    @property
    def table(self) -> np.ndarray:
        return exp_table(self.scale, self.entries, self.first)

    def pack(self) -> bytes:
        fields = [self.kind, len(self.thresholds), self.steps_max, self.smoothing, self.refractory]
        head = np.array([*fields, self.hysteresis, self.entries, *self.thresholds], "<u2")
        return head.tobytes() + self.table.tobytes()


def plain(detection: Detection, steps: list[Step]) -> list[list[int]]:
    """The lines that the tool shall print."""
    d = detection
    settings = DetectSettings(d.smoothing, d.refractory, d.hysteresis, d.thresholds)
    model = PlainDetection(d.kind, d.table.tolist(), settings)
    lines = []
    for number, scores in enumerate(steps):
        word = model.step(scores)
        event = [word.class_index, number, word.average] if word else [-1, 0, 0]
        lines.append(event + [int(average) for average in model.averages()])
    return lines


@pytest.fixture(scope="module")
def tool(build_program: Callable[..., Path]) -> Path:
    return build_program(SOURCES)


def run(tool: Path, detection: Detection, steps: list[Step]) -> str:
    silent = bytes(1 + len(detection.thresholds))
    packed = (silent if scores is None else b"\1" + scores.tobytes() for scores in steps)
    done = subprocess.run(
        [tool], input=detection.pack() + b"".join(packed), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def lines(tool: Path, detection: Detection, steps: list[Step]) -> list[list[int]]:
    return [
        [int(word) for word in line.split()]
        for line in run(tool, detection, steps).split("\n")
        if line
    ]


def logits(*rows: tuple[int, ...]) -> list[Step]:
    return [np.array(row, np.int8) for row in rows]


YES, NO, OTHER = (100, 0, 0), (0, 100, 0), (0, 0, 100)
"""Logits 12.5 above the others: the class has all but 2^-15 of the posterior."""


def heard(table: list[list[int]]) -> list[tuple[int, int]]:
    """(step, class) of each event."""
    return [(number, line[0]) for number, line in enumerate(table) if line[0] >= 0]


@pytest.mark.parametrize("seed", range(60))
def test_detect_equals_the_plain_model(tool: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.choice([2, 3, 12, 255], p=[0.3, 0.3, 0.35, 0.05]))
    smoothing = int(rng.integers(1, 9))
    hysteresis = int(rng.choice([0, 1, 3000]))
    thresholds = rng.integers(hysteresis + 1, ONE + 1, classes)
    detection = Detection(
        kind=int(rng.integers(3)),
        scale=float(rng.choice([0.01, 0.1, 1.0])),
        entries=int(rng.choice([1, 90, 256])),
        smoothing=smoothing,
        steps_max=smoothing + int(rng.integers(3)),
        refractory=int(rng.choice([0, 1, 7])),
        hysteresis=hysteresis,
        thresholds=tuple(int(t) for t in thresholds * rng.integers(0, 2, classes)),
    )
    kind = np.uint8 if detection.kind == PROBABILITY_U8 else np.int8
    limits = np.iinfo(kind)
    # words last some steps, as a network's scores do
    base = np.repeat(rng.integers(limits.min, limits.max + 1, (40, classes)), 5, axis=0)
    wobble = rng.integers(-9, 10, base.shape)
    scores = np.clip(base + wobble, limits.min, limits.max).astype(kind)
    steps: list[Step] = [row if rng.random() > 0.1 else None for row in scores]
    expected = plain(detection, steps)
    assert lines(tool, detection, steps) == expected


def test_detect_plain_model_hears_words_in_the_random_cases() -> None:
    """So the comparison above compares events, not only averages."""
    detection = Detection(smoothing=2, refractory=1)
    assert heard(plain(detection, logits(*[YES] * 3, *[OTHER] * 3, *[NO] * 3))) == [(1, 0), (7, 1)]


@pytest.mark.parametrize("scale", [0.001, 0.0625, 0.1378837525844574, 0.5, 3.0])
@pytest.mark.parametrize("classes", [2, 12, 255])
def test_posteriors_are_within_their_bound_of_softmax(
    tool: Path, scale: float, classes: int
) -> None:
    rng = np.random.default_rng(classes)
    scores = rng.integers(-128, 128, (50, classes)).astype(np.int8)
    scores[0], scores[1] = 0, 127
    scores[2, :-1] = -128
    detection = Detection(scale=scale, smoothing=1, thresholds=(0,) * classes)
    table = np.array(lines(tool, detection, list(scores)))[:, 3:]
    exact = np.exp(scale * (scores.astype(float) - scores.max(axis=1, keepdims=True)))
    exact *= ONE / exact.sum(axis=1, keepdims=True)
    assert np.abs(table - exact).max() <= 1 + (classes - 1) / 2
    assert np.abs(table.sum(axis=1) - ONE).max() <= classes / 2


def test_a_word_that_lasts_is_one_event_until_it_falls_below_the_hysteresis(tool: Path) -> None:
    detection = Detection(smoothing=2, refractory=0, hysteresis=10000, thresholds=(30000, 0, 0))
    # the averages are 1, 1, 1/2: below 30000 and, because 16384 < 20000, re-armed
    steps = logits(YES, YES, YES, OTHER, YES, YES)
    assert heard(lines(tool, detection, steps)) == [(1, 0), (5, 0)]
    stiff = replace(detection, hysteresis=15000)
    assert heard(lines(tool, stiff, steps)) == [(1, 0)]


def test_no_word_is_heard_within_the_refractory_time_of_another(tool: Path) -> None:
    steps = logits(YES, NO, OTHER, OTHER, NO, OTHER)
    for refractory, expected in ((0, [0, 1, 4]), (1, [0, 4]), (3, [0, 4]), (4, [0])):
        detection = Detection(smoothing=1, refractory=refractory)
        assert [step for step, _ in heard(lines(tool, detection, steps))] == expected


def test_the_most_likely_word_is_the_event_and_the_lowest_of_equals(tool: Path) -> None:
    detection = Detection(smoothing=1, refractory=9, thresholds=(5000, 5000, 5000))
    assert heard(lines(tool, detection, logits((0, 1, 0)))) == [(0, 1)]
    assert heard(lines(tool, detection, logits((0, 0, 0)))) == [(0, 0)]


def test_a_threshold_is_reached_by_equality(tool: Path) -> None:
    # uint8 scores count 1/256 = 128 units; the average of 200 and 201 is 25664
    steps = [np.array([200], np.uint8), np.array([201], np.uint8)]
    detection = Detection(kind=PROBABILITY_U8, smoothing=2, thresholds=(25664,))
    assert lines(tool, detection, steps)[1] == [0, 1, 25664, 25664]
    above = replace(detection, thresholds=(25665,))
    assert lines(tool, above, steps)[1] == [-1, 0, 0, 25664]


def test_steps_without_the_network_count_as_silence_and_end_a_refractory_time(tool: Path) -> None:
    detection = Detection(smoothing=2, refractory=3, thresholds=(9000, 9000, 0))
    steps = [*logits(YES, NO, NO), None, *logits(NO), None, None]
    # NO is due from step 2 on; the quiet steps are 1, 2 and 3
    assert heard(lines(tool, detection, steps)) == [(0, 0), (4, 1)]
    assert heard(lines(tool, detection, [*logits(YES, OTHER, NO, NO), None])) == [(0, 0), (4, 1)]


@pytest.mark.parametrize(
    ("detection", "setting"),
    [
        (Detection(smoothing=0), SMOOTHING),
        (Detection(smoothing=9), SMOOTHING),
        (Detection(thresholds=(20000, ONE + 1, 0)), THRESHOLD + 1),
        (Detection(hysteresis=20000), HYSTERESIS),
        (Detection(thresholds=(0, 0, 1), hysteresis=1), HYSTERESIS),
        (Detection(steps_max=1025), 0),
        (Detection(thresholds=(1,)), 0),
        (Detection(thresholds=(1,) * 256), 0),
        (Detection(first=1), 0),
        (Detection(entries=0), 0),
        (Detection(entries=257), 0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(
    tool: Path, detection: Detection, setting: int
) -> None:
    assert run(tool, detection, []) == f"refused {E_ARGUMENT} {setting}\n"


@pytest.mark.parametrize(
    "detection",
    [
        Detection(smoothing=1),
        Detection(smoothing=8),
        Detection(steps_max=1024, smoothing=1024),
        Detection(thresholds=(ONE, 1, 0)),
        Detection(hysteresis=19999),
        Detection(hysteresis=ONE, thresholds=(0, 0, 0)),
        Detection(kind=PROBABILITY_S8, thresholds=(1,)),
        Detection(thresholds=(1,) * 255),
    ],
)
def test_settings_at_the_ends_of_their_ranges_are_taken(tool: Path, detection: Detection) -> None:
    steps: list[Step] = [np.full(len(detection.thresholds), 127, np.int8)] * 3
    assert lines(tool, detection, steps) == plain(detection, steps)
