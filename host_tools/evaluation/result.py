"""The figures of an evaluation, as they stand in evaluation.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from host_tools.evaluation.clips import ClipResult
from host_tools.evaluation.compare import Comparison
from host_tools.evaluation.det import Figures
from host_tools.evaluation.detector import ONE_Q15
from host_tools.evaluation.intervals import Share
from host_tools.evaluation.relisten import BoardStreams, GateResult


@dataclass(frozen=True)
class ModelFacts:
    """What was evaluated.

    Attributes:
        form: "window" (heard anew every step) or "streaming" (keeps its past).
        step_ms: time from one step of a stream to the next.
        heard_by: "host program", or the name of the board that computed the scores.
    """

    name: str
    model_hash: str
    labels: tuple[str, ...]
    form: str
    step_ms: float
    heard_by: str


@dataclass(frozen=True)
class AudioFacts:
    """What it was evaluated on.

    Attributes:
        stream_hours: length of the streams in each condition.
        negative_hours: of recordings that are no word, each once, without the pauses between them.
        distinct_hours: without repetitions.
        resolvable_per_hour: lowest rate of false accepts that a half can show with 95 %
            confidence, of distinct audio; null without streams.
    """

    data: str
    clips: int
    speakers: int
    negatives: int
    stream_hours: float
    negative_hours: float
    distinct_hours: float
    resolvable_per_hour: float | None


@dataclass(frozen=True)
class Point:
    """One setting in one stream, both halves of the speakers together."""

    smoothing_steps: int
    threshold: float
    figures: Figures


@dataclass(frozen=True)
class WordCurve:
    """One word: its points at the chosen smoothing, and the chosen setting on the second half."""

    word: str
    points: tuple[Point, ...]
    reported: Figures


@dataclass(frozen=True)
class Latency:
    """Of the hits of the second half at the chosen setting, in seconds after the word's end."""

    median_s: float
    p90_s: float
    all_s: tuple[float, ...]


@dataclass(frozen=True)
class StreamResult:
    """One condition.

    Attributes:
        points: all settings, over all words.
        words: one a word.
        chosen_on: the chosen setting on the half that it was chosen on.
        reported: the chosen setting on the other half.
        repeats: events of a word that had been heard already, there.
        latency: null when nothing was heard.
        gate: the same half with the energy gate on; null when that was not asked for.
    """

    condition: str
    points: tuple[Point, ...]
    words: tuple[WordCurve, ...]
    chosen_on: Figures
    reported: Figures
    repeats: int
    latency: Latency | None
    gate: GateResult | None = None


@dataclass(frozen=True)
class Chosen:
    """The setting that the rule took; see `host_tools.evaluation.det.choose`.

    Attributes:
        threshold: the greatest, that of all words which have none of their own.
    """

    condition: str
    smoothing_steps: int
    refractory_steps: int
    hysteresis_q15: int
    threshold_q15: tuple[int, ...]
    threshold: float
    wanted_per_hour: float
    held_per_hour: float
    allowed_events: int
    reached: bool

    def own_thresholds(self, labels: Sequence[str]) -> dict[str, float]:
        """Of the words whose threshold is not that of all, by label."""
        shares = {
            label: value / ONE_Q15 for label, value in zip(labels, self.threshold_q15, strict=True)
        }
        return {label: one for label, one in shares.items() if one not in (0.0, self.threshold)}

    def detection_fields(self, step_ms: float, labels: Sequence[str]) -> dict[str, Any]:
        """The setting in the units of a recipe's `[detection]`."""
        return {
            "threshold": self.threshold,
            "stride_ms": step_ms,
            "smoothing_ms": self.smoothing_steps * step_ms,
            "refractory_ms": self.refractory_steps * step_ms,
            "hysteresis": self.hysteresis_q15 / ONE_Q15,
            "thresholds": self.own_thresholds(labels),
        }


@dataclass(frozen=True)
class Fold:
    """One training of a cross-validation, tested on the speakers that it has not heard."""

    fold: int
    model_hash: str
    accuracy: Share


@dataclass(frozen=True)
class Speed:
    """How fast audio was heard, over all conditions; null when all scores were known."""

    audio_s: float
    wall_s: float
    times_real_time: float | None
    jobs: int


@dataclass(frozen=True)
class Evaluation:
    """All figures of one model."""

    model: ModelFacts
    audio: AudioFacts
    clips: tuple[ClipResult, ...]
    chosen: Chosen | None
    streams: tuple[StreamResult, ...]
    speed: Speed
    folds: tuple[Fold, ...] = ()
    board_streams: BoardStreams | None = None


@dataclass(frozen=True)
class Document:
    """The content of evaluation.json."""

    models: tuple[Evaluation, ...]
    comparison: tuple[Comparison, ...]

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`; decisions of single clips are left out."""
        fields = asdict(self)
        for model in fields["models"]:
            for one in model["clips"]:
                del one["decisions"]
        return fields
