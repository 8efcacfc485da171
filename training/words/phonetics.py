"""How alike two pronunciations are: an edit distance whose costs follow from articulation.

Costs are made from the places and manners of the International Phonetic Alphabet's chart. They rank
words by what a listener confuses; they are no probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

Phonemes = tuple[str, ...]

_COMPOSITES: dict[str, Phonemes] = {
    "ɑːɹ": ("ɑː", "ɹ"),
    "ɔːɹ": ("ɔː", "ɹ"),
    "oːɹ": ("ɔː", "ɹ"),
    "ɛɹ": ("ɛ", "ɹ"),
    "ɪɹ": ("ɪ", "ɹ"),
    "ʊɹ": ("ʊ", "ɹ"),
    "aɪɚ": ("aɪ", "ɚ"),
    "aɪə": ("aɪ", "ə"),
    "iə": ("iː", "ə"),
    "əl": ("ə", "l"),
    "n̩": ("ə", "n"),
    "iːː": ("iː",),
}
"""What espeak-ng writes as one phoneme and a listener hears as several."""


@dataclass(frozen=True)
class _Consonant:
    place: float
    """0 lips, 1 glottis."""
    sonority: float
    """0 stop, 0.5 fricative, 1 approximant."""
    voiced: bool


@dataclass(frozen=True)
class _Vowel:
    openness: float
    """0 close, 1 open."""
    backness: float
    """0 front, 1 back."""
    rounded: bool = False
    rhotic: bool = False
    end_openness: float | None = None
    """Where a diphthong ends."""
    end_backness: float | None = None

    @property
    def path(self) -> tuple[float, float, float, float]:
        """Openness and backness of the beginning and of the end."""
        end_openness = self.openness if self.end_openness is None else self.end_openness
        end_backness = self.backness if self.end_backness is None else self.end_backness
        return self.openness, self.backness, end_openness, end_backness


_STOP, _TAP, _AFFRICATE, _FRICATIVE, _NASAL, _APPROXIMANT = 0.0, 0.3, 0.25, 0.5, 0.8, 1.0

_CONSONANTS = {
    "p": _Consonant(0.0, _STOP, False),
    "b": _Consonant(0.0, _STOP, True),
    "m": _Consonant(0.0, _NASAL, True),
    "w": _Consonant(0.05, _APPROXIMANT, True),
    "f": _Consonant(0.1, _FRICATIVE, False),
    "v": _Consonant(0.1, _FRICATIVE, True),
    "θ": _Consonant(0.25, _FRICATIVE, False),
    "ð": _Consonant(0.25, _FRICATIVE, True),
    "t": _Consonant(0.35, _STOP, False),
    "d": _Consonant(0.35, _STOP, True),
    "ɾ": _Consonant(0.35, _TAP, True),
    "s": _Consonant(0.35, _FRICATIVE, False),
    "z": _Consonant(0.35, _FRICATIVE, True),
    "n": _Consonant(0.35, _NASAL, True),
    "l": _Consonant(0.35, _APPROXIMANT, True),
    "r": _Consonant(0.4, _APPROXIMANT, True),
    "ɹ": _Consonant(0.5, _APPROXIMANT, True),
    "tʃ": _Consonant(0.5, _AFFRICATE, False),
    "dʒ": _Consonant(0.5, _AFFRICATE, True),
    "ʃ": _Consonant(0.5, _FRICATIVE, False),
    "ʒ": _Consonant(0.5, _FRICATIVE, True),
    "j": _Consonant(0.65, _APPROXIMANT, True),
    "k": _Consonant(0.8, _STOP, False),
    "ɡ": _Consonant(0.8, _STOP, True),
    "ŋ": _Consonant(0.8, _NASAL, True),
    "x": _Consonant(0.8, _FRICATIVE, False),
    "h": _Consonant(1.0, _FRICATIVE, False),
    "ʔ": _Consonant(1.0, _STOP, False),
}

_VOWELS = {
    "iː": _Vowel(0.0, 0.0),
    "i": _Vowel(0.05, 0.05),
    "ɪ": _Vowel(0.2, 0.2),
    "ᵻ": _Vowel(0.2, 0.4),
    "ɛ": _Vowel(0.6, 0.1),
    "æ": _Vowel(0.85, 0.1),
    "ə": _Vowel(0.5, 0.5),
    "ɐ": _Vowel(0.7, 0.5),
    "ɚ": _Vowel(0.5, 0.5, rhotic=True),
    "ɜː": _Vowel(0.55, 0.5, rhotic=True),
    "ʌ": _Vowel(0.65, 0.75),
    "ɑː": _Vowel(1.0, 0.9),
    "ɑ̃": _Vowel(1.0, 0.9),
    "ɔ": _Vowel(0.7, 1.0, rounded=True),
    "ɔː": _Vowel(0.6, 1.0, rounded=True),
    "ʊ": _Vowel(0.2, 0.8, rounded=True),
    "uː": _Vowel(0.0, 1.0, rounded=True),
    "oʊ": _Vowel(0.5, 0.9, rounded=True, end_openness=0.2, end_backness=0.8),
    "eɪ": _Vowel(0.4, 0.0, end_openness=0.1, end_backness=0.1),
    "aɪ": _Vowel(0.95, 0.4, end_openness=0.15, end_backness=0.15),
    "aʊ": _Vowel(0.95, 0.5, end_openness=0.2, end_backness=0.8),
    "ɔɪ": _Vowel(0.65, 1.0, rounded=True, end_openness=0.15, end_backness=0.15),
}

_PLACE_COST, _SONORITY_COST, _VOICE_COST = 0.9, 0.6, 0.2
_OPENNESS_COST, _BACKNESS_COST, _ROUNDED_COST, _RHOTIC_COST = 0.5, 0.4, 0.1, 0.25

_WEAK = frozenset({"ə", "ɪ", "ᵻ", "ɐ", "ʔ", "h", "j", "ɾ"})
"""Easily swallowed, easily imagined."""
_WEAK_GAP, _CONSONANT_GAP, _VOWEL_GAP = 0.4, 0.7, 0.85

_HALF_VOWELS = {
    frozenset({"j", "iː"}),
    frozenset({"j", "i"}),
    frozenset({"w", "uː"}),
    frozenset({"w", "ʊ"}),
    frozenset({"ɹ", "ɚ"}),
    frozenset({"ɹ", "ɜː"}),
}
_HALF_VOWEL_COST = 0.5


def simple(phonemes: Sequence[str]) -> Phonemes:
    """Phonemes of espeak-ng with those that stand for several taken apart."""
    return tuple(part for one in phonemes for part in _COMPOSITES.get(one, (one,)))


@cache
def substitution_cost(one: str, other: str) -> float:
    """Cost of hearing one phoneme as another: 0 for the same, 1 for unlike ones."""
    if one == other:
        return 0.0
    if one in _CONSONANTS and other in _CONSONANTS:
        a, b = _CONSONANTS[one], _CONSONANTS[other]
        cost = _PLACE_COST * abs(a.place - b.place) + _SONORITY_COST * abs(a.sonority - b.sonority)
        return min(1.0, cost + _VOICE_COST * (a.voiced != b.voiced))
    if one in _VOWELS and other in _VOWELS:
        c, d = _VOWELS[one], _VOWELS[other]
        weights = (_OPENNESS_COST, _BACKNESS_COST, _OPENNESS_COST, _BACKNESS_COST)
        cost = sum(w * abs(x - y) for w, x, y in zip(weights, c.path, d.path, strict=True))
        cost += _ROUNDED_COST * (c.rounded != d.rounded) + _RHOTIC_COST * (c.rhotic != d.rhotic)
        return min(1.0, cost)
    return _HALF_VOWEL_COST if frozenset({one, other}) in _HALF_VOWELS else 1.0


@cache
def gap_cost(phoneme: str) -> float:
    """Cost of a phoneme that is heard and not said, or said and not heard."""
    if phoneme in _WEAK:
        return _WEAK_GAP
    return _VOWEL_GAP if phoneme in _VOWELS else _CONSONANT_GAP


def distance(one: Phonemes, other: Phonemes) -> float:
    """Cheapest edit from one to the other, over the length of the longer: 0 alike, 1 unlike.

    Wagner and Fischer's algorithm (1974) with the costs above.
    """
    above = [0.0]
    for heard in other:
        above.append(above[-1] + gap_cost(heard))
    for said in one:
        row = [above[0] + gap_cost(said)]
        for column, heard in enumerate(other):
            row.append(
                min(
                    above[column] + substitution_cost(said, heard),
                    above[column + 1] + gap_cost(said),
                    row[-1] + gap_cost(heard),
                )
            )
        above = row
    return above[-1] / max(len(one), len(other), 1)


_MIDDLE_OPENNESS = 0.35
_STOPS, _OTHERS = "PTK", "FSH"
"""Classes of consonants by place: lips, teeth and ridge, farther back."""


@cache
def sound_class(phoneme: str) -> str:
    """One letter for phonemes that are alike: a coarse spelling that is fast to compare."""
    if phoneme in _VOWELS:
        return "A" if _VOWELS[phoneme].openness > _MIDDLE_OPENNESS else "I"
    consonant = _CONSONANTS.get(phoneme)
    if consonant is None:
        return "?"
    letters = _STOPS if consonant.sonority < _FRICATIVE else _OTHERS
    return letters[min(math.floor(consonant.place * len(letters)), len(letters) - 1)]
