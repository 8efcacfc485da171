"""The stages of the line: each computes one cached folder from those before it.

A `Line` holds what all stages share; each method is one stage and returns its folder.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from training import (
    _native,
    audio,
    compress,
    distill,
    features,
    frontend_tables,
    models,
    train,
)
from training.audio import augment
from training.audio.augment import rooms
from training.audio.augment.mixes import mixed_pass
from training.audio.augment.rooms import simulate_rooms
from training.audio.augment.surroundings import gather
from training.audio.augment.vocal_tract import features as features_of
from training.audio.augment.vocal_tract import scaled_frontends
from training.audio.augment.waveform import augment as augmented
from training.audio.corpus import Corpus, corpus_fingerprint
from training.audio.dataset import load_dataset
from training.audio.synth import SETTINGS_FILE, synthesise
from training.cache import Cache, Stage
from training.compress import quantise
from training.distill import DistillationLoss, LabelLoss, Loss
from training.features import Frontend
from training.recipe import FEATURE_SCALE, Recipe, StudentConfig, TeacherConfig
from training.runtime import keras, tf
from training.train import FeatureChanges, LabelledFeatures, Schedule, TrainingSet

SETS = ("train", "validation", "test")
CORPUS = "corpus"
ROOMS = 48
CURVE_FILE = "curve.json"
WEIGHTS_FILE = "weights.h5"
DB_PER_OCTAVE = 10.0 * math.log10(2.0)
"""Of power: the features count octaves of power."""

AUDIO_CODE: tuple[ModuleType, ...] = (audio,)
FEATURE_CODE: tuple[ModuleType, ...] = (audio, augment, features, frontend_tables, _native)
TRAINING_CODE: tuple[ModuleType, ...] = (models, train, distill, compress)


def source(corpus: Corpus) -> str:
    """Where the clips come from, in the words of the report."""
    if (corpus.root / SETTINGS_FILE).is_file():
        return "spoken by espeak-ng, not recorded"
    return corpus.layout


def _new_map(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """int8 array of `shape` that is a file."""
    array: np.memmap = np.lib.format.open_memmap(path, mode="w+", dtype=np.int8, shape=shape)
    # A full disk is an error here; later, writing to the map would kill the process.
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


class Line:
    """The stages of one recipe over one cache."""

    def __init__(self, recipe: Recipe, cache: Cache) -> None:
        self.recipe = recipe
        self.cache = cache
        self.progress = cache.progress
        cache.freeze(*AUDIO_CODE, *FEATURE_CODE, *TRAINING_CODE)
        self.classes = len(recipe.words.labels)

    def speech(self) -> Stage:
        """Recordings made by speech synthesis, as a folder a label under `corpus/`."""
        recipe = self.recipe
        facts = {
            "sample_rate_hz": recipe.frontend.sample_rate_hz,
            "clip_samples": recipe.frontend.clip_samples,
            "seed": recipe.seed,
        }

        def build(folder: Path) -> None:
            synthesise(
                recipe.words, recipe.synthesis, folder / CORPUS, progress=self.progress, **facts
            )

        return self.cache.stage(
            "speech",
            build,
            code=AUDIO_CODE,
            inputs={
                "words": asdict(recipe.words),
                "synthesis": asdict(recipe.synthesis),
                **facts,
            },
        )

    def data(self, corpus: Corpus, skip_unreadable: bool) -> Stage:
        """Clips of the three sets as arrays: `<set>_pcm.npy`, `<set>_targets.npy`,
        `<set>_voices.npy` (who speaks), `noise.npy`; and `facts.json`.
        """
        recipe = self.recipe

        def build(folder: Path) -> None:
            dataset = load_dataset(
                corpus,
                recipe.data,
                sample_rate_hz=recipe.frontend.sample_rate_hz,
                clip_samples=recipe.frontend.clip_samples,
                seed=recipe.seed,
                skip_unreadable=skip_unreadable,
                progress=self.progress,
            )
            facts: dict[str, object] = {
                "source": source(corpus),
                "method": dataset.method,
                "speakers_known": dataset.speakers_known,
                "problems": list(dataset.problems),
            }
            for name in SETS:
                clips = getattr(dataset, name)
                np.save(folder / f"{name}_pcm.npy", clips.pcm)
                np.save(folder / f"{name}_targets.npy", clips.targets.astype(np.int32))
                np.save(folder / f"{name}_voices.npy", clips.voices.astype(np.int32))
                facts[name] = {
                    "clips": len(clips.names),
                    "speakers": clips.speakers,
                    "names": list(clips.names),
                }
            np.save(folder / "noise.npy", dataset.noise)
            (folder / "facts.json").write_text(json.dumps(facts))

        return self.cache.stage(
            "data",
            build,
            code=AUDIO_CODE,
            inputs={
                "words": asdict(recipe.words),
                "data": asdict(recipe.data),
                "sample_rate_hz": recipe.frontend.sample_rate_hz,
                "clip_samples": recipe.frontend.clip_samples,
                "seed": recipe.seed,
                "skip_unreadable": skip_unreadable,
                "files": corpus_fingerprint(corpus, self.cache.root / "files.json"),
            },
        )

    def rooms(self) -> Stage:
        """Impulse responses `rooms.npy` float32[rooms, taps] that clips are heard in."""
        rate_hz, seed = self.recipe.frontend.sample_rate_hz, self.recipe.seed

        def build(folder: Path) -> None:
            np.save(
                folder / "rooms.npy", simulate_rooms(ROOMS, rate_hz, np.random.default_rng(seed))
            )

        return self.cache.stage(
            "rooms",
            build,
            code=(rooms,),
            inputs={"rooms": ROOMS, "sample_rate_hz": rate_hz, "seed": seed},
        )

    def bank(self, data: Stage) -> Stage:
        """Features by the firmware's C: `train.npy` int8[passes, clips, frames, bins] of augmented
        copies, `mixes.npy` of the same shape with mix_passes: pairs of those, without labels;
        `validation.npy` and `test.npy` int8[clips, frames, bins] of the clips as they are.
        """
        recipe, config = self.recipe, self.recipe.augment
        impulses = self.rooms()

        def build(folder: Path) -> None:
            frontends = scaled_frontends(recipe.frontend, config)
            pcm, voices = (np.load(data.folder / f"train_{name}.npy") for name in ("pcm", "voices"))
            around = gather(
                pcm,
                voices,
                np.load(data.folder / "noise.npy"),
                np.load(impulses.folder / "rooms.npy"),
                np.random.default_rng((recipe.seed, config.passes)),
            )
            shape = (len(pcm), recipe.frontend.frames, recipe.frontend.mel_bins)
            bank = _new_map(folder / "train.npy", (config.passes, *shape))
            mixes = _new_map(folder / "mixes.npy", (config.mix_passes, *shape))

            def fill(index: int) -> None:
                rng = np.random.default_rng((recipe.seed, index))
                rate_hz = recipe.frontend.sample_rate_hz
                changed, draws = augmented(pcm, voices, around, rate_hz, config, rng)
                bank[index] = features_of(changed, draws.vocal_tract, frontends)

            def fill_mix(index: int) -> None:
                mixes[index] = mixed_pass(bank, index, recipe.frontend, config, recipe.seed)

            with (
                self.progress.task("augmented features", config.passes + config.mix_passes) as task,
                ThreadPoolExecutor(os.cpu_count()) as pool,
            ):
                for work, passes in ((fill, config.passes), (fill_mix, config.mix_passes)):
                    for _ in pool.map(work, range(passes)):
                        task.advance()
            bank.flush()
            mixes.flush()
            frontend = Frontend(recipe.frontend)
            for name in ("validation", "test"):
                clips = np.load(data.folder / f"{name}_pcm.npy")
                np.save(folder / f"{name}.npy", frontend.batch(clips))

        return self.cache.stage(
            "features",
            build,
            code=FEATURE_CODE,
            inputs={
                "augment": asdict(
                    replace(recipe.augment, time_mask_frames=0, frequency_mask_bins=0)
                ),
                "frontend": asdict(recipe.frontend),
                "seed": recipe.seed,
            },
            after=(data, impulses),
        )

    def teacher(self, data: Stage, bank: Stage) -> Stage:
        """The trained teacher, and its logits for every copy of every training clip."""
        config = self.recipe.teacher
        loss = LabelLoss(config.label_smoothing)

        def build(folder: Path) -> None:
            model = self.network(config)
            self._fit(folder, "teacher", model, config, loss, (data, bank))
            copies = np.load(bank.folder / "train.npy", mmap_mode="r")
            with self.progress.task("teacher's logits", len(copies)) as task:
                logits = []
                for clips in copies:
                    logits.append(train.predict(model, clips))
                    task.advance()
            np.save(folder / "logits.npy", np.stack(logits))

        return self._training("teacher", build, config, loss, (data, bank))

    def student(self, data: Stage, bank: Stage, teacher: Stage | None) -> Stage:
        """The trained float student, from the labels alone where there is no teacher."""
        config = self.recipe.student
        loss = self._student_loss(teacher is not None)
        after = (data, bank) if teacher is None else (data, bank, teacher)
        name = "student-labels-only" if teacher is None else "student-distilled"

        def build(folder: Path) -> None:
            self._fit(folder, name, self.network(config), config, loss, after)

        return self._training(name, build, config, loss, after)

    def int8(self, data: Stage, bank: Stage, teacher: Stage, student: Stage) -> Stage:
        """The student fine-tuned on the int8 grid, as `model.tflite`."""
        config = replace(self.recipe.student, **asdict(self.recipe.quantisation))
        loss = self._student_loss(True)
        after = (data, bank, teacher, student)

        def build(folder: Path) -> None:
            aware = quantise.quantise_aware(self.trained(self.recipe.student, student))
            self._fit(folder, "student-int8", aware, config, loss, after[:3])
            (folder / "model.tflite").write_bytes(quantise.convert(aware))

        return self._training("student-int8", build, config, loss, after)

    def network(self, config: TeacherConfig | StudentConfig) -> keras.Model:
        """A network with fresh weights."""
        return models.build(config, self.recipe.frontend, self.classes, self.recipe.seed)

    def trained(self, config: TeacherConfig | StudentConfig, stage: Stage) -> keras.Model:
        """The network of a training stage."""
        model = self.network(config)
        model.load_weights(stage.folder / WEIGHTS_FILE)
        return model

    def _student_loss(self, taught: bool) -> DistillationLoss | LabelLoss:
        smoothing = self.recipe.student.label_smoothing
        if not taught:
            return LabelLoss(smoothing)
        distillation = self.recipe.distillation
        return DistillationLoss(distillation.temperature, distillation.soft_weight, smoothing)

    def _fit(
        self,
        folder: Path,
        name: str,
        model: keras.Model,
        config: TeacherConfig | StudentConfig,
        loss: Loss,
        sources: tuple[Stage, ...],
    ) -> None:
        """Train on data, features and, when it is among the sources, the teacher's logits."""
        data, bank, *teacher = sources
        curve = train.fit(
            model,
            TrainingSet(
                np.load(bank.folder / "train.npy", mmap_mode="r"),
                np.load(data.folder / "train_targets.npy"),
                np.load(teacher[0].folder / "logits.npy", mmap_mode="r") if teacher else None,
            ),
            LabelledFeatures(
                np.load(bank.folder / "validation.npy"),
                np.load(data.folder / "validation_targets.npy"),
            ),
            loss,
            Schedule(
                config.epochs,
                config.batch_clips,
                config.learning_rate,
                config.weight_decay,
                self.recipe.seed,
            ),
            self._changes(config),
            self.progress,
            name,
            folder / "checkpoint.npz",
        )
        model.save_weights(folder / WEIGHTS_FILE)
        (folder / CURVE_FILE).write_text(json.dumps(asdict(curve)))

    def _changes(self, config: TeacherConfig | StudentConfig) -> FeatureChanges:
        widest, share = self.recipe.augment, config.augment_share
        input_unit_db = DB_PER_OCTAVE * self.recipe.frontend.step_log2 / FEATURE_SCALE
        return FeatureChanges(
            share * widest.time_mask_frames,
            share * widest.frequency_mask_bins,
            share * widest.tilt_db / input_unit_db,
        )

    def _training(
        self,
        name: str,
        build: Callable[[Path], None],
        config: TeacherConfig | StudentConfig,
        loss: DistillationLoss | LabelLoss,
        after: tuple[Stage, ...],
    ) -> Stage:
        return self.cache.stage(
            name,
            build,
            code=TRAINING_CODE,
            inputs={
                "config": asdict(config),
                "loss": asdict(loss),
                "changes": asdict(self._changes(config)),
                "seed": self.recipe.seed,
                "tensorflow": tf.__version__,
            },
            after=after,
        )
