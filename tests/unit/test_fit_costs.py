"""`make fit-costs`: what it is asked for, and models that sotto cannot compile."""

from __future__ import annotations

import pytest

from host_tools.bench.cores import CORES
from host_tools.commands import _fit_costs
from host_tools.errors import EXIT_USAGE


def test_a_core_that_is_not_fitted_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Cortex-M7 is benched, but runs the code of the M4F and has its factors."""
    assert _fit_costs.main(["--core", "cortex-m7"]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert "there is no core to fit 'cortex-m7'" in said
    assert "cortex-m4f, " in said


def test_a_model_that_cannot_be_compiled_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    _fit_costs.check_core(CORES["cortex-m4f"], {"broken": b"no model"}, {})
    assert "broken: left out, broken is no TensorFlow Lite model" in capsys.readouterr().out
