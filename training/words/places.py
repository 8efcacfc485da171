"""Who goes where: each speaker of recordings, and each synthesised voice, into one set."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from training.audio.splits import unit_hash

TESTED_RECORDINGS = 20
"""Recordings of a word below which none are spared for a test."""
TEST_SHARE = 0.3
VALIDATION_SHARE = 0.1

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def place_speakers(words: Mapping[str, Sequence[str]], seed: int) -> dict[str, str]:
    """The set of each speaker of the keywords.

    A word with fewer than `TESTED_RECORDINGS` trains with all of them. Of the others, whole
    speakers go to the test set until it has its share, then to validation, in an order that a hash
    of the name and the seed gives.

    Args:
        words: the speaker of each recording, by word.
        seed: decides the order.
    """
    place: dict[str, str] = {}
    for speakers in words.values():
        if len(speakers) < TESTED_RECORDINGS:
            place |= dict.fromkeys(speakers, TRAIN)
    for speakers in words.values():
        if len(speakers) < TESTED_RECORDINGS:
            continue
        clips: dict[str, int] = defaultdict(int)
        for speaker in speakers:
            clips[speaker] += 1
        open_places = {
            TEST: math.ceil(TEST_SHARE * len(speakers)),
            VALIDATION: math.ceil(VALIDATION_SHARE * len(speakers)),
        }
        for speaker in clips:
            if place.get(speaker) in open_places:
                open_places[place[speaker]] -= clips[speaker]
        for speaker in sorted(clips, key=lambda one: unit_hash(one, seed)):
            if speaker not in place:
                place[speaker] = next((s for s, left in open_places.items() if left > 0), TRAIN)
                if place[speaker] in open_places:
                    open_places[place[speaker]] -= clips[speaker]
    return place


def place_by_hash(names: Sequence[str], seed: int) -> dict[str, str]:
    """The set of each name by its hash: the test share first, then validation; none is empty."""
    ordered = sorted(set(names), key=lambda one: unit_hash(one, seed))
    test = math.ceil(TEST_SHARE * len(ordered))
    validation = test + math.ceil(VALIDATION_SHARE * len(ordered))
    return {
        name: TEST if index < test else VALIDATION if index < validation else TRAIN
        for index, name in enumerate(ordered)
    }
