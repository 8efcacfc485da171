"""Compression of a trained student step by step, each step a cached stage.

A run that was broken off continues with the step that it was in, and lists of steps that begin
alike share what they have in common.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training import models, train
from training.cache import Cache, Stage
from training.compress.stages import (
    CODE,
    Bench,
    begin,
    begin_trained,
    compress_student,
    report_of,
)
from training.compress.student import NETWORK_FILE
from training.errors import UserError
from training.files import write_atomically
from training.pipeline import recordings
from training.progress import Progress, Silent
from training.quick import quick as quick_recipe
from training.recipe import Recipe
from training.recipe_compress import StepConfig
from training.runtime import keras, tf
from training.stages import MODEL_FILE, Line
from training.teaching import answers, lessons
from training.teaching.sources import Source, write_logits
from training.teaching.stages import open_teachers

RESULTS_FILE = "compression.json"


def run(
    recipe: Recipe,
    steps: Sequence[StepConfig],
    data: Path | None,
    work_dir: Path,
    out_dir: Path,
    *,
    model: Path | None = None,
    quick: bool = False,
    progress: Progress | None = None,
    skip_unreadable: bool = False,
    cache_dir: Path | None = None,
    recipe_folder: Path = Path(),
) -> dict[str, Any]:
    """Compress the student of a recipe, or a network from elsewhere.

    Args:
        recipe: words, clips, and the student with its lessons.
        steps: in their order.
        data: folder of recordings; None for a recipe that synthesises its speech.
        work_dir: has `cache/`.
        out_dir: gets `model.tflite`, `network.h5` and `compression.json`.
        model: file of a Keras network that takes the recipe's features and gives logits; it teaches
            what is made of it, beside the labels. None trains the recipe's student.
        quick: shorten the training to a few minutes.
        progress: shows what happens.
        skip_unreadable: leave out recordings that cannot be read instead of stopping.
        cache_dir: in place of `cache/`.
        recipe_folder: where the recipe's relative paths count from.

    Returns:
        recipe, its hash, the figures before, and the report of each step.

    Raises:
        UserError: no steps, a network or a step that cannot be used, or as `training.pipeline.run`.
    """
    if not steps:
        raise UserError(
            f"the recipe '{recipe.name}' has no [[compress]]", 'Give --steps "prune share=0.5".'
        )
    recipe = quick_recipe(recipe) if quick else recipe
    cache = Cache(cache_dir or work_dir / "cache", progress or Silent())
    cache.freeze(*CODE)
    line = Line(recipe, cache, recipe_folder, skip_unreadable)
    if model is None:
        open_teachers(recipe, recipe_folder)
        bench, start = of_recipe(line, data)
    else:
        bench, start = of_network(line, data, model)
    stages = compress_student(bench, start, steps)
    reports = [report_of(stage) for stage in stages]
    results = {
        "recipe": recipe.name,
        "recipe_hash": recipe.recipe_hash,
        "network": str(model or recipe.name),
        "before": report_of(start)["after"],
        "steps": reports,
    }
    for name in (MODEL_FILE, NETWORK_FILE):
        write_atomically(out_dir / name, (stages[-1].folder / name).read_bytes())
    write_atomically(out_dir / RESULTS_FILE, json.dumps(results, indent=1).encode())
    return results


def of_recipe(line: Line, data: Path | None) -> tuple[Bench, Stage]:
    """The trained student of a recipe, ready to be compressed."""
    clips = line.data(recordings(line.recipe, data, line))
    taught = lessons.prepare(line, clips, line.bank(clips, line.recipe.augment))
    student = lessons.students(line, taught)[-1]
    bench = Bench(line, clips, taught.sources)
    return bench, begin_trained(bench, student)


def of_network(line: Line, data: Path | None, path: Path) -> tuple[Bench, Stage]:
    """A network from a file, which teaches the smaller ones.

    Raises:
        UserError: it cannot be read, or takes or gives something else.
    """
    network = _open(path, line)
    clips = line.data(recordings(line.recipe, data, line))
    bank = line.bank(clips, line.recipe.augment)

    def build(folder: Path) -> None:
        hear = train.predictor(network)
        write_logits(folder, bank, hear, line.classes, line.progress, path.name)

    said = line.cache.stage(
        "uncompressed-logits",
        build,
        code=(models, train, answers),
        inputs={
            "network": hashlib.sha256(path.read_bytes()).hexdigest(),
            "tensorflow": tf.__version__,
        },
        after=(bank,),
    )
    bench = Bench(line, clips, (Source(bank, (said,)),))
    return bench, begin(bench, lambda: network, said)


def _open(path: Path, line: Line) -> keras.Model:
    try:
        network = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path} is no network that Keras can read: {str(error).splitlines()[0]}",
            "Give the .h5 or .keras file of a network of Keras 2 layers.",
        ) from error
    frontend = line.recipe.frontend
    wanted = (None, frontend.frames, frontend.mel_bins, 1), (None, line.classes)
    if (network.input_shape, network.output_shape) != wanted:
        raise UserError(
            f"{path} takes {network.input_shape} and gives {network.output_shape}; the recipe's "
            f"features are {wanted[0]} and its classes {wanted[1]}",
            "Give the recipe that the network was trained for.",
        )
    return network
