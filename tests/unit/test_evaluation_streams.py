"""Streams whose words stand exactly where they are said to, at the ratio that is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from host_tools.audio import fit_length
from host_tools.evaluation.conditions import CLEAN, Condition, clip_of
from host_tools.evaluation.noise import KINDS, Kind, NoiseSource, find_word, to_int16
from host_tools.evaluation.recordings import (
    NEGATIVE,
    PIECE_S,
    Recording,
    load_negatives,
    speaker_of,
)
from host_tools.evaluation.streams import (
    BED_POWER,
    LEVEL_DBFS,
    Plan,
    Renderer,
    plan_streams,
)
from host_tools.manifest import load_manifest
from host_tools.progress import Silent

RATE_HZ = 16_000
QUIET = 3


def tone(seed: int, start: int, end: int, samples: int = RATE_HZ, level: int = 3000) -> np.ndarray:
    """Faint noise with one loud stretch."""
    rng = np.random.default_rng(seed)
    pcm = rng.normal(0, QUIET, samples)
    pcm[start:end] += level * np.sin(np.arange(end - start) * (0.2 + 0.01 * (seed % 7)))
    return np.rint(pcm).astype(np.int16)


def corpus(count: int = 24, samples: int = RATE_HZ) -> list[Recording]:
    return [
        Recording(
            f"w/{n}.wav",
            n % 3 if n % 4 else NEGATIVE,
            f"speaker{n // 3}",
            tone(
                n, 4000 + 100 * (n % 24), 9000 + 100 * (n % 24), samples, level=500 * (n % 24 + 1)
            ),
        )
        for n in range(count)
    ]


def renderer(recordings: list[Recording]) -> Renderer:
    return Renderer(recordings, NoiseSource([one.pcm for one in recordings], RATE_HZ), RATE_HZ)


def test_a_word_is_found_where_it_is_loud() -> None:
    word = find_word(tone(1, 4800, 9600), RATE_HZ)
    assert word.start == pytest.approx(4800, abs=320)
    assert word.end == pytest.approx(9600, abs=320)
    assert word.power == pytest.approx(3000**2 / 2, rel=0.1)


@pytest.mark.parametrize("pcm", [np.zeros(1, np.int16), np.full(500, 7, np.int16)])
def test_any_recording_has_a_loud_stretch(pcm: np.ndarray) -> None:
    word = find_word(pcm, RATE_HZ)
    assert (word.start, word.end) == (0, pcm.size)
    assert word.power >= 1.0


def test_words_stand_in_the_samples_where_the_plan_says() -> None:
    recordings = corpus()
    plan = plan_streams(recordings, RATE_HZ)
    made = renderer(recordings)
    seen = []
    for segment in plan.segments:
        pcm = made.samples(segment, CLEAN).astype(int)
        assert pcm.size == segment.samples
        fade = round(0.01 * RATE_HZ)
        for one, spoken in zip(segment.placed, made.spoken(segment), strict=True):
            source = recordings[one.source]
            inside = slice(one.start + fade, one.start + one.samples - fade)
            difference = pcm[inside] - source.pcm[fade : one.samples - fade]
            assert np.abs(difference).max() <= 8 * np.sqrt(BED_POWER)
            word = find_word(source.pcm, RATE_HZ)
            assert spoken.start - one.start == word.start
            assert spoken.end - one.start == word.end
            assert spoken.label == source.label
            seen.append(one.source)
    assert sorted(seen) == list(range(len(recordings)))


def test_a_stretch_holds_recordings_of_one_half_that_do_not_overlap() -> None:
    recordings = corpus(120)
    plan = plan_streams(recordings, RATE_HZ)
    assert {segment.half for segment in plan.segments} == {0, 1}
    assert [segment.number for segment in plan.segments] == list(range(len(plan.segments)))
    for segment in plan.segments:
        assert {recordings[one.source].half for one in segment.placed} == {segment.half}
        ends = [0, *(one.start + one.samples for one in segment.placed)]
        starts = [*(one.start for one in segment.placed), segment.samples]
        assert all(end < start for end, start in zip(ends, starts, strict=True))


def test_the_same_recordings_give_the_same_stream() -> None:
    recordings = corpus()
    first, second = (plan_streams(recordings, RATE_HZ) for _ in range(2))
    assert first == second
    condition = Condition(noise="babble", snr_db=5)
    made = [renderer(recordings).samples(first.segments[0], condition) for _ in range(2)]
    assert np.array_equal(*made)


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
def test_hours_are_reached_by_leaving_out_or_repeating(factor: float) -> None:
    recordings = corpus(200)
    once = plan_streams(recordings, RATE_HZ)
    wanted = factor * once.hours(RATE_HZ)
    plan = plan_streams(recordings, RATE_HZ, wanted)
    assert plan.hours(RATE_HZ) == pytest.approx(wanted, rel=0.08)
    assert plan.passes == pytest.approx(max(1.0, factor))
    gains = {p.gain_db for segment in plan.segments for p in segment.placed}
    assert (len(gains) > 1) == (factor > 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("snr_db", [20.0, 5.0])
def test_every_word_of_a_stream_has_the_ratio_that_is_asked_for(kind: Kind, snr_db: float) -> None:
    recordings = corpus()
    made = renderer(recordings)
    segment = plan_streams(recordings, RATE_HZ).segments[0]
    noisy = made.samples(segment, Condition(noise=kind, snr_db=snr_db)).astype(float)
    empty = made.samples(replace(segment, placed=()), Condition(noise=kind, snr_db=snr_db))
    noise_db = 10 * np.log10(np.mean(empty.astype(float) ** 2))
    assert noise_db + snr_db == pytest.approx(20 * np.log10(32768) + LEVEL_DBFS, abs=0.05)
    for one in segment.placed:
        word = find_word(recordings[one.source].pcm, RATE_HZ)
        stretch = slice(one.start + word.start, one.start + word.end)
        speech = noisy[stretch] - empty[stretch]
        ratio_db = 10 * np.log10(np.mean(speech**2)) - noise_db
        assert ratio_db == pytest.approx(snr_db, abs=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_has_power_one_and_its_own_colour(kind: Kind) -> None:
    source = NoiseSource([tone(n, 2000, 9000) for n in range(8)], RATE_HZ)
    noise = source.make(kind, 3 * RATE_HZ, np.random.default_rng(1))
    assert noise.shape == (3 * RATE_HZ,)
    assert np.mean(noise.astype(float) ** 2) == pytest.approx(1.0, rel=1e-3)
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[300:600].sum(), power[3000:6000].sum()
    if kind != "babble":
        # An octave higher and ten times as wide: pink noise has as much in every ratio.
        assert high / low == pytest.approx(10.0 if kind == "white" else 1.0, rel=0.15)


def test_babble_needs_voices() -> None:
    with pytest.raises(ValueError, match="recordings of speech"):
        NoiseSource([], RATE_HZ).make("babble", 100, np.random.default_rng(1))


def test_a_clean_clip_is_what_training_and_validation_hear() -> None:
    recording = Recording("w/a.wav", 0, None, tone(3, 9000, 14000, 2 * RATE_HZ))
    heard = clip_of(
        recording, CLEAN, NoiseSource([], RATE_HZ), clip_samples=RATE_HZ, sample_rate_hz=RATE_HZ
    )
    assert np.array_equal(heard, fit_length(recording.pcm, RATE_HZ))


@pytest.mark.parametrize("snr_db", [10.0, 0.0])
def test_a_noisy_clip_has_its_ratio_and_is_always_the_same(snr_db: float) -> None:
    recording = Recording("w/a.wav", 0, None, tone(3, 4800, 11_200))

    def heard(condition: Condition) -> np.ndarray:
        source = NoiseSource([], RATE_HZ)
        return clip_of(recording, condition, source, clip_samples=RATE_HZ, sample_rate_hz=RATE_HZ)

    condition = Condition(noise="pink", snr_db=snr_db)
    noise = heard(condition).astype(float) - recording.pcm
    ratio = find_word(recording.pcm, RATE_HZ).power / np.mean(noise**2)
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.05)
    assert np.array_equal(heard(condition), heard(condition))
    assert np.array_equal(heard(Condition(gain_db=-6.0)), to_int16(recording.pcm * 10**-0.3))


def test_a_shifted_clip_keeps_its_samples_and_moves_at_most_so_far() -> None:
    shifts = []
    for seed in range(30):
        recording = Recording("w/a.wav", 0, None, tone(seed, 4800, 9600))
        heard = clip_of(
            recording,
            Condition(jitter_s=0.1),
            NoiseSource([], RATE_HZ),
            clip_samples=RATE_HZ,
            sample_rate_hz=RATE_HZ,
        )
        shift = int(np.argmax(np.correlate(heard.astype(float), recording.pcm[4800:9600], "valid")))
        shifts.append(shift - 4800)
    assert max(map(abs, shifts)) <= 1600
    assert min(shifts) < -400
    assert max(shifts) > 400


@pytest.mark.parametrize(
    ("name", "word_before", "speaker"),
    [
        ("0a7c2a8d_nohash_0.wav", False, "0a7c2a8d"),
        ("bed_0a7c2a8d_nohash_0.wav.wav", True, "0a7c2a8d"),
        ("bed-0a7c2a8d_nohash_1.wav", True, "0a7c2a8d"),
        ("en-us_f2_nohash_3.wav", False, "en-us_f2"),
        ("1043.wav", False, None),
    ],
)
def test_the_speaker_is_read_from_the_name(
    name: str, word_before: bool, speaker: str | None
) -> None:
    assert speaker_of(name, word_before=word_before) == speaker


def test_all_recordings_of_a_speaker_are_in_one_half() -> None:
    halves = {
        speaker: {Recording(f"{n}.wav", 0, speaker, np.zeros(1, np.int16)).half for n in range(9)}
        for speaker in map(str, range(40))
    }
    assert all(len(found) == 1 for found in halves.values())
    assert 10 <= sum(found == {0} for found in halves.values()) <= 30


def test_long_negatives_are_cut_and_stay_in_one_half(tmp_path: Path) -> None:
    manifest = load_manifest(Path(__file__).resolve().parents[2] / "generated")
    pcm = (np.arange(round(2.5 * PIECE_S * manifest.sample_rate_hz)) % 999).astype(np.int16)
    soundfile.write(tmp_path / "talk.wav", pcm, manifest.sample_rate_hz)
    found = load_negatives([tmp_path], manifest, skip_unreadable=False, progress=Silent())
    assert [one.pcm.size / manifest.sample_rate_hz for one in found] == [PIECE_S, PIECE_S, 100.0]
    assert np.array_equal(np.concatenate([one.pcm for one in found]), pcm)
    assert len({one.half for one in found}) == 1


def test_an_empty_corpus_has_an_empty_plan() -> None:
    assert plan_streams([], RATE_HZ) == Plan((), 1.0)
