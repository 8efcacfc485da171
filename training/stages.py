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
    distill,
    external,
    features,
    frontend_tables,
    models,
    train,
)
from training.audio import augment
from training.audio.augment import rooms
from training.audio.augment.augmenter import Augmenter
from training.audio.augment.mixes import mixed_pass
from training.audio.augment.rooms import simulate_rooms
from training.audio.corpus import Corpus, corpus_fingerprint
from training.audio.dataset import load_dataset
from training.audio.synth import SETTINGS_FILE, synthesise
from training.cache import Cache, Stage
from training.compress import quantise
from training.distill import LabelLoss, LogitLoss, Objective, loss_of, objective_of
from training.features import Frontend
from training.files import new_array
from training.recipe import (
    FEATURE_SCALE,
    AugmentConfig,
    NetworkConfig,
    Recipe,
    SynthesisConfig,
    TeacherConfig,
)
from training.runtime import keras, tf
from training.teaching import answers
from training.teaching.sources import (
    COPIES_FILE,
    MIXES_FILE,
    Source,
    stages_of,
    training_set,
    write_logits,
)
from training.train import FeatureChanges, LabelledFeatures, Schedule

SETS = ("train", "validation", "test")
CORPUS = "corpus"
ABOUT_FILE = "about.txt"
"""In the folder of a prepared corpus: what it is, for the report."""
ROOMS = 48
CURVE_FILE = "curve.json"
WEIGHTS_FILE = "weights.h5"
MODEL_FILE = "model.tflite"
DB_PER_OCTAVE = 10.0 * math.log10(2.0)
"""Of power: the features count octaves of power."""

AUDIO_CODE: tuple[ModuleType, ...] = (audio,)
FEATURE_CODE: tuple[ModuleType, ...] = (audio, augment, features, frontend_tables, _native)
TRAINING_CODE: tuple[ModuleType, ...] = (models, train, distill, quantise)
TEACHING_CODE: tuple[ModuleType, ...] = (external, answers)


def source(corpus: Corpus) -> str:
    """Where the clips come from, in the words of the report; a prepared corpus brings its own."""
    told = corpus.layout
    if (corpus.root / ABOUT_FILE).is_file():
        told = (corpus.root / ABOUT_FILE).read_text(encoding="utf-8").strip()
    elif (corpus.root / SETTINGS_FILE).is_file():
        told = "spoken by espeak-ng, not recorded"
    corrected = len(corpus.corrections.clips)
    return f"{told}; {corrected} clips judged by hand" if corrected else told


def bank_settings(config: AugmentConfig) -> dict[str, object]:
    """What of the augmentation decides the copies in a bank; the rest is done while training."""
    return asdict(replace(config, time_mask_frames=0, frequency_mask_bins=0, tilt_db=0.0))


