"""Each stage of the front-end against float64 or exact integers, with the bound it promises."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import FRONTEND_SOURCES, FRONTEND_VARIANTS, LIB

from training.frontend_tables import LOG2_SEGMENTS, FrontendTables, build_tables
from training.recipe import FrontendConfig

PARTS = Path(__file__).with_name("frontend_parts.c")
PASS_OUTPUT_LIMIT = 21505
WINDOWED_BITS = 13
FFT_ERROR_UNITS = 8.0
FFT_RMS_ERROR_UNITS = 0.7
MAGNITUDE_ERROR_UNITS = 6.0
LOG2_BELOW_Q15, LOG2_ABOVE_Q15 = 8.0, 0.5
FFT_SIZES = [64, 128, 256, 512, 1024]
SIGNALS = ["zeros", "ones", "impulse", "square", "minimum", "sine", "noise", "quiet", "edge"]


def _config(fft_samples: int) -> FrontendConfig:
    """A front-end of that FFT whose window fills all of it: the worst case for the bounds."""
    return FrontendConfig(
        window_samples=fft_samples,
        hop_samples=fft_samples // 2,
        fft_samples=fft_samples,
        mel_bins=max(4, fft_samples // 32),
        low_hz=300.0,
    )


def _signal(name: str, samples: int) -> np.ndarray:
    rng = np.random.default_rng(samples)
    n = np.arange(samples)
    made = {
        "zeros": np.zeros(samples),
        "ones": np.where(n % 2 == 0, 1, -1),
        "impulse": np.where(n == samples // 2, 32767, 0),
        "square": np.where(n // 5 % 2 == 0, 32767, -32768),
        "minimum": np.full(samples, -32768),
        "sine": 32767 * np.sin(2 * np.pi * 7.3 * n / samples),
        "noise": rng.integers(-32768, 32768, samples),
        "quiet": rng.integers(-2, 3, samples),
        "edge": np.where(n == 0, -32768, rng.integers(-20, 21, samples)),
    }
    return np.round(made[name]).astype(np.int16)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _unpack(words: np.ndarray) -> np.ndarray:
    """Packed int16 pairs as complex128."""
    pairs = words.view(np.int16).reshape(-1, 2).astype(float)
    return pairs[:, 0] + 1j * pairs[:, 1]


def _pack(values: np.ndarray) -> np.ndarray:
    pairs = np.stack([values.real, values.imag], axis=1)
    return np.ascontiguousarray(np.round(pairs).astype(np.int16)).view(np.uint32).ravel()


def _reversed(points: int) -> np.ndarray:
    """Bit-reversed indices."""
    bits = points.bit_length() - 1
    return np.array([int(f"{i:0{bits}b}"[::-1], 2) for i in range(points)])


@pytest.fixture(scope="module", params=FRONTEND_VARIANTS)
def stages(request: pytest.FixtureRequest, build_shared: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    flags = [*FRONTEND_VARIANTS[request.param], "-I", str(LIB / "src" / "frontend")]
    library = build_shared([*FRONTEND_SOURCES, PARTS], flags)
    library.log2_q15.argtypes = [ctypes.c_uint64, ctypes.c_void_p]
    library.quantize.argtypes = [ctypes.c_int32, ctypes.c_int32, ctypes.c_int32]
    library.quantize.restype = ctypes.c_int8
    return library


def _window(stages: ctypes.CDLL, tables: FrontendTables, pcm: np.ndarray) -> tuple[np.ndarray, int]:
    """The windowed words in natural order, and their exponent."""
    spectrum = np.full(tables.config.fft_samples // 2, 0xAAAAAAAA, np.uint32)
    exponent = stages.sotto_window(
        _pointer(pcm),
        _pointer(tables.window_q15),
        ctypes.c_size_t(pcm.size),
        _pointer(spectrum),
        ctypes.c_size_t(tables.config.fft_samples),
    )
    return spectrum[_reversed(spectrum.size)], exponent


def _fft(
    stages: ctypes.CDLL, tables: FrontendTables, spectrum: np.ndarray, exponent: int
) -> tuple[np.ndarray, int, int]:
    """The transform of words in natural order, its exponent and what it has seen."""
    seen = ctypes.c_uint32()
    spectrum = spectrum[_reversed(spectrum.size)]
    exponent = stages.sotto_fft(
        _pointer(spectrum),
        ctypes.c_size_t(spectrum.size),
        _pointer(tables.twiddles_q15),
        exponent,
        ctypes.byref(seen),
    )
    return spectrum, exponent, seen.value


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("window_samples", [480, 512, 32])
def test_frontend_window_is_within_half_a_unit(
    stages: ctypes.CDLL, name: str, window_samples: int
) -> None:
    tables = build_tables(FrontendConfig(window_samples=window_samples, hop_samples=16))
    pcm = _signal(name, window_samples)
    spectrum, exponent = _window(stages, tables, pcm)
    seen = spectrum.view(np.int16)
    exact = pcm * (tables.window_q15 / 32768) * 2.0**exponent
    assert -2 <= exponent <= WINDOWED_BITS
    assert np.abs(seen.astype(int)).max() <= 2**WINDOWED_BITS
    assert np.abs(seen[:window_samples] - exact).max() <= 0.5
    assert not seen[window_samples:].any()


def test_frontend_window_uses_all_bits_whatever_the_loudness(stages: ctypes.CDLL) -> None:
    tables = build_tables(FrontendConfig())
    for loudest in (1, 3, 100, 32767):
        pcm = np.full(480, loudest, np.int16)
        spectrum, _ = _window(stages, tables, pcm)
        assert np.abs(spectrum.view(np.int16)).max() >= 2 ** (WINDOWED_BITS - 1)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("fft_samples", FFT_SIZES)
def test_frontend_fft_error_is_bounded(stages: ctypes.CDLL, name: str, fft_samples: int) -> None:
    tables = build_tables(_config(fft_samples))
    spectrum, exponent_in = _window(stages, tables, _signal(name, fft_samples))
    exact = np.fft.fft(_unpack(spectrum))
    transformed, exponent, _ = _fft(stages, tables, spectrum, exponent_in)
    error = _unpack(transformed) - exact * 2.0 ** (exponent - exponent_in)
    assert np.abs(error).max() <= FFT_ERROR_UNITS
    assert np.sqrt(np.mean(np.abs(error) ** 2) / 2) <= FFT_RMS_ERROR_UNITS


@pytest.mark.parametrize("fft_samples", FFT_SIZES)
def test_frontend_fft_does_not_overflow_on_adversarial_input(
    stages: ctypes.CDLL, fft_samples: int
) -> None:
    """Tones whose energy meets in one bin, at every phase, under the largest window allowed."""
    tables = build_tables(_config(fft_samples))
    points = fft_samples // 2
    for bin_number in range(0, points, max(1, points // 32)):
        for phase in np.arange(8) * np.pi / 4:
            n = np.arange(points)
            hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / points)
            tone = 8191 * hann * np.exp(1j * (2 * np.pi * bin_number * n / points + phase))
            square = 8191 * hann * (np.sign(tone.real) + 1j * np.sign(tone.imag))
            for signal in (tone, square):
                spectrum = _pack(signal)
                exact = np.fft.fft(_unpack(spectrum))
                transformed, exponent, _ = _fft(stages, tables, spectrum, 0)
                error = _unpack(transformed) - exact * 2.0**exponent
                assert np.abs(error).max() <= FFT_ERROR_UNITS


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("fft_samples", FFT_SIZES)
def test_frontend_power_error_is_bounded(stages: ctypes.CDLL, name: str, fft_samples: int) -> None:
    tables = build_tables(_config(fft_samples))
    spectrum, exponent = _window(stages, tables, _signal(name, fft_samples))
    windowed = spectrum.view(np.int16).astype(float) * 2.0**-exponent
    spectrum, exponent, seen = _fft(stages, tables, spectrum, exponent)
    exponent = stages.sotto_power(
        _pointer(spectrum),
        ctypes.c_size_t(fft_samples),
        _pointer(tables.split_q15),
        exponent,
        ctypes.c_uint32(seen),
    )
    magnitude = np.abs(np.fft.rfft(windowed))[:-1] * 2.0**exponent
    assert spectrum[0] == 0
    error = np.sqrt(spectrum[1:].astype(float)) - magnitude[1:]
    assert np.abs(error).max() <= MAGNITUDE_ERROR_UNITS


@pytest.mark.parametrize(
    ("bits", "low", "high"),
    [(14, -(2**14), 2**14 - 1), (15, -PASS_OUTPUT_LIMIT, PASS_OUTPUT_LIMIT)],
)
@pytest.mark.parametrize("fft_samples", FFT_SIZES)
def test_frontend_power_cannot_wrap(
    stages: ctypes.CDLL, fft_samples: int, bits: int, low: int, high: int
) -> None:
    """The power is convex in both words, so its maximum lies in a corner of their range."""
    tables = build_tables(_config(fft_samples))
    points = fft_samples // 2
    k = np.arange(1, points // 2)
    twiddle = np.exp(-2j * np.pi * k / fft_samples)
    greatest = 0
    for corner in itertools.product((low, high), repeat=4):
        z, mirror = complex(*corner[:2]), complex(*corner[2:])
        spectrum = _pack(np.where(np.arange(points) <= points // 2, z, mirror))
        seen = ctypes.c_uint32(1 << bits)
        exponent = stages.sotto_power(
            _pointer(spectrum), ctypes.c_size_t(fft_samples), _pointer(tables.split_q15), 0, seen
        )
        even, odd = z + np.conj(mirror), z - np.conj(mirror)
        for words, exact in (
            (spectrum[k], np.abs(even - 1j * twiddle * odd) / 2),
            (spectrum[points - k], np.abs(even + 1j * twiddle * odd) / 2),
        ):
            error = np.sqrt(words.astype(float)) - exact * 2.0**exponent
            assert np.abs(error).max() <= MAGNITUDE_ERROR_UNITS
        greatest = max(greatest, int(spectrum[1:].max()))
    assert greatest > 2**30, "the corners reach the upper half of the range"


@pytest.mark.parametrize("fft_samples", FFT_SIZES)
def test_frontend_mel_is_exact(stages: ctypes.CDLL, fft_samples: int) -> None:
    tables = build_tables(_config(fft_samples))
    bins = tables.config.mel_bins
    starts = [int(start) for start in tables.band_start]
    weights = [int(weight) for weight in tables.rising_q15]
    random = np.random.default_rng(1).integers(0, 2**32, fft_samples // 2)
    for power in (random, np.full(fft_samples // 2, 2**32 - 1), np.zeros(fft_samples // 2)):
        power = power.astype(np.uint32)
        for i in range(bins + 1):
            bins_of_band = range(starts[i], starts[i + 1])
            band = [(int(power[k]), weights[k - starts[0]]) for k in bins_of_band]
            rising, falling = ctypes.c_uint64(2**60), ctypes.c_uint64(2**60 + 7)
            stages.add_band(
                _pointer(power[starts[i] :]),
                _pointer(tables.rising_q15[starts[i] - starts[0] :]),
                ctypes.c_size_t(len(band)),
                ctypes.byref(rising),
                ctypes.byref(falling),
            )
            assert rising.value == 2**60 + sum(p * w for p, w in band)
            assert falling.value == 2**60 + 7 + sum(p * (32768 - w) for p, w in band)


def test_frontend_log2_error_is_bounded(stages: ctypes.CDLL) -> None:
    tables = build_tables(FrontendConfig())
    rng = np.random.default_rng(2)
    values = {1, 2, 3, 2**62, 2**63, 2**64 - 1}
    values |= {int(v) for v in range(1, 3 * LOG2_SEGMENTS**2)}
    values |= {int(v) >> (i % 62) | 1 for i, v in enumerate(rng.integers(2**62, 2**63, 5000))}
    ordered = sorted(values)
    results = [stages.log2_q15(v, _pointer(tables.log2_q15)) for v in ordered]
    error = np.array(results) - 32768 * np.array([np.log2(float(v)) for v in ordered])
    assert error.min() >= -LOG2_BELOW_Q15
    assert error.max() <= LOG2_ABOVE_Q15
    assert results == sorted(results), "log2 must not fall where its argument rises"


def test_frontend_log2_is_exact_at_powers_of_two(stages: ctypes.CDLL) -> None:
    table = _pointer(build_tables(FrontendConfig()).log2_q15)
    assert [stages.log2_q15(1 << e, table) for e in range(64)] == [e << 15 for e in range(64)]


def test_frontend_quantize_is_exact(stages: ctypes.CDLL) -> None:
    rng = np.random.default_rng(3)
    cases = [(0, 0, 1), (16384, 0, 65536), (-16384, 0, 65536), (16383, 0, 65536)]
    limit = 64 << 15
    for log2, zero in rng.integers(-limit, limit + 1, (3000, 2)):
        cases.append((int(log2), int(zero), int(rng.integers(1, (64 << 16) + 1))))
    cases += [(limit, -limit, 64 << 16), (-limit, limit, 64 << 16)]
    for log2, zero, steps in cases:
        exact = Fraction(log2 - zero, 1 << 15) * Fraction(steps, 1 << 16)
        rounded = (exact + Fraction(1, 2)).__floor__()
        assert stages.quantize(log2, zero, steps) == min(max(rounded, -128), 127)


@pytest.mark.parametrize(
    ("value", "bits"),
    [(0, 0), (-1, 0), (1, 1), (-2, 1), (2, 2), (-4096, 12), (4096, 13), (32767, 15), (-32768, 15)],
)
@pytest.mark.parametrize("half", [0, 16])
def test_frontend_magnitude_bits(stages: ctypes.CDLL, value: int, bits: int, half: int) -> None:
    packed = (value & 0xFFFF) << half
    seen = (packed ^ (packed << 1)) & 0xFFFFFFFF
    assert stages.magnitude_bits(ctypes.c_uint32(seen)) == bits
