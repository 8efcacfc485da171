"""Cross-validation by speaker: trains one model a fold and pools what they hear."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from host_tools.commands._options import ROOT
from host_tools.manifest import Manifest, load_manifest
from host_tools.progress import Progress

if TYPE_CHECKING:
    from host_tools.evaluation.recordings import Recording
    from host_tools.evaluation.result import Evaluation, Fold

CACHE = "cache"
"""One for all folds, since most of the speech is the same."""


def evaluate_folds(
    recipe: Path,
    folds: int,
    *,
    data: Path | None,
    work: Path,
    quick: bool,
    skip_unreadable: bool,
    jobs: int,
    progress: Progress,
) -> Evaluation:
    """Train `folds` models and let each hear the speakers that it was not trained on.

    Finished stages and folds are kept in `work`, so that the same call goes on where it was.

    Returns:
        The decisions on all clips together, each clip heard once.
    """
    from host_tools.evaluation.clips import decide, sum_up_clips
    from host_tools.evaluation.conditions import CLEAN
    from host_tools.evaluation.result import AudioFacts, Evaluation, ModelFacts, Speed

    heard: dict[tuple[int, int], tuple[Recording, int]] = {}
    found: list[Fold] = []
    manifest: Manifest | None = None
    scores_folder = work / "scores"
    audio_s = wall_s = 0.0
    for number in range(folds):
        folder = work / f"fold-{number + 1}"
        progress.note(f"fold {number + 1} of {folds}")
        manifest = _train(recipe, (number, folds), folder, data, quick, skip_unreadable, progress)
        recordings, scores, times = _hear(folder, manifest, scores_folder, jobs, progress)
        decisions = decide(scores)
        found.append(_fold(number, manifest, recordings, decisions))
        audio_s, wall_s = audio_s + times[0], wall_s + times[1]
        for one, decision in zip(recordings, decisions, strict=True):
            # A speaker that had to move stands in two folds: the first one counts.
            heard.setdefault((one.label, one.checksum), (one, int(decision)))
    assert manifest is not None
    pooled = [one for one, _ in heard.values()]
    decided = np.array([decision for _, decision in heard.values()])
    labels = manifest.labels
    return Evaluation(
        model=ModelFacts(
            name=f"{manifest.name}, {folds} folds",
            model_hash=manifest.model_hash,
            labels=labels,
            form="one model a fold",
            step_ms=0.0,
            heard_by="host program",
        ),
        audio=AudioFacts(
            data=str(data or recipe),
            clips=len(pooled),
            speakers=len({one.speaker for one in pooled if one.speaker}),
            negatives=0,
            stream_hours=0.0,
            negative_hours=0.0,
            distinct_hours=0.0,
            resolvable_per_hour=None,
        ),
        clips=(sum_up_clips(f"{CLEAN.name}, out of fold", pooled, decided, len(labels)),),
        chosen=None,
        streams=(),
        speed=Speed(audio_s, wall_s, audio_s / wall_s if wall_s else None, jobs),
        folds=tuple(found),
    )


def _train(
    recipe: Path,
    fold: tuple[int, int],
    folder: Path,
    data: Path | None,
    quick: bool,
    skip_unreadable: bool,
    progress: Progress,
) -> Manifest:
    from host_tools.commands._training import train_model

    generated = folder / "generated"
    train_model(
        recipe,
        data=data,
        work=folder,
        cache=folder.parent / CACHE,
        out=generated,
        quick=quick,
        skip_unreadable=skip_unreadable,
        progress=progress,
        fold=fold,
    )
    return load_manifest(generated)


def _hear(
    folder: Path, manifest: Manifest, scores_folder: Path, jobs: int, progress: Progress
) -> tuple[list[Recording], np.ndarray, tuple[float, float]]:
    """The test clips of a fold, their scores, and the seconds of audio and of work."""
    from host_tools.evaluation.conditions import CLEAN
    from host_tools.evaluation.listen import Listener
    from host_tools.evaluation.noise import NoiseSource
    from host_tools.evaluation.program import build_program
    from host_tools.evaluation.recordings import load_labelled
    from host_tools.evaluation.store import ScoreStore

    recordings = load_labelled(
        folder / "test", manifest, limit=None, skip_unreadable=False, progress=progress
    )
    program = build_program(manifest.path.parent, ROOT)
    stride = program.geometry.frames
    listener = Listener(program, stride, ScoreStore(scores_folder), jobs, progress)
    scores = listener.clips(recordings, CLEAN, NoiseSource([], manifest.sample_rate_hz))
    return recordings, scores, (listener.work.audio_s, listener.work.wall_s)


def _fold(
    number: int, manifest: Manifest, recordings: Sequence[Recording], decisions: np.ndarray
) -> Fold:
    from host_tools.evaluation.intervals import share
    from host_tools.evaluation.result import Fold

    right = sum(int(one.label == d) for one, d in zip(recordings, decisions, strict=True))
    return Fold(number + 1, manifest.model_hash, share(right, len(recordings)))
