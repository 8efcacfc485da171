"""`make bench-engine`: figures that are measured, exact and good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from model_builder import keyword_model

from host_tools.commands import _bench_engine
from host_tools.errors import SottoError

pytestmark = pytest.mark.emulator
M4F, M4F_PORTABLE, M3 = _bench_engine.CORES


def test_packed_kernels_take_a_fraction_of_the_instructions() -> None:
    """`bench` itself compares the scores with TFLite-Micro's."""
    packed = _bench_engine.bench("tiny", keyword_model(), M4F)
    portable = _bench_engine.bench("tiny", keyword_model(), M4F_PORTABLE)
    assert packed.instructions < portable.instructions / 4
    assert packed.instructions == _bench_engine.bench("tiny", keyword_model(), M4F).instructions
    assert packed.ratio_instructions is None


def test_wrong_scores_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bench_engine, "bench_input", lambda count: bytes(np.full(count, 9, "u1")))
    with pytest.raises(SottoError, match="tiny on Cortex-M3 computes"):
        _bench_engine.bench("tiny", keyword_model(), M3)


def test_report_holds_every_core(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench" / "engine.json"
    assert _bench_engine.main(["--out", str(out), "--models", str(tmp_path)]) == 0
    rows = json.loads(out.read_text())
    assert [(row["model"], row["core"]) for row in rows] == [
        ("shipped", core.name) for core in _bench_engine.CORES
    ]
    table = capsys.readouterr().out
    for row in rows:
        assert min(row[k] for k in ("instructions", "flash_bytes", "ram_bytes", "stack_bytes")) > 0
        assert f"{row['instructions']:,} instructions" in table
