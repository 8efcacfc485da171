"""Bits as a PDM microphone gives them."""

from __future__ import annotations

import numpy as np


def modulated(signal: np.ndarray) -> bytes:
    """Second order sigma-delta modulation of float64[n], -1 to 1, n a multiple of 8.

    The oldest bit of each byte is its highest.
    """
    bits = np.empty(len(signal), np.uint8)
    first = second = 0.0
    fed_back = 0.0
    for index, value in enumerate(signal.tolist()):
        first += value - fed_back
        second += first - 2.0 * fed_back
        bits[index] = second >= 0.0
        fed_back = 1.0 if second >= 0.0 else -1.0
    return np.packbits(bits).tobytes()


def modulated_sine(
    pdm_hz: int, seconds: float, frequency_hz: float, amplitude: float, offset: float = 0.0
) -> bytes:
    """Bits of a sine."""
    times_s = np.arange(round(pdm_hz * seconds)) / pdm_hz
    return modulated(amplitude * np.sin(2 * np.pi * frequency_hz * times_s) + offset)
