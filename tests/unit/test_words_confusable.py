"""Which words sound alike, and what a user is told about a choice of words."""

from __future__ import annotations

import pytest

from training.errors import UserError
from training.progress import Silent
from training.words.confusable import (
    Vocabulary,
    advice,
    negatives,
    neighbours,
    parts,
    pronounce,
    read_vocabulary,
)
from training.words.phonetics import distance, gap_cost, simple, sound_class, substitution_cost


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return read_vocabulary(Silent(), words=6_000)


def test_like_sounds_cost_less_than_unlike_ones() -> None:
    assert substitution_cost("p", "p") == 0.0
    assert substitution_cost("p", "b") < substitution_cost("p", "s") <= 1.0
    assert substitution_cost("s", "ʃ") < substitution_cost("s", "k")
    assert substitution_cost("ɪ", "iː") < substitution_cost("iː", "ɑː")
    assert substitution_cost("w", "uː") < substitution_cost("w", "æ") == 1.0
    assert gap_cost("ə") < gap_cost("k") < gap_cost("ɑː")


def test_distance_is_the_cheapest_edit_per_phoneme() -> None:
    assert distance(("k", "æ", "t"), ("k", "æ", "t")) == 0.0
    one_gap = distance(("k", "æ", "t"), ("k", "æ", "t", "s"))
    assert one_gap == pytest.approx(gap_cost("s") / 4.0)
    assert distance((), ("k", "æ")) == pytest.approx((gap_cost("k") + gap_cost("æ")) / 2.0)
    assert distance(("b", "æ", "t"), ("p", "æ", "t")) == distance(("p", "æ", "t"), ("b", "æ", "t"))


def test_several_sounds_in_one_sign_are_taken_apart() -> None:
    assert simple(("dʒ", "ɑːɹ", "v")) == ("dʒ", "ɑː", "ɹ", "v")
    assert {sound_class(one) for one in ("p", "t", "k")} == set("PTK")
    assert sound_class("iː") != sound_class("ɑː")


def test_near_words_come_first(vocabulary: Vocabulary) -> None:
    near = neighbours("computer", vocabulary, 5)
    assert near[0].word == "computers"
    assert near[0].same
    assert [one.distance for one in near] == sorted(one.distance for one in near)
    assert not any(one.same for one in near[1:])
    assert "computer" not in {one.word for one in near}


def test_a_phrase_is_near_to_phrases_with_each_word_exchanged(vocabulary: Vocabulary) -> None:
    near = neighbours("hey_computer", vocabulary, 10)
    assert any(one.word.endswith(" computer") for one in near)
    assert any(one.word.startswith("hey ") for one in near)
    assert len(near) == 10
    assert parts("hey_computer") == ("hey", "computer")
    assert parts("computer") == ()


def test_negatives_hold_parts_and_neighbours_but_not_the_word(vocabulary: Vocabulary) -> None:
    texts = negatives(["hey computer", "no"], vocabulary, 20)
    assert {"hey", "computer", "low", "the"} <= set(texts)
    assert not {"know", "no", "hey computer", "hey computers"} & set(texts)
    assert len(set(texts)) == len(texts)


def test_short_and_common_words_get_advice(vocabulary: Vocabulary) -> None:
    sentences = advice("no", neighbours("no", vocabulary, 20))
    assert "short (2 phonemes)" in sentences[0]
    assert "'low'" in sentences[1]
    assert advice("alarm", neighbours("alarm", vocabulary, 20)) == ()


@pytest.mark.parametrize(
    ("word", "said"), [("привет", "not Latin"), ("", "cannot say"), ("...", "cannot say")]
)
def test_what_cannot_be_said_is_an_error(word: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        pronounce(word)
