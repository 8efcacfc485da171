"""Constant tables of the firmware's audio front-end, computed with numpy alone.

Formulas: Hann window (periodic form, Harris 1978), decimation-in-time FFT twiddles, mel scale
2595 log10(1 + f / 700) (O'Shaughnessy 1987, as in HTK) with triangles straight on that scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import UserError
from training.recipe import FrontendConfig

Q15 = 1 << 15
Q16 = 1 << 16
LOG2_SEGMENTS = 32
SILENCE_FEATURE = -120
"""Feature of digital silence, within the rounding of the noise floor to a power of two and the
range 0 .. MAX_NOISE_FLOOR_LOG2 that the C takes."""

MIN_FFT_SAMPLES, MAX_FFT_SAMPLES = 64, 1024
MAX_MEL_BINS = 128
MAX_NOISE_FLOOR_LOG2 = 9
MIN_STEP_LOG2 = 1 / 64
WORKSPACE_BYTES_PER_SAMPLE = 2


@dataclass(frozen=True)
class FrontendTables:
    """What `sotto_frontend_tables` in sotto/frontend.h points to; arrays are read-only.

    Attributes:
        config: the configuration that the tables were computed for.
        window_q15: int16[window_samples], Hann.
        twiddles_q15: uint32[words], packed (imaginary << 16 | real), shortest pass first.
        split_q15: uint32[fft_samples / 4], packed exp(-2 pi i k / fft_samples), k from 1.
        band_start: uint16[mel_bins + 2], first spectrum bin of each band.
        rising_q15: uint16[band_start[-1] - band_start[0]], weight of the rising filter.
        log2_q15: uint16[LOG2_SEGMENTS + 1].
        noise_floor_log2: log2 of the energy added to each filter.
        zero_log2_q15: log2 of the energy whose feature is 0.
        steps_per_octave_q16: features for each doubling of the energy.
    """

    config: FrontendConfig
    window_q15: NDArray[np.int16]
    twiddles_q15: NDArray[np.uint32]
    split_q15: NDArray[np.uint32]
    band_start: NDArray[np.uint16]
    rising_q15: NDArray[np.uint16]
    log2_q15: NDArray[np.uint16]
    noise_floor_log2: int
    zero_log2_q15: int
    steps_per_octave_q16: int

    @property
    def workspace_bytes(self) -> int:
        """Bytes of workspace that the C needs: SOTTO_FRONTEND_WORKSPACE_SIZE."""
        return WORKSPACE_BYTES_PER_SAMPLE * (self.config.fft_samples + self.config.window_samples)

    def to_bytes(self) -> bytes:
        """All numbers, little-endian: equal bytes mean equal features. Part of the model hash."""
        config = self.config
        head = [
            config.window_samples,
            config.hop_samples,
            config.fft_samples,
            config.mel_bins,
            self.noise_floor_log2,
            self.zero_log2_q15,
            self.steps_per_octave_q16,
        ]
        arrays = (
            self.window_q15,
            self.twiddles_q15,
            self.split_q15,
            self.band_start,
            self.rising_q15,
            self.log2_q15,
        )
        body = b"".join(a.astype(a.dtype.newbyteorder("<")).tobytes() for a in arrays)
        return np.array(head, "<i4").tobytes() + body


def _round(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Round half up, the tie moved by 2^-20.

    Two C libraries may disagree in the last bit of a cosine or a logarithm. That changes a rounded
    number only where the exact one lies on the tie, and values on a tie are simple fractions: none
    lies 2^-20 below a half.
    """
    return np.floor(values + (0.5 + 2.0**-20)).astype(np.int64)


def _frozen(values: NDArray, dtype: type) -> NDArray:
    array: NDArray = values.astype(dtype)
    array.setflags(write=False)
    return array


def _packed_q15(angles: NDArray[np.floating]) -> NDArray[np.uint32]:
    """exp(-i angle) as packed Q15 words; 1.0 becomes 32767."""
    real = np.clip(_round(np.cos(angles) * Q15), -Q15 + 1, Q15 - 1)
    imaginary = np.clip(_round(-np.sin(angles) * Q15), -Q15 + 1, Q15 - 1)
    return _frozen((real & 0xFFFF) | ((imaginary & 0xFFFF) << 16), np.uint32)


def _window(config: FrontendConfig) -> NDArray[np.int16]:
    phase = 2.0 * np.pi * np.arange(config.window_samples) / config.window_samples
    hann = 0.5 - 0.5 * np.cos(phase)
    return _frozen(np.minimum(_round(hann * Q15), Q15 - 1), np.int16)


def _twiddles(points: int) -> NDArray[np.uint32]:
    """Three words (w^2k, w^k, w^3k) for each butterfly k >= 1 of each radix-4 pass that has one."""
    length = 4 if points.bit_length() % 2 else 2
    angles: list[NDArray] = [np.zeros(0)]
    while length < points:
        k = np.arange(1, length)
        angles.append(np.stack([2 * k, k, 3 * k], axis=1).ravel() * (2.0 * np.pi / (4 * length)))
        length *= 4
    return _packed_q15(np.concatenate(angles))


