"""What detection and listener must do, over whole histories: for tests to compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

ONE = 1 << 15
LOGITS, PROBABILITY_S8, PROBABILITY_U8 = range(3)
"""enum sotto_score_kind."""

Step = np.ndarray | None
"""Scores of one step, int8 or uint8; None where the network did not run."""


@dataclass(frozen=True)
class DetectSettings:
    """As `sotto_detect_settings`."""

    smoothing: int
    refractory: int
    hysteresis: int
    thresholds: tuple[int, ...]


@dataclass(frozen=True)
class GateSettings:
    """As `sotto_gate_settings`."""

    margin: int = 0
    hold: int = 0
    rise: int = 1


@dataclass(frozen=True)
class Word:
    """An event."""

    class_index: int
    average: int


def exp_table(scale: float, entries: int = 256, first: int = 0) -> np.ndarray:
    """uint16[entries], from the distance `first` on."""
    return np.rint(ONE * np.exp(-scale * (first + np.arange(entries)))).astype(np.uint16)


def posteriors(kind: int, table: Sequence[int], scores: np.ndarray) -> list[Fraction]:
    """Exact quotients of the table's integers, in Q15, before they are rounded."""
    if kind == LOGITS:
        whole = [*map(int, table), *[0] * 255]
        terms = [whole[int(scores.max()) - int(score)] for score in scores]
        return [Fraction(term * ONE, sum(terms)) for term in terms]
    zero = -128 if kind == PROBABILITY_S8 else 0
    return [Fraction((int(score) - zero) * ONE, 256) for score in scores]


class PlainDetection:
    """Keeps all posteriors and averages them anew at each step."""

    def __init__(self, kind: int, table: Sequence[int], settings: DetectSettings) -> None:
        self.kind, self.table, self.settings = kind, table, settings
        self.history: list[list[int]] = []
        self.armed = [True for _ in settings.thresholds]
        self.last_word: int | None = None

    def averages(self) -> list[Fraction]:
        """Of each class after the last step."""
        window = self.history[-self.settings.smoothing :]
        classes = range(len(self.settings.thresholds))
        return [Fraction(sum(row[c] for row in window), self.settings.smoothing) for c in classes]

    def step(self, scores: Step) -> Word | None:
        """One step; the word that it brings."""
        settings = self.settings
        exact = (
            [Fraction(0)] * len(settings.thresholds)
            if scores is None
            else posteriors(self.kind, self.table, scores)
        )
        now = len(self.history)
        self.history.append([int(p + Fraction(1, 2)) for p in exact])
        average = self.averages()
        due = []
        for c, threshold in enumerate(settings.thresholds):
            self.armed[c] |= average[c] < threshold - settings.hysteresis
            if threshold and self.armed[c] and average[c] >= threshold:
                due.append(c)
        quiet = self.last_word is not None and now - self.last_word <= settings.refractory
        if not due or quiet:
            return None
        heard = max(due, key=lambda c: (average[c], -c))
        self.armed[heard] = False
        self.last_word = now
        return Word(heard, int(average[heard]))


class PlainGate:
    """The mean of a frame's features, and its floor, in floating point."""

    EPSILON = 1e-9

    def __init__(self, settings: GateSettings) -> None:
        self.settings = settings
        self.floor, self.left, self.still = np.inf, settings.hold, 0

    def take(self, frame: np.ndarray) -> bool:
        """Whether the gate is open after one more frame."""
        settings = self.settings
        if settings.margin == 0:
            return True
        level = float(frame.astype(float).mean())
        self.still += 1
        if level < self.floor - self.EPSILON:
            self.floor, self.still = level, 0
        elif self.still >= settings.rise:
            self.floor, self.still = self.floor + 1.0, 0
        if level - self.floor >= settings.margin - self.EPSILON:
            self.left = settings.hold
            return True
        self.left -= 1
        is_open = self.left >= 0
        self.left = max(self.left, 0)
        return is_open


@dataclass(frozen=True)
class Network:
    """As `sotto_listener_model`; `invoke` takes int8[frames, bins] and gives int8[classes]."""

    frames: int
    window_frames: int
    preroll: int
    invoke: Callable[[np.ndarray], np.ndarray]

    @property
    def streaming(self) -> bool:
        return self.window_frames > self.frames

    @property
    def warm_frames(self) -> int:
        """After which the network has heard a window."""
        return self.window_frames // self.frames * self.frames


class PlainListener:
    """Frames in, words out; keeps all frames."""

    def __init__(
        self, network: Network, stride: int, gate: PlainGate, detection: PlainDetection
    ) -> None:
        self.network, self.stride, self.gate, self.detection = network, stride, gate, detection
        self.frames: list[np.ndarray] = []
        self.unheard = 0
        self.heard_frames = 0
        self.missing = network.frames
        self.steps = self.skipped = self.invokes = self.words = 0

    def take(self, frame: np.ndarray) -> tuple[bool, Word | None]:
        """Whether a step was made, and its word."""
        network = self.network
        is_open = self.gate.take(frame)
        self.frames.append(frame)
        self.unheard += 1
        self.missing -= 1
        if self.missing:
            return False, None
        self.missing = self.stride
        scores = None
        if is_open or self.heard_frames < network.warm_frames:
            scores = self._run()
            if self.heard_frames < network.warm_frames:
                return False, None
        word = self.detection.step(scores)
        self.steps += 1
        self.skipped += scores is None
        self.words += word is not None
        return True, word

    def _run(self) -> np.ndarray:
        count, most = self.network.frames, (self.network.preroll + 1) * self.network.frames
        kept = min(self.unheard, most) if self.network.streaming else count
        self.unheard = 0
        for start in range(len(self.frames) - kept, len(self.frames), count):
            scores = self.network.invoke(np.array(self.frames[start : start + count]))
            self.invokes += 1
            self.heard_frames += count
        return scores
