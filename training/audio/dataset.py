"""From a scanned corpus to arrays: reading, silence and unknown classes, and the noise bank."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.audio.corpus import Clip, Corpus
from training.audio.noise import cut_silence, generated_silence, noise_bank
from training.audio.readers import fit_length, read_clip
from training.audio.splits import SPLIT_NAMES, split, unit_hash
from training.errors import UserError
from training.progress import Progress, Task
from training.recipe import SILENCE_LABEL, UNKNOWN_LABEL, DataConfig

_READ_AHEAD_CLIPS = 256

NO_SPEECH = -1
"""Stands for the speaker of a clip in which nobody speaks."""


@dataclass(frozen=True)
class ClipSet:
    """The clips of one set as the microcontroller will hear them."""

    pcm: np.ndarray
    """int16[clips, clip_samples]."""
    targets: np.ndarray
    """int64[clips]: index into the labels."""
    names: tuple[str, ...]
    """One a clip, unique in the data set: `<folder>/<file>` or the name of a made clip."""
    voices: np.ndarray
    """int64[clips]: number of the speaker within this set, or NO_SPEECH; a clip whose speaker is
    unknown has a number of its own."""
    speakers: int
    """Distinct known speakers."""


@dataclass(frozen=True)
class Dataset:
    """Everything that training takes from recordings."""

    labels: tuple[str, ...]
    train: ClipSet
    validation: ClipSet
    test: ClipSet
    noise: np.ndarray
    """int16[n], n >= clip_samples: what augmentation mixes in; from the training set only."""
    method: str
    """How the sets were told apart, in words for a report."""
    speakers_known: bool
    problems: tuple[str, ...]
    """Files that were left out, each with its cause."""


def load_dataset(
    corpus: Corpus,
    config: DataConfig,
    *,
    sample_rate_hz: int,
    clip_samples: int,
    seed: int,
    skip_unreadable: bool,
    progress: Progress,
    everyone: bool = False,
) -> Dataset:
    """Split the corpus, read every clip and make what is missing of `_silence_`.

    Args:
        corpus: what `scan` found.
        config: sizes of the sets and of the classes `_unknown_` and `_silence_`.
        sample_rate_hz: rate of the arrays.
        clip_samples: length of every clip.
        seed: decides the split, which unknown words are kept and all made noise.
        skip_unreadable: leave out files that cannot be read and list them in `problems`; otherwise
            the first one is an error.
        progress: shows the reading.
        everyone: train on the clips and the noise of the other two sets as well.

    Raises:
        UserError: a file cannot be read, or a class does not fill every set.
    """
    corpus = replace(corpus, clips=_thin_unknown(corpus.clips, config, seed))
    parted = split(corpus, config, seed, everyone)
    reader = _Reader(sample_rate_hz, clip_samples, skip_unreadable)
    total = sum(map(len, parted.sets().values())) + len(corpus.background)
    with progress.task("reading clips", total) as task:
        read = {name: reader.clips(clips, task) for name, clips in parted.sets().items()}
        recordings = reader.recordings(corpus.background, task)
    backgrounds = _cut_in_time(recordings, config)
    if everyone:
        backgrounds["train"] = recordings
    if SILENCE_LABEL in corpus.labels and not any(c.label == SILENCE_LABEL for c in corpus.clips):
        wanted = config.silence_clips or _mean_keyword_clips(corpus.clips)
        for position, name in enumerate(SPLIT_NAMES):
            share = len(parted.sets()[name]) / len(corpus.clips)
            rng = np.random.default_rng((seed, position))
            clips = max(1, round(wanted * share))
            read[name].add_silence(_make_silence(backgrounds[name], clips, clip_samples, rng))
    sets = {name: read[name].finish(name, corpus.labels) for name in SPLIT_NAMES}
    is_silence = np.array([label == SILENCE_LABEL for label in corpus.labels])
    silence = sets["train"].pcm[is_silence[sets["train"].targets]]
    rng = np.random.default_rng((seed, len(SPLIT_NAMES)))
    noise = noise_bank(silence, backgrounds["train"], clip_samples, rng)
    sets["train"] = balanced(sets["train"], config.smallest_class_percent, rng)
    return Dataset(
        labels=corpus.labels,
        **sets,
        noise=noise,
        method=parted.method,
        speakers_known=parted.speakers_known,
        problems=tuple(sorted(set(reader.problems))),
    )


def balanced(clips: ClipSet, smallest_class_percent: float, rng: np.random.Generator) -> ClipSet:
    """Repeat clips of small classes, each about as often as the others of its class.

    Args:
        clips: of one set; all of them stay.
        smallest_class_percent: of the largest class's clips: what every class has in the end.
        rng: decides which clips are repeated once more than others.

    Returns:
        the clips, then the repetitions, whose names say so.
    """
    counts = np.bincount(clips.targets)
    wanted = math.ceil(counts.max() * smallest_class_percent / 100.0)
    again = [np.zeros(0, np.int64)]
    for target in np.flatnonzero((counts > 0) & (counts < wanted)):
        rows, missing = np.flatnonzero(clips.targets == target), wanted - counts[target]
        again += [rng.permutation(rows) for _ in range(missing // len(rows))]
        again.append(rng.permutation(rows)[: missing % len(rows)])
    repeated = np.concatenate(again)
    rows = np.concatenate([np.arange(len(clips.targets)), repeated])
    return ClipSet(
        pcm=clips.pcm[rows],
        targets=clips.targets[rows],
        names=clips.names
        + tuple(f"{clips.names[row]} (copy {number})" for number, row in enumerate(repeated, 1)),
        voices=clips.voices[rows],
        speakers=clips.speakers,
    )


@dataclass
class _Rows:
    """The clips of one set while they are collected."""

    pcm: list[np.ndarray]
    labels: list[str]
    names: list[str]
    speakers: list[str | None]
    """One a clip; None where nobody speaks or nothing tells who."""

    def add_silence(self, rows: np.ndarray) -> None:
        self.pcm.extend(rows)
        self.labels.extend([SILENCE_LABEL] * len(rows))
        self.names.extend(f"{SILENCE_LABEL}/made_{number}.wav" for number in range(len(rows)))
        self.speakers.extend([None] * len(rows))

    def finish(self, name: str, labels: Sequence[str]) -> ClipSet:
        for label in labels:
            if label not in self.labels:
                raise UserError(
                    f"class {label!r} has no readable clip in the {name} set",
                    "Add recordings of it, or choose another seed.",
                )
        return ClipSet(
            pcm=np.stack(self.pcm),
            targets=np.array([labels.index(label) for label in self.labels]),
            names=tuple(self.names),
            voices=self._voices(),
            speakers=len({speaker for speaker in self.speakers if speaker}),
        )

    def _voices(self) -> np.ndarray:
        units = [
            f"speaker:{speaker}" if speaker else f"clip:{name}"
            for speaker, name in zip(self.speakers, self.names, strict=True)
        ]
        number = {unit: index for index, unit in enumerate(dict.fromkeys(units))}
        return np.array(
            [
                NO_SPEECH if label == SILENCE_LABEL else number[unit]
                for unit, label in zip(units, self.labels, strict=True)
            ]
        )


class _Reader:
    """Reads many files at a time; what it had to leave out is in `problems`."""

    def __init__(self, sample_rate_hz: int, clip_samples: int, skip_unreadable: bool) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._clip_samples = clip_samples
        self._skip_unreadable = skip_unreadable
        self.problems: list[str] = []

    def clips(self, clips: Sequence[Clip], task: Task) -> _Rows:
        rows = _Rows([], [], [], [])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            # Batches bound how much is read in vain after an error or Ctrl-C.
            for first in range(0, len(clips), _READ_AHEAD_CLIPS):
                batch = clips[first : first + _READ_AHEAD_CLIPS]
                recordings = pool.map(self._read, [clip.path for clip in batch])
                for clip, recording in zip(batch, recordings, strict=True):
                    if recording is not None:
                        rows.pcm.append(fit_length(recording, self._clip_samples))
                        rows.labels.append(clip.label)
                        rows.names.append(clip.name)
                        rows.speakers.append(clip.speaker)
                task.advance(len(batch))
        return rows

    def recordings(self, paths: Sequence[Path], task: Task) -> list[np.ndarray]:
        recordings = [self._read(path) for path in paths]
        task.advance(len(paths))
        return [recording for recording in recordings if recording is not None]

    def _read(self, path: Path) -> np.ndarray | None:
        try:
            return read_clip(path, self._sample_rate_hz)
        except UserError as error:
            if not self._skip_unreadable:
                raise
            self.problems.append(error.message)
            return None


def _thin_unknown(clips: Sequence[Clip], config: DataConfig, seed: int) -> tuple[Clip, ...]:
    """Keep as many unknown clips as wanted; which ones, a hash of their names says."""
    wanted = config.unknown_clips or _mean_keyword_clips(clips)
    unknown = sorted(
        (clip for clip in clips if clip.label == UNKNOWN_LABEL),
        key=lambda clip: unit_hash(clip.name, seed),
    )
    dropped = {clip.name for clip in unknown[wanted:]}
    return tuple(clip for clip in clips if clip.name not in dropped)


def _mean_keyword_clips(clips: Sequence[Clip]) -> int:
    """Mean number of clips of a keyword, rounded up."""
    counts = Counter(clip.label for clip in clips)
    keywords = [count for label, count in counts.items() if not label.startswith("_")]
    return math.ceil(sum(keywords) / len(keywords))


def _cut_in_time(
    recordings: Sequence[np.ndarray], config: DataConfig
) -> dict[str, list[np.ndarray]]:
    """Each long recording gives its beginning to training, then validation, then test."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in SPLIT_NAMES}
    for recording in recordings:
        test = round(recording.size * (1.0 - config.test_percent / 100.0))
        validation = round(
            recording.size * (1.0 - (config.test_percent + config.validation_percent) / 100.0)
        )
        for name, part in zip(SPLIT_NAMES, np.split(recording, [validation, test]), strict=True):
            parts[name].append(part)
    return parts


def _make_silence(
    backgrounds: Sequence[np.ndarray], clips: int, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """int16[clips, samples], cut from recorded noise where there is any that is long enough."""
    if any(background.size >= samples for background in backgrounds):
        return cut_silence(backgrounds, clips, samples, rng)
    return generated_silence(clips, samples, rng)
