"""The whole line, one stage after the other: from words to a quantised model and its C.

Every stage is kept in a cache under what it follows from, so a second run repeats only what
changed, and a run that was broken off continues where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training import evaluate, models
from training.audio.corpus import Corpus, scan
from training.audio.corrections import NO_CORRECTIONS, load_corrections
from training.audio.splits import MIN_FOLDS
from training.cache import Cache, Stage
from training.compress import quantise
from training.compress.stages import Bench, begin_trained, compress_student
from training.compress.student import load_student
from training.errors import UserError
from training.export import Manifest, check_arguments, export_model
from training.export.detection import chosen_detection
from training.external import ExternalTeacher
from training.files import write_atomically
from training.progress import Progress, Silent
from training.quick import quick as quick_recipe
from training.recipe import Recipe
from training.results import (
    RESULTS_FILE,
    Candidate,
    golden_pcm,
    held_back,
    summarise,
    write_clips,
)
from training.runtime import keras
from training.stages import CORPUS, CURVE_FILE, Line, source
from training.teaching.answers import mean_logits
from training.teaching.lessons import prepare, students
from training.teaching.sources import Source
from training.teaching.stages import open_teachers
from training.train import predict

FLOAT_BYTES = 4


@dataclass(frozen=True)
class RunResult:
    """What a run made."""

    results: dict[str, Any]
    """The content of `results.json`; docs/training.md says what each entry means."""
    manifest: Manifest
    work_dir: Path
    out_dir: Path


def run(
    recipe: Recipe,
    data: Path | None,
    work_dir: Path,
    out_dir: Path,
    quick: bool = False,
    progress: Progress | None = None,
    skip_unreadable: bool = False,
    cache_dir: Path | None = None,
    recipe_folder: Path = Path(),
    everyone: bool = False,
) -> RunResult:
    """Train, quantise and export.

    Args:
        recipe: what to make.
        data: folder of recordings; None for a recipe that synthesises its speech.
        work_dir: gets `results.json`, `model.tflite` and the test set as `test/`.
        out_dir: gets the generated C.
        quick: shorten the training to a few minutes.
        progress: shows what happens.
        skip_unreadable: leave out recordings that cannot be read instead of stopping.
        cache_dir: finished stages, which several recipes may share; by default `cache/` in
            `work_dir`.
        recipe_folder: where the recipe's relative paths count from.
        everyone: train the weights to ship, on the clips of all speakers. What the results say of
            the test set is then no accuracy; that of a run of the same recipe in the same
            `work_dir` before, which held speakers back, is kept beside it as `held_back`.

    Raises:
        UserError: everyone in a recipe of folds, a name, words, a front-end or a compression that
            cannot be exported, no recordings, recordings that cannot be used, or another run at
            work here.
    """
    if everyone and recipe.data.folds >= MIN_FOLDS:
        raise UserError(
            f"nobody is left to test fold {recipe.data.fold + 1} of {recipe.data.folds} on",
            "Train on everyone with folds = 0, or leave out --everyone.",
        )
    golden = golden_pcm(recipe.frontend)
    check_arguments(recipe.name, recipe.words.labels, recipe.frontend, golden)
    _check_deployable(recipe)
    recipe = quick_recipe(recipe) if quick else recipe
    cache = Cache(cache_dir or work_dir / "cache", progress or Silent())
    foreign = open_teachers(recipe, recipe_folder)
    line = Line(recipe, cache, recipe_folder, skip_unreadable, everyone)
    corpus = recordings(recipe, data, line)
    clips = line.data(corpus)
    bank = line.bank(clips, recipe.augment)
    lessons = prepare(line, clips, bank)
    plain = recipe.distillation.baseline
    baseline = (line.student(clips, (Source(bank),)),) if plain else ()
    *earlier, distilled = students(line, lessons)
    bench = Bench(line, clips, lessons.sources)
    compressed = _compressed(bench, distilled) if recipe.compress else None
    integer = compressed or line.int8(clips, lessons.sources, distilled)

    tflite = (integer.folder / "model.tflite").read_bytes()
    features = np.load(bank.folder / "test.npy")
    targets = np.load(clips.folder / "test_targets.npy")
    facts = {"source": source(corpus), **json.loads((clips.folder / "facts.json").read_text())}
    pcm = np.load(clips.folder / "test_pcm.npy")
    candidates = _teachers(line, lessons.teachers, foreign, features, pcm)
    others = [(stage, "student, labels only") for stage in baseline]
    others += [(stage, f"student, round {n + 1}") for n, stage in enumerate(earlier)]
    for stage, name in (*others, (distilled, "student, distilled")):
        model = line.trained(recipe.student, stage)
        candidates.append(_float_candidate(name, model, predict(model, features)))
    learned = line.learned(recipe.student, distilled)
    if learned.input_shape[1] is None:
        candidates.append(_in_stream(candidates[-1], learned, features))
    if compressed is not None:
        smaller = load_student(compressed.folder).network
        heard = predict(smaller, features)
        candidates.append(_float_candidate("student, compressed", smaller, heard))
    candidates.append(_int8_candidate(candidates[-1], tflite, features))
    names = facts["test"]["names"]
    rate_hz = recipe.frontend.sample_rate_hz
    write_clips(work_dir / "test", pcm, targets, names, recipe.words.labels, rate_hz)
    write_atomically(work_dir / "model.tflite", tflite)
    tflite_sha256 = hashlib.sha256(tflite).hexdigest()
    on_strangers = held_back(work_dir / RESULTS_FILE, recipe.recipe_hash) if everyone else None
    manifest = export_model(
        tflite,
        name=recipe.name,
        labels=recipe.words.labels,
        frontend=recipe.frontend,
        golden_pcm=golden,
        out_dir=out_dir,
        detection=chosen_detection(
            work_dir,
            tflite_sha256,
            recipe.words.labels,
            recipe.detection,
            on_strangers["tflite_sha256"] if on_strangers else None,
        ),
    )
    for name in ("train", "validation", "test"):
        del facts[name]["names"]
    curves = [
        _curve(stage)
        for stage in (*lessons.teachers, *baseline, *earlier, distilled, integer)
        if (stage.folder / CURVE_FILE).is_file()
    ]
    results = summarise(
        recipe,
        facts,
        targets,
        candidates,
        curves,
        cache.stages,
        manifest.model_hash,
        tflite_sha256,
    )
    if everyone:
        results["held_back"] = on_strangers
    write_atomically(work_dir / RESULTS_FILE, json.dumps(results, indent=1).encode())
    return RunResult(results, manifest, work_dir, out_dir)


def _check_deployable(recipe: Recipe) -> None:
    """Refuse steps whose model the export would refuse after all the training."""
    for step in recipe.compress:
        if step.needs:
            raise UserError(
                f"the step '{step.step}' of the recipe '{recipe.name}' makes a model that needs "
                f"{step.needs}, which sotto does not have yet",
                "Leave it out, or measure it with `sotto compress`.",
            )


def _compressed(bench: Bench, student: Stage) -> Stage:
    """The stage of the recipe's last compression step."""
    start = begin_trained(bench, student)
    return compress_student(bench, start, bench.line.recipe.compress)[-1]


