"""Words that a listener could take for the word: found by sound, spoken as negatives."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import wordfreq
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from training.audio.espeak import ipa
from training.errors import UserError
from training.progress import Progress
from training.words.phonetics import Phonemes, distance, simple, sound_class

LANGUAGE = "en"
VOCABULARY_WORDS = 20_000
"""Most frequent words that are looked through."""
_SHORTLIST_WORDS = 600
_SAME = 0.02
"""Distance below which two words sound the same to the synthesiser."""

SHORT_PHONEMES = 5
"""A word with fewer fires often: there are many words around it."""
NEAR_DISTANCE = 0.2
"""Per phoneme: one likely slip in a word of five."""
COMMON_ZIPF = 4.0
"""A word said at least ten times in a million (van Heuven and others, 2014)."""
_FREQUENT_WORDS = 200
_SHOWN_WORDS = 5
_INFLECTION_PHONEMES = 2
_SHORTEST_LETTERS = 2


@dataclass(frozen=True)
class Neighbour:
    """A word near another."""

    word: str
    phonemes: Phonemes
    distance: float
    """0 the same sound, 1 nothing in common."""
    zipf: float
    """Frequency in English: 3 once in a million words, 6 once in a thousand; 0 unknown."""
    same: bool
    """It sounds the same, or begins with the word ("computers"): it need not be told apart."""


def pronounce(word: str) -> Phonemes:
    """Phonemes of a word or phrase.

    Raises:
        UserError: it has letters that are not Latin, or nothing that can be said.
    """
    text = word.replace("_", " ")
    foreign = [c for c in text if c.isalpha() and "LATIN" not in unicodedata.name(c, "")]
    if foreign:
        raise UserError(
            f"{word!r} has letters that are not Latin ({''.join(dict.fromkeys(foreign))})",
            "Spell the word in Latin letters as an English speaker would say it.",
        )
    phonemes = simple(ipa(text)) if any(c.isalnum() for c in text) else ()
    if not phonemes:
        raise UserError(
            f"espeak-ng cannot say {word!r}", "Give a word that can be spoken, or respell it."
        )
    return phonemes


@dataclass(frozen=True)
class Vocabulary:
    """Frequent words with their sounds, most frequent first."""

    words: tuple[str, ...]
    phonemes: tuple[Phonemes, ...]
    classes: tuple[str, ...]
    """Coarse spellings, for a fast first choice."""


def read_vocabulary(progress: Progress, words: int = VOCABULARY_WORDS) -> Vocabulary:
    """Pronounce the most frequent English words: two seconds for 20,000."""
    chosen = tuple(
        word
        for word in wordfreq.top_n_list(LANGUAGE, words)
        if word.isascii() and word.isalpha() and len(word) >= _SHORTEST_LETTERS
    )
    phonemes = []
    with progress.task("pronouncing the vocabulary", len(chosen)) as task:
        for word in chosen:
            phonemes.append(simple(ipa(word)))
            task.advance()
    return Vocabulary(chosen, tuple(phonemes), tuple(map(_classes, phonemes)))


def neighbours(word: str, vocabulary: Vocabulary, limit: int) -> tuple[Neighbour, ...]:
    """The `limit` words that sound most like `word`, nearest first.

    For a phrase these are phrases too: each of its words in turn gives way to near ones.

    Raises:
        UserError: espeak-ng cannot say the word.
    """
    said = pronounce(word)
    words = _words_of(word)
    found: dict[str, Neighbour] = {}
    for place, one in enumerate(words):
        texts = {
            " ".join((*words[:place], other, *words[place + 1 :]))
            for other in _alike(pronounce(one), vocabulary, _SHORTLIST_WORDS // len(words))
        }
        texts.discard(" ".join(words))
        near = sorted(
            (_neighbour(said, text) for text in texts), key=lambda two: (two.distance, two.word)
        )
        found |= {two.word: two for two in near[: math.ceil(limit / len(words))]}
    return tuple(sorted(found.values(), key=lambda two: (two.distance, two.word))[:limit])


def parts(word: str) -> tuple[str, ...]:
    """The words of a phrase, each of which must not fire alone; none for a single word."""
    words = _words_of(word)
    return tuple(dict.fromkeys(words)) if len(words) > 1 else ()


def negatives(words: Sequence[str], vocabulary: Vocabulary, near: int) -> tuple[str, ...]:
    """What the synthesiser says for `_unknown_`.

    Args:
        words: the keywords.
        vocabulary: where the other words come from.
        near: near words for each keyword.

    Returns:
        Parts of phrases, near words and frequent words, without any that sounds like a keyword or
        has one in it.
    """
    sounds = [pronounce(word) for word in words]
    chosen = [part for word in words for part in parts(word)]
    for word in words:
        chosen += [one.word for one in neighbours(word, vocabulary, near)]
    chosen += vocabulary.words[:_FREQUENT_WORDS]
    return tuple(
        text
        for text in dict.fromkeys(chosen)
        if not any(_is_same(sound, simple(ipa(text))) for sound in sounds)
    )


def advice(word: str, near: Sequence[Neighbour]) -> tuple[str, ...]:
    """What makes a word a poor choice, in sentences; nothing for a good one."""
    said = pronounce(word)
    sentences = []
    if len(said) < SHORT_PHONEMES:
        sentences.append(
            f"{word!r} is short ({len(said)} phonemes): expect false accepts; "
            f"words or phrases of {SHORT_PHONEMES} phonemes and more are told apart better."
        )
    if parts(word):  # phrases near a phrase are rare, whatever their words
        return tuple(sentences)
    common = [
        one
        for one in near
        if not one.same and one.distance <= NEAR_DISTANCE and one.zipf >= COMMON_ZIPF
    ]
    if common:
        shown = ", ".join(repr(one.word) for one in common[:_SHOWN_WORDS])
        sentences.append(f"{word!r} sounds much like words that people say often: {shown}.")
    return tuple(sentences)


def _words_of(word: str) -> list[str]:
    return word.replace("_", " ").split()


def _classes(phonemes: Phonemes) -> str:
    return "".join(map(sound_class, phonemes))


def _alike(said: Phonemes, vocabulary: Vocabulary, limit: int) -> list[str]:
    """A shortlist by coarse spelling: the weighted distance to all would take seconds."""
    near = process.extract(
        _classes(said), vocabulary.classes, scorer=Levenshtein.normalized_distance, limit=limit
    )
    return [vocabulary.words[index] for _, _, index in near]


def _neighbour(said: Phonemes, text: str) -> Neighbour:
    phonemes = simple(ipa(text))
    return Neighbour(
        word=text,
        phonemes=phonemes,
        distance=distance(said, phonemes),
        zipf=wordfreq.zipf_frequency(text, LANGUAGE),
        same=_is_same(said, phonemes),
    )


def _is_same(said: Phonemes, other: Phonemes) -> bool:
    if distance(said, other) < _SAME:
        return True
    longer = len(other) - len(said)
    inflected = len(said) >= SHORT_PHONEMES and 0 < longer <= _INFLECTION_PHONEMES
    return inflected and distance(said, other[: len(said)]) < _SAME
