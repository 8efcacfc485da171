"""Folds: each model hears its own part, and every clip counts once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from host_tools.commands import _folds
from host_tools.evaluation.recordings import Recording
from host_tools.manifest import Manifest, load_manifest
from host_tools.progress import Silent

GENERATED = Path(__file__).resolve().parents[2] / "generated"
LABELS = load_manifest(GENERATED).labels
FOLDS = 3
CLIPS_EACH = 4


def clip(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(-99, 99, 16_000, dtype=np.int16)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for training: a manifest of its own and test clips; the last clip moves on."""
    calls: list[dict[str, Any]] = []

    def train_model(recipe: Path, **arguments: Any) -> None:
        calls.append(arguments)
        fold, _ = arguments["fold"]
        arguments["out"].mkdir(parents=True)
        fields = json.loads((GENERATED / "manifest.json").read_text())
        fields["model_hash"] = f"{fold:064x}"
        (arguments["out"] / "manifest.json").write_text(json.dumps(fields))
        first = fold * (CLIPS_EACH - 1)
        for number in range(first, first + CLIPS_EACH):
            path = arguments["work"] / "test" / LABELS[0] / f"s{number}_nohash_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, clip(number), 16_000)

    def hear(
        folder: Path, manifest: Manifest, *_: object
    ) -> tuple[list[Recording], np.ndarray, tuple[float, float]]:
        paths = sorted((folder / "test" / LABELS[0]).iterdir())
        recordings = [
            Recording(path.name, 0, path.name.split("_")[0], soundfile.read(path, dtype="int16")[0])
            for path in paths
        ]
        scores = np.zeros((len(paths), len(LABELS)), np.int8)
        scores[0, 1] = 1  # each model mishears its first clip
        return recordings, scores, (2.0, 0.5)

    monkeypatch.setattr("host_tools.commands._training.train_model", train_model)
    monkeypatch.setattr(_folds, "_hear", hear)
    return calls


def test_the_decisions_of_all_folds_are_pooled_and_every_clip_counts_once(
    trained: list[dict[str, Any]], tmp_path: Path
) -> None:
    found = _folds.evaluate_folds(
        Path("r.toml"),
        FOLDS,
        data=None,
        work=tmp_path,
        quick=True,
        skip_unreadable=False,
        jobs=1,
        progress=Silent(),
    )
    assert [call["fold"] for call in trained] == [(0, FOLDS), (1, FOLDS), (2, FOLDS)]
    assert (
        len({call["work"] for call in trained}) == len({call["out"] for call in trained}) == FOLDS
    )
    assert {call["cache"] for call in trained} == {tmp_path / "cache"}
    assert [(one.fold, one.accuracy.hits, one.accuracy.trials) for one in found.folds] == [
        (number, CLIPS_EACH - 1, CLIPS_EACH) for number in (1, 2, 3)
    ]
    distinct = FOLDS * (CLIPS_EACH - 1) + 1
    (pooled,) = found.clips
    # The first clip of the later folds was heard right in the fold before, which counts.
    assert (pooled.accuracy.hits, pooled.accuracy.trials) == (distinct - 1, distinct)
    assert found.audio.speakers == distinct
    assert (found.speed.audio_s, found.speed.wall_s) == (6.0, 1.5)
