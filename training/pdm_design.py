"""Designs the filters of the firmware's PDM decimator, and writes them as C.

    python -m training.pdm_design            # writes the C file anew

The stages are those of sotto/pdm.h. A CIC of order n and ratio R (Hogenauer, "An economical class
of digital filters for decimation and interpolation", 1981) has the response
(sin(pi f R / f_in) / (R sin(pi f / f_in)))^n. The first FIR filter only keeps the next halving from
folding anything into the band (equiripple, Parks and McClellan 1972); the second one is the band's
edge, and divides by the droop of all before it (least squares). The droop is that at the lowest
clock; at the others it differs by less than 0.01 dB.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from training.export.c_text import INDENT, array, wrap
from training.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "firmware/lib/sotto/src/microphone/pdm_filters.c"

ORDERS = (3, 4)
RATES_HZ = (1_024_000, 2_048_000, 3_072_000)
"""Clocks that are tested; the C takes every multiple of 512 kHz between them."""
SAMPLE_RATE_HZ = 16_000
CIC_RATE_HZ = 64_000
HALF_RATE_HZ = 32_000
PASS_HZ = 7_000
"""Up to here the whole chain is flat."""
STOP_HZ = 9_000
"""What lies from here on may not be heard below PASS_HZ; the band between folds into itself."""
FIRST_TAPS = 11
SECOND_TAPS = 63
BYTE_BITS = 8
LANE_BITS = 16

_Q15 = 1 << 15
_FIRST_EDGES_HZ = (7_200, HALF_RATE_HZ - 7_200)
_FIRST_WEIGHTS = (1, 3)
_BANDS = 63
_STOP_WEIGHT = 12.0


@dataclass(frozen=True)
class PdmFilter:
    """One `sotto_pdm_filter`.

    Attributes:
        order: of the CIC.
        first_q15: int16[FIRST_TAPS], symmetric.
        second_q15: int16[SECOND_TAPS], symmetric.
    """

    order: int
    first_q15: NDArray[np.int16]
    second_q15: NDArray[np.int16]


def cic_kernel(order: int, ratio: int) -> NDArray[np.int64]:
    """int64[order * (ratio - 1) + 1]: impulse response of a CIC, not scaled."""
    kernel = np.ones(1, np.int64)
    for _ in range(order):
        kernel = np.convolve(kernel, np.ones(ratio, np.int64))
    return kernel


def lanes(order: int) -> NDArray[np.uint64]:
    """uint64[256]: see `sotto_pdm_filter.lanes`."""
    kernel = np.zeros(order * BYTE_BITS, np.int64)
    kernel[: order * (BYTE_BITS - 1) + 1] = cic_kernel(order, BYTE_BITS)
    # bit i of a byte is i bits old when the byte ends, and 8 more with each byte after it
    bits = (np.arange(256)[:, np.newaxis] >> np.arange(BYTE_BITS)) & 1
    added = bits @ kernel.reshape(order, BYTE_BITS).T
    shifts = LANE_BITS * np.arange(order, dtype=np.uint64)
    packed: NDArray[np.uint64] = (added.astype(np.uint64) << shifts).sum(axis=1, dtype=np.uint64)
    return packed


@functools.cache
def design(order: int) -> PdmFilter:
    """The filters that go with a CIC of that order."""
    bands = [0, *_FIRST_EDGES_HZ, CIC_RATE_HZ / 2]
    first = signal.remez(FIRST_TAPS, bands, [1, 0], weight=_FIRST_WEIGHTS, fs=CIC_RATE_HZ)
    first_q15 = np.rint(first * _Q15).astype(np.int16)
    flat_hz = np.linspace(0, PASS_HZ, _BANDS + 1)
    ratio = RATES_HZ[0] // CIC_RATE_HZ
    droop = _cic_response(flat_hz, order, ratio) * _fir_response(flat_hz, first_q15, CIC_RATE_HZ)
    edges = [*np.repeat(flat_hz, 2)[1:-1], STOP_HZ, HALF_RATE_HZ / 2]
    wanted = [*np.repeat(1 / droop, 2)[1:-1], 0, 0]
    weights = [1.0] * _BANDS + [_STOP_WEIGHT]
    second = signal.firls(SECOND_TAPS, edges, wanted, weight=weights, fs=HALF_RATE_HZ)
    return PdmFilter(order, first_q15, np.rint(second * _Q15).astype(np.int16))


def response(
    filters: PdmFilter, pdm_hz: int, frequencies_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Amplitude of the whole chain at frequencies of its input, before anything is folded.

    Args:
        frequencies_hz: float64[n], 0 to half of `pdm_hz`.

    Returns:
        float64[n], 1.0 = unchanged.
    """
    return (
        _cic_response(frequencies_hz, filters.order, pdm_hz // CIC_RATE_HZ)
        * _fir_response(frequencies_hz, filters.first_q15, CIC_RATE_HZ)
        * _fir_response(frequencies_hz, filters.second_q15, HALF_RATE_HZ)
    )


def _cic_response(
    frequencies_hz: NDArray[np.float64], order: int, ratio: int
) -> NDArray[np.float64]:
    turns = frequencies_hz / (CIC_RATE_HZ * ratio)
    # sinc(x) is sin(pi x) / (pi x): the quotient is Hogenauer's, and 1 at 0
    one: NDArray[np.float64] = np.abs(np.sinc(turns * ratio) / np.sinc(turns)) ** order
    return one


def _fir_response(
    frequencies_hz: NDArray[np.float64], taps_q15: NDArray[np.int16], rate_hz: int
) -> NDArray[np.float64]:
    _, found = signal.freqz(taps_q15 / _Q15, worN=frequencies_hz, fs=rate_hz)
    amplitude: NDArray[np.float64] = np.abs(found)
    return amplitude


def decimate(filters: PdmFilter, pdm_hz: int, data: bytes) -> NDArray[np.int16]:
    """What the C must give: convolutions of whole numbers.

    Args:
        data: bits, the oldest of a byte in its highest place.

    Returns:
        int16[n] at 16 kHz.
    """
    ratio = pdm_hz // CIC_RATE_HZ
    kernel = cic_kernel(filters.order, ratio)
    bits = np.unpackbits(np.frombuffer(data, np.uint8)).astype(np.int64)
    silence = np.tile(np.array([0, 1]), filters.order * ratio * BYTE_BITS // 2)
    sums = np.convolve(np.concatenate([silence, bits]), kernel)[len(silence) :]
    span = ratio**filters.order
    scale_q24 = ((1 << 40) + span // 2) // span
    centred = sums[ratio - 1 : len(bits) : ratio] - span // 2
    return halve_twice(filters, _saturated((centred * scale_q24 + (1 << 23)) >> 24))


def halve_twice(filters: PdmFilter, line: NDArray[np.int64]) -> NDArray[np.int16]:
    """What the C of the FIR filters must give.

    Args:
        line: int64[n] at 64 kHz, in the range of int16.

    Returns:
        int16[n // 4] at 16 kHz.
    """
    line = _halved(line, filters.first_q15, FIRST_TAPS)
    samples: NDArray[np.int16] = _halved(line, filters.second_q15, SECOND_TAPS).astype(np.int16)
    return samples


def _halved(line: NDArray[np.int64], taps_q15: NDArray[np.int16], taps: int) -> NDArray[np.int64]:
    padded = np.concatenate([np.zeros(taps - 2, np.int64), line])
    sums = np.convolve(padded, taps_q15.astype(np.int64), mode="valid")[::2]
    return _saturated((sums + (1 << 14)) >> 15)


def _saturated(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(values, -32_768, 32_767)


def c_source() -> str:
    """The C file: all filters."""
    parts = [
        "/* Generated. DO NOT EDIT: run `python -m training.pdm_design`. */\n",
        "/* clang-format off */\n",
        '#include "sotto/pdm.h"\n\n',
        array("first_q15", _half(design(ORDERS[0]).first_q15), size=_size("FIRST")),
    ]
    for order in ORDERS:
        rows = wrap(f"0x{row:X}u" for row in lanes(order).tolist())
        second = array(f"second{order}_q15", _half(design(order).second_q15), size=_size("SECOND"))
        parts += [
            f"\nstatic const uint64_t lanes{order}[256] = {{\n{rows},\n}};\n\n",
            second,
            f"\nconst sotto_pdm_fir_filter sotto_pdm_fir{order} = {{\n",
            f"{INDENT}.first_q15 = first_q15,\n{INDENT}.second_q15 = second{order}_q15,\n}};\n",
            f"\nconst sotto_pdm_filter sotto_pdm_sinc{order} = {{\n",
            f"{INDENT}.order = {order},\n{INDENT}.lanes = lanes{order},\n",
            f"{INDENT}.fir = &sotto_pdm_fir{order},\n}};\n",
        ]
    return "".join(parts)


def _half(taps_q15: NDArray[np.int16]) -> NDArray[np.int16]:
    return taps_q15[: taps_q15.size // 2 + 1]


def _size(stage: str) -> str:
    return f"SOTTO_PDM_{stage}_TAPS / 2u + 1u"


if __name__ == "__main__":
    write_atomically(SOURCE, c_source().encode())
