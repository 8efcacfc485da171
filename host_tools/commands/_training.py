"""The one door to training: imports it late, and turns its user error into ours."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from host_tools.build import Backend
from host_tools.commands._options import Placement
from host_tools.errors import SottoError
from host_tools.files import write_atomically
from host_tools.progress import Progress

if TYPE_CHECKING:
    from training.recipe import Recipe

STDERR_FD = 2


@contextmanager
def training_errors() -> Iterator[None]:
    """Raise `training.errors.UserError` as the error that the command line shows."""
    from training.errors import UserError

    try:
        yield
    except UserError as error:
        raise SottoError(error.message, error.remedy) from error


@contextmanager
def _native_banners_hidden() -> Iterator[None]:
    """TensorFlow's C++ talks to the terminal while it is imported, whatever its log level."""
    terminal = os.dup(STDERR_FD)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), STDERR_FD)
    try:
        yield
    finally:
        os.dup2(terminal, STDERR_FD)
        os.close(terminal)


@contextmanager
def _opened(recipe_path: Path) -> Iterator[Recipe]:
    """A recipe, for work with TensorFlow: imported without its talk, and with errors of ours."""
    with training_errors():
        from training.recipe import load_recipe

        recipe = load_recipe(recipe_path)
        # TensorFlow's warnings are about its own conversion; they tell a user nothing to do.
        warnings.filterwarnings("ignore", module="tensorflow")
        with _native_banners_hidden():
            import training.runtime  # noqa: F401  (what takes its time and talks)
        yield recipe


def recipe_target(recipe_path: Path) -> tuple[str, Backend]:
    """Board and back-end that a recipe names; refuses a recipe with any mistake."""
    with training_errors():
        from training.recipe import load_recipe

        target = load_recipe(recipe_path).target
    return target.board, cast(Backend, target.backend)


def train_model(
    recipe_path: Path,
    *,
    data: Path | None,
    work: Path,
    cache: Path | None,
    out: Path,
    quick: bool,
    skip_unreadable: bool,
    progress: Progress,
    fold: tuple[int, int] | None = None,
    everyone: bool = False,
) -> None:
    """Run the training pipeline of a recipe file; see `training.pipeline.run`.

    Args:
        fold: which part of the speakers is tested, and of how many; None as the recipe says.
        everyone: train on all speakers.
    """
    with _opened(recipe_path) as recipe:
        from training.pipeline import run

        if fold is not None:
            data_config = replace(recipe.data, fold=fold[0], folds=fold[1])
            recipe = replace(recipe, data=data_config)
        run(
            recipe,
            data,
            work,
            out,
            quick=quick,
            skip_unreadable=skip_unreadable,
            progress=progress,
            cache_dir=cache,
            recipe_folder=recipe_path.parent,
            everyone=everyone,
        )


