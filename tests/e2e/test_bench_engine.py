"""`make bench-engine`: figures that are measured, exact and good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from model_builder import Layers, keyword_model

from host_tools.commands import _bench_engine
from host_tools.errors import SottoError
from training.export.compile import compile_model
from training.export.dsp.params import (
    AddDspParams,
    DepthwiseDspParams,
    DepthwiseRowsDspParams,
    MatrixDspParams,
)
from training.export.graph import ArithmeticOptions
from training.export.targets import find_target
from training.export.tflite_writer import write_tflite

pytestmark = pytest.mark.emulator
M4F, M4F_PORTABLE, M3 = _bench_engine.CORES


def every_packed_kernel_model() -> bytes:
    """All kernels of sotto/nn_dsp.h, with odd channels and rows of all lengths modulo 6."""
    b = Layers(seed=8)
    source = b.tensor((1, 25, 23, 1), 1 / 16)
    x = b.convolution(source, 33, 3)
    x = b.convolution(x, 33, 3, 2, multiplier=1)  # 13 x 12, rows of stride 2
    x = b.convolution(x, 30, 1)
    down = b.convolution(x, 30, 3, multiplier=1)  # rows of stride 1
    x = b.convolution(down, 30, 5, multiplier=1)  # not three columns
    x = b.operator("ADD", [down, x], b.same(down, 0.07), ArithmeticOptions())
    x = b.convolution(x, 6, 3, 3)
    x = b.convolution(x, 6, 3, multiplier=1)
    return write_tflite(b.build([source], [b.convolution(b.mean(x), 5, 1, logits=True)]))


@pytest.mark.parametrize("core", [M4F, M3], ids=lambda core: core.name)
def test_every_packed_kernel_on_the_instructions_themselves(core: _bench_engine.Core) -> None:
    program = compile_model(every_packed_kernel_model(), target=find_target("dsp")).program
    kinds = {type(call.params) for call in program.calls}
    assert {MatrixDspParams, DepthwiseDspParams, DepthwiseRowsDspParams, AddDspParams} <= kinds
    strides = {c.params.stride_width for c in program.calls if hasattr(c.params, "plane_pairs")}
    assert strides == {1, 2}
    assert _bench_engine.bench("every", every_packed_kernel_model(), core).instructions > 0


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
