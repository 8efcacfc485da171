"""The table of docs/models.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from model_builder import keyword_model

from training.export.bench_model import temporal_model
from training.model_table import Row, main, row_of, table
from training.recipe import FrontendConfig


def test_a_stream_is_counted_by_the_second() -> None:
    """By hand: the first layer for each frame, all others for a hop of two."""
    row = row_of("tiny", temporal_model(8, 12), FrontendConfig())
    hop = 2 * 40 * 8 + 5 * 8 + 8 * 12 + 4 * (5 * 12 + 12 * 12) + 12 * 12
    assert row.second_macs == 25 * hop
    assert row.window_macs == 24 * (hop - 144) + 144 + 40 * 8
    weights = 40 * 8 + 5 * 8 + 8 * 12 + 4 * (5 * 12 + 12 * 12) + 12 * 12
    assert row.parameters == weights + 8 + 8 + 12 + 4 * 24 + 12
    assert row.state_bytes == 5 * 8 + (5 + 9 + 17 + 17 + 24) * 12
    assert set(row.flash_bytes) == {"portable", "dsp", "mve"}


def test_a_network_over_a_window_has_no_figure_a_second() -> None:
    row = row_of("window", keyword_model(), FrontendConfig())
    assert (row.second_macs, row.state_bytes) == (None, 0)
    assert "| window | " in table([row])
    assert " | - | 0 | " in table([row])


def test_the_table_is_markdown() -> None:
    row = Row("a", 1_000, 2_000, 3_000, 40, {"portable": 5, "dsp": 6, "mve": 7}, "96 %")
    assert table([row]).splitlines()[2] == "| a | 1,000 | 2,000 | 3,000 | 40 | 5 | 6 | 7 | 96 % |"


def test_accuracy_comes_from_the_run_beside_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.tflite").write_bytes(temporal_model(8, 12))
    deployed = {"accuracy": 0.951, "low": 0.94, "high": 0.96, "clips": 1_234}
    results = {"recipe": "kitchen", "models": [{"accuracy": 0.5}, deployed]}
    (tmp_path / "results.json").write_text(json.dumps(results))
    assert main([str(tmp_path / "model.tflite")]) == 0
    printed = capsys.readouterr().out
    assert "| kitchen | " in printed
    assert "95.1 % (94.0 to 96.0) of 1,234 clips" in printed


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no.tflite"]) == 2
    assert "no.tflite is no file" in capsys.readouterr().err
