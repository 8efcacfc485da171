"""Settings of the listening mode as people say them: milliseconds, decibels and shares of one.

A board counts frames, steps and units of 2^-15 (docs/protocol.md). The names are those of a
recipe's section `[detection]`, and `threshold.LABEL` for one word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from host_tools.errors import SottoError
from host_tools.link.listen_messages import ONE_Q15
from host_tools.link.messages import Setting
from host_tools.manifest import Manifest

THRESHOLD = "threshold"
MOST_U16 = (1 << 16) - 1
DB_PER_OCTAVE = 10.0 * math.log10(2.0)
_NAMES = {
    "stride_ms": Setting.STRIDE_FRAMES,
    "smoothing_ms": Setting.SMOOTHING_STEPS,
    "refractory_ms": Setting.REFRACTORY_STEPS,
    "hysteresis": Setting.HYSTERESIS_Q15,
    "gate_margin_db": Setting.GATE_MARGIN,
    "gate_hold_ms": Setting.GATE_HOLD_FRAMES,
    "gate_rise_db_per_s": Setting.GATE_RISE_FRAMES,
}
_REMEDY = "docs/detect.md gives the range of each setting."


@dataclass(frozen=True)
class Scale:
    """What a board's units are worth.

    Attributes:
        labels: of the classes, in the order of the scores.
        hop_ms: time of a frame.
        feature_db: energy of one feature step.
    """

    labels: tuple[str, ...]
    hop_ms: float
    feature_db: float

    def name(self, number: int) -> str:
        """What people call the setting of a number."""
        if number >= Setting.THRESHOLD_Q15:
            return f"{THRESHOLD}.{self.labels[number - Setting.THRESHOLD_Q15]}"
        return next(name for name, known in _NAMES.items() if known == number)

    def shown(self, values: Mapping[int, int]) -> dict[str, float]:
        """All settings by name, from the board's numbers; rounded to what a person reads."""
        shown = {name: self._shown(values, number) for name, number in _NAMES.items()}
        for c, label in enumerate(self.labels):
            shown[f"{THRESHOLD}.{label}"] = values[Setting.THRESHOLD_Q15 + c] / ONE_Q15
        return {name: round(value, 4) for name, value in shown.items()}

    def changes(self, texts: Iterable[str], values: Mapping[int, int]) -> dict[int, int]:
        """The board's numbers of settings given as `NAME=VALUE`, where `values` are in force.

        Times in steps are counted in the stride that will be in force.

        Raises:
            SottoError: no such name, or no number that a board could take.
        """
        wanted = dict(_parse(text) for text in texts)
        changes: dict[int, int] = {}
        for name in sorted(wanted, key=lambda n: (n != "stride_ms", n != THRESHOLD)):
            for number in self._numbers(name, values):
                stride = changes.get(Setting.STRIDE_FRAMES, values[Setting.STRIDE_FRAMES])
                changes[number] = self._counted(name, number, wanted[name], stride)
        return changes

    def _numbers(self, name: str, values: Mapping[int, int]) -> list[int]:
        """Of the settings that a name means: `threshold` means all words that are on."""
        if name in _NAMES:
            return [_NAMES[name]]
        thresholds = range(Setting.THRESHOLD_Q15, Setting.THRESHOLD_Q15 + len(self.labels))
        if name == THRESHOLD:
            return [number for number in thresholds if values[number]]
        for number, label in zip(thresholds, self.labels, strict=True):
            if name == f"{THRESHOLD}.{label}":
                return [number]
        names = [*_NAMES, THRESHOLD, *(f"{THRESHOLD}.{label}" for label in self.labels)]
        raise SottoError(f"there is no setting {name!r}", f"Use one of: {', '.join(names)}.")

    def _counted(self, name: str, number: int, value: float, stride_frames: int) -> int:
        try:
            counted = self._in_board_units(number, value, self.hop_ms * stride_frames)
        except OverflowError:  # the quotient is infinite
            counted = -1
        if not 0 <= counted <= MOST_U16:
            raise SottoError(f"{name} = {value:g} is out of range", _REMEDY)
        return counted

    def _in_board_units(self, number: int, value: float, step_ms: float) -> int:
        if number >= Setting.THRESHOLD_Q15 or number == Setting.HYSTERESIS_Q15:
            return round(value * ONE_Q15)
        if number in (Setting.STRIDE_FRAMES, Setting.GATE_HOLD_FRAMES):
            return round(value / self.hop_ms)
        if number == Setting.SMOOTHING_STEPS:
            return max(round(value / step_ms), 1) if value >= 0 else -1
        if number == Setting.REFRACTORY_STEPS:
            return round(value / step_ms)
        if number == Setting.GATE_MARGIN:
            return math.ceil(value / self.feature_db)
        return round(self.feature_db / value * 1_000.0 / self.hop_ms) if value > 0 else -1

    def _shown(self, values: Mapping[int, int], number: int) -> float:
        value = values[number]
        if number == Setting.HYSTERESIS_Q15:
            return value / ONE_Q15
        if number in (Setting.STRIDE_FRAMES, Setting.GATE_HOLD_FRAMES):
            return value * self.hop_ms
        if number in (Setting.SMOOTHING_STEPS, Setting.REFRACTORY_STEPS):
            return value * self.hop_ms * values[Setting.STRIDE_FRAMES]
        if number == Setting.GATE_MARGIN:
            return value * self.feature_db
        return self.feature_db / (value * self.hop_ms / 1_000.0)


def scale_of(manifest: Manifest) -> Scale:
    """The units of a board that runs the manifest's model."""
    return Scale(
        labels=manifest.labels,
        hop_ms=1_000.0 * manifest.hop_samples / manifest.sample_rate_hz,
        feature_db=manifest.step_log2 * DB_PER_OCTAVE,
    )


def out_of_range(scale: Scale, number: int, changes: Mapping[int, int]) -> SottoError:
    """The error for a change that a board refused because of setting `number`."""
    name = scale.name(number)
    value = f" of {changes[number]}" if number in changes else ""
    return SottoError(
        f"{name}: the board refuses the value{value}, in its own units, beside the other settings",
        _REMEDY,
    )


def _parse(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not equals or not math.isfinite(number):
        raise SottoError(f"--set {text}: not NAME=NUMBER", "Write it as threshold.yes=0.8.")
    return name.strip(), number
