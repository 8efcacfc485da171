"""The PDM decimator: bit for bit as a model of whole numbers, and good enough for speech."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np
import pytest
from conftest import LIB
from pdm_bits import modulated_sine

from training.pdm_design import (
    ORDERS,
    PASS_HZ,
    RATES_HZ,
    SAMPLE_RATE_HZ,
    SOURCE,
    STOP_HZ,
    c_source,
    decimate,
    design,
    response,
)

STATE_BYTES = 1024
CHAINS = [(order, rate) for order in ORDERS for rate in RATES_HZ]
SETTLED_SAMPLES = 64


class Decimator:
    """The C, as a whole signal or cut into pieces."""

    def __init__(self, library: ctypes.CDLL, order: int, pdm_hz: int) -> None:
        self._library = library
        self._bytes_a_sample = pdm_hz // 8 // SAMPLE_RATE_HZ
        self._state = (ctypes.c_uint64 * (STATE_BYTES // 8))()
        filters = ctypes.c_char.in_dll(library, f"sotto_pdm_sinc{order}")
        self.status = library.sotto_pdm_init(self._state, ctypes.byref(filters), pdm_hz)

    def push(self, data: bytes) -> np.ndarray:
        samples = np.zeros(len(data) // self._bytes_a_sample + 1, np.int16)
        count = self._library.sotto_pdm_push(self._state, data, len(data), _pointer(samples))
        assert count <= len(samples)
        return samples[:count]

    def push_in_pieces(self, data: bytes, sizes: Iterator[int]) -> np.ndarray:
        found, at = [], 0
        while at < len(data):
            size = next(sizes)
            found.append(self.push(data[at : at + size]))
            at += size
        return np.concatenate(found)


def _pointer(samples: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(samples.ctypes.data)


@pytest.fixture(scope="module")
def library(build_shared: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    built = build_shared(sorted((LIB / "src" / "microphone").glob("*.c")))
    built.sotto_pdm_push.restype = ctypes.c_size_t
    built.sotto_pdm_push.argtypes = [
        *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p)
    ]
    return built


def test_the_committed_filters_are_those_of_the_design() -> None:
    assert SOURCE.read_text() == c_source()


@pytest.mark.parametrize(("order", "pdm_hz"), CHAINS)
def test_samples_are_those_of_whole_numbers(library: ctypes.CDLL, order: int, pdm_hz: int) -> None:
    rng = np.random.default_rng(order * pdm_hz)
    loud = rng.integers(0, 256, 3_000, dtype=np.uint8).tobytes()
    data = loud + bytes(700) + b"\xff" * 700 + loud[::-1]
    found = Decimator(library, order, pdm_hz).push(data)
    expected = decimate(design(order), pdm_hz, data)
    assert found.size == len(data) * 8 * SAMPLE_RATE_HZ // pdm_hz
    np.testing.assert_array_equal(found, expected[: found.size])
    assert (found.min(), found.max()) == (-32_768, 32_767)


@pytest.mark.parametrize("sizes", [(1,), (3, 1, 2), (64, 7, 500), (129,)])
def test_the_cut_into_calls_changes_nothing(library: ctypes.CDLL, sizes: tuple[int, ...]) -> None:
    data = np.random.default_rng(3).integers(0, 256, 2_001, dtype=np.uint8).tobytes()
    whole = Decimator(library, 4, RATES_HZ[0]).push(data)
    pieces = Decimator(library, 4, RATES_HZ[0]).push_in_pieces(data, cycle(sizes))
    np.testing.assert_array_equal(pieces, whole)


@pytest.mark.parametrize("order", ORDERS)
def test_it_begins_without_a_thump(library: ctypes.CDLL, order: int) -> None:
    """A step from no bits at all to silence would be a click of full scale."""
    assert not Decimator(library, order, RATES_HZ[1]).push(b"\x55" * 2_000).any()


@pytest.mark.parametrize("pdm_hz", [0, 512_000, 1_000_000, 1_024_001, 3_584_000])
def test_other_clocks_are_refused(library: ctypes.CDLL, pdm_hz: int) -> None:
    assert Decimator(library, 4, pdm_hz or 1).status == -1


@pytest.mark.parametrize(("order", "pdm_hz"), CHAINS)
def test_response(order: int, pdm_hz: int) -> None:
    frequencies = np.arange(0, pdm_hz / 2, 20.0)
    amplitude_db = 20 * np.log10(np.maximum(response(design(order), pdm_hz, frequencies), 1e-9))
    flat = amplitude_db[frequencies <= PASS_HZ]
    assert flat.max() - flat.min() < 0.05
    assert abs(flat[0]) < 0.02
    assert amplitude_db[frequencies >= STOP_HZ].max() < {3: -53, 4: -60}[order]


def test_sums_of_coefficients_leave_no_overflow() -> None:
    for order in ORDERS:
        for taps in (design(order).first_q15, design(order).second_q15):
            assert np.abs(taps.astype(int)).sum() < 1.95 * (1 << 15)
            np.testing.assert_array_equal(taps, taps[::-1])


def _amplitude(samples: np.ndarray, frequency_hz: float) -> float:
    """Of a sine of whole periods in the samples; 1.0 is full scale."""
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(samples.size) / SAMPLE_RATE_HZ)
    return float(2 * abs(np.mean(samples * turns)) / 32_768)


@pytest.mark.parametrize("pdm_hz", RATES_HZ)
@pytest.mark.parametrize("frequency_hz", [500.0, 6_500.0])
def test_a_modulated_sine_comes_back(
    library: ctypes.CDLL, pdm_hz: int, frequency_hz: float
) -> None:
    """By the numbers of the real thing: amplitude, and noise below the band's edge."""
    bits = modulated_sine(pdm_hz, 0.068, frequency_hz, 0.5)
    samples = Decimator(library, 4, pdm_hz).push(bits)[SETTLED_SAMPLES:].astype(float)
    assert samples.size % 1024 == 0
    assert 20 * np.log10(_amplitude(samples, frequency_hz) / 0.5) == pytest.approx(0, abs=0.03)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    at = np.arange(spectrum.size) * SAMPLE_RATE_HZ / samples.size
    tone = np.abs(at - frequency_hz) < 60
    noise = spectrum[(at < PASS_HZ) & (at > 60) & ~tone].sum() / spectrum[tone].sum()
    assert 10 * np.log10(noise) < -70


@pytest.mark.parametrize("pdm_hz", RATES_HZ)
def test_what_lies_beyond_the_band_does_not_fold_into_it(library: ctypes.CDLL, pdm_hz: int) -> None:
    """A tone of 58.5 kHz would come back at 5.5 kHz; the model of the response says how loud."""
    tone_hz, folded_hz = 58_500.0, 5_500.0
    bits = modulated_sine(pdm_hz, 0.068, tone_hz, 0.5)
    samples = Decimator(library, 4, pdm_hz).push(bits)[SETTLED_SAMPLES:].astype(float)
    found_db = 20 * np.log10(_amplitude(samples, folded_hz) / 0.5)
    assert found_db < -68
    expected = response(design(4), pdm_hz, np.array([tone_hz]))
    assert 20 * np.log10(expected[0]) < -68
