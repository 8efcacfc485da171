"""The front-end as a C program under sanitizers: sizes, chunks, extremes, refusals."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import FRONTEND_SOURCES, FRONTEND_VARIANTS

from training.export.frontend_c import frontend_sources
from training.features import Frontend
from training.frontend_tables import build_tables
from training.recipe import FrontendConfig

HERE = Path(__file__).parent
CONFIG = FrontendConfig()
OTHER = FrontendConfig(window_samples=1024, hop_samples=1000, fft_samples=1024, mel_bins=64)


def _tables(folder: Path, config: FrontendConfig) -> list[Path]:
    for name, text in frontend_sources(build_tables(config), "/* test */").items():
        (folder / name).write_text(text, encoding="utf-8")
    return [*folder.glob("*.c"), *FRONTEND_SOURCES]


def _speechlike(samples: int, seed: int) -> np.ndarray:
    """Noise whose loudness changes by 90 dB within a clip."""
    rng = np.random.default_rng(seed)
    envelope = 2.0 ** rng.uniform(0, 15, samples // 400 + 1).repeat(400)[:samples]
    return np.clip(rng.standard_normal(samples) * envelope, -32768, 32767).astype(np.int16)


EXTREMES = {
    "silence": np.zeros(4000),
    "square": np.where(np.arange(4000) // 9 % 2 == 0, 32767, -32768),
    "minimum": np.full(4000, -32768),
    "maximum": np.full(4000, 32767),
    "one": np.where(np.arange(4000) % 2 == 0, 1, -1),
    "impulse": np.where(np.arange(4000) == 700, -32768, 0),
}


@pytest.fixture(scope="module", params=FRONTEND_VARIANTS)
def variant(request: pytest.FixtureRequest) -> list[str]:
    return FRONTEND_VARIANTS[request.param]


@pytest.fixture(scope="module", params=[CONFIG, OTHER], ids=["default", "largest"])
def tool(
    request: pytest.FixtureRequest,
    variant: list[str],
    build_program: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[FrontendConfig, Path]:
    folder = tmp_path_factory.mktemp("tables")
    sources = [HERE / "frontend_tool.c", *_tables(folder, request.param)]
    return request.param, build_program(sources, [*variant, "-I", str(folder)])


def _run(program: Path, pcm: np.ndarray, chunk: int, bins: int) -> np.ndarray:
    done = subprocess.run(
        [str(program), str(chunk)], input=pcm.tobytes(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.int8).reshape(-1, bins)


@pytest.mark.parametrize("chunk", [1, 7, 320, 479, 480, 481, 1000, 20_000])
def test_frontend_program_gives_the_same_bytes_for_any_chunk(
    tool: tuple[FrontendConfig, Path], chunk: int
) -> None:
    config, program = tool
    pcm = _speechlike(16_000, seed=chunk)
    expected = Frontend(config).clip(pcm)
    assert np.array_equal(_run(program, pcm, chunk, config.mel_bins), expected)
    assert np.unique(expected).size > 100


@pytest.mark.parametrize("name", EXTREMES)
def test_frontend_program_survives_extremes(tool: tuple[FrontendConfig, Path], name: str) -> None:
    config, program = tool
    pcm = EXTREMES[name].astype(np.int16)
    frames = _run(program, pcm, 333, config.mel_bins)
    assert np.array_equal(frames, Frontend(config).clip(pcm))
    assert np.abs(frames.astype(int)).max() < 128, "full scale and silence must not saturate"


def test_frontend_init_refuses_what_it_documents(
    build_program: Callable[..., Path], tmp_path: Path
) -> None:
    sources = [HERE / "frontend_refusals.c", *_tables(tmp_path, CONFIG)]
    program = build_program(sources, ["-I", str(tmp_path)])
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
