"""The figures of the documents and README.md are those that the budget holds."""

from __future__ import annotations

import json
import re

import pytest

from host_tools.bench import budget, document
from host_tools.bench.baselines import FRONTEND
from host_tools.bench.build import ROOT
from host_tools.bench.measure import Figures, Layer
from host_tools.commands._bench_engine import frames_per_s
from host_tools.sizes import Part

HELD = [key for key in budget.read_budget() if key[0] in document.TITLES]
RENEW = "figures of the budget and of the documents differ: make bench-budget"


@pytest.mark.parametrize(("model", "core"), HELD)
def test_the_table_has_the_figures_of_the_budget(model: str, core: str) -> None:
    row = document.figures_row(model, core, budget.read_budget()[model, core])
    assert row in document.DOCUMENT.read_text(encoding="utf-8").splitlines(), RENEW


def test_the_readme_has_the_instructions_of_the_budget() -> None:
    held = budget.read_budget()[document.SHIPPED, document.TEXT_CORE]["instructions"]
    (line,) = document.README_LINE.findall(document.README.read_text(encoding="utf-8"))
    assert f"{held:,} instructions" in line, RENEW


def test_the_models_page_has_the_instructions_of_the_budget() -> None:
    held = budget.read_budget()
    manifest = json.loads((ROOT / "generated/manifest.json").read_text(encoding="utf-8"))
    sentence = document.step_sentence(
        held[FRONTEND, document.TEXT_CORE]["instructions"],
        held[document.SHIPPED, document.TEXT_CORE],
        manifest["input"]["step_frames"],
        frames_per_s(),
    )
    found = document.STEP_SENTENCE.findall(document.MODELS.read_text(encoding="utf-8"))
    assert found == [sentence], RENEW


def _figures() -> Figures:
    """New figures of a model that the document shows by layer."""
    model, core = document.BY_LAYER
    counts = dict(zip(document.FIELDS, (1_234, 2_345, 345, 45, 5), strict=True))
    ratios = {f"ratio_{name}": None for name in document.RATIOS} | {"ratio_flash": 0.25}
    layers = (Layer("PAD", "1 -> 2", "pad", 0, 34, 50), Layer("CONV_2D", "2", "c", 1_200, 1_200, 9))
    parts = (Part("kernels", 3_000, 0), Part("tables", 345, 0))
    others = {"stack_painted_bytes": 5, "macs": 1_200, "parts": parts}
    return Figures(model, core, "dsp", layers=layers, **counts, **ratios, **others)


def test_rows_of_a_model_are_replaced_and_nothing_else() -> None:
    before = document.DOCUMENT.read_text(encoding="utf-8")
    after = document.update(before, [_figures()])
    new = set(after.splitlines()) - set(before.splitlines())
    assert new == {
        "| MLPerf Tiny's keyword model | cortex-m4f | 1,234 | 2,345 | 345 | 45 | 5 |",
        "| MLPerf Tiny's keyword model | cortex-m4f | | | 0.250 | | |",
        "| PAD 1 -> 2 | 0 | 34 | | 50 | |",
        "| CONV_2D 2 | 1,200 | 1,200 | 1.000 | 9 | 0.007 |",
        "Its flash in bytes: kernels 3,000, tables 345.",
    }
    shown = r"^\| (MLPerf Tiny's keyword model \| cortex-m4f \||[A-Z_]+2?D? )"
    _, flash, rest = before.partition("Its flash in bytes:")
    kept = [line for line in before.splitlines() if not re.match(shown, line)]
    lost = set(kept) - set(after.splitlines())
    assert lost == set((flash + rest.partition(".")[0] + ".").split("\n"))
    assert document.update(after, [_figures()]) == after
