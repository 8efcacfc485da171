"""`sotto arena`: what it prints, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from model_builder import keyword_model
from typer.testing import CliRunner

from host_tools.cli import app

ROOT = Path(__file__).resolve().parents[2]


def sotto(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["arena", *map(str, arguments)], env={"COLUMNS": "120"})
    return result.exit_code, result.stdout, result.stderr


def test_explains_a_file(tmp_path: Path) -> None:
    model = tmp_path / "tiny.tflite"
    model.write_bytes(keyword_model())
    exit_code, text, _ = sotto(model, "--json")
    assert exit_code == 0
    report = json.loads(text)
    assert report["model"] == "tiny"
    assert report["use"]["head_bytes"] + report["use"]["tail_bytes"] < report["arena_bytes"]


def test_explains_the_shipped_model_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    manifest = json.loads((ROOT / "generated" / "manifest.json").read_text())
    exit_code, text, _ = sotto()
    assert exit_code == 0
    assert f"an arena of {manifest['tflm_arena_bytes']:,} bytes" in text
    assert f"resolver: {', '.join(manifest['tflm_operators'])}" in " ".join(text.split())


def test_refuses_two_models_none_and_nonsense(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"no model at all")
    cases = [
        ((damaged, "--generated", tmp_path), "Name one of them"),
        ((tmp_path / "none.tflite",), "does not exist"),
        (("--generated", tmp_path), "sotto export"),
        ((damaged,), "no TensorFlow Lite model"),
    ]
    for arguments, words in cases:
        exit_code, _, talk = sotto(*arguments)
        assert exit_code == 2
        assert words in " ".join(talk.split())
