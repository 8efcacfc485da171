"""The engine's figures stay within their budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from host_tools.bench import budget, measure
from host_tools.bench.cores import BUDGET_CORES, CORES
from host_tools.commands import _bench_engine
from host_tools.errors import SottoError
from training.export.compile import compile_model

MODELS = _bench_engine.budget_models()


@pytest.mark.emulator
@pytest.mark.parametrize("core", BUDGET_CORES)
@pytest.mark.parametrize("model", MODELS)
def test_no_figure_grows(model: str, core: str) -> None:
    """A growth that is worth it: `make bench-budget`."""
    job = _bench_engine.job_for(model, MODELS[model], CORES[core].target)
    assert not budget.overruns(measure.bench(job, CORES[core]), budget.read_budget())


def test_budget_holds_exactly_what_is_tested() -> None:
    assert set(budget.read_budget()) == {(model, core) for model in MODELS for core in BUDGET_CORES}


def figures(**changed: int) -> measure.Figures:
    whole = {"instructions": 1000, "cycles": 1500, "flash_bytes": 500, "ram_bytes": 100}
    whole |= {"stack_bytes": 50, "stack_painted_bytes": 50, "macs": 10}
    ratios = {f"ratio_{name}": None for name in ("instructions", "cycles", "flash", "ram", "stack")}
    row = measure.Figures(model="m", core="c", target="t", layers=(), parts=(), **whole, **ratios)
    return replace(row, **changed)


@pytest.mark.parametrize("field", budget.FIELDS)
def test_two_percent_are_allowed_and_no_more(field: str, tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    before = figures()
    budget.write_budget([before], path)
    held = budget.read_budget(path)
    value = getattr(before, field)
    assert budget.overruns(before, held) == []
    assert budget.overruns(replace(before, **{field: value * 102 // 100}), held) == []
    more = value * 102 // 100 + 1
    words = f"m on c: {field} grew from {value:,} to {more:,}"
    assert budget.overruns(replace(before, **{field: more}), held) == [words]


def test_a_core_without_cycle_model_has_no_cycles_to_hold(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    budget.write_budget([replace(figures(), cycles=None)], path)
    assert budget.overruns(replace(figures(), cycles=None), budget.read_budget(path)) == []


def test_a_missing_budget_or_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SottoError, match="cannot read the budget"):
        budget.read_budget(tmp_path / "none.json")
    with pytest.raises(SottoError, match="no figures of m on c"):
        budget.overruns(figures(), {})


def test_the_synthesised_model_has_the_shapes_of_mlperf_tiny() -> None:
    program = compile_model(MODELS["keyword_shapes"]).program
    assert program.macs == 320_000 + 4 * (72_000 + 512_000) + 768
