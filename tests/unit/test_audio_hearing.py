"""Front-ends move formants and change the tempo, each apart from the other and from the pitch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.audio.augment.hearing import heard_samples, hearing, tempi, vocal_tract_scales
from training.features import Frontend
from training.recipe import AugmentConfig, FrontendConfig

FRONTEND = FrontendConfig()
CONFIG = AugmentConfig(vocal_tract_min=0.86, vocal_tract_max=1.12, tempo_min=0.8, tempo_max=1.25)
OWN_TEMPO = replace(CONFIG, tempo_min=1.0, tempo_max=1.0)
OWN_BAND = replace(CONFIG, vocal_tract_min=1.0, vocal_tract_max=1.0)


def noise(clips: int, samples: int) -> np.ndarray:
    rng = np.random.default_rng(clips)
    return np.rint(rng.standard_normal((clips, samples)) * 2_000.0).astype(np.int16)


def tone(hz: float, samples: int = 16_000) -> np.ndarray:
    return np.rint(300.0 * np.sin(2.0 * np.pi * hz * np.arange(samples) / 16_000)).astype(np.int16)


@pytest.mark.parametrize(
    ("low", "high", "count"), [(0.86, 1.12, 11), (1.0, 1.0, 1), (0.9, 1.0, 11)]
)
def test_scales_span_the_range_and_hold_one(low: float, high: float, count: int) -> None:
    scales = vocal_tract_scales(AugmentConfig(vocal_tract_min=low, vocal_tract_max=high))
    assert len(scales) == count
    assert scales[0] == pytest.approx(low)
    assert scales[-1] == pytest.approx(high)
    assert 1.0 in scales
    assert np.all(np.diff(scales) > 0.0)


def test_a_smaller_scale_moves_a_tone_up() -> None:
    """A tone at f is heard where the plain front-end hears f / scale."""
    scales = vocal_tract_scales(OWN_TEMPO)
    plain = Frontend(FRONTEND)
    for hz in (1_000.0, 1_800.0, 3_000.0):
        pcm = np.tile(tone(hz), (len(scales), 1))
        heard = hearing(FRONTEND, OWN_TEMPO).features(
            pcm, np.arange(len(scales)), np.zeros(len(scales), np.int64)
        )
        peaks = heard.sum(axis=1).argmax(axis=1)
        assert np.all(np.diff(peaks) <= 0)
        assert peaks[0] > peaks[-1]
        for scale, peak in zip(scales, peaks, strict=True):
            moved = int(plain.clip(tone(hz / scale)).sum(axis=0).argmax())
            assert abs(int(peak) - moved) <= 1


def test_each_clip_gets_the_front_end_drawn_for_it() -> None:
    ears, rng = hearing(FRONTEND, CONFIG), np.random.default_rng(0)
    pcm = noise(30, ears.samples)
    scale, step = rng.integers(0, 11, 30), rng.integers(0, 7, 30)
    result = ears.features(pcm, scale, step)
    assert result.shape == (30, FRONTEND.frames, FRONTEND.mel_bins)
    for row in range(30):
        frontend, first = ears.frontends[scale[row]][step[row]], ears.first[step[row]]
        alone = frontend.clip(pcm[row, first:])[: FRONTEND.frames]
        assert np.array_equal(result[row], alone)


def test_nothing_drawn_is_the_recipes_own_front_end_on_the_clip_in_the_middle() -> None:
    ears = hearing(FRONTEND, CONFIG)
    pcm = noise(4, ears.samples)
    own = [int(np.flatnonzero(values(CONFIG) == 1.0)[0]) for values in (vocal_tract_scales, tempi)]
    heard = ears.features(pcm, np.full(4, own[0]), np.full(4, own[1]))
    edge = (ears.samples - FRONTEND.clip_samples) // 2
    plain = Frontend(FRONTEND).batch(pcm[:, edge : edge + FRONTEND.clip_samples])
    assert np.array_equal(heard, plain)


def test_without_tempi_clips_keep_their_length() -> None:
    assert heard_samples(FRONTEND, OWN_TEMPO) == FRONTEND.clip_samples


def test_the_longest_clip_is_used_and_is_enough() -> None:
    """Every front-end finds all its windows, also with an odd number of hops between frames."""
    for config in (CONFIG, replace(CONFIG, tempo_min=0.5, tempo_max=1.5)):
        for frontend in (FRONTEND, replace(FRONTEND, clip_samples=12_337, hop_samples=161)):
            ears = hearing(frontend, config)
            assert (ears.samples - frontend.clip_samples) % 2 == 0
            assert min(ears.first) >= 0
            for one, first in zip(ears.frontends[0], ears.first, strict=True):
                assert one.frames_of(ears.samples - first) >= frontend.frames


def test_a_faster_tempo_brings_clicks_together_about_the_middle_at_their_own_pitch() -> None:
    """Two bursts of a tone: their distance in frames shrinks by the tempo, their bin stays."""
    ears = hearing(FRONTEND, OWN_BAND)
    middle, apart = ears.samples // 2, 4_000
    pcm = np.zeros(ears.samples, np.int16)
    for centre in (middle - apart, middle + apart):
        pcm[centre - 200 : centre + 200] = tone(1_500.0, 400)
    steps = np.arange(len(tempi(OWN_BAND)))
    heard = ears.features(np.tile(pcm, (len(steps), 1)), np.zeros_like(steps), steps)
    for tempo, features in zip(tempi(OWN_BAND), heard.astype(np.float64), strict=True):
        loud = np.flatnonzero(features.max(axis=1) > features.max() - 20.0)
        early, late = loud[loud < 24].mean(), loud[loud >= 24].mean()
        assert late - early == pytest.approx(2 * apart / (320.0 * tempo), abs=1.0)
        assert (early + late) / 2.0 == pytest.approx(24.0, abs=1.0)
        assert features[loud].mean(axis=0).argmax() == heard[0].max(axis=0).argmax()


def test_a_scale_that_would_empty_a_filter_leaves_the_recipes_own() -> None:
    """The narrowest of 70 filters hold few bins of 128: some scales leave one of them none."""
    tight = replace(FRONTEND, mel_bins=70, window_samples=256, hop_samples=160, fft_samples=256)
    ears = hearing(tight, OWN_TEMPO)
    pcm = noise(1, ears.samples)
    own = Frontend(tight).batch(pcm)
    same = [np.array_equal(row[0].batch(pcm), own) for row in ears.frontends]
    assert 1 < sum(same) < len(same)
