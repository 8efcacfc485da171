"""What fuzzing once found worth keeping, again and with every compiler: `make fuzz` finds more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fuzz_targets import FOLDER, TARGETS, build_target, unpack

INPUTS_LEAST = 50


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_meets_no_error(name: str, tmp_path: Path) -> None:
    inputs = unpack(name, tmp_path / "corpus")
    assert len(inputs) >= INPUTS_LEAST
    program = build_target(name, tmp_path, [FOLDER / "replay.c"])
    done = subprocess.run(
        [program, *inputs], capture_output=True, text=True, errors="replace", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
