"""Augmentation does what was drawn, to each clip its own, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.audio.augment.draws import NOTHING, Draws, draw
from training.audio.augment.microphones import DELAY, draw_microphones
from training.audio.augment.surroundings import Surroundings, gather
from training.audio.augment.waveform import add_below, clipped, resample, through
from training.audio.augment.waveform import apply as apply_to
from training.audio.augment.waveform import augment as augment_to
from training.audio.dataset import NO_SPEECH
from training.audio.noise import coloured_noise, cut_silence, generated_silence, noise_bank
from training.recipe import AugmentConfig

RATE_HZ = 16_000
SAMPLES = 16_000
CONFIG = AugmentConfig(
    voice_probability=0.3,
    room_probability=0.4,
    microphone_probability=0.4,
    clipping_probability=0.3,
)


def tones(clips: int, hz: float = 500.0, peak: float = 8_000.0) -> np.ndarray:
    wave = peak * np.sin(2.0 * np.pi * hz * np.arange(SAMPLES) / RATE_HZ)
    return np.tile(np.rint(wave).astype(np.int16), (clips, 1))


def white(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9_000, 9_000, samples).astype(np.int16)


def echoes(rooms: int) -> np.ndarray:
    """Direct sounds with a decaying echo each."""
    rng = np.random.default_rng(0)
    responses = 0.1 * rng.standard_normal((rooms, 3_000)) * np.exp(-np.arange(3_000) / 500.0)
    responses[:, 0] = 1.0
    return responses.astype(np.float32)


def around(noise: np.ndarray, voices: np.ndarray | None = None) -> Surroundings:
    """One speaker a clip of `voices`, 3 rooms, and no noise but the given one."""
    voices = np.zeros((0, SAMPLES), np.int16) if voices is None else voices
    return Surroundings(
        recorded=noise,
        coloured=np.zeros(0, np.int16),
        babble=np.zeros(0, np.int16),
        voices=voices,
        speakers=np.arange(len(voices)),
        rooms=echoes(3),
        microphones=draw_microphones(6, RATE_HZ, np.random.default_rng(0)),
    )


def unchanged(clips: int) -> Draws:
    return Draws(
        speed=np.ones(clips),
        shift_samples=np.zeros(clips),
        voice=np.full(clips, NOTHING),
        voice_shift_samples=np.zeros(clips, np.int64),
        voice_below_db=np.zeros(clips),
        room=np.full(clips, NOTHING),
        snr_db=np.full(clips, np.inf),
        noise_start=np.zeros(clips, np.int64),
        microphone=np.full(clips, NOTHING),
        clipping_db=np.zeros(clips),
        gain_db=np.zeros(clips),
        vocal_tract=np.zeros(clips, np.int64),
        tempo=np.zeros(clips, np.int64),
    )


def apply(pcm: np.ndarray, sounds: Surroundings, draws: Draws) -> np.ndarray:
    return apply_to(pcm, sounds, draws, pcm.shape[1])


def augment(
    pcm: np.ndarray, sounds: Surroundings, config: AugmentConfig, rng: np.random.Generator
) -> tuple[np.ndarray, Draws]:
    """Each clip of another speaker."""
    speakers = np.arange(len(pcm))
    return augment_to(pcm, speakers, sounds, RATE_HZ, pcm.shape[1], config, rng)


def gathered(pcm: np.ndarray, rng: np.random.Generator) -> Surroundings:
    speakers = np.arange(len(pcm))
    return gather(pcm, speakers, white(9_000), echoes(3), RATE_HZ, pcm.shape[1], rng)


def power(x: np.ndarray) -> np.ndarray:
    return np.mean(x.astype(np.float64) ** 2, axis=-1)


@settings(max_examples=15, deadline=None)
@given(clips=st.integers(1, 20), samples=st.integers(4_000, 8_000), seed=st.integers(0, 2**32))
def test_shape_type_and_reproducibility(clips: int, samples: int, seed: int) -> None:
    pcm = np.random.default_rng(seed).integers(-32_768, 32_768, (clips, samples)).astype(np.int16)
    before = pcm.copy()

    def changed(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return augment(pcm, gathered(pcm, rng), CONFIG, rng)[0]

    first, again, other = changed(seed), changed(seed), changed(seed + 1)
    assert first.shape == pcm.shape
    assert first.dtype == np.int16
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(pcm, before)


def test_every_clip_of_a_batch_gets_its_own_changes() -> None:
    pcm, rng = tones(32), np.random.default_rng(1)
    sounds = gathered(pcm, rng)
    changed, draws = augment(pcm, sounds, CONFIG, rng)
    assert len({row.tobytes() for row in changed}) == 32
    happened = (
        draws.voice != NOTHING,
        draws.room != NOTHING,
        draws.microphone != NOTHING,
        np.isfinite(draws.snr_db),
        draws.clipping_db > 0.0,
    )
    for value in happened:
        assert 0 < value.sum() < 32


def test_the_batch_does_not_matter_to_a_clip() -> None:
    pcm, rng = tones(20), np.random.default_rng(2)
    sounds = gathered(pcm, rng)
    whole, draws = augment(pcm, sounds, CONFIG, rng)
    for row in range(20):
        one = Draws(**{name: value[row : row + 1] for name, value in vars(draws).items()})
        alone = apply(pcm[row : row + 1], sounds, one)[0]
        # numpy sums in another order for another shape: the last bit may differ.
        assert np.abs(alone - whole[row].astype(np.int32)).max() <= 1


def test_nothing_drawn_changes_nothing() -> None:
    pcm = white(3 * SAMPLES).reshape(3, SAMPLES)
    assert np.array_equal(apply(pcm, around(white(20_000)), unchanged(3)), pcm)


def test_draws_stay_in_their_ranges() -> None:
    clips = 5_000
    sounds = around(white(50_000), np.zeros((clips, 10), np.int16))
    config = replace(CONFIG, coloured_share=0.0, babble_share=0.0)
    draws = draw(np.arange(clips), SAMPLES, RATE_HZ, sounds, config, np.random.default_rng(3))
    ranges = {
        "speed": (CONFIG.speed_min, CONFIG.speed_max),
        "shift_samples": (-1_600.0, 1_600.0),
        "gain_db": (CONFIG.gain_min_db, CONFIG.gain_max_db),
        "voice_shift_samples": (0, SAMPLES),
        "voice_below_db": (CONFIG.voice_below_min_db, CONFIG.voice_below_max_db),
        "noise_start": (0, 34_000),
        "vocal_tract": (0, 10),
        "tempo": (0, 6),
    }
    for name, (low, high) in ranges.items():
        values = getattr(draws, name)
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
    noisy = np.isfinite(draws.snr_db)
    assert abs(noisy.mean() - CONFIG.noise_probability) < 0.03
    assert CONFIG.snr_min_db <= draws.snr_db[noisy].min() < draws.snr_db[noisy].max()
    assert draws.snr_db[noisy].max() <= CONFIG.snr_max_db
    assert abs((draws.voice != NOTHING).mean() - CONFIG.voice_probability) < 0.03
    assert abs((draws.room != NOTHING).mean() - CONFIG.room_probability) < 0.03
    assert set(draws.room) == {NOTHING, 0, 1, 2}
    assert set(draws.microphone) == {NOTHING, 0, 1, 2, 3, 4, 5}
    assert abs((draws.microphone != NOTHING).mean() - CONFIG.microphone_probability) < 0.03
    cut = draws.clipping_db > 0.0
    assert abs(cut.mean() - CONFIG.clipping_probability) < 0.03
    assert 14.0 < draws.clipping_db.max() <= CONFIG.clipping_max_db


def test_a_second_voice_is_somebody_else_and_anybody_else() -> None:
    """Three clips of speaker 0, one of 1, two of 2, two of nobody."""
    speakers = np.array([0, 2, 0, NO_SPEECH, 1, 2, 0, NO_SPEECH])
    sounds = replace(around(white(SAMPLES), tones(8)), speakers=speakers)
    found: dict[int, set[int]] = {speaker: set() for speaker in speakers}
    for seed in range(100):
        rows = sounds.other_voices(speakers, np.random.default_rng(seed))
        for speaker, row in zip(speakers, rows, strict=True):
            found[speaker].add(int(row))
    assert found == {
        0: {1, 4, 5},
        1: {0, 1, 2, 5, 6},
        2: {0, 2, 4, 6},
        NO_SPEECH: {NOTHING},
    }


@pytest.mark.parametrize("speakers", [[5, 5, 5], [NO_SPEECH] * 3])
def test_there_is_no_second_voice_where_nobody_else_speaks(speakers: list[int]) -> None:
    sounds = replace(around(white(SAMPLES), tones(3)), speakers=np.array(speakers))
    rows = sounds.other_voices(np.array(speakers), np.random.default_rng(0))
    assert set(rows) == {NOTHING}


def test_noise_is_cut_from_one_kind_in_the_wanted_shares() -> None:
    sounds = replace(
        around(np.full(20_000, 1, np.int16), tones(2)),
        coloured=np.full(30_000, 2, np.int16),
        babble=np.full(40_000, 3, np.int16),
    )
    config = replace(CONFIG, coloured_share=0.3, babble_share=0.2)
    speakers = np.array([0] * 3_000 + [NO_SPEECH] * 3_000)
    starts = sounds.noise_starts(speakers, SAMPLES, config, np.random.default_rng(0))
    first, last = sounds.noise[starts], sounds.noise[starts + SAMPLES - 1]
    assert np.array_equal(first, last)
    shares = np.bincount(first[:3_000], minlength=4) / 3_000
    assert shares == pytest.approx([0.0, 0.5, 0.3, 0.2], abs=0.03)
    assert 3 not in first[3_000:]


def test_what_is_gathered_fills_a_clip_even_without_any_speech() -> None:
    pcm = white(3 * SAMPLES).reshape(3, SAMPLES)
    for speakers in (np.array([0, 1, 1]), np.full(3, NO_SPEECH)):
        rng = np.random.default_rng(0)
        sounds = gather(pcm, speakers, white(SAMPLES), echoes(3), RATE_HZ, SAMPLES, rng)
        assert sounds.coloured.size >= SAMPLES
        assert sounds.coloured.any()
        assert sounds.babble.any() == (speakers[0] != NO_SPEECH)
        draws = draw(speakers, SAMPLES, RATE_HZ, sounds, CONFIG, rng)
        assert draws.noise_start.max() + SAMPLES <= sounds.noise.size


def test_the_last_noise_start_reaches_the_end_of_the_bank() -> None:
    sounds = around(white(SAMPLES), tones(50))
    config = replace(CONFIG, coloured_share=0.0, babble_share=0.0)
    draws = draw(np.arange(50), SAMPLES, RATE_HZ, sounds, config, np.random.default_rng(3))
    assert not draws.noise_start.any()


@pytest.mark.parametrize("below_db", [0.0, 8.0, 25.0])
def test_a_second_voice_is_mixed_at_the_drawn_ratio_and_turned(below_db: float) -> None:
    pcm, voice = tones(3), white(SAMPLES)[None]
    draws = replace(
        unchanged(3),
        voice=np.array([0, NOTHING, 0]),
        voice_below_db=np.full(3, below_db),
        voice_shift_samples=np.array([0, 0, 5_000]),
    )
    mixed = apply(pcm, around(white(SAMPLES), voice), draws)
    assert np.array_equal(mixed[1], pcm[1])
    added = mixed.astype(np.float64) - pcm
    for row, turned in ((0, voice[0]), (2, np.roll(voice[0], -5_000))):
        found_db = 10.0 * np.log10(power(pcm[row]) / power(added[row]))
        assert found_db == pytest.approx(below_db, abs=0.05)
        assert np.corrcoef(added[row], turned)[0, 1] > 0.99


def test_a_room_keeps_the_power_and_does_not_move_the_word() -> None:
    rng = np.random.default_rng(0)
    clip = np.zeros((4, SAMPLES), np.float32)
    clip[:, 6_000:10_000] = rng.standard_normal((4, 4_000)) * 3_000.0
    rooms = echoes(4)
    heard = through(clip, rooms, delay=0)
    assert heard.shape == clip.shape
    assert heard.dtype == np.float32
    assert power(heard) == pytest.approx(power(clip), rel=1e-3)
    for before, after, room in zip(clip, heard, rooms, strict=True):
        lags = np.correlate(after[5_900:10_100], before[6_000:10_000], "valid")
        assert np.argmax(lags) == 100
        assert np.abs(after[:5_990]).max() < 1.0
        full = np.convolve(before, room)[:SAMPLES]
        assert after == pytest.approx(full * np.sqrt(power(before) / power(full)), abs=1.0)


def test_a_microphone_shapes_the_spectrum_and_does_not_move_the_word() -> None:
    rng = np.random.default_rng(0)
    clip = np.zeros((6, SAMPLES), np.float32)
    clip[:, 6_000:10_000] = rng.standard_normal((6, 4_000)) * 3_000.0
    responses = draw_microphones(6, RATE_HZ, rng)
    heard = through(clip, responses, delay=DELAY)
    assert power(heard) == pytest.approx(power(clip), rel=1e-3)
    hz = np.fft.rfftfreq(SAMPLES, 1.0 / RATE_HZ)
    for number, (before, after) in enumerate(zip(clip, heard, strict=True)):
        assert np.argmax(np.correlate(after[5_900:10_100], before[6_000:10_000], "valid")) == 100
        gain = np.abs(np.fft.rfft(after)) / np.abs(np.fft.rfft(before))
        middle = np.median(gain[(hz > 1_000.0) & (hz < 2_500.0)])
        lowest = np.median(gain[hz < 100.0])
        highest = np.median(gain[hz > 7_000.0])
        assert (lowest < 0.15 * middle) == (number % 3 != 0)
        assert (highest < 0.15 * middle) == (number % 3 == 1)


def test_responses_are_symmetric_and_differ() -> None:
    responses = draw_microphones(9, RATE_HZ, np.random.default_rng(0))
    assert responses.dtype == np.float32
    assert np.allclose(responses, responses[:, ::-1], atol=1e-6)
    assert len({row.tobytes() for row in responses}) == 9
    assert np.array_equal(responses, draw_microphones(9, RATE_HZ, np.random.default_rng(0)))


@settings(max_examples=20, deadline=None)
@given(below_db=st.floats(0.0, 40.0), peak=st.floats(1.0, 60_000.0))
def test_clipping_cuts_at_the_drawn_level_and_nothing_else(below_db: float, peak: float) -> None:
    wave = peak * np.sin(np.arange(1_000.0) / 7.0)[None].astype(np.float32)
    cut = clipped(wave, np.array([below_db]))
    limit = np.abs(wave).max() * 10.0 ** (-below_db / 20.0)
    assert np.abs(cut).max() == pytest.approx(limit, rel=1e-5)
    inside = np.abs(wave) < 0.999 * limit
    assert np.array_equal(cut[inside], wave[inside])
    assert np.all(np.sign(cut) == np.sign(wave))


@settings(max_examples=20, deadline=None)
@given(below_db=st.floats(-20.0, 60.0), seed=st.integers(0, 2**32))
def test_a_sound_is_added_at_the_ratio(below_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clip = (rng.standard_normal((2, 4_000)) * 3_000.0).astype(np.float32)
    other = np.rint(rng.standard_normal((2, 4_000)) * rng.uniform(1.0, 9_000.0)).astype(np.int16)
    added = add_below(clip, other, np.full(2, below_db)).astype(np.float64) - clip
    found_db = 10.0 * np.log10(power(clip) / power(added))
    assert found_db == pytest.approx(np.full(2, below_db), abs=0.2)


def test_a_longer_result_has_the_clip_in_its_middle() -> None:
    pcm = white(SAMPLES)[None]
    longer = resample(pcm, np.ones(1), np.zeros(1), SAMPLES + 600)[0]
    assert np.array_equal(longer[300:-300], pcm[0])
    assert not longer[:300].any()
    assert not longer[-300:].any()


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 12.5, 20.0, 30.0])
@pytest.mark.parametrize("level", [30.0, 1_000.0, 7_000.0])
def test_noise_is_mixed_at_the_drawn_ratio(snr_db: float, level: float) -> None:
    pcm = tones(4, peak=level)
    noise = np.concatenate([white(40_000), white(40_000, 1) // 50])
    draws = replace(
        unchanged(4),
        snr_db=np.full(4, snr_db),
        noise_start=np.array([0, 9_000, 41_000, 64_000]),
    )
    mixed = apply(pcm, around(noise), draws)
    added = mixed.astype(np.float64) - pcm
    # Rounding to int16 adds 1/12 of noise power.
    found_db = 10.0 * np.log10(power(pcm) / (power(added) - 1.0 / 12.0))
    assert found_db == pytest.approx(np.full(4, snr_db), abs=0.5)


def test_no_noise_comes_from_a_silent_bank_or_into_a_silent_clip() -> None:
    draws = replace(unchanged(2), snr_db=np.zeros(2))
    pcm = tones(2)
    pcm[1] = 0
    assert np.array_equal(apply(pcm, around(np.zeros(20_000, np.int16)), draws), pcm)
    assert not apply(pcm, around(white(20_000)), draws)[1].any()


def test_gain_is_exact_and_saturates() -> None:
    pcm = tones(2, peak=20_000.0)
    changed = apply(
        pcm, around(white(20_000)), replace(unchanged(2), gain_db=np.array([-6.0, 12.0]))
    )
    assert np.abs(changed[0] - pcm[0] * 10.0**-0.3).max() <= 1.0
    assert changed[1].max() == 32_767
    assert changed[1].min() == -32_768


@pytest.mark.parametrize("shift", [-1_600, -7, 3, 1_599])
def test_a_whole_shift_moves_samples(shift: int) -> None:
    pcm = white(SAMPLES)[None, :]
    moved = apply(
        pcm, around(white(20_000)), replace(unchanged(1), shift_samples=np.array([float(shift)]))
    )
    expected = np.zeros(SAMPLES, np.int16)
    if shift > 0:
        expected[:-shift] = pcm[0, shift:]
    else:
        expected[-shift:] = pcm[0, :shift]
    assert np.array_equal(moved[0], expected)


@pytest.mark.parametrize("speed", [0.8, 0.93, 1.0, 1.18, 1.5])
@pytest.mark.parametrize("shift", [0.0, 0.5, -700.25])
def test_speed_and_shift_follow_the_wave(speed: float, shift: float) -> None:
    """A tone comes out at the speed's multiple, about the middle, with little distortion."""
    draws = replace(unchanged(1), speed=np.array([speed]), shift_samples=np.array([shift]))
    changed = apply(tones(1), around(white(20_000)), draws)[0]
    middle = (SAMPLES - 1) / 2.0
    position = middle + shift + (np.arange(SAMPLES) - middle) * speed
    expected = 8_000.0 * np.sin(2.0 * np.pi * 500.0 * position / RATE_HZ)
    inside = (position >= 2.0) & (position <= SAMPLES - 3.0)
    assert np.abs(changed - expected)[inside].max() < 80.0
    outside = (position < -2.0) | (position > SAMPLES + 1.0)
    assert not changed[outside].any()


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_has_its_colour(slope: float) -> None:
    noise = coloured_noise(20, SAMPLES, np.full(20, slope), np.random.default_rng(0))
    assert noise.dtype == np.float32
    assert power(noise) == pytest.approx(np.ones(20), rel=1e-3)
    density = np.mean(np.abs(np.fft.rfft(noise, axis=1)) ** 2, axis=0)
    bands = [(100, 200), (200, 400), (400, 800), (800, 1_600), (1_600, 3_200)]
    level_db = [10.0 * np.log10(density[low:high].mean()) for low, high in bands]
    assert np.diff(level_db) == pytest.approx(np.full(4, -3.01 * slope), abs=0.5)


