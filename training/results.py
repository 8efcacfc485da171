"""What a run leaves for people and for the later steps: `results.json` and test recordings."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import evaluate
from training.cache import Stage
from training.errors import UserError
from training.recipe import FrontendConfig, Recipe

RESULTS_FILE = "results.json"

_GOLDEN_SEED = 20
_GOLDEN_PEAK = 12_000
_GOLDEN_PITCH_HZ = (110, 180)
"""Pitch of each voiced golden clip at its start; it rises by half to its end."""


@dataclass(frozen=True)
class Candidate:
    """One model of the run and what it decides on the test set."""

    name: str
    form: str
    """Arithmetic: `float32` or `int8`."""
    parameters: int | None
    """None, as the operations, for an external teacher: its file does not say."""
    bytes: int
    macs: int | None
    decisions: np.ndarray
    """int64[clips]."""


def summarise(
    recipe: Recipe,
    data: dict[str, Any],
    targets: np.ndarray,
    candidates: Sequence[Candidate],
    curves: Sequence[dict[str, Any]],
    stages: Sequence[Stage],
    model_hash: str,
    tflite_sha256: str,
) -> dict[str, Any]:
    """The content of `results.json`; the last candidate is the one that is deployed.

    Args:
        recipe: what was run.
        data: facts of the sets.
        targets: int[clips] of the test set.
        candidates: in the order of the line.
        curves: one a training, with its name.
        stages: of this run.
        model_hash: of the exported files.
        tflite_sha256: of `model.tflite`.
    """
    classes = len(recipe.words.labels)
    counts = evaluate.confusion(candidates[-1].decisions, targets, classes)
    return {
        "recipe": recipe.name,
        "recipe_hash": recipe.recipe_hash,
        "labels": list(recipe.words.labels),
        "data": data,
        "models": [_row(candidate, targets) for candidate in candidates],
        "curves": list(curves),
        "confusion": {"labels": list(recipe.words.labels), "counts": counts.tolist()},
        "stages": [
            {"name": s.name, "key": s.key, "reused": s.reused, "seconds": round(s.seconds, 3)}
            for s in stages
        ],
        "model_hash": model_hash,
        "tflite_sha256": tflite_sha256,
    }


def _row(candidate: Candidate, targets: np.ndarray) -> dict[str, Any]:
    reached = evaluate.accuracy(candidate.decisions, targets)
    row = {key: value for key, value in vars(candidate).items() if key != "decisions"}
    return row | {
        "accuracy": reached.value,
        "clips": reached.clips,
        "low": reached.low,
        "high": reached.high,
    }


def held_back(path: Path, recipe_hash: str) -> dict[str, Any] | None:
    """What an earlier run of a recipe, which held speakers back, reached on them.

    Args:
        path: `results.json`, of that run or of one on everyone that came after it.
        recipe_hash: of the recipe.

    Returns:
        its entries `data`, `models`, `model_hash` and `tflite_sha256`; None where there was no such
        run.

    Raises:
        UserError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            f"{path} is damaged: {error}", "Remove it, and train without --everyone first."
        ) from error
    if earlier["recipe_hash"] != recipe_hash:
        return None
    if "held_back" in earlier:
        return earlier["held_back"]
    return {key: earlier[key] for key in ("data", "models", "model_hash", "tflite_sha256")}


def write_clips(
    folder: Path,
    pcm: np.ndarray,
    targets: np.ndarray,
    names: Sequence[str],
    labels: Sequence[str],
    sample_rate_hz: int,
) -> None:
    """Write clips int16[clips, samples] as `<folder>/<label>/<name>.wav`, replacing the folder.

    A name is cut at its first dot; clips that share one are told apart by `-2`, `-3`, ...
    The folder is built beside its place and then renamed, so it is never seen half-written.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for clip, target, name in zip(pcm, targets, names, strict=True):
        label = labels[int(target)]
        stem = name.removeprefix(f"{label}/").replace("/", "-").split(".")[0]
        path = partial / label / f"{stem}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        others = 1
        while path.exists():  # `a.wav` beside `a.flac`, `take.1.wav` beside `take.2.wav`
            others += 1
            path = path.with_name(f"{stem}-{others}.wav")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(clip.itemsize)
            file.setframerate(sample_rate_hz)
            file.writeframes(clip.astype("<i2").tobytes())
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def golden_pcm(frontend: FrontendConfig) -> np.ndarray:
    """int16[2, clip_samples]: buzzing "syllables" in noise for the chip's self-test.

    Made from integers alone, so every machine makes the same bytes; nobody's voice is in it.
    """
    rng = np.random.default_rng(_GOLDEN_SEED)
    samples, rate_hz = frontend.clip_samples, frontend.sample_rate_hz
    time = np.arange(samples, dtype=np.int64)
    clips = []
    for pitch_hz in _GOLDEN_PITCH_HZ:
        cycles = pitch_hz * time * (4 * samples + time) // (4 * samples)
        buzz = cycles % rate_hz * (2 * _GOLDEN_PEAK) // rate_hz - _GOLDEN_PEAK
        loud = rng.integers(0, 9, size=samples // 1600 + 1).repeat(1600)[:samples]
        noise = rng.integers(-_GOLDEN_PEAK, _GOLDEN_PEAK, size=samples)
        clips.append((buzz * loud + noise * (8 - loud)) // 16)
    return np.stack(clips).astype(np.int16)