def recordings(recipe: Recipe, data: Path | None, line: Line) -> Corpus:
    """The clips of a folder, or those that are spoken for the recipe, with its corrections.

    Args:
        recipe: whose words count.
        data: the folder; None for a recipe that synthesises its speech.
        line: of the recipe.

    Raises:
        UserError: no recordings, or such as cannot be used.
    """
    if data is None and not recipe.synthesis.enabled:
        raise UserError(
            f"the recipe '{recipe.name}' needs recordings",
            "Give their folder with --data, or set synthesis.enabled = true in the recipe.",
        )
    named = recipe.data.corrections
    corrections = load_corrections(line.folder / named) if named else NO_CORRECTIONS
    return scan(data or line.speech().folder / CORPUS, recipe.words, corrections)


def _teachers(
    line: Line,
    stages: Sequence[Stage],
    foreign: Sequence[ExternalTeacher],
    features: np.ndarray,
    pcm: np.ndarray,
) -> list[Candidate]:
    """Each teacher, and where there are several the mean of their log probabilities."""
    candidates: list[Candidate] = []
    said: list[np.ndarray] = []
    for config, stage in zip(line.recipe.teachers, stages, strict=True):
        model = line.trained(config, stage)
        said.append(predict(model, features))
        name = f"teacher {config.architecture}"
        taken = sum(one.name.startswith(name) for one in candidates)
        candidates.append(
            _float_candidate(f"{name} {taken + 1}" if taken else name, model, said[-1])
        )
    for outside, teacher in zip(line.recipe.external_teachers, foreign, strict=True):
        said.append(teacher.logits(pcm if teacher.hears == "pcm" else features))
        path = line.folder / outside.path
        files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
        known = np.nan_to_num(said[-1], nan=-np.inf)
        candidates.append(
            Candidate(
                name=f"external teacher {path.stem}",
                form=teacher.network.source.dtype,
                parameters=None,
                bytes=sum(one.stat().st_size for one in files),
                macs=None,
                decisions=evaluate.decide(known),
            )
        )
    if len(candidates) > 1:
        together = Candidate(
            name="teachers together",
            form="float32",
            parameters=_sum([one.parameters for one in candidates]),
            bytes=sum(one.bytes for one in candidates),
            macs=_sum([one.macs for one in candidates]),
            decisions=evaluate.decide(mean_logits(said)),
        )
        candidates.append(together)
    return candidates


def _sum(counts: Sequence[int | None]) -> int | None:
    """None where one is not known."""
    known = [one for one in counts if one is not None]
    return sum(known) if len(known) == len(counts) else None


def _float_candidate(name: str, model: keras.Model, logits: np.ndarray) -> Candidate:
    parameters = models.deployed_parameters(model)
    return Candidate(
        name=name,
        form="float32",
        parameters=parameters,
        bytes=parameters * FLOAT_BYTES,
        macs=models.count_macs(model),
        decisions=evaluate.decide(logits),
    )


def _in_stream(clip_wise: Candidate, model: keras.Model, features: np.ndarray) -> Candidate:
    """The same network without a reset: every clip follows the one before it in the test set."""
    heard = np.concatenate([np.roll(features, 1, axis=0), features], axis=1)
    decisions = evaluate.decide(predict(model, heard))
    return replace(clip_wise, name=f"{clip_wise.name}, after another clip", decisions=decisions)


def _int8_candidate(source: Candidate, tflite: bytes, features: np.ndarray) -> Candidate:
    logits = quantise.int8_logits(tflite, features)
    return Candidate(
        name="student, int8",
        form="int8",
        parameters=source.parameters,
        bytes=len(tflite),
        macs=source.macs,
        decisions=evaluate.decide(logits),
    )


def _curve(stage: Stage) -> dict[str, Any]:
    return {"name": stage.name, **json.loads((stage.folder / CURVE_FILE).read_text())}
