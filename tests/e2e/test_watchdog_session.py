"""A board that hangs in the middle of a session: its watchdog restarts it, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from board_program import link_for_board
from conftest import LIB, ROOT
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS
from host_tools.emulator import start
from host_tools.manifest import load_manifest

GENERATED = ROOT / "generated"
CLIPS = 4
WATCHDOG_MS = 1_000

HANGS_ONCE = """
#include "sotto/model.h"
#define HAS_HUNG 0x48414E47u
__attribute__((section(".noinit"))) static volatile uint32_t mark;
int __real_sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features,
                              int8_t *scores);
int __wrap_sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features,
                              int8_t *scores);
int __wrap_sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features,
                              int8_t *scores) {
  static uint32_t calls;
  if (++calls == HANG_AT && mark != HAS_HUNG) {
    mark = HAS_HUNG;
    for (;;) {
    }
  }
  return __real_sotto_model_invoke(arena, arena_bytes, features, scores);
}
"""

pytestmark = pytest.mark.emulator


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    folder = tmp_path / "data" / load_manifest(GENERATED).labels[0]
    folder.mkdir(parents=True)
    for n in range(CLIPS):
        noise = rng.integers(-8_000, 8_000, 16_000, dtype=np.int16)
        soundfile.write(folder / f"{n}.wav", noise, 16_000)
    return folder.parent


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    """The shipped firmware for a Cortex-M7, which hangs once in its second clip."""
    manifest = load_manifest(GENERATED)
    self_test = 2 * manifest.frames // manifest.step_frames
    wrapper = tmp_path / "hangs_once.c"
    wrapper.write_text(HANGS_ONCE.replace("HANG_AT", f"{int(1.75 * self_test)}u"))
    sources = [wrapper, *(ROOT / "firmware" / "src").glob("*.c"), *GENERATED.glob("*.c")]
    sources += [path for path in (LIB / "src").rglob("*.c") if path.parent.name != "microphone"]
    flags = ["-I", str(GENERATED), "-I", str(LIB / "src"), "-Wl,--wrap=sotto_model_invoke"]
    return link_for_board(
        BOARDS["mps2_m7"], sources, tmp_path / "hangs.elf", flags, watchdog_ms=WATCHDOG_MS
    )


@pytest.mark.slow
def test_a_session_goes_on_after_the_watchdog_has_bitten(elf: Path, data: Path) -> None:
    with start(BOARDS["mps2_m7"], elf) as running:
        line = ("--port", running.url, "--json")
        validated = sotto("validate", "--data", data, "--generated", GENERATED, *line)
        assert validated.exit_code == 0, validated.output
        assert json.loads(validated.stdout)["identical_scores"] == CLIPS
        told = sotto("info", *line)
    fields = json.loads(told.stdout)
    assert fields["reset_cause"] == "watchdog"
    assert fields["watchdog_ms"] == WATCHDOG_MS
    assert fields["restarts"] == 1
    assert fields["self_test_at_start"].startswith("self-test was not run")
