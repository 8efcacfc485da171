"""The stages for some cores against the portable ones: the same bits, stage by stage.

Here the DSP instructions are their model in C; tests/e2e/test_frontend_cores.py runs the real ones.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import FRONTEND_SOURCES, FRONTEND_VARIANTS

from training.export.frontend_c import frontend_sources
from training.frontend_tables import FrontendTables, build_tables
from training.recipe import FrontendConfig

FFT_SIZES = [64, 128, 256, 512, 1024]
ROUNDS = 60
SEED = 44
WINDOWED_LIMIT = 2**13
PASS_OUTPUT_LIMIT = 21505
Variants = tuple[FrontendTables, list[ctypes.CDLL]]


@pytest.fixture(scope="module", params=FFT_SIZES)
def variants(
    request: pytest.FixtureRequest,
    build_shared: Callable[..., ctypes.CDLL],
    tmp_path_factory: pytest.TempPathFactory,
) -> Variants:
    """Tables of one size of FFT, with a library of each variant around them, portable first."""
    folder = tmp_path_factory.mktemp("tables")
    fft = request.param
    tables = build_tables(
        FrontendConfig(
            window_samples=fft - 2 * (fft // 32),
            hop_samples=fft // 2,
            fft_samples=fft,
            mel_bins=max(4, fft // 16),
            low_hz=300.0,
        )
    )
    for name, text in frontend_sources(tables, "/* test */").items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = [*folder.glob("*.c"), *FRONTEND_SOURCES]
    libraries = [
        build_shared(sources, [*flags, "-I", str(folder)]) for flags in FRONTEND_VARIANTS.values()
    ]
    for library in libraries:
        library.sotto_features.restype = None
    return tables, libraries


def _same(variants: Variants, name: str, *arguments: object) -> tuple[Any, list[np.ndarray]]:
    """Call the function `name` of all libraries, which must leave the same in all arrays.

    Args:
        arguments: an array stands for a pointer to a copy of it, a callable for what it makes of
            the library.

    Returns:
        what the function returned, and the arrays after it.
    """
    results = []
    for library in variants[1]:
        copies = [a.copy() for a in arguments if isinstance(a, np.ndarray)]
        arrays = iter(copies)
        values = [
            ctypes.c_void_p(next(arrays).ctypes.data)
            if isinstance(a, np.ndarray)
            else a(library)
            if callable(a)
            else a
            for a in arguments
        ]
        results.append((getattr(library, name)(*values), copies))
    expected, expected_arrays = results[0]
    for seen, seen_arrays in results[1:]:
        assert seen == expected
        for one, other in zip(seen_arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(one, other)
    return expected, expected_arrays


def _packed(pairs: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pairs.astype(np.int16)).view(np.uint32).ravel()


def _default_tables(library: ctypes.CDLL) -> object:
    return ctypes.byref(ctypes.c_char.in_dll(library, "sotto_frontend_default_tables"))


def test_window_of_all_lengths_and_levels(variants: Variants) -> None:
    fft = variants[0].config.fft_samples
    rng = np.random.default_rng(SEED)
    exponents = set()
    for samples in [2, fft, *(2 * rng.integers(1, fft // 2 + 1, ROUNDS)).tolist()]:
        level = 2.0 ** rng.uniform(0, 15)
        pcm = np.clip(rng.normal(0, level, samples), -32768, 32767).astype(np.int16)
        window = rng.integers(0, 32768, samples).astype(np.int16)
        target = np.full(fft // 2, 0xAAAAAAAA, np.uint32)
        count, size = ctypes.c_size_t(samples), ctypes.c_size_t(fft)
        exponent, _ = _same(variants, "sotto_window", pcm, window, count, target, size)
        exponents.add(exponent)
    assert len(exponents) > 8


def test_fft_with_all_shifts(variants: Variants) -> None:
    tables = variants[0]
    points = tables.config.fft_samples // 2
    rng = np.random.default_rng(SEED)
    n = np.arange(points)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / points)
    exponents = set()
    for round_number in range(ROUNDS):
        tone = np.exp(2j * np.pi * (rng.integers(points) * n / points + rng.random()))
        noise = rng.standard_normal(points) + 1j * rng.standard_normal(points)
        mixed = tone + noise * rng.choice([0, 0.3, 5])
        level = 2.0 ** -(round_number % 5) * WINDOWED_LIMIT
        mixed *= hann * level / np.abs([mixed.real, mixed.imag]).max()
        words = _packed(np.round(np.stack([rng.permutation(mixed.real), mixed.imag], axis=1)))
        seen = np.zeros(1, np.uint32)
        exponent, _ = _same(
            variants, "sotto_fft", words, ctypes.c_size_t(points), tables.twiddles_q15, 0, seen
        )
        exponents.add(exponent)
    assert len(exponents) >= 3, "the passes took few different shifts"


@pytest.mark.parametrize("limit", [2**9, 2**14 - 1, PASS_OUTPUT_LIMIT])
def test_power_of_all_levels(variants: Variants, limit: int) -> None:
    tables = variants[0]
    fft = tables.config.fft_samples
    rng = np.random.default_rng(SEED)
    exponent = 0
    for share in np.linspace(0, 1, ROUNDS):
        extreme = rng.choice([-limit, limit], (fft // 2, 2))
        others = rng.integers(-limit, limit + 1, (fft // 2, 2))
        words = _packed(np.where(rng.random(extreme.shape) < share, extreme, others))
        seen = ctypes.c_uint32(int(np.bitwise_or.reduce(words ^ (words << np.uint32(1)))))
        size = ctypes.c_size_t(fft)
        exponent, _ = _same(variants, "sotto_power", words, size, tables.split_q15, 0, seen)
    assert exponent == (0 if limit >= 2**14 else 1)


def test_features_of_all_levels(variants: Variants) -> None:
    config = variants[0].config
    rng = np.random.default_rng(SEED)
    values: set[int] = set()
    for round_number in range(ROUNDS):
        power = 2.0 ** rng.uniform(0, 32, config.fft_samples // 2) * rng.random()
        power[rng.random(power.size) < round_number / ROUNDS] = 0
        exponent = int(rng.integers(-14, 13))
        frame = np.zeros(config.mel_bins, np.int8)
        _, (_, frame) = _same(
            variants,
            "sotto_features",
            power.astype(np.uint32),
            _default_tables,
            exponent,
            frame,
        )
        values.update(frame.tolist())
    assert len(values) > 80
