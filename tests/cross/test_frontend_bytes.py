"""Extension, library build and float definition: the same features, or bounded ones."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import FRONTEND_SOURCES, FRONTEND_VARIANTS

from training.bench_frontend import NEAR_PEAK_STEPS, feature_error, float_features
from training.export.frontend_c import frontend_sources
from training.features import Frontend
from training.frontend_tables import SILENCE_FEATURE, build_tables
from training.recipe import FrontendConfig

CONFIGS = {
    "default": FrontendConfig(),
    "small": FrontendConfig(
        sample_rate_hz=8000,
        clip_samples=8000,
        window_samples=128,
        hop_samples=64,
        fft_samples=128,
        mel_bins=12,
        low_hz=100.0,
        high_hz=4000.0,
    ),
    "large": FrontendConfig(
        window_samples=1024, hop_samples=512, fft_samples=1024, mel_bins=80, step_log2=0.2
    ),
}
RMS_NEAR_PEAK_STEPS = 0.31
GREATEST_NEAR_PEAK_STEPS = 2.0


def _tone_in_noise(config: FrontendConfig, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = np.arange(config.clip_samples)
    frequency_hz = rng.uniform(config.low_hz, config.high_hz / 2)
    tone = np.sin(2 * np.pi * frequency_hz * n / config.sample_rate_hz)
    loudness = 2.0 ** np.linspace(4, 14, n.size)
    return np.round(loudness * (tone + 0.1 * rng.standard_normal(n.size))).astype(np.int16)


@pytest.mark.parametrize("variant", FRONTEND_VARIANTS)
@pytest.mark.parametrize("name", CONFIGS)
def test_frontend_library_equals_extension(
    name: str, variant: str, build_shared: Callable[..., ctypes.CDLL], tmp_path: Path
) -> None:
    config = CONFIGS[name]
    for file, text in frontend_sources(build_tables(config), "/* test */").items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    runner = tmp_path / "runner.c"
    runner.write_text(
        '#include "sotto_frontend_tables.h"\n'
        "int run(const int16_t *pcm, size_t count, int8_t *out);\n"
        "int run(const int16_t *pcm, size_t count, int8_t *out) {\n"
        "  _Alignas(SOTTO_FRONTEND_WORKSPACE_ALIGN) unsigned char\n"
        "      workspace[SOTTO_FRONTEND_WORKSPACE_BYTES];\n"
        "  sotto_frontend fe;\n"
        "  size_t used = 0;\n"
        "  int frames = 0;\n"
        "  if (sotto_frontend_init(&fe, &sotto_frontend_default_tables, workspace,\n"
        "                          sizeof workspace) != SOTTO_OK) return -1;\n"
        "  while (sotto_frontend_push(&fe, pcm, count, &used, out) == 1) {\n"
        "    pcm += used; count -= used; out += SOTTO_FRONTEND_BINS; ++frames;\n"
        "  }\n"
        "  return frames;\n"
        "}\n",
        encoding="utf-8",
    )
    library = build_shared(
        [*tmp_path.glob("*.c"), *FRONTEND_SOURCES],
        [*FRONTEND_VARIANTS[variant], "-I", str(tmp_path)],
    )
    frontend = Frontend(config)
    for seed in range(3):
        pcm = _tone_in_noise(config, seed)
        out = np.zeros((frontend.frames, frontend.bins), np.int8)
        frames = library.run(
            ctypes.c_void_p(pcm.ctypes.data),
            ctypes.c_size_t(pcm.size),
            ctypes.c_void_p(out.ctypes.data),
        )
        assert frames == config.frames
        assert np.array_equal(out, frontend.clip(pcm))


@pytest.mark.parametrize("name", CONFIGS)
def test_frontend_follows_its_float_definition(name: str) -> None:
    frontend = Frontend(CONFIGS[name])
    pcm = np.stack([_tone_in_noise(frontend.config, seed) for seed in range(20)])
    floor_log2 = frontend.tables.noise_floor_log2
    exact = np.stack([float_features(clip, frontend.config, floor_log2) for clip in pcm])
    error = feature_error(exact, frontend.batch(pcm))
    assert error.near_peak_percent > 50, f"little within {NEAR_PEAK_STEPS} steps of the peak"
    assert error.near_peak_rms_steps <= RMS_NEAR_PEAK_STEPS
    assert error.near_peak_greatest_steps <= GREATEST_NEAR_PEAK_STEPS
    assert abs(error.mean_steps) <= 0.2


@pytest.mark.parametrize("name", CONFIGS)
def test_frontend_silence_is_one_low_value(name: str) -> None:
    frontend = Frontend(CONFIGS[name])
    silence = frontend.clip(np.zeros(frontend.config.clip_samples, np.int16))
    assert np.unique(silence).size == 1
    floor = (
        frontend.tables.noise_floor_log2 - frontend.config.zero_log2
    ) / frontend.config.step_log2
    assert silence[0, 0] == round(floor)
    if name == "default":
        assert silence[0, 0] == SILENCE_FEATURE


def test_frontend_doubling_the_amplitude_adds_two_octaves_of_energy() -> None:
    frontend = Frontend(CONFIGS["default"])
    pcm = np.random.default_rng(5).integers(-8000, 8000, 16_000).astype(np.int16)
    quiet, loud = (frontend.clip(x).astype(int) for x in (pcm, 2 * pcm))
    octaves = (loud - quiet) * frontend.config.step_log2
    assert np.abs(octaves - 2.0).max() <= frontend.config.step_log2


def test_frontend_tone_peaks_in_its_filter() -> None:
    config = CONFIGS["default"]
    n = np.arange(config.clip_samples)
    strongest = []
    for frequency_hz in (200, 500, 1000, 2000, 4000, 7000):
        tone = (8000 * np.sin(2 * np.pi * frequency_hz * n / config.sample_rate_hz)).astype(
            np.int16
        )
        frames = Frontend(config).clip(tone)
        assert np.unique(frames.argmax(axis=1)).size == 1
        strongest.append(int(frames[0].argmax()))
    low, high = (2595 * np.log10(1 + f / 700) for f in (config.low_hz, config.high_hz))
    mel = 2595 * np.log10(1 + np.array([200, 500, 1000, 2000, 4000, 7000]) / 700)
    position = (mel - low) / (high - low) * (config.mel_bins + 1) - 1
    assert np.abs(np.array(strongest) - position).max() <= 0.75