class Line:
    """The stages of one recipe over one cache.

    Args:
        recipe: what to make.
        cache: where finished stages lie.
        folder: where the recipe's relative paths count from.
        skip_unreadable: leave out recordings that cannot be read instead of stopping.
        everyone: train on the clips of the validation and test sets as well.
    """

    def __init__(
        self,
        recipe: Recipe,
        cache: Cache,
        folder: Path = Path(),
        skip_unreadable: bool = False,
        everyone: bool = False,
    ) -> None:
        self.recipe = recipe
        self.cache = cache
        self.folder = folder
        self.skip_unreadable = skip_unreadable
        self.everyone = everyone
        self.progress = cache.progress
        cache.freeze(*AUDIO_CODE, *FEATURE_CODE, *TRAINING_CODE, *TEACHING_CODE)
        self.classes = len(recipe.words.labels)

    def speech(
        self,
        name: str = "speech",
        synthesis: SynthesisConfig | None = None,
        seed: int | None = None,
    ) -> Stage:
        """Recordings made by speech synthesis, as a folder a label under `corpus/`.

        Args:
            name: of the stage.
            synthesis: in place of the recipe's.
            seed: likewise.
        """
        recipe, config = self.recipe, synthesis or self.recipe.synthesis
        facts = {
            "sample_rate_hz": recipe.frontend.sample_rate_hz,
            "clip_samples": recipe.frontend.clip_samples,
            "seed": recipe.seed if seed is None else seed,
        }

        def build(folder: Path) -> None:
            synthesise(recipe.words, config, folder / CORPUS, progress=self.progress, **facts)

        return self.cache.stage(
            name,
            build,
            code=AUDIO_CODE,
            inputs={"words": asdict(recipe.words), "synthesis": asdict(config), **facts},
        )

    def data(self, corpus: Corpus) -> Stage:
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
                skip_unreadable=self.skip_unreadable,
                progress=self.progress,
                everyone=self.everyone,
            )
            facts: dict[str, object] = {
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
                # The fingerprint of the files holds what corrections make of them.
                "data": asdict(replace(recipe.data, corrections="")),
                "sample_rate_hz": recipe.frontend.sample_rate_hz,
                "clip_samples": recipe.frontend.clip_samples,
                "seed": recipe.seed,
                "skip_unreadable": self.skip_unreadable,
                "everyone": self.everyone,
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

    def bank(self, data: Stage, config: AugmentConfig) -> Stage:
        """Features by the firmware's C: `train.npy` int8[passes, clips, frames, bins] of augmented
        copies, `mixes.npy` of the same shape with mix_passes: pairs of those, without labels;
        `validation.npy` and `test.npy` int8[clips, frames, bins] of the clips as they are.
        """
        recipe = self.recipe
        impulses = self.rooms()

        def build(folder: Path) -> None:
            augmenter = self.augmenter(data, impulses, config)
            shape = (len(augmenter.pcm), recipe.frontend.frames, recipe.frontend.mel_bins)
            bank = new_array(folder / COPIES_FILE, (config.passes, *shape), np.int8)
            mixes = new_array(folder / MIXES_FILE, (config.mix_passes, *shape), np.int8)

            def fill(index: int) -> None:
                bank[index] = augmenter.features(index)

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
                "augment": bank_settings(config),
                "frontend": asdict(recipe.frontend),
                "seed": recipe.seed,
            },
            after=(data, impulses),
        )

    def augmenter(self, data: Stage, impulses: Stage, config: AugmentConfig) -> Augmenter:
        """What makes augmented copies of the training set."""
        pcm, voices, noise = (
            np.load(data.folder / f"{name}.npy") for name in ("train_pcm", "train_voices", "noise")
        )
        responses = np.load(impulses.folder / "rooms.npy")
        recipe = self.recipe
        return Augmenter(pcm, voices, noise, responses, recipe.frontend, config, recipe.seed)

    def teacher(self, config: TeacherConfig, data: Stage) -> Stage:
        """A trained teacher."""
        loss = LabelLoss(config.label_smoothing)
        bank = self.bank(data, self.hears(config))

        def build(folder: Path) -> None:
            model = self.network(config)
            name = f"teacher {config.architecture}"
            self._fit(folder, name, model, config, loss, data, (Source(bank),))

        return self._training(f"teacher-{config.architecture}", build, config, loss, (data, bank))

    def logits(self, config: NetworkConfig, bank: Stage, teacher: Stage, prefix: str = "") -> Stage:
        """What a teacher says: `logits.npy` float16[passes, clips, classes] of every copy of every
        training clip, and `mix_logits.npy` of the mixes where the bank has some.
        """

        def build(folder: Path) -> None:
            model = self.learned(config, teacher)
            hear = train.predictor(model, config.architecture in models.XLA_FORMS)
            write_logits(folder, bank, hear, self.classes, self.progress, teacher.name)

        return self.cache.stage(
            f"{prefix}{teacher.name}-logits",
            build,
            code=(models, train, answers),
            inputs={"tensorflow": tf.__version__},
            after=(bank, teacher),
        )

    def student(
        self,
        data: Stage,
        sources: tuple[Source, ...],
        config: NetworkConfig | None = None,
        number: int = 0,
    ) -> Stage:
        """The trained float student; from the labels alone where the source has no teachers.

        Args:
            data: the clips.
            sources: what it reads.
            config: in place of the recipe's.
            number: of the round, from 0.
        """
        config = config or self.recipe.student
        taught = bool(sources[0].taught)
        smoothing = self.recipe.student.label_smoothing
        loss = loss_of(self.recipe.distillation, smoothing) if taught else LabelLoss(smoothing)
        objective = objective_of(self.recipe.distillation) if sources[0].signals else None
        name = "student-distilled" if taught else "student-labels-only"
        name += f"-{number + 1}" if number else ""

        def build(folder: Path) -> None:
            model = self.network(config)
            self._fit(folder, name, model, config, loss, data, sources, objective=objective)

        after = (data, *stages_of(sources))
        return self._training(name, build, config, loss, after, objective)

    def int8(self, data: Stage, sources: tuple[Source, ...], student: Stage) -> Stage:
        """The student on the int8 grid, as `model.tflite`."""
        if self.recipe.quantisation.method == "calibration":
            return self._calibrated(sources[0].bank, student)
        return self._fine_tuned(data, sources, student)

    def _calibrated(self, bank: Stage, student: Stage) -> Stage:
        clips = self.recipe.quantisation.calibration_clips

        def build(folder: Path) -> None:
            copies = np.load(bank.folder / COPIES_FILE, mmap_mode="r")
            rng = np.random.default_rng(self.recipe.seed)
            passes = rng.integers(0, copies.shape[0], clips)
            examples = copies[passes, rng.integers(0, copies.shape[1], clips)]
            model = self.trained(self.recipe.student, student)
            (folder / MODEL_FILE).write_bytes(quantise.convert_calibrated(model, examples))

        return self.cache.stage(
            "student-int8",
            build,
            code=(models, quantise),
            inputs={"clips": clips, "seed": self.recipe.seed, "tensorflow": tf.__version__},
            after=(bank, student),
        )

    def _fine_tuned(self, data: Stage, sources: tuple[Source, ...], student: Stage) -> Stage:
        quantisation = self.recipe.quantisation
        config = replace(
            self.recipe.student,
            epochs=quantisation.epochs,
            batch_clips=quantisation.batch_clips,
            learning_rate=quantisation.learning_rate,
            averaging=0.0,
        )
        loss = loss_of(self.recipe.distillation, self.recipe.student.label_smoothing)

        def build(folder: Path) -> None:
            aware = quantise.quantise_aware(self.trained(self.recipe.student, student))
            self._fit(folder, "student-int8", aware, config, loss, data, sources, xla=False)
            (folder / MODEL_FILE).write_bytes(quantise.convert(aware))

        after = (data, *stages_of(sources), student)
        return self._training("student-int8", build, config, loss, after)

    def network(self, config: NetworkConfig) -> keras.Model:
        """A network with fresh weights, in the form for training."""
        seed = self._seed(config)
        return models.build(config, self.recipe.frontend, self.classes, seed, deployed=False)

    def learned(self, config: NetworkConfig, stage: Stage) -> keras.Model:
        """The network of a training stage, in the form for training."""
        model = self.network(config)
        model.load_weights(stage.folder / WEIGHTS_FILE)
        return model

    def trained(self, config: NetworkConfig, stage: Stage) -> keras.Model:
        """The network of a training stage, in the form for deployment."""
        model = self.learned(config, stage)
        deployed = models.build(config, self.recipe.frontend, self.classes, self._seed(config))
        return models.transfer(model, deployed)

    def _seed(self, config: NetworkConfig) -> int:
        return self.recipe.seed + config.seed - 1

    def _fit(
        self,
        folder: Path,
        name: str,
        model: keras.Model,
        config: NetworkConfig,
        loss: LogitLoss,
        data: Stage,
        sources: tuple[Source, ...],
        xla: bool | None = None,
        objective: Objective | None = None,
    ) -> None:
        """Train on labels, features and what the teachers of the sources say and show."""
        bank = sources[0].bank
        curve = train.fit(
            model,
            training_set(data, sources, self.recipe.distillation.mixes),
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
                self._seed(config),
                config.averaging,
            ),
            self.changes(config),
            self.progress,
            name,
            folder / "checkpoint.npz",
            xla=config.architecture in models.XLA_FORMS if xla is None else xla,
            objective=objective,
        )
        model.save_weights(folder / WEIGHTS_FILE)
        (folder / CURVE_FILE).write_text(json.dumps(asdict(curve)))

    def hears(self, config: NetworkConfig) -> AugmentConfig:
        """How the clips are changed that a network is trained on, before training begins."""
        own = self.recipe.augment
        if isinstance(config, TeacherConfig) and config.hears == "teacher_augment":
            return self.recipe.teacher_augment or own
        return own

    def changes(self, config: NetworkConfig) -> FeatureChanges:
        """How the features are changed while that network is trained."""
        widest, share = self.hears(config), config.augment_share
        input_unit_db = DB_PER_OCTAVE * self.recipe.frontend.step_log2 / FEATURE_SCALE
        return FeatureChanges(
            share * widest.time_mask_frames,
            share * widest.frequency_mask_bins,
            share * widest.tilt_db / input_unit_db,
            config.mixup,
            config.context_share,
        )

    def _training(
        self,
        name: str,
        build: Callable[[Path], None],
        config: NetworkConfig,
        loss: LogitLoss,
        after: tuple[Stage, ...],
        objective: Objective | None = None,
    ) -> Stage:
        """A training as a stage; what does not concern it is no part of its key."""
        taught = not isinstance(loss, LabelLoss)
        return self.cache.stage(
            name,
            build,
            code=TRAINING_CODE,
            inputs={
                "config": asdict(config),
                "loss": asdict(loss),
                "objective": repr(objective),
                "mixes": taught and self.recipe.distillation.mixes,
                "changes": asdict(self.changes(config)),
                "seed": self.recipe.seed,
                "tensorflow": tf.__version__,
            },
            after=after,
        )
