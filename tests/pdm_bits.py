"""Bits as a PDM microphone gives them, and the decimator in whole numbers of Python."""

from __future__ import annotations

import numpy as np

from training.pdm_design import (
    BYTE_BITS,
    CIC_RATE_HZ,
    FIRST_TAPS,
    SECOND_TAPS,
    PdmFilter,
    cic_kernel,
)


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


def plain_decimation(filters: PdmFilter, pdm_hz: int, data: bytes) -> np.ndarray:
    """int16[n] of the bits, by convolution and whole numbers alone."""
    ratio = pdm_hz // CIC_RATE_HZ
    kernel = cic_kernel(filters.order, ratio)
    bits = np.unpackbits(np.frombuffer(data, np.uint8)).astype(np.int64)
    silence = np.tile(np.array([0, 1]), filters.order * ratio * BYTE_BITS // 2)
    sums = np.convolve(np.concatenate([silence, bits]), kernel)[len(silence) :]
    span = ratio**filters.order
    scale_q24 = ((1 << 40) + span // 2) // span
    centred = sums[ratio - 1 : len(bits) : ratio] - span // 2
    line = _saturated((centred * scale_q24 + (1 << 23)) >> 24)
    line = _halved(line, filters.first_q15, FIRST_TAPS)
    return _halved(line, filters.second_q15, SECOND_TAPS).astype(np.int16)


def _halved(line: np.ndarray, taps_q15: np.ndarray, taps: int) -> np.ndarray:
    padded = np.concatenate([np.zeros(taps - 2, np.int64), line])
    sums = np.convolve(padded, taps_q15.astype(np.int64), mode="valid")[::2]
    return _saturated((sums + (1 << 14)) >> 15)


def _saturated(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -32_768, 32_767)
