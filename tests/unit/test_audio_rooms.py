"""Simulated rooms: the direct sound comes first, the echo dies away, and rooms differ."""

from __future__ import annotations

import numpy as np
import pytest

from training.audio.augment.rooms import DECAY_S, simulate_rooms

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def rooms() -> np.ndarray:
    return simulate_rooms(12, RATE_HZ, np.random.default_rng(1))


def test_the_direct_sound_is_the_first_tap_and_the_loudest(rooms: np.ndarray) -> None:
    assert rooms.dtype == np.float32
    assert np.array_equal(rooms[:, 0], np.ones(len(rooms)))
    assert np.abs(rooms[:, 1:]).max() < 1.0
    # One tap and not a band-limited pulse: its neighbours are far below it.
    assert np.abs(rooms[:, 1:4]).max() < 0.1


def test_the_echo_dies_away_within_the_range_of_decays(rooms: np.ndarray) -> None:
    """Schroeder's backward integral: the time from -5 to -15 dB, times six."""
    for room in rooms[:, 1:].astype(np.float64):
        energy = np.cumsum(room[::-1] ** 2)[::-1]
        level_db = 10.0 * np.log10(energy[energy > 0.0] / energy[0])
        decay_s = 6.0 * (np.argmax(level_db < -15.0) - np.argmax(level_db < -5.0)) / RATE_HZ
        assert 0.4 * DECAY_S[0] < decay_s < 2.0 * DECAY_S[1]


def test_near_and_far_microphones_are_among_them(rooms: np.ndarray) -> None:
    echo_db = 10.0 * np.log10(np.sum(rooms[:, 1:].astype(np.float64) ** 2, axis=1))
    assert echo_db.min() < 0.0
    assert echo_db.max() - echo_db.min() > 5.0


def test_the_same_seed_gives_the_same_rooms(rooms: np.ndarray) -> None:
    assert np.array_equal(simulate_rooms(3, RATE_HZ, np.random.default_rng(1)), rooms[:3])
    other = simulate_rooms(3, RATE_HZ, np.random.default_rng(2))
    assert not np.array_equal(other, rooms[:3])
    assert len({room.tobytes() for room in rooms}) == len(rooms)
