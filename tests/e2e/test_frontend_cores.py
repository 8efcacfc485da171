"""The front-end's stages on emulated cores, with their own instructions: the host's numbers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import FRONTEND_SOURCES, FRONTEND_VARIANTS, ROOT

from host_tools.bench.build import MODEL, build
from host_tools.bench.cores import CORES, XTENSA, Core
from host_tools.bench.trace import run
from training.export.frontend_c import frontend_sources
from training.frontend_tables import build_tables
from training.recipe import FrontendConfig

pytestmark = pytest.mark.emulator
C_TESTS = ROOT / "tests" / "c"
STAGES = ("window", "fft", "power", "features")
RADIX_4_FIRST = FrontendConfig()
RADIX_2_FIRST = FrontendConfig(window_samples=200, hop_samples=100, fft_samples=256, mel_bins=16)
CASES = [
    *((core, RADIX_4_FIRST) for core in (*CORES.values(), XTENSA)),
    (CORES["cortex-m4f"], RADIX_2_FIRST),
]


def _expected(generated: Path, build_shared: Callable[..., ctypes.CDLL]) -> dict[str, int]:
    """The digests that the portable stages give on this computer."""
    flags = [*FRONTEND_VARIANTS["portable"], "-I", str(generated)]
    library = build_shared([*generated.glob("*.c"), *FRONTEND_SOURCES], flags)
    digests = np.zeros(len(STAGES), np.uint32)
    library.frontend_digest(ctypes.c_void_p(digests.ctypes.data))
    return dict(zip(STAGES, digests.tolist(), strict=True))


@pytest.mark.parametrize(
    ("core", "config"), CASES, ids=[f"{core.name}-{config.fft_samples}" for core, config in CASES]
)
def test_every_stage_gives_the_portable_bits(
    core: Core, config: FrontendConfig, build_shared: Callable[..., ctypes.CDLL], tmp_path: Path
) -> None:
    generated = tmp_path / MODEL
    generated.mkdir()
    for file, text in frontend_sources(build_tables(config), "/* test */").items():
        (generated / file).write_text(text, encoding="utf-8")
    (generated / "digest.c").write_text(f'#include "{C_TESTS / "frontend_digest.c"}"\n')
    elf = build(core, str(C_TESTS / "frontend_digest_board.c"), tmp_path)
    digests = np.frombuffer(bytes.fromhex(run(core, elf).split()[-1]), "<u4").tolist()
    assert dict(zip(STAGES, digests, strict=True)) == _expected(generated, build_shared)
