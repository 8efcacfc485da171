"""Levels, spectra and advice from recordings of a board's microphone."""

from __future__ import annotations

import numpy as np
import pytest

from host_tools.microphone.advice import Band, Level, advise, compare, loud_spectrum, measure

RATE_HZ = 16_000
WELL = Level(10.0, -30.0, -25.0, -60.0, -10.0, 0.0)


def tone(amplitude: float, seconds: float = 1.0) -> np.ndarray:
    times_s = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    return np.rint(32_768 * amplitude * np.sin(2 * np.pi * 500 * times_s)).astype(np.int16)


def test_level_of_loud_and_quiet_parts() -> None:
    found = measure(np.concatenate([tone(0.001, 8.0), tone(0.5, 2.0)]), RATE_HZ)
    assert found.seconds == pytest.approx(10.0)
    assert found.speech_dbfs == pytest.approx(-9.03, abs=0.05)
    assert found.noise_dbfs == pytest.approx(-63.0, abs=0.5)
    assert found.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert found.mean_dbfs == pytest.approx(-9.03 - 6.99, abs=0.05)
    assert found.clipped == 0.0


def test_clipping_counts_samples_at_either_limit() -> None:
    samples = tone(0.1, 0.1)
    samples[:16], samples[16:24] = 32_767, -32_768
    assert measure(samples, RATE_HZ).clipped == 24 / 1_600


def test_all_well_needs_no_advice() -> None:
    flat = [Band(1_000.0 * n, 1.0) for n in range(8)]
    assert advise(WELL, WELL, flat, offset=20, lost=0.0) == []


@pytest.mark.parametrize(
    ("level", "offset", "lost", "words"),
    [
        (Level(1.0, -100.0, -100.0, -100.0, -100.0, 0.0), 0, 0.0, "nothing but zeros"),
        (Level(9.0, -50.0, -45.0, -80.0, -30.0, 0.0), 0, 0.0, "20 dB quieter"),
        (Level(9.0, -12.0, -10.0, -60.0, 0.0, 0.02), 0, 0.0, "2.00% of the samples are clipped"),
        (Level(9.0, -30.0, -25.0, -32.0, -10.0, 0.0), 0, 0.0, "only 7 dB above"),
        (WELL, -2_000, 0.0, "offset of -2000"),
        (WELL, 0, 0.05, "5.0% of the samples are missing"),
    ],
)
def test_each_trouble_has_its_advice(level: Level, offset: int, lost: float, words: str) -> None:
    assert any(words in line for line in advise(level, WELL, [], offset=offset, lost=lost))


def test_level_is_judged_without_training_data_too() -> None:
    quiet = Level(9.0, -60.0, -50.0, -80.0, -40.0, 0.0)
    assert any("--gain-db" in line for line in advise(quiet, None, [], offset=0, lost=0.0))


def test_bands_that_are_off_side_by_side_are_named_once() -> None:
    training = np.zeros(12)
    board = np.array([-20.0] * 3 + [0.0] * 5 + [9.0] + [0.0] * 3) + 30
    bands = compare(board, training, np.arange(12) * 100.0)
    assert sum(band.difference_db for band in bands) == pytest.approx(0)
    found = advise(WELL, None, bands, offset=0, lost=0.0)
    assert len(found) == 1
    assert "From 0 to 200 Hz the microphone is 16 dB quieter" in found[0]


def test_spectrum_is_that_of_the_loud_frames() -> None:
    features = np.full((20, 4), -100, np.int8)
    features[3], features[9] = [10, 20, 30, 40], [12, 22, 32, 42]
    np.testing.assert_allclose(loud_spectrum(features, 0.5), [5.5, 10.5, 15.5, 20.5])
