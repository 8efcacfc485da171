"""Cached stages of teaching: recordings without labels, foreign teachers, signals."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from training import distill, external, models, train
from training.audio.corpus import corpus_fingerprint
from training.cache import Stage
from training.errors import UserError
from training.external import ExternalTeacher, file_hash, load_teacher
from training.external.labels import read_labels
from training.files import new_array
from training.recipe import Recipe
from training.recipe_distillation import ExternalTeacherConfig
from training.runtime import tf
from training.stages import CORPUS, FEATURE_CODE, Line, bank_settings
from training.teaching import answers, unlabelled
from training.teaching.answers import Shower, asked, foreign_logits, write_passes
from training.teaching.sources import (
    ATTENTION_FILE,
    COPIES_FILE,
    EMBEDDING_FILE,
    LOGITS_FILE,
    MIX_LOGITS_FILE,
    MIX_PREFIX,
    MIXES_FILE,
    has_passes,
)
from training.teaching.unlabelled import as_corpus, find_recordings, write_clips

_UNLABELLED_STREAM, _SPOKEN_STREAM = 7, 8
"""Second parts of the seeds, so that copies of other clips draw other random numbers."""


def open_teachers(recipe: Recipe, folder: Path) -> tuple[ExternalTeacher, ...]:
    """Open what the recipe names outside of itself, before hours of training lead up to it.

    Args:
        recipe: to check.
        folder: where its relative paths count from.

    Returns:
        the foreign teachers.

    Raises:
        UserError: a foreign teacher or the unlabelled recordings cannot be used, or no teacher
            knows every class of every clip that is asked.
    """
    foreign = tuple(
        load_teacher(config, recipe.words.labels, recipe.frontend, folder)
        for config in recipe.external_teachers
    )
    distillation = recipe.distillation
    if distillation.unlabelled:
        find_recordings(folder / distillation.unlabelled)
    features_only = (
        (distillation.mixes and recipe.augment.mix_passes > 0)
        or distillation.unlabelled
        or distillation.spoken_clips
    )
    if not recipe.teachers and not any(
        one.classes.known.all() and (one.hears == "features" or not features_only)
        for one in foreign
    ):
        raise UserError(
            "no teacher knows every class of the recipe and hears every clip that is asked about",
            "Add a teacher of your own with [[teachers]], or one that has all classes; one that "
            "takes samples hears no mixes and no clips without labels.",
        )
    return foreign


def external_logits(
    line: Line, config: ExternalTeacherConfig, data: Stage, bank: Stage, prefix: str = ""
) -> Stage:
    """What a foreign teacher says about the copies of a bank; NaN where it says nothing."""
    recipe, path = line.recipe, line.folder / config.path
    labels = config.labels or read_labels(line.folder / config.labels_file)
    impulses = line.rooms()

    def build(folder: Path) -> None:
        teacher = load_teacher(config, recipe.words.labels, recipe.frontend, line.folder)
        for source, file in ((COPIES_FILE, LOGITS_FILE), (MIXES_FILE, MIX_LOGITS_FILE)):
            if not has_passes(bank.folder / source):
                continue
            copies = np.load(bank.folder / source, mmap_mode="r")
            samples = None
            if source == COPIES_FILE and teacher.hears == "pcm":
                samples = line.augmenter(data, impulses, recipe.augment).samples
            say = foreign_logits(teacher, copies, samples)
            write_passes(
                folder,
                {file: (copies.shape[1], line.classes)},
                len(copies),
                say,
                line.progress,
                f"logits of {path.name}",
            )

    return line.cache.stage(
        f"{prefix}external-{path.stem}-logits",
        build,
        code=(*FEATURE_CODE, external, answers),
        inputs={
            "config": {"input": config.input, "sample_rate_hz": config.sample_rate_hz},
            "labels": labels,
            "classes": recipe.words.labels,
            "file": file_hash(path),
            "tensorflow": tf.__version__,
        },
        after=(data, impulses, bank),
    )


def signals(line: Line, teacher: Stage, bank: Stage, main: Stage, prefix: str = "") -> Stage:
    """What the first teacher shows for the copies of a bank: embeddings and attention, float16.

    Args:
        line: of the recipe.
        teacher: stage of the first teacher.
        bank: copies to show it.
        main: bank of the training set, which sets mean and variance of the embeddings.
        prefix: of the stage's name.
    """
    config = line.recipe.teachers[0]

    def build(folder: Path) -> None:
        example = np.load(main.folder / COPIES_FILE, mmap_mode="r")[0]
        model = line.learned(config, teacher)
        show = Shower(model, example, config.architecture in models.XLA_FORMS)
        for source, start in ((COPIES_FILE, ""), (MIXES_FILE, MIX_PREFIX)):
            if not has_passes(bank.folder / source):
                continue
            copies = np.load(bank.folder / source, mmap_mode="r")
            clips = copies.shape[1]
            write_passes(
                folder,
                {
                    start + EMBEDDING_FILE: (clips, show.channels),
                    start + ATTENTION_FILE: (clips, show.frames),
                },
                len(copies),
                asked(copies, show),
                line.progress,
                f"signals of {teacher.name}",
            )

    return line.cache.stage(
        f"{prefix}{teacher.name}-signals",
        build,
        code=(models, train, distill, answers),
        inputs={"tensorflow": tf.__version__},
        after=(teacher, bank, main),
    )


def unlabelled_banks(line: Line, data: Stage) -> tuple[Stage, ...]:
    """Augmented copies of clips without labels, `mixes.npy`: recorded ones, then spoken ones."""
    config, banks = line.recipe.distillation, []
    if config.unlabelled:
        recordings = line.folder / config.unlabelled
        banks.append(_bank(line, data, "unlabelled", recordings, _UNLABELLED_STREAM))
    if config.spoken_clips:
        synthesis = replace(line.recipe.synthesis, clips_per_word=config.spoken_clips)
        # Another seed: other takes than those of a corpus that is synthesised as well.
        spoken = line.speech("spoken", synthesis, line.recipe.seed + _SPOKEN_STREAM)
        recordings = spoken.folder / CORPUS
        banks.append(_bank(line, data, "spoken", recordings, _SPOKEN_STREAM))
    return tuple(banks)


def _bank(line: Line, data: Stage, name: str, recordings: Path, stream: int) -> Stage:
    recipe = line.recipe
    passes = recipe.distillation.unlabelled_passes
    files, impulses = find_recordings(recordings), line.rooms()

    def build(folder: Path) -> None:
        raw = folder / "clips.raw"
        clips = write_clips(
            files,
            raw,
            sample_rate_hz=recipe.frontend.sample_rate_hz,
            clip_samples=recipe.frontend.clip_samples,
            skip_unreadable=line.skip_unreadable,
            progress=line.progress,
        )
        augmenter = line.augmenter(data, impulses, recipe.augment)
        shape = (len(augmenter.pcm), recipe.frontend.frames, recipe.frontend.mel_bins)
        bank = new_array(folder / MIXES_FILE, (passes, *shape), np.int8)
        somebody = np.full(shape[0], augmenter.voices.max() + 1)

        def fill(index: int) -> None:
            rng = np.random.default_rng((recipe.seed, stream, index))
            # As many as the training set has, so that every epoch is of one length.
            chosen = np.resize(rng.permutation(len(clips)), shape[0])
            bank[index] = augmenter.features_of(clips[chosen], somebody, rng)

        with (
            line.progress.task(f"augmented features, {name}", passes) as task,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            for _ in pool.map(fill, range(passes)):
                task.advance()
        bank.flush()
        raw.unlink()

    return line.cache.stage(
        f"{name}-features",
        build,
        code=(*FEATURE_CODE, unlabelled),
        inputs={
            "augment": bank_settings(replace(recipe.augment, mix_passes=0)),
            "frontend": asdict(recipe.frontend),
            "seed": recipe.seed,
            "passes": passes,
            "skip_unreadable": line.skip_unreadable,
            "files": corpus_fingerprint(
                as_corpus(files, recordings), line.cache.root / f"{name}-files.json"
            ),
        },
        after=(data, impulses),
    )
