"""Words placed at known times in noise are found there, beside other speech and clicks."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import soxr

from training.audio.espeak import ACCENTS, Voice, speak
from training.words.alignment import align
from training.words.cutting import cut_word, extend
from training.words.locate import locate, speech_extent

RATE_HZ = 16_000
TOLERANCE_MS = 60.0
AUDIBLE = 0.06  # of the peak: where a word begins and ends for a listener
PEOPLE = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "Annie")
TEMPLATE_PEOPLE = ("Alex", "linda", "Denis")


@cache
def say(text: str, person: str, words_per_minute: int) -> np.ndarray:
    """The word alone, without the silence around it."""
    accent = ACCENTS[words_per_minute % len(ACCENTS)]
    speech, rate_hz = speak(text, Voice(accent, person, words_per_minute, 50, 50))
    samples = soxr.resample(speech.astype(np.float32), rate_hz, RATE_HZ)
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def place(
    word: np.ndarray, start: int, seconds: float, snr_db: float, rng: np.random.Generator
) -> np.ndarray:
    recording = np.zeros(round(seconds * RATE_HZ))
    recording[start : start + word.size] = word
    noise = rng.standard_normal(recording.size) * np.sqrt(np.mean(word**2))
    return recording + noise * 10.0 ** (-snr_db / 20.0)


def as_pcm(samples: np.ndarray) -> np.ndarray:
    return np.clip(0.5 * samples, -32_768, 32_767).astype(np.int16)


def templates(text: str) -> list[np.ndarray]:
    return [np.pad(as_pcm(say(text, person, 150)), 4_000) for person in TEMPLATE_PEOPLE]


@pytest.mark.parametrize("text", ["alexa", "hey computer"])
@pytest.mark.parametrize("snr_db", [30.0, 15.0])
@pytest.mark.parametrize("with_templates", [True, False])
def test_words_are_found_within_60_ms(text: str, snr_db: float, with_templates: bool) -> None:
    rng = np.random.default_rng(1)
    recordings, true = [], []
    for index, person in enumerate(PEOPLE):
        word = say(text, person, 120 + 7 * index)
        start = int(rng.integers(4_000, 40_000 - word.size))
        recordings.append(as_pcm(place(word, start, 3.0, snr_db, rng)))
        true.append((start, start + word.size))
    found = locate(recordings, templates(text) if with_templates else [], RATE_HZ)
    errors_ms = [
        (1_000.0 * (one.start - start) / RATE_HZ, 1_000.0 * (one.stop - stop) / RATE_HZ)
        for one, (start, stop) in zip(found, true, strict=True)
        if one is not None
    ]
    assert len(errors_ms) == len(PEOPLE)
    centres_ms = np.abs(np.mean(errors_ms, axis=1))
    assert centres_ms.max() < TOLERANCE_MS
    assert np.median(np.abs(errors_ms)) < TOLERANCE_MS / 2.0


def test_the_word_is_told_from_other_speech_and_clicks() -> None:
    rng = np.random.default_rng(2)
    recordings, starts = [], []
    for index, person in enumerate(PEOPLE):
        word, other = say("alexa", person, 150), 1.5 * say("good morning", person, 150)
        recording = place(word, 28_000, 4.0, 25.0, rng)
        if index % 2:
            recording[2_000 : 2_000 + other.size] += other
        else:
            recording[8_000:8_080] += 30_000.0
        recordings.append(as_pcm(recording))
        starts.append(28_000)
    found = locate(recordings, templates("alexa"), RATE_HZ)
    errors_ms = [1_000.0 * abs(one.start - 28_000) / RATE_HZ for one in found if one is not None]
    assert len(errors_ms) == len(PEOPLE)
    assert max(errors_ms) < TOLERANCE_MS


def test_what_resembles_no_other_is_doubtful_and_noise_is_nothing() -> None:
    rng = np.random.default_rng(3)
    recordings = [as_pcm(place(say("alexa", p, 150), 9_000, 2.0, 30.0, rng)) for p in PEOPLE]
    recordings.append(as_pcm(place(say("shush", "m3", 150), 9_000, 2.0, 30.0, rng)))
    recordings.append(as_pcm(300.0 * rng.standard_normal(32_000)))
    found = locate(recordings, templates("alexa"), RATE_HZ)
    assert [one is not None and one.doubtful for one in found[: len(PEOPLE)]] == [False] * len(
        PEOPLE
    )
    assert found[-2] is not None
    assert found[-2].doubtful
    assert found[-1] is None


def test_alignment_finds_a_template_that_is_spoken_slower() -> None:
    rng = np.random.default_rng(4)
    template = rng.standard_normal((20, 6)).astype(np.float32)
    slower = np.repeat(template, [1, 2] * 10, axis=0)
    recording = rng.standard_normal((90, 6)).astype(np.float32)
    recording[37 : 37 + len(slower)] = slower
    match = align(template, [recording, recording[:8]])
    assert (match.start[0], match.stop[0]) == (37, 37 + len(slower))
    assert match.cost[0] == pytest.approx(0.0, abs=1e-3)
    assert np.isinf(match.cost[1])  # shorter than half the template


def cheapest_by_hand(distances: np.ndarray) -> tuple[float, int, int]:
    """Every path of Sakoe and Chiba's steps (P = 1), one cell at a time."""
    rows, columns = distances.shape
    best: dict[tuple[int, int], tuple[float, int]] = {
        (0, column): (float(distances[0, column]), column) for column in range(columns)
    }
    steps = (((1, 1),), ((0, 1), (1, 1)), ((1, 0), (1, 1)))
    for row in range(1, rows):
        for column in range(1, columns):
            paths = []
            for step in steps:
                place, cost = (row, column), 0.0
                for index, (down, right) in enumerate(step):
                    # The diagonal part comes first in time and weighs 2.
                    weight = 2.0 if index == len(step) - 1 else 1.0
                    if min(place) >= 0:
                        cost += weight * distances[place]
                    place = (place[0] - down, place[1] - right)
                if place in best:
                    paths.append((best[place][0] + cost, best[place][1]))
            if paths:
                best[(row, column)] = min(paths)
    return min(
        (cost / (rows + column - start + 1), start, column + 1)
        for (row, column), (cost, start) in best.items()
        if row == rows - 1
    )