def ablate_recipe(
    recipe_path: Path,
    *,
    data: Path | None,
    work: Path,
    cache: Path | None,
    seeds: int,
    parts: list[str],
    quick: bool,
    skip_unreadable: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Train the student of a recipe file in several ways; see `training.ablation.run`."""
    with _opened(recipe_path) as recipe:
        from training.ablation import run

        return run(
            recipe,
            data,
            work,
            seeds=seeds,
            parts=parts,
            quick=quick,
            progress=progress,
            skip_unreadable=skip_unreadable,
            cache_dir=cache,
            recipe_folder=recipe_path.parent,
        )


def compress_network(
    recipe_path: Path,
    *,
    model: Path | None,
    steps: str | None,
    data: Path | None,
    work: Path,
    out: Path,
    cache: Path | None,
    quick: bool,
    skip_unreadable: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Compress a recipe's student or a Keras file; see `training.compression.run`.

    Args:
        steps: as `training.recipe_compress.read_steps` takes them; None for those of the recipe.
    """
    with _opened(recipe_path) as recipe:
        from training.compression import run
        from training.recipe_compress import read_steps

        return run(
            recipe,
            recipe.compress if steps is None else read_steps(steps),
            data,
            work,
            out,
            model=model,
            quick=quick,
            progress=progress,
            skip_unreadable=skip_unreadable,
            cache_dir=cache,
            recipe_folder=recipe_path.parent,
        )


def bench_compression(
    recipe_path: Path,
    *,
    data: Path | None,
    work: Path,
    cache: Path | None,
    only: list[str],
    epochs: int | None,
    student_epochs: int | None,
    quick: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Measure every method of compression; see `training.compression_bench.run`."""
    with _opened(recipe_path) as recipe:
        from training.compression_bench import run

        return run(
            recipe,
            data,
            work,
            only=only,
            epochs=epochs,
            student_epochs=student_epochs,
            quick=quick,
            progress=progress,
            cache_dir=cache,
            recipe_folder=recipe_path.parent,
        )


def export_tflite(
    model: Path,
    *,
    name: str,
    labels: list[str],
    out: Path,
    detection: Path | None = None,
    placement: Placement = "flash",
    packed: bool = False,
) -> str:
    """Export a `.tflite` file with the default front-end; returns the model hash.

    Args:
        detection: file of detection settings; what it leaves out has its default.
        placement: where constants lie until they are used.
        packed: keep weights in as few bits as they need. The exported `.tflite` says so, too.
    """
    with training_errors():
        from training.export import export_model
        from training.export.detection import Detection, load_detection
        from training.export.notes import ask_for_packed_weights
        from training.recipe import FrontendConfig
        from training.results import golden_pcm

        frontend = FrontendConfig()
        tflite = model.read_bytes()
        manifest = export_model(
            ask_for_packed_weights(tflite) if packed else tflite,
            name=name,
            labels=labels,
            frontend=frontend,
            golden_pcm=golden_pcm(frontend),
            out_dir=out,
            detection=load_detection(detection, labels) if detection else Detection(),
            placement=placement,
        )
        return manifest.model_hash


def write_detection(generated: Path, settings: dict[str, Any], kept_in: Path) -> None:
    """Make settings of the detector the defaults of a generated folder.

    Args:
        generated: gets C with them.
        settings: fields of `training.recipe.DetectionConfig`, and `measured`; what they leave out
            stays as it was.
        kept_in: gets `detection.json`, by which the next run of a work folder takes them over.
    """
    with training_errors():
        from training.export.detection import DETECTION_FILE, read_detection
        from training.export.regenerate import regenerate

        manifest = json.loads((generated / "manifest.json").read_text(encoding="utf-8"))
        fields = manifest.get("detection", {}) | settings
        detection = read_detection(fields, manifest["labels"], DETECTION_FILE)
        regenerate(generated, detection)
        content = detection.to_json() | {"tflite_sha256": manifest["tflite_sha256"]}
        write_atomically(kept_in / DETECTION_FILE, json.dumps(content, indent=1).encode())


def core_titles() -> dict[str, tuple[str, str]]:
    """Kernels and title of every core that a model can be compiled for, by name."""
    from training.export.cores import CORES

    return {core.name: (core.target.name, core.title) for core in CORES.values()}


def compile_tflite(
    model: Path,
    *,
    name: str,
    core: str,
    streaming: Literal["never", "auto", "always"] = "never",
    placement: Placement = "flash",
    weights: Literal["auto", "int8", "packed"] = "auto",
) -> tuple[dict[str, Any], dict[str, str]]:
    """Compile a `.tflite` file for a core: what it costs, and its files, none of them written."""
    with training_errors():
        from training.export.cores import find_core
        from training.export.standalone import compile_for_core

        compiled = compile_for_core(
            model.read_bytes(), name, find_core(core), streaming, placement, weights
        )
        return asdict(compiled.description), dict(compiled.files)


def explain_arena(tflite: bytes, name: str) -> dict[str, Any]:
    """What TFLite-Micro's arena for a model is made of; see `training.export.tflm_arena`."""
    with training_errors():
        from training.export.tflm_arena import explain_tflm_arena

        return asdict(explain_tflm_arena(tflite, name))


def exported_tflite(generated: Path) -> bytes:
    """The `.tflite` that a generated folder holds as a C array."""
    with training_errors():
        from training.export.regenerate import read_exported_tflite

        return read_exported_tflite(generated)


def estimate_error() -> float:
    """How far an estimate of a whole network may be off, as a share of the measurement."""
    from training.export.costs import STATED_ERROR

    return STATED_ERROR


def write_compiled(files: dict[str, str], folder: Path) -> None:
    """Write the files of a compiled model; see `training.export.standalone`."""
    with training_errors():
        from training.export import standalone

        standalone.write_compiled(files, folder)


def fetch_speech_commands(folder: Path, progress: Progress) -> Path:
    """Download and unpack the official archive; see `training.audio.download`."""
    with training_errors():
        from training.audio.download import fetch_speech_commands as fetch

        return fetch(folder, progress)


def check_labels(
    recipe_path: Path,
    *,
    data: Path | None,
    cache: Path,
    folds: int,
    skip_unreadable: bool,
    progress: Progress,
) -> tuple[dict[str, Any], str]:
    """Fields of a `training.check.CheckResult`, and a file of corrections to edit."""
    with _opened(recipe_path) as recipe:
        from training.check import Effort, check, doubtful_clips_text

        found = check(
            recipe,
            data,
            cache,
            progress,
            recipe_folder=recipe_path.parent,
            skip_unreadable=skip_unreadable,
            effort=Effort(folds=folds),
        )
        return asdict(found), doubtful_clips_text(found)


def show_augmentation(
    recipe_path: Path,
    *,
    data: Path | None,
    cache: Path,
    clip: str | None,
    teacher: bool,
    skip_unreadable: bool,
    progress: Progress,
) -> tuple[str, list[dict[str, Any]]]:
    """Name of a clip, and it under each change: fields of `Example`; see `training.show`."""
    with _opened(recipe_path) as recipe:
        from training.show import show

        name, found = show(
            recipe,
            data,
            cache,
            progress,
            clip=clip,
            teacher=teacher,
            recipe_folder=recipe_path.parent,
            skip_unreadable=skip_unreadable,
        )
        return name, [vars(one) for one in found]
