"""From what was found to a recipe: how long a clip is, how much is synthesised, which networks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.recipe import FrontendConfig
from training.words.found import Finding
from training.words.places import TESTED_RECORDINGS

FRONTEND = FrontendConfig()
_FRAMES_STEP = 4
"""Clips grow by steps of so many frames, which any hop of a streaming network divides."""
_SHORTEST_CLIP_S = 1.0
_LONGEST_CLIP_S = 3.0
_WORD_PERCENTILE = 95.0
_MARGIN_S = 0.1
"""Beside the longest usual word: room for another place in the clip."""
_LETTER_S = 0.085
"""A letter of a word that nobody recorded, spoken slowly."""

_SPOKEN_CLIPS = ((100, 300), (TESTED_RECORDINGS, 600), (1, 700), (0, 1_100))
"""Synthesised clips a word for at least so many recordings of the one with the fewest; three of ten
voices train nothing."""
_SPOKEN_UNKNOWN_CLIPS = 2_200
_VOICES = 200
_CUTS_WANTED = 600
_MOST_CUTS = 12


@dataclass(frozen=True)
class Plan:
    """Quantities that follow from the recordings."""

    clip_samples: int
    spoken_clips: int
    """Synthesised clips of each word."""
    spoken_unknown_clips: int
    voices: int
    cuts_per_recording: int
    recordings: Mapping[str, int]
    """Usable recordings of each word."""

    @property
    def tested(self) -> tuple[str, ...]:
        """Words with enough recordings for a test on them."""
        return tuple(word for word, n in self.recordings.items() if n >= TESTED_RECORDINGS)


def make_plan(labels: Sequence[str], findings: Mapping[str, Sequence[Finding]]) -> Plan:
    """Choose quantities by how many recordings can be used."""
    used = {label: [f for f in findings.get(label, ()) if not f.left_out] for label in labels}
    counts = {label: len(rows) for label, rows in used.items()}
    fewest = min(counts.values())
    return Plan(
        clip_samples=_clip_samples(used),
        spoken_clips=next(clips for least, clips in _SPOKEN_CLIPS if fewest >= least),
        spoken_unknown_clips=_SPOKEN_UNKNOWN_CLIPS,
        voices=_VOICES,
        cuts_per_recording=max(1, min(_MOST_CUTS, _CUTS_WANTED // max(fewest, 1))),
        recordings=counts,
    )


def warnings(plan: Plan, negatives: int) -> tuple[str, ...]:
    """What a user must know about this run, in sentences.

    Args:
        plan: from `make_plan`.
        negatives: recordings of other speech.
    """
    sentences = []
    for word, count in plan.recordings.items():
        if count == 0:
            sentences.append(
                f"{word!r} has no recordings: it is learned from one synthesiser's voices, and the"
                " test on such voices says nothing about people."
            )
        elif count < TESTED_RECORDINGS:
            sentences.append(
                f"{word!r} has {count} recordings, all of which train: from {TESTED_RECORDINGS} on"
                " some are kept for a test, and without one nothing is claimed about people."
            )
    if negatives == 0:
        sentences.append(
            "No recordings of other speech (--negatives DIR): false accepts are tested on"
            " synthesised speech only."
        )
    return tuple(sentences)


def recipe_text(name: str, labels: Sequence[str], plan: Plan, seed: int) -> str:
    """A complete recipe in TOML for a corpus of `build_corpus`; yours to edit."""
    # A text of JSON is one of TOML.
    keywords = json.dumps(list(labels), ensure_ascii=False)
    few = set(labels) != set(plan.tested)
    passes, student_epochs = (16, 240) if few else (8, 120)
    speed_min, speed_max = (0.82, 1.22) if few else (0.85, 1.18)
    frames = 1 + (plan.clip_samples - FRONTEND.window_samples) // FRONTEND.hop_samples
    seconds = plan.clip_samples / FRONTEND.sample_rate_hz
    return f"""\
# Written by `sotto words`, and yours to edit: an edited recipe is kept.
# It trains on the folder that `sotto words` prepared: sotto run RECIPE --data CORPUS
name = "{name}"
seed = {seed}

[words]
keywords = {keywords}
unknown = true
silence = true

[data]
# Lists in the corpus say who trains and who tests. All other speech is taken.
unknown_clips = 1000000

[frontend]
# {seconds:.2f} s for the longest usual word: {frames} frames of {FRONTEND.mel_bins} bytes.
clip_samples = {plan.clip_samples}

# What the student hears: milder changes than its teachers, and mixes that only they label.
[augment]
passes = {passes}
speed_min = {speed_min}
speed_max = {speed_max}
vocal_tract_min = 0.9
voice_probability = 0.12
voice_below_min_db = 4
room_probability = 0.1
babble_share = 0.35
snr_min_db = 3
mix_passes = {passes}

# Few voices stand for many: large networks bear stronger changes.
[teacher_augment]
passes = {passes}
speed_min = 0.82
speed_max = 1.22
vocal_tract_min = 0.86
vocal_tract_max = 1.12
voice_probability = 0.12
voice_below_min_db = 4
room_probability = 0.25
babble_share = 0.35
snr_min_db = -3
gain_min_db = -18
gain_max_db = 8

# Unlike networks err on different clips: one hears sequences of spectra, one shapes in them.
[[teachers]]
architecture = "temporal"
width = 64
stem_width = 48
blocks = 4
epochs = 40
batch_clips = 128
learning_rate = 5e-3
weight_decay = 1e-3
dropout = 0.1

[[teachers]]
architecture = "res_ds_cnn"
width = 64
blocks = 4
epochs = 20
batch_clips = 128
weight_decay = 1e-3
dropout = 0.1

# Takes 40 ms of sound at a time and keeps its state.
[student]
architecture = "temporal"
width = 36
stem_width = 24
blocks = 4
epochs = {student_epochs}
batch_clips = 128
learning_rate = 5e-3
context_share = 0.2

[distillation]
temperature = 3
soft_weight = 0.9
"""


def _clip_samples(used: Mapping[str, Sequence[Finding]]) -> int:
    """Of the word that takes longest, by its recordings or by its letters."""
    seconds = [_SHORTEST_CLIP_S]
    for label, rows in used.items():
        words = [f.stop_s - f.start_s for f in rows] or [_LETTER_S * len(label)]
        seconds.append(float(np.percentile(words, _WORD_PERCENTILE)) + 2.0 * _MARGIN_S)
    samples = min(max(seconds), _LONGEST_CLIP_S) * FRONTEND.sample_rate_hz
    frames = 1 + (samples - FRONTEND.window_samples) / FRONTEND.hop_samples
    steps = math.ceil(frames / _FRAMES_STEP - 1e-9)
    return FRONTEND.window_samples + (steps * _FRAMES_STEP - 1) * FRONTEND.hop_samples