def mel_scale(frequency_hz: NDArray[np.floating] | float) -> NDArray[np.floating]:
    """Mel of a frequency (O'Shaughnessy 1987)."""
    return 2595.0 * np.log10(1.0 + np.asarray(frequency_hz) / 700.0)


def _bands(config: FrontendConfig) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """`band_start` and `rising_q15`.

    Position u = (mel(f) - mel(low)) / spacing: filter i has its peak at u = i + 1 and reaches zero
    at u = i and u = i + 2. So the band of a spectrum bin is floor(u), the rising weight the rest.
    Rounding u to Q15 before the floor keeps both the same on every machine.
    """
    low, high = mel_scale(config.low_hz), mel_scale(config.high_hz)
    frequency_hz = np.arange(config.fft_samples // 2) * (config.sample_rate_hz / config.fft_samples)
    position_q15 = _round(
        (mel_scale(frequency_hz) - low) / (high - low) * (config.mel_bins + 1) * Q15
    )
    band_start = np.searchsorted(position_q15, np.arange(config.mel_bins + 2) * Q15)
    used = position_q15[band_start[0] : band_start[-1]]
    rising = used % Q15
    falling_sum = np.zeros(config.mel_bins + 1, np.int64)
    rising_sum = np.zeros(config.mel_bins + 1, np.int64)
    np.add.at(rising_sum, used // Q15, rising)
    np.add.at(falling_sum, used // Q15, Q15 - rising)
    empty = np.flatnonzero(rising_sum[:-1] + falling_sum[1:] == 0)
    if empty.size:
        raise UserError(
            f"mel filter {empty[0]} of {config.mel_bins} holds no bin of the "
            f"{config.fft_samples}-point FFT",
            "Use fewer mel_bins, a longer fft_samples, or a higher low_hz.",
        )
    return _frozen(band_start, np.uint16), _frozen(rising, np.uint16)


def _check(config: FrontendConfig) -> None:
    """Raise UserError for a configuration that the C refuses or that makes no sense."""
    fft = config.fft_samples
    nyquist_hz = config.sample_rate_hz / 2
    checks = [
        (
            "fft_samples",
            fft,
            MIN_FFT_SAMPLES <= fft <= MAX_FFT_SAMPLES and fft & (fft - 1) == 0,
            f"Use a power of two from {MIN_FFT_SAMPLES} to {MAX_FFT_SAMPLES}.",
        ),
        (
            "window_samples",
            config.window_samples,
            2 <= config.window_samples <= fft and config.window_samples % 2 == 0,
            f"Use an even number from 2 to fft_samples ({fft}).",
        ),
        (
            "hop_samples",
            config.hop_samples,
            1 <= config.hop_samples <= config.window_samples,
            f"Use 1 to window_samples ({config.window_samples}).",
        ),
        (
            "mel_bins",
            config.mel_bins,
            1 <= config.mel_bins <= MAX_MEL_BINS,
            f"Use 1 to {MAX_MEL_BINS}.",
        ),
        ("low_hz", config.low_hz, 0 <= config.low_hz < config.high_hz, "Use 0 to below high_hz."),
        (
            "high_hz",
            config.high_hz,
            config.high_hz <= nyquist_hz,
            f"Use at most half the sample rate ({nyquist_hz:g} Hz).",
        ),
        (
            "step_log2",
            config.step_log2,
            config.step_log2 >= MIN_STEP_LOG2,
            f"Use at least {MIN_STEP_LOG2} octaves of energy.",
        ),
    ]
    for name, value, good, remedy in checks:
        if not good:
            raise UserError(f"front-end {name} is {value}", remedy)


def build_tables(config: FrontendConfig) -> FrontendTables:
    """Compute the tables of a configuration; the same bytes on every machine.

    Raises:
        UserError: a value out of range, or a mel filter without any spectrum bin.
    """
    _check(config)
    floor_log2 = round(config.zero_log2 + SILENCE_FEATURE * config.step_log2)
    band_start, rising_q15 = _bands(config)
    quarter = np.arange(1, config.fft_samples // 4 + 1)
    segments = np.arange(LOG2_SEGMENTS + 1) / LOG2_SEGMENTS
    return FrontendTables(
        config=config,
        window_q15=_window(config),
        twiddles_q15=_twiddles(config.fft_samples // 2),
        split_q15=_packed_q15(2.0 * np.pi * quarter / config.fft_samples),
        band_start=band_start,
        rising_q15=rising_q15,
        log2_q15=_frozen(_round(np.log2(1.0 + segments) * Q15), np.uint16),
        noise_floor_log2=min(max(floor_log2, 0), MAX_NOISE_FLOOR_LOG2),
        zero_log2_q15=round(config.zero_log2 * Q15),
        steps_per_octave_q16=round(Q16 / config.step_log2),
    )
