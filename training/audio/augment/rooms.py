"""Rooms with an echo, simulated by pyroomacoustics (Scheibler, Bezzam and Dokmanic, 2018)."""

from __future__ import annotations

import numpy as np
import pyroomacoustics

SMALLEST_M = (2.5, 2.0, 2.2)
LARGEST_M = (8.0, 6.0, 3.5)
"""Length, width and height of the rooms."""
DECAY_S = (0.15, 0.6)
"""Time in which the echo falls by 60 dB."""
DISTANCE_M = (0.3, 1.5)
"""From the mouth to the microphone."""

_TAIL_S = 0.4
"""Of the echo; what comes later is left out."""
_MIDDLE = (0.3, 0.7)
"""Part of each side of the room in which the microphone stands."""
_WALL_M = 0.1
"""Nobody's mouth is nearer to a wall than this."""
_STEEPNESS = 0.3
"""Mouth and microphone are at about the same height: the direction's third part is scaled so."""


def simulate_rooms(count: int, sample_rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Impulse responses of box-shaped rooms, by the image method (Allen and Berkley, 1979).

    The way from mouth to microphone takes a whole number of samples, so that the direct sound is
    one tap; everything before it is cut off.

    Returns:
        float32[count, taps]; tap 0, the direct sound, is 1.
    """
    taps = round(_TAIL_S * sample_rate_hz)
    responses = np.zeros((count, taps), np.float32)
    for row in responses:
        response = _room(sample_rate_hz, rng)
        direct = int(np.argmax(np.abs(response)))
        heard = response[direct : direct + taps]
        row[: heard.size] = heard / heard[0]
    return responses


def _room(sample_rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """float64[n]: the impulse response of one room."""
    speed_m_s = pyroomacoustics.constants.get("c")
    size_m, absorption, reflections = _walls(rng)
    microphone_m = size_m * rng.uniform(*_MIDDLE, 3)
    while True:
        direction = rng.standard_normal(3) * (1.0, 1.0, _STEEPNESS)
        way_samples = round(rng.uniform(*DISTANCE_M) / speed_m_s * sample_rate_hz)
        way_m = way_samples * speed_m_s / sample_rate_hz
        mouth_m = microphone_m + way_m * direction / np.linalg.norm(direction)
        if np.all((mouth_m > _WALL_M) & (mouth_m < size_m - _WALL_M)):
            break
    room = pyroomacoustics.ShoeBox(
        size_m,
        fs=sample_rate_hz,
        materials=pyroomacoustics.Material(absorption),
        max_order=reflections,
    )
    room.add_source(mouth_m)
    room.add_microphone(microphone_m)
    room.compute_rir()
    return room.rir[0][0]


def _walls(rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
    """Size in m, absorbed share of the energy and reflections that a drawn decay needs."""
    while True:
        size_m, decay_s = rng.uniform(SMALLEST_M, LARGEST_M), rng.uniform(*DECAY_S)
        try:
            return size_m, *pyroomacoustics.inverse_sabine(decay_s, size_m)
        except ValueError:
            continue  # So large a room cannot be so dry: walls absorb at most everything.
