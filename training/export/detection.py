"""The detection settings of an exported model: from milliseconds and decibels to steps.

A `Detection` is what `detection.json` and the manifest's entry `detection` hold: the fields of
`DetectionConfig`, `thresholds` by label, and `measured`, which says how they were chosen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.recipe import DetectionConfig, FrontendConfig

DETECTION_FILE = "detection.json"
"""In a run's folder: settings chosen for the model of `tflite_sha256`."""
ONE_Q15 = 1 << 15
LONGEST_SMOOTHING_MS = 1_000.0
"""Smoothing that the generated workspace has room for, so that it can be changed over the link."""
MOST_SMOOTHING_STEPS = 1_024
DB_PER_OCTAVE = 10.0 * math.log10(2.0)
MOST_U16 = (1 << 16) - 1
MOST_GATE_MARGIN = 255


@dataclass(frozen=True)
class Detection:
    """Chosen settings.

    Attributes:
        config: those that are no word's own.
        thresholds: of words whose threshold is not `config.threshold`, by label.
        measured: how they were chosen, for people; any JSON.
    """

    config: DetectionConfig = field(default_factory=DetectionConfig)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For the manifest, or with `tflite_sha256` beside it for `detection.json`."""
        own = {"thresholds": dict(self.thresholds), "measured": dict(self.measured)}
        return asdict(self.config) | own


@dataclass(frozen=True)
class ListenerNumbers:
    """What the generated C says; the names are those of `sotto/listener.h`.

    Attributes:
        thresholds_q15: one a class, 0 where a class is no word.
    """

    stride_frames: int
    preroll_steps: int
    smoothing_steps_max: int
    smoothing_steps: int
    refractory_steps: int
    hysteresis_q15: int
    gate_margin: int
    gate_hold_frames: int
    gate_rise_frames: int
    thresholds_q15: tuple[int, ...]


def is_word(label: str) -> bool:
    """Whether a label is something to listen for: classes of sotto's own begin with '_'."""
    return not label.startswith("_")


def read_detection(fields_read: Mapping[str, Any], labels: Sequence[str], place: str) -> Detection:
    """Check the content of a `detection.json` or of a manifest's entry; fields may be missing.

    Args:
        place: names it in errors.

    Raises:
        UserError: unknown field or label, or a value out of range.
    """
    remedy = "Let `sotto evaluate` choose the settings again, or mend the file by hand."
    own = {"thresholds", "measured", "tflite_sha256"}
    known = {item.name for item in fields(DetectionConfig)}
    if unknown := sorted(set(fields_read) - known - own):
        raise UserError(f"{place} has no field {', '.join(unknown)}", remedy)
    try:
        thresholds = dict(fields_read.get("thresholds", {}))
        measured = dict(fields_read.get("measured", {}))
        config = DetectionConfig(**{k: v for k, v in fields_read.items() if k in known})
        wrong = {k: v for k, v in thresholds.items() if not config.hysteresis < v <= 1.0}
    except (UserError, TypeError, ValueError) as error:
        raise UserError(f"{place}: {error}", remedy) from error
    if strangers := sorted(set(thresholds) - set(labels)):
        raise UserError(f"{place}: {', '.join(strangers)} is no label of the model", remedy)
    if wrong:
        raise UserError(
            f"{place}: thresholds {wrong} are not above the hysteresis of {config.hysteresis} and "
            "at most 1",
            remedy,
        )
    return Detection(config, thresholds, measured)


def load_detection(path: Path, labels: Sequence[str]) -> Detection:
    """Read a file of detection settings.

    Raises:
        UserError: it cannot be read, is damaged or does not fit the labels.
    """
    return read_detection(_content(path), labels, str(path))


def chosen_detection(
    folder: Path,
    tflite_sha256: str,
    labels: Sequence[str],
    otherwise: DetectionConfig,
    held_back_sha256: str | None = None,
) -> Detection:
    """The settings that `folder`/detection.json has for this model, or those of the recipe.

    A file that was chosen for another model is passed over: its thresholds mean nothing here.

    Args:
        folder: where the file may be.
        tflite_sha256: of the model, 64 hexadecimal digits.
        labels: of the model.
        otherwise: the recipe's.
        held_back_sha256: of the same recipe's model with speakers held back, whose settings this
            one takes over: on speakers that it has heard none can be chosen. `measured` says so.

    Raises:
        UserError: the file is damaged or does not fit the labels.
    """
    path = folder / DETECTION_FILE
    content = _content(path) if path.is_file() else {}
    chosen_for = content.get("tflite_sha256")
    if chosen_for is None or chosen_for not in (tflite_sha256, held_back_sha256):
        return Detection(otherwise)
    found = read_detection(asdict(otherwise) | content, labels, str(path))
    if chosen_for == tflite_sha256:
        return found
    return replace(found, measured={**found.measured, "held_back_tflite_sha256": chosen_for})


def _content(path: Path) -> dict[str, Any]:
    remedy = "Give a detection.json as `sotto evaluate` writes it."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", remedy) from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}", remedy) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is a {type(content).__name__}, no object of settings", remedy)
    return content


def listener_numbers(
    detection: Detection, frontend: FrontendConfig, model_frames: int, labels: Sequence[str]
) -> ListenerNumbers:
    """Settings in the units of the C.

    Args:
        model_frames: frames that one inference takes; fewer than a clip's for a streaming model.
    """
    config = detection.config
    hop_ms = 1_000.0 * frontend.hop_samples / frontend.sample_rate_hz
    streaming = model_frames < frontend.frames
    stride = model_frames if streaming else round(config.stride_ms / hop_ms)
    stride = min(max(stride, 1), model_frames)
    step_ms = stride * hop_ms
    most = min(max(round(LONGEST_SMOOTHING_MS / step_ms), 1), MOST_SMOOTHING_STEPS)
    unit_db = frontend.step_log2 * DB_PER_OCTAVE
    rise_frames = round(unit_db / config.gate_rise_db_per_s * 1_000.0 / hop_ms)
    words = ((label, detection.thresholds.get(label, config.threshold)) for label in labels)
    return ListenerNumbers(
        stride_frames=stride,
        preroll_steps=math.ceil(config.gate_preroll_ms / step_ms) if streaming else 0,
        smoothing_steps_max=most,
        smoothing_steps=min(max(round(config.smoothing_ms / step_ms), 1), most),
        refractory_steps=min(round(config.refractory_ms / step_ms), MOST_U16),
        hysteresis_q15=round(config.hysteresis * ONE_Q15),
        gate_margin=min(math.ceil(config.gate_margin_db / unit_db), MOST_GATE_MARGIN),
        gate_hold_frames=min(round(config.gate_hold_ms / hop_ms), MOST_U16),
        gate_rise_frames=min(max(rise_frames, 1), MOST_U16),
        thresholds_q15=tuple(
            max(round(value * ONE_Q15), 1) if is_word(label) else 0 for label, value in words
        ),
    )