def test_generated_silence_varies_in_level() -> None:
    rows = generated_silence(200, SAMPLES, np.random.default_rng(0))
    assert rows.dtype == np.int16
    level_db = 10.0 * np.log10(np.maximum(power(rows), 1e-3)) - 20.0 * np.log10(32_767.0)
    assert level_db.max() < -11.0
    assert level_db.max() - level_db.min() > 40.0


def test_silence_is_cut_out_of_noise() -> None:
    noise = white(100_000)
    rows = cut_silence([noise[:100], noise], 30, SAMPLES, np.random.default_rng(0))
    windows = np.lib.stride_tricks.sliding_window_view(noise[:-SAMPLES].astype(np.float64), 50)
    for row in rows:
        start = int(np.argmax(windows @ row[:50] / np.sqrt(np.sum(windows**2, axis=1))))
        cut = noise[start : start + SAMPLES]
        gain = np.sqrt(power(row) / power(cut))
        assert 0.03 < gain < 1.01
        assert np.abs(row - cut * gain).max() <= 1.5


def test_the_bank_holds_recorded_noise_and_is_generated_without_any() -> None:
    rng = np.random.default_rng(0)
    silence, background = white(4_000).reshape(4, 1_000), white(5_000, 1)
    bank = noise_bank(silence, [background], 1_000, rng)
    assert np.array_equal(bank, np.concatenate([silence.reshape(-1), background]))
    for nothing in (np.zeros((0, 1_000), np.int16), np.zeros((4, 1_000), np.int16)):
        made = noise_bank(nothing, [], 1_000, rng)
        assert made.dtype == np.int16
        assert made.size >= 1_000
        assert made.any()