def test_alignment_is_the_cheapest_path() -> None:
    rng = np.random.default_rng(9)
    template = rng.standard_normal((7, 3)).astype(np.float32)
    recordings = [rng.standard_normal((n, 3)).astype(np.float32) for n in range(8, 48)]
    match = align(template, recordings)
    for index, recording in enumerate(recordings):
        distances = np.linalg.norm(template[:, None] - recording[None], axis=2)
        cost, start, stop = cheapest_by_hand(distances)
        assert match.cost[index] == pytest.approx(cost, rel=1e-4)
        assert (match.start[index], match.stop[index]) == (start, stop)


def test_a_cut_holds_the_whole_word_wherever_it_stands() -> None:
    rng = np.random.default_rng(5)
    pcm = (100.0 * rng.standard_normal(16_000)).astype(np.int16)
    pcm[500:8_500] += 20_000
    for cut in range(20):
        clip = cut_word(pcm, 500, 8_500, 16_000, RATE_HZ, np.random.default_rng(cut))
        assert clip.shape == (16_000,)
        assert np.count_nonzero(clip > 10_000) == 8_000
    middle = cut_word(pcm, 500, 8_500, 16_000, RATE_HZ, None)
    assert np.flatnonzero(middle > 10_000)[0] == 4_000


def test_what_a_recording_lacks_is_filled_with_its_own_noise() -> None:
    rng = np.random.default_rng(6)
    pcm = (40.0 * rng.standard_normal(16_000)).astype(np.int16)
    pcm[4_000:12_000] += (8_000.0 * np.sin(np.arange(8_000))).astype(np.int16)
    longer = extend(pcm, 5_000, 6_000, RATE_HZ, rng)
    assert np.array_equal(longer[5_000:21_000], pcm)
    for edge in (longer[:5_000], longer[-6_000:]):
        assert 25.0 < edge.std() < 50.0
    followed = extend(pcm, 0, 100, RATE_HZ, rng)
    assert np.array_equal(followed[:-100], pcm)
    assert followed[-100:].any()


def test_speech_has_an_extent_and_silence_none() -> None:
    rng = np.random.default_rng(7)
    word = say("computer", "m3", 150)
    extent = speech_extent(as_pcm(place(word, 12_000, 2.0, 25.0, rng)), RATE_HZ)
    assert extent is not None
    assert abs(extent[0] - 12_000) < TOLERANCE_MS * 16
    assert speech_extent(np.zeros(100, np.int16), RATE_HZ) is None


def test_a_word_inside_a_sentence_is_cut_out_of_it() -> None:
    rng = np.random.default_rng(8)
    recordings, words = [], []
    for index, person in enumerate(PEOPLE):
        word = say("alexa", person, 150)
        samples = np.zeros(64_000)
        samples[9_000 : 9_000 + word.size] = word
        if index % 2:
            rest = say("turn on the kitchen light", person, 150)
            samples[9_000 + word.size : 9_000 + word.size + rest.size] = rest
        recordings.append(as_pcm(samples + 30.0 * rng.standard_normal(samples.size)))
        words.append(word.size)
    found = locate(recordings, templates("alexa"), RATE_HZ)
    for one, length in zip(found, words, strict=True):
        assert one is not None
        assert abs(one.start - 9_000) < TOLERANCE_MS * RATE_HZ / 1_000
        assert abs(one.stop - 9_000 - length) < 3.0 * TOLERANCE_MS * RATE_HZ / 1_000
