"""Training, validation and test sets that share no speaker."""

from __future__ import annotations

import hashlib
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from training.audio.corpus import Clip, Corpus
from training.errors import UserError
from training.recipe import DataConfig

SPLIT_NAMES = ("train", "validation", "test")

MIN_FOLDS = 2
"""Fewer are no cross-validation: `folds` 0 and 1 mean one training."""

EVERYONE_HEARD = "; training heard the validation and test sets too"
"""What `everyone` adds to a method."""

PROLIFIC_FACTOR = 5.0
"""A speaker with more than this many times the median speaker's clips is kept for training: a set
that one voice fills says little about other voices."""


@dataclass(frozen=True)
class Split:
    """Clips of a corpus, each in exactly one of three sets, unless training hears everyone."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]
    method: str
    """How they were told apart, in words for a report."""
    speakers_known: bool
    """False when a speaker may stand in two sets, because some file does not name its speaker."""

    def sets(self) -> dict[str, tuple[Clip, ...]]:
        """The three sets by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def split(corpus: Corpus, config: DataConfig, seed: int, everyone: bool = False) -> Split:
    """Split by the official lists when the corpus has them, otherwise by speaker.

    With `config.folds` it is always by speaker, and the test sets of all folds together hold every
    speaker once, apart from the few that had to move to fill a class.

    A speaker falls where a hash of its name and the seed says, so that new recordings move none of
    the old ones; only speakers with far more clips than usual all go to training. In a small corpus
    that alone can leave a set without some class; then speakers move until none is. A clip without
    a speaker counts as a speaker of its own.

    Args:
        corpus: whose clips are split.
        config: sizes of the sets.
        seed: decides who falls where.
        everyone: the training set gets the clips of the other two as well.

    Raises:
        UserError: a class has too few speakers (or clips) to stand in every set.
    """
    if corpus.test_names and config.folds < MIN_FOLDS:
        places = {clip.name: _official_place(corpus, clip) for clip in corpus.clips}
        method = "official lists of the archive"
    else:
        places = _places_by_speaker(corpus.clips, config, seed)
        method = "by speaker" if corpus.speakers_known else "by clip: not every speaker is known"
        if config.folds >= MIN_FOLDS:
            method += f", fold {config.fold + 1} of {config.folds}"
    sets = {
        name: tuple(clip for clip in corpus.clips if places[clip.name] == name)
        for name in SPLIT_NAMES
    }
    if everyone:
        sets["train"] = corpus.clips
        method += EVERYONE_HEARD
    return Split(**sets, method=method, speakers_known=corpus.speakers_known)


def unit_hash(unit: str, seed: int) -> float:
    """Uniform number in [0, 1) that depends on the name and the seed only."""
    digest = hashlib.sha256(f"{seed}:{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


def _official_place(corpus: Corpus, clip: Clip) -> str:
    if clip.name in corpus.test_names:
        return "test"
    return "validation" if clip.name in corpus.validation_names else "train"


def _places_by_speaker(clips: Sequence[Clip], config: DataConfig, seed: int) -> dict[str, str]:
    """Name of the set of every clip, by clip name."""
    units: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        units[_unit(clip)].add(clip.label)
    prolific = _prolific(clips)
    folded = config.folds >= MIN_FOLDS
    test_end = 1.0 / config.folds if folded else config.test_percent / 100.0
    validation_end = test_end + config.validation_percent / 100.0
    fold_start = config.fold / config.folds if folded else 0.0
    place: dict[str, str] = {}
    for unit in units:
        value = (unit_hash(unit, seed) - fold_start) % 1.0
        # Each fold tests its part, prolific voices too: what is reported is the sum of all folds.
        if value < test_end and (folded or unit not in prolific):
            place[unit] = "test"
        elif value < validation_end and unit not in prolific:
            place[unit] = "validation"
        else:
            place[unit] = "train"
    _fill_missing_classes(units, place, sorted(units, key=lambda unit: unit_hash(unit, seed)))
    return {clip.name: place[_unit(clip)] for clip in clips}


def _prolific(clips: Sequence[Clip]) -> frozenset[str]:
    """Units of the speakers with more than `PROLIFIC_FACTOR` times the median speaker's clips."""
    counts = Counter(_unit(clip) for clip in clips if clip.speaker)
    if not counts:
        return frozenset()
    limit = PROLIFIC_FACTOR * statistics.median(counts.values())
    return frozenset(unit for unit, count in counts.items() if count > limit)


def _fill_missing_classes(
    units: dict[str, set[str]], place: dict[str, str], by_hash: Sequence[str]
) -> None:
    """Move speakers out of sets that can spare them until every class stands in every set."""
    holders: dict[str, Counter[str]] = {name: Counter() for name in SPLIT_NAMES}
    for unit, labels in units.items():
        holders[place[unit]].update(labels)
    for name, label in itertools.product(SPLIT_NAMES, sorted(set().union(*units.values()))):
        if holders[name][label]:
            continue
        spare = [
            unit
            for unit in by_hash
            if label in units[unit]
            and all(holders[place[unit]][other] > 1 for other in units[unit])
        ]
        if not spare:
            raise _too_few(label, sum(label in labels for labels in units.values()))
        # The set with the most speakers of this class gives; by_hash settles which of them.
        unit = max(spare, key=lambda unit: holders[place[unit]][label])
        holders[place[unit]].subtract(units[unit])
        holders[name].update(units[unit])
        place[unit] = name


def _too_few(label: str, speakers: int) -> UserError:
    return UserError(
        f"class {label!r} has {speakers} speaker(s): not enough for separate training,"
        " validation and test sets",
        "Record or synthesise the word with more speakers, or choose another seed.",
    )


def _unit(clip: Clip) -> str:
    """What must not be torn apart: a speaker, or a clip whose speaker is unknown."""
    return f"speaker:{clip.speaker}" if clip.speaker else f"clip:{clip.name}"
