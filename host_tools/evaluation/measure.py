"""One model through all conditions: clips, streams, the choice of a setting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from host_tools.errors import SottoError
from host_tools.evaluation.clips import ClipResult, decide, sum_up_clips
from host_tools.evaluation.conditions import Condition
from host_tools.evaluation.det import Sweep, choose, sweep
from host_tools.evaluation.detector import ONE_Q15, Setting, grid, is_word
from host_tools.evaluation.intervals import resolvable_per_hour
from host_tools.evaluation.listen import ClipListener, Listener
from host_tools.evaluation.noise import NoiseSource
from host_tools.evaluation.per_word import per_word_settings
from host_tools.evaluation.recordings import NEGATIVE, Recording
from host_tools.evaluation.relisten import Ears, with_gate
from host_tools.evaluation.result import (
    AudioFacts,
    Chosen,
    Latency,
    Point,
    StreamResult,
    WordCurve,
)
from host_tools.evaluation.streams import Plan, Renderer, Segment, plan_streams
from host_tools.manifest import SILENCE_LABEL, UNKNOWN_LABEL, Manifest
from host_tools.progress import Progress
from host_tools.settings import scale_of

LEAST_BABBLE_RECORDINGS = 20
REPORTED_HALF = 1
LATENCY_PERCENTILE = 90


@dataclass(frozen=True)
class Room:
    """What is heard and in which conditions; the same for every model that is compared.

    Attributes:
        recordings: labelled ones and negatives.
        clip_conditions: of single clips; empty to leave clips out.
        stream_conditions: of streams; empty to leave streams out.
        hours: length of a stream; None for each recording once.
        wanted_per_hour: false accepts that the setting is chosen for.
        choose_in: name of the stream's condition that the setting is chosen in.
        per_word: whether words may get thresholds of their own.
        gate_margin_db: the chosen setting is heard again with this gate; 0 for not at all.
    """

    data: str
    recordings: tuple[Recording, ...]
    noises: NoiseSource
    clip_conditions: tuple[Condition, ...]
    stream_conditions: tuple[Condition, ...]
    hours: float | None
    wanted_per_hour: float
    choose_in: str
    per_word: bool = False
    gate_margin_db: float = 0.0

    @property
    def clips(self) -> list[Recording]:
        """Those that are a clip of some class."""
        return [one for one in self.recordings if one.label != NEGATIVE]

    def clips_in(self, condition: Condition, labels: Sequence[str]) -> list[Recording]:
        """Those that are one in a condition: where voices babble there is no `_silence_`."""
        if condition.noise != "babble":
            return self.clips
        return [one for one in self.clips if labels[one.label] != SILENCE_LABEL]


def babble_source(recordings: Sequence[Recording], manifest: Manifest) -> NoiseSource:
    """Voices for babble: other words where there are enough, so that no word is called in it."""
    named = dict(enumerate(manifest.labels)) | {NEGATIVE: UNKNOWN_LABEL}
    speech = [one for one in recordings if named[one.label] == UNKNOWN_LABEL]
    if len(speech) < LEAST_BABBLE_RECORDINGS:
        speech = [one for one in recordings if is_word(named[one.label])]
    return NoiseSource([one.pcm for one in speech], manifest.sample_rate_hz)


def require_negatives(recordings: Sequence[Recording], manifest: Manifest) -> None:
    """Refuse streams in which nothing but the words is said.

    Raises:
        SottoError: there is no recording of anything else.
    """
    if all(one.label != NEGATIVE and is_word(manifest.labels[one.label]) for one in recordings):
        raise SottoError(
            "There are no negatives: every recording is one of the model's words, so false accepts "
            "cannot be counted.",
            "Give --negatives a folder of other speech and noise, or --no-streams.",
        )


def measure_clips(
    listener: ClipListener, room: Room, labels: Sequence[str]
) -> tuple[ClipResult, ...]:
    """Every condition of single clips."""
    results = []
    for condition in room.clip_conditions:
        clips = room.clips_in(condition, labels)
        decisions = decide(listener.clips(clips, condition, room.noises))
        results.append(sum_up_clips(condition.name, clips, decisions, len(labels)))
    return tuple(results)


@dataclass(frozen=True)
class Streams:
    """The figures of all conditions of the streams.

    Attributes:
        ears: for each condition, what hears its stretches again.
    """

    chosen: Chosen
    setting: Setting
    results: tuple[StreamResult, ...]
    plan: Plan
    ears: dict[str, Ears]

    @property
    def reported(self) -> list[Segment]:
        """The stretches of the half that figures are reported on."""
        return [one for one in self.plan.segments if one.half == REPORTED_HALF]


def measure_streams(
    listener: Listener, room: Room, manifest: Manifest, progress: Progress
) -> Streams:
    """Hear the streams in every condition, sweep the detector, choose a setting.

    Raises:
        SottoError: the recordings give no stream for one of the halves.
    """
    rate_hz = manifest.sample_rate_hz
    plan = plan_streams(room.recordings, rate_hz, room.hours)
    for half in (0, 1):
        if plan.hours(rate_hz, half) == 0.0:
            raise SottoError(
                f"{len(room.recordings)} recordings are too few: half of the speakers have none.",
                "Give more recordings, of more speakers, or --no-streams.",
            )
    renderer = Renderer(room.recordings, room.noises, rate_hz)
    words = [is_word(label) for label in manifest.labels]
    stride = listener.stride_frames
    settings = grid(manifest.labels, listener.program.geometry.step_seconds(stride))
    ears = {
        one.name: Ears(renderer, one, listener.program.geometry, stride, words, plan.passes)
        for one in room.stream_conditions
    }
    scores: dict[str, list[np.ndarray]] = {}
    with progress.task("Streams", total=len(room.stream_conditions)) as task:
        for condition in room.stream_conditions:
            scores[condition.name] = listener.segments(renderer, plan.segments, condition)
            task.advance(detail=condition.name)

    def swept(tried: Sequence[Setting]) -> dict[str, Sweep]:
        return {
            name: sweep(
                listener.program,
                tried,
                renderer,
                plan.segments,
                scores[name],
                words=words,
                stride_frames=stride,
                passes=plan.passes,
                jobs=listener.jobs,
            )
            for name in scores
        }

    sweeps = swept(settings)
    choice = choose(sweeps[room.choose_in], room.wanted_per_hour)
    if room.per_word and (own := per_word_settings(sweeps[room.choose_in], choice.allowed_events)):
        sweeps = {name: sweeps[name].with_more(more) for name, more in swept(own).items()}
        choice = choose(sweeps[room.choose_in], room.wanted_per_hour)
    setting = sweeps[room.choose_in].settings[choice.index]
    chosen = Chosen(
        condition=room.choose_in,
        smoothing_steps=setting.smoothing_steps,
        refractory_steps=setting.refractory_steps,
        hysteresis_q15=setting.hysteresis_q15,
        threshold_q15=setting.threshold_q15,
        threshold=_threshold(setting),
        wanted_per_hour=choice.wanted_per_hour,
        held_per_hour=choice.held_per_hour,
        allowed_events=choice.allowed_events,
        reached=choice.reached,
    )
    results = tuple(
        _stream_result(name, found, choice.index, manifest.labels) for name, found in sweeps.items()
    )
    return Streams(chosen, setting, results, plan, ears)


def measure_gate(
    listener: Listener, room: Room, streams: Streams, manifest: Manifest, progress: Progress
) -> Streams:
    """The chosen setting on the reported half once more, from the audio on, with the gate."""
    margin = math.ceil(room.gate_margin_db / scale_of(manifest).feature_db)
    results = []
    with progress.task("Streams with the gate", total=len(streams.results)) as task:
        for one in streams.results:
            gated = with_gate(
                listener.program,
                streams.setting,
                margin,
                streams.ears[one.condition],
                streams.reported,
                listener.jobs,
            )
            results.append(replace(one, gate=gated))
            task.advance(detail=one.condition)
    return replace(streams, results=tuple(results))


def audio_facts(room: Room, streams: Streams | None, manifest: Manifest) -> AudioFacts:
    """What the figures rest on."""
    sample_rate_hz, labels = manifest.sample_rate_hz, manifest.labels
    hours = streams.plan.hours(sample_rate_hz) if streams else 0.0
    distinct = hours / streams.plan.passes if streams else 0.0
    reported = streams.plan.hours(sample_rate_hz, REPORTED_HALF) if streams else 0.0
    return AudioFacts(
        data=room.data,
        clips=len(room.clips),
        speakers=len({one.speaker for one in room.recordings if one.speaker}),
        negatives=sum(one.label == NEGATIVE for one in room.recordings),
        stream_hours=hours,
        negative_hours=_negative_hours(room, labels, sample_rate_hz),
        distinct_hours=distinct,
        resolvable_per_hour=(
            resolvable_per_hour(reported / streams.plan.passes) if streams else None
        ),
    )


def _negative_hours(room: Room, labels: Sequence[str], sample_rate_hz: int) -> float:
    """Of all recordings that are no word, pauses between them not counted."""
    others = (
        one.pcm.size
        for one in room.recordings
        if one.label == NEGATIVE or not is_word(labels[one.label])
    )
    return sum(others) / sample_rate_hz / 3600


def _threshold(setting: Setting) -> float:
    return max(setting.threshold_q15) / ONE_Q15


def _points(found: Sweep, indices: Sequence[int], label: int | None) -> tuple[Point, ...]:
    return tuple(
        Point(
            found.settings[index].smoothing_steps,
            _threshold(found.settings[index]),
            found.figures(index, label=label),
        )
        for index in indices
    )


def _common(found: Sweep) -> list[int]:
    return [index for index, one in enumerate(found.settings) if one.common]


def _stream_result(
    condition: str, found: Sweep, chosen: int, labels: Sequence[str]
) -> StreamResult:
    curve = found.curve(found.settings[chosen].smoothing_steps)
    tally = found.tallies[REPORTED_HALF][chosen]
    return StreamResult(
        condition=condition,
        points=_points(found, _common(found), None),
        words=tuple(
            WordCurve(
                word,
                _points(found, curve, label),
                found.figures(chosen, REPORTED_HALF, label),
            )
            for label, word in enumerate(labels)
            if is_word(word)
        ),
        chosen_on=found.figures(chosen, 1 - REPORTED_HALF),
        reported=found.figures(chosen, REPORTED_HALF),
        repeats=tally.repeats,
        latency=_latency(tally.latency_s),
    )


def _latency(seconds: Sequence[float]) -> Latency | None:
    if not seconds:
        return None
    return Latency(
        median_s=float(np.median(seconds)),
        p90_s=float(np.percentile(seconds, LATENCY_PERCENTILE)),
        all_s=tuple(round(one, 3) for one in seconds),
    )
