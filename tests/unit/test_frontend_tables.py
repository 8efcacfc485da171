"""The tables are the same bytes on every machine, and wrong configurations are named."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from training.errors import UserError
from training.export.frontend_c import HEADER_NAME, SOURCE_NAME, frontend_sources
from training.frontend_tables import Q15, build_tables
from training.recipe import FrontendConfig

DEFAULT_SHA256 = "855ad9c8c595f5a60d8d7b2181f09034c15fd89fdda5b05f8c94de130d358a57"
CONFIGS = [
    FrontendConfig(),
    FrontendConfig(window_samples=256, hop_samples=256, fft_samples=256, mel_bins=16),
    FrontendConfig(window_samples=1024, hop_samples=512, fft_samples=1024, mel_bins=80),
]


def test_frontend_tables_are_the_pinned_bytes() -> None:
    tables = build_tables(FrontendConfig())
    assert hashlib.sha256(tables.to_bytes()).hexdigest() == DEFAULT_SHA256


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: str(c.fft_samples))
@pytest.mark.parametrize("towards", [-np.inf, np.inf])
def test_frontend_tables_do_not_depend_on_the_last_bit_of_libm(
    config: FrontendConfig, towards: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = build_tables(config).to_bytes()
    for name in ("cos", "sin", "log10", "log2"):
        original = getattr(np, name)
        monkeypatch.setattr(np, name, lambda x, f=original: np.nextafter(f(x), towards))
    assert build_tables(config).to_bytes() == expected


def test_frontend_tables_bytes_tell_every_table_apart() -> None:
    tables = build_tables(FrontendConfig())
    for field in dataclasses.fields(tables):
        value = getattr(tables, field.name)
        if isinstance(value, np.ndarray):
            changed = value.copy()
            changed[changed.size // 2] ^= 1
        elif isinstance(value, int):
            changed = value + 1
        else:
            continue
        other = dataclasses.replace(tables, **{field.name: changed})
        assert other.to_bytes() != tables.to_bytes(), field.name


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: str(c.fft_samples))
def test_frontend_window_is_a_hann_window(config: FrontendConfig) -> None:
    window = build_tables(config).window_q15.astype(int)
    assert window[0] == 0
    assert window[config.window_samples // 2] == Q15 - 1
    assert np.array_equal(window[1:], window[:0:-1])
    quarter = config.fft_samples // 4
    padded = np.zeros(config.fft_samples, int)
    padded[: window.size] = window
    assert padded.reshape(4, quarter).sum(axis=0).max() < 3.9 * Q15, (
        "the first FFT pass relies on it"
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: str(c.fft_samples))
def test_frontend_twiddles_have_modulus_one(config: FrontendConfig) -> None:
    tables = build_tables(config)
    for words in (tables.twiddles_q15, tables.split_q15):
        pairs = words.view(np.int16).reshape(-1, 2).astype(float)
        assert np.abs(np.hypot(pairs[:, 0], pairs[:, 1]) - Q15).max() <= 1.01
        assert pairs.min() > -Q15, "-32768 would overflow the products"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: str(c.fft_samples))
def test_frontend_bands_cover_the_range_once(config: FrontendConfig) -> None:
    tables = build_tables(config)
    start = tables.band_start.astype(int)
    bin_hz = config.sample_rate_hz / config.fft_samples
    assert (np.diff(start) >= 0).all()
    assert (start[0] - 1) * bin_hz < config.low_hz <= start[0] * bin_hz
    assert (start[-1] - 1) * bin_hz < config.high_hz <= start[-1] * bin_hz
    assert tables.rising_q15.size == start[-1] - start[0]
    assert tables.rising_q15.max() < Q15


def test_frontend_tables_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        build_tables(FrontendConfig()).window_q15[0] = 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fft_samples": 500}, "fft_samples is 500"),
        ({"fft_samples": 32, "window_samples": 32, "hop_samples": 16}, "fft_samples is 32"),
        ({"fft_samples": 2048}, "fft_samples is 2048"),
        ({"window_samples": 514}, "window_samples is 514"),
        ({"window_samples": 481}, "window_samples is 481"),
        ({"hop_samples": 481}, "hop_samples is 481"),
        ({"low_hz": 7600.0}, "low_hz is 7600.0"),
        ({"high_hz": 8000.5}, "high_hz is 8000.5"),
        ({"step_log2": 0.001}, "step_log2 is 0.001"),
        (
            {"window_samples": 256, "hop_samples": 128, "fft_samples": 256, "mel_bins": 128},
            "mel filter",
        ),
    ],
)
def test_frontend_tables_name_a_wrong_value(changes: dict[str, float], words: str) -> None:
    with pytest.raises(UserError) as raised:
        build_tables(FrontendConfig(**changes))
    assert words in raised.value.message
    assert raised.value.remedy


def test_frontend_sources_are_stable_and_complete() -> None:
    tables = build_tables(FrontendConfig())
    first = frontend_sources(tables, "/* top */")
    assert first == frontend_sources(build_tables(FrontendConfig()), "/* top */")
    assert list(first) == [HEADER_NAME, SOURCE_NAME]
    assert all(text.startswith("/* top */\n") and text.endswith("\n") for text in first.values())
    assert max(len(line) for text in first.values() for line in text.splitlines()) <= 100
    assert "#define SOTTO_FRONTEND_WORKSPACE_BYTES 1984\n" in first[HEADER_NAME]
