"""The folder that training takes: cut words, synthesised words, other speech, and who is where.

Its layout is that of the Speech Commands archive, so that lists say which clips are for validation
and for the test: synthesised voices and random cuts train, and only plain recordings test, as far
as there are enough of them.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from training.audio.corpus import BACKGROUND_FOLDER, TEST_LIST, VALIDATION_LIST
from training.audio.readers import read_clip
from training.errors import UserError
from training.progress import Progress
from training.recipe import UNKNOWN_LABEL
from training.words.cutting import cut_word, extend
from training.words.found import Finding
from training.words.locate import speech_extent
from training.words.places import (
    TEST,
    TESTED_RECORDINGS,
    TRAIN,
    VALIDATION,
    place_by_hash,
    place_speakers,
)
from training.words.sources import Recording, Sources

ABOUT_FILE = "about.txt"
"""As `training.stages` reads it, whose import would load TensorFlow."""
FACTS_FILE = "words.json"
TRAINING_FOLDER = "training"
"""What `sotto run --data` takes."""
UNHEARD_FOLDER = "unheard"
"""Whole recordings of the speakers of the test: what `sotto evaluate --data` makes streams of."""
UNHEARD_SPOKEN_FOLDER = "unheard_spoken"
"""Synthesised words of voices that train nothing, most of them near the keywords: for
`sotto evaluate --negatives`."""
RECORDED, SYNTHESISED = "recorded", "synthesised"
OTHER_SPEECH = "~"
"""What stands for the word in the names of windows of running speech: no keyword is called so."""

_MOST_WINDOWS = {TRAIN: 4_000, VALIDATION: 400, TEST: 2_000}
"""Windows of other speech that a set takes."""
_MISTAKEN = f"{OTHER_SPEECH}_mistaken"
_LONGEST_PAUSE_S = 0.2
_EDGE_S = 0.05
"""Kept around other speech."""
_AROUND_S = 0.4
"""Kept around an unheard word."""
_MOST_NOISE_S = 600.0


@dataclass(frozen=True)
class Quantities:
    """How much of what a corpus holds."""

    clip_samples: int
    sample_rate_hz: int
    cuts_per_recording: int
    """Random cuts of each training recording: class balance, and words at all places."""
    seed: int


@dataclass
class _Lists:
    """Names of the clips that do not train, and counts for the report."""

    names: dict[str, list[str]] = field(default_factory=lambda: {VALIDATION: [], TEST: []})
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, place: str, label: str, kind: str, name: str) -> None:
        self.counts[(label, place, kind)] += 1
        if place != TRAIN:
            self.names[place].append(name)

    def rows(self) -> list[dict[str, object]]:
        """The counts, as JSON has them."""
        return [
            {"label": label, "set": place, "kind": kind, "clips": clips}
            for (label, place, kind), clips in sorted(self.counts.items())
        ]


def build_corpus(
    folder: Path,
    findings: Mapping[str, Sequence[Finding]],
    sources: Sources,
    spoken: Path,
    quantities: Quantities,
    notes: Sequence[str],
    progress: Progress,
) -> None:
    """Fill `folder` with `training/`, `unheard/` and `unheard_spoken/`.

    Args:
        folder: empty or holding what an interrupted run left.
        findings: from `examine`, by label; empty for a word without recordings.
        sources: for other speech and noise.
        spoken: what `synthesise` made: a folder a label and `_unknown_`.
        quantities: lengths and counts.
        notes: sentences that a reader of the report must know.
        progress: shows the writing.
    """
    used = {label: [f for f in rows if not f.left_out] for label, rows in findings.items()}
    place = place_speakers(
        {k: [f.speaker for f in rows] for k, rows in used.items()}, quantities.seed
    )
    lists = _Lists()
    training, unheard = folder / TRAINING_FOLDER, folder / UNHEARD_FOLDER
    with progress.task("cutting words", sum(map(len, used.values()))) as task:
        for label, rows in used.items():
            for index, finding in enumerate(rows):
                where = place[finding.speaker]
                _write_cuts(training / label, index, finding, where, quantities, lists)
                if where == TEST:
                    _write_unheard(unheard / label, index, finding, quantities.sample_rate_hz)
                task.advance()
    negatives = _NegativeWriter(training, unheard, quantities, lists)
    negatives.write(sources.negatives, place, progress)
    _write_noise(training / BACKGROUND_FOLDER, sources.noise, quantities.sample_rate_hz)
    tested = {label for label, rows in used.items() if len(rows) >= TESTED_RECORDINGS}
    _take_spoken(folder, spoken, tested, quantities.seed, lists)
    _write_lists(training, lists)
    about = " ".join((_about(lists), *notes))
    (training / ABOUT_FILE).write_text(about + "\n", encoding="utf-8")
    facts = Facts(lists.rows(), sorted(negatives.problems))
    (folder / FACTS_FILE).write_text(json.dumps(asdict(facts), indent=1), encoding="utf-8")


def add_clips(folder: Path, clips: NDArray[np.int16]) -> None:
    """Add clips of other speech, int16[clips, clip_samples], to the training part of a corpus."""
    unknown = folder / TRAINING_FOLDER / UNKNOWN_LABEL
    rate_hz = soundfile.info(next(unknown.glob("*.wav"))).samplerate
    taken = count_mistakes(folder)
    for index, clip in enumerate(clips, start=taken):
        _write(unknown / f"{_MISTAKEN}_nohash_{index}.wav", clip, rate_hz)


def count_mistakes(folder: Path) -> int:
    """Clips that `add_clips` added."""
    return len(list((folder / TRAINING_FOLDER / UNKNOWN_LABEL).glob(f"{_MISTAKEN}_nohash_*.wav")))


@dataclass(frozen=True)
class Facts:
    """What a corpus that `build_corpus` made says of itself."""

    clips: list[dict[str, object]]
    """Rows `label, set, kind, clips`."""
    problems: list[str]
    """Files of other speech that were left out, each with the reason."""


def read_facts(folder: Path) -> Facts:
    """Read the facts of a corpus."""
    return Facts(**json.loads((folder / FACTS_FILE).read_text(encoding="utf-8")))


def _write_cuts(
    folder: Path, index: int, finding: Finding, place: str, quantities: Quantities, lists: _Lists
) -> None:
    rate_hz = quantities.sample_rate_hz
    pcm = read_clip(Path(finding.path), rate_hz)
    start, stop = round(finding.start_s * rate_hz), round(finding.stop_s * rate_hz)
    rng = np.random.default_rng((quantities.seed, index, start))
    cuts = quantities.cuts_per_recording if place == TRAIN else 1
    for cut in range(cuts):
        # The first stands in the middle: with one cut, training hears what the test asks.
        clip = cut_word(pcm, start, stop, quantities.clip_samples, rate_hz, rng if cut else None)
        name = f"{finding.speaker}_nohash_{index * cuts + cut}.wav"
        _write(folder / name, clip, rate_hz)
        lists.add(place, folder.name, RECORDED, f"{folder.name}/{name}")


def _write_unheard(folder: Path, index: int, finding: Finding, sample_rate_hz: int) -> None:
    """The word with what is around it, not cut to a clip."""
    pcm = read_clip(Path(finding.path), sample_rate_hz)
    first = round(max(0.0, finding.start_s - _AROUND_S) * sample_rate_hz)
    last = round((finding.stop_s + _AROUND_S) * sample_rate_hz)
    _write(folder / f"{finding.speaker}_nohash_{index}.wav", pcm[first:last], sample_rate_hz)


class _NegativeWriter:
    """Windows of running speech, made of recordings that follow each other closely."""

    def __init__(
        self, training: Path, unheard: Path, quantities: Quantities, lists: _Lists
    ) -> None:
        self._folder = training / UNKNOWN_LABEL
        self._unheard = unheard / UNKNOWN_LABEL
        self._quantities = quantities
        self._lists = lists
        self.problems: list[str] = []

    def write(
        self, recordings: Sequence[Recording], place: Mapping[str, str], progress: Progress
    ) -> None:
        """Write the windows of all sets; a speaker of a keyword stays in the set of the keyword."""
        seed = self._quantities.seed
        elsewhere = [one.speaker for one in recordings if one.speaker not in place]
        places = {**place_by_hash(elsewhere, seed), **place}
        rng = np.random.default_rng(seed)
        shuffled = [recordings[index] for index in rng.permutation(len(recordings))]
        with progress.task("cutting other speech", len(recordings)) as task:
            for name, most in _MOST_WINDOWS.items():
                chosen = [one for one in shuffled if places[one.speaker] == name]
                keep = self._unheard if name == TEST else None
                # Training hears what is between two windows too.
                step = self._quantities.clip_samples // (2 if name == TRAIN else 1)
                for count, window in enumerate(self._windows(chosen, step, keep, rng)):
                    if count == most:
                        break
                    clip = f"{OTHER_SPEECH}_{name}_nohash_{count}.wav"
                    _write(self._folder / clip, window, self._quantities.sample_rate_hz)
                    self._lists.add(name, UNKNOWN_LABEL, RECORDED, f"{UNKNOWN_LABEL}/{clip}")
                task.advance(len(chosen))

    def _windows(
        self,
        recordings: Sequence[Recording],
        step: int,
        keep: Path | None,
        rng: np.random.Generator,
    ) -> Iterator[NDArray[np.int16]]:
        """Windows of the recordings in turn, which are also written to the folder `keep`."""
        samples = self._quantities.clip_samples
        longest_pause = round(_LONGEST_PAUSE_S * self._quantities.sample_rate_hz)
        stream = np.zeros(0, np.int16)
        for index, recording in enumerate(recordings):
            speech = self._speech(recording)
            if speech is None:
                continue
            if keep is not None:
                name = f"{OTHER_SPEECH}_{recording.speaker}_nohash_{index}.wav"
                _write(keep / name, speech, self._quantities.sample_rate_hz)
            pause = int(rng.integers(longest_pause))
            followed = extend(speech, 0, pause, self._quantities.sample_rate_hz, rng)
            stream = np.concatenate((stream, followed))
            while stream.size >= samples:
                yield stream[:samples]
                stream = stream[step:]

    def _speech(self, recording: Recording) -> NDArray[np.int16] | None:
        rate_hz = self._quantities.sample_rate_hz
        try:
            pcm = read_clip(recording.path, rate_hz)
        except UserError as error:
            self.problems.append(error.message)
            return None
        extent = speech_extent(pcm, rate_hz)
        if extent is None:
            return None
        edge = round(_EDGE_S * rate_hz)
        return pcm[max(0, extent[0] - edge) : extent[1] + edge]


def _write_noise(folder: Path, paths: Sequence[Path], sample_rate_hz: int) -> None:
    parts: list[NDArray[np.int16]] = []
    left = round(_MOST_NOISE_S * sample_rate_hz)
    for path in paths:
        if left <= 0:
            break
        try:
            parts.append(read_clip(path, sample_rate_hz)[:left])
        except UserError:
            continue  # noise can be made, and a clip of it more or less tells nothing
        left -= parts[-1].size
    if parts:
        _write(folder / "noise.wav", np.concatenate(parts), sample_rate_hz)


def _take_spoken(folder: Path, spoken: Path, tested: set[str], seed: int, lists: _Lists) -> None:
    """Some synthesised voices are kept apart, the others train; in the lists of the corpus they
    test only what has no recordings to test it.
    """
    files = sorted(spoken.glob("*/*.wav"))
    recorded = {(label, place) for (label, place, _) in lists.counts}
    complete = {
        path.parent.name
        for path in files
        if path.parent.name in tested
        or all((path.parent.name, place) in recorded for place in (VALIDATION, TEST))
    }
    labels = {path.parent.name for path in files}
    voices = {path: _voice(path) for path in files}
    places = place_by_hash(list(voices.values()), seed)
    for path in files:
        label, place = path.parent.name, places[voices[path]]
        if place == VALIDATION and complete == labels:
            place = TRAIN
        name = f"{label}/{path.name}"
        if place == TEST:
            _copy(path, folder / UNHEARD_SPOKEN_FOLDER / name)
        if place != TRAIN and (label, place) in recorded:
            continue
        _copy(path, folder / TRAINING_FOLDER / name)
        lists.add(place, label, SYNTHESISED, name)


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _voice(path: Path) -> str:
    """`en-US+m3` of `yes_en-US+m3_nohash_0.wav` or `en-US+m3_nohash_0.wav`."""
    speaker = path.name.partition("_nohash_")[0]
    return speaker.rpartition("_")[2] if path.parent.name == UNKNOWN_LABEL else speaker


def _about(lists: _Lists) -> str:
    """How many clips of what each label has in each set."""
    labels = sorted({label for (label, _, _) in lists.counts})
    sentences = []
    for label in labels:
        counted = [
            f"{clips} {kind} ({place})"
            for (name, place, kind), clips in sorted(lists.counts.items())
            if name == label
        ]
        sentences.append(f"{label}: {', '.join(counted)}.")
    return " ".join(("Prepared by sotto words.", *sentences))


def _write_lists(folder: Path, lists: _Lists) -> None:
    for place, file in ((VALIDATION, VALIDATION_LIST), (TEST, TEST_LIST)):
        (folder / file).write_text("\n".join(sorted(lists.names[place])) + "\n", encoding="utf-8")


def _write(path: Path, pcm: NDArray[np.int16], sample_rate_hz: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, pcm, sample_rate_hz, format="WAV", subtype="PCM_16")
