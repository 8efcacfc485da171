"""What `sotto compile` estimates is what the emulator measures, within the stated error."""

from __future__ import annotations

import pytest
from conftest import ROOT

from host_tools.bench import measure
from host_tools.bench.cores import CORES as MEASURED
from host_tools.commands._bench_engine import compile_job
from training.export.bench_model import keyword_shapes_model
from training.export.compile import compile_model
from training.export.cores import CORES
from training.export.costs import STATED_ERROR
from training.export.describe import describe
from training.export.regenerate import read_exported_tflite

pytestmark = pytest.mark.emulator


@pytest.mark.parametrize("core", ["cortex-m4f", "cortex-m3", "cortex-m55"])
def test_estimate_of_the_shipped_model(core: str) -> None:
    """The factors were fitted to other networks; `make fit-costs` fits them anew."""
    tflite = read_exported_tflite(ROOT / "generated")
    check(tflite, core)


def test_estimate_of_a_foreign_network() -> None:
    check(keyword_shapes_model(), "cortex-m4f")


def check(tflite: bytes, core: str) -> None:
    figures = describe(compile_model(tflite, target=CORES[core].target), CORES[core])
    target = MEASURED[core].target
    assert target == CORES[core].target.name
    measured = measure.bench(compile_job("model", tflite, target), MEASURED[core]).instructions
    assert figures.instructions == pytest.approx(measured, rel=STATED_ERROR)
