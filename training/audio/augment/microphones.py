"""Frequency responses of microphones and of what clips pass on the way: telephones, speakers."""

from __future__ import annotations

import numpy as np

TAPS = 255
"""Of a response; the sound stays where it is when the first DELAY samples are dropped."""
DELAY = TAPS // 2

TELEPHONE_HZ = ((200.0, 400.0), (2_800.0, 3_800.0))
"""Lower and upper band limit, each drawn from a range."""
SMALL_SPEAKER_HZ = (300.0, 900.0)
"""Lower band limit of a membrane that is too small for more."""
_TELEPHONE_ORDER = 4
_SPEAKER_ORDER = 2
_CURVE_POINTS = 8
_CURVE_DB = 4.0
"""Standard deviation of the smooth random curve that every response has."""


def draw_microphones(count: int, sample_rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Responses with a smooth random curve; of each three one is a telephone's, one a speaker's.

    Band limits are Butterworth's: 1 / sqrt(1 + (f / limit)**(2 * order)) and its mirror.

    Returns:
        float32[count, TAPS], symmetric, so that no frequency is delayed more than another.
    """
    frequency_hz = np.fft.rfftfreq(TAPS + 1, 1.0 / sample_rate_hz)
    places = np.linspace(0.0, frequency_hz[-1], _CURVE_POINTS)
    gains = np.empty((count, frequency_hz.size))
    for number, gain in enumerate(gains):
        points_db = rng.normal(0.0, _CURVE_DB, _CURVE_POINTS)
        gain[:] = 10.0 ** (np.interp(frequency_hz, places, points_db) / 20.0)
        if number % 3 == 1:
            low_hz, high_hz = (rng.uniform(*limits) for limits in TELEPHONE_HZ)
            gain *= _low_cut(frequency_hz, low_hz, _TELEPHONE_ORDER)
            gain /= np.sqrt(1.0 + (frequency_hz / high_hz) ** (2 * _TELEPHONE_ORDER))
        elif number % 3 == 2:
            gain *= _low_cut(frequency_hz, rng.uniform(*SMALL_SPEAKER_HZ), _SPEAKER_ORDER)
    pulses = np.roll(np.fft.irfft(gains, axis=1), DELAY, axis=1)[:, :TAPS]
    return (pulses * np.hanning(TAPS + 2)[1:-1]).astype(np.float32)


def _low_cut(frequency_hz: np.ndarray, limit_hz: float, order: int) -> np.ndarray:
    ratio = (frequency_hz / limit_hz) ** order
    return ratio / np.sqrt(1.0 + ratio**2)
