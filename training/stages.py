"""The stages of the line: each computes one cached folder from those before it.

A `Line` holds what all stages share; each method is one stage and returns its folder.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
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
from training.audio.augment.hearing import hearing
from training.audio.augment.mixes import mixed_pass
from training.audio.augment.rooms import simulate_rooms
from training.audio.augment.surroundings import gather
from training.audio.augment.waveform import augment as augmented
from training.audio.corpus import Corpus, corpus_fingerprint
from training.audio.dataset import load_dataset
from training.audio.synth import SETTINGS_FILE, synthesise
from training.cache import Cache, Stage
from training.compress import quantise
from training.distill import DistillationLoss, LabelLoss, Loss
from training.features import Frontend
from training.recipe import FEATURE_SCALE, AugmentConfig, NetworkConfig, Recipe, TeacherConfig
from training.runtime import keras, tf
from training.train import FeatureChanges, LabelledFeatures, Schedule, TrainingSet

SETS = ("train", "validation", "test")
CORPUS = "corpus"
ABOUT_FILE = "about.txt"
"""In the folder of a prepared corpus: what it is, for the report."""
ROOMS = 48
CURVE_FILE = "curve.json"
WEIGHTS_FILE = "weights.h5"
COPIES_FILE, MIXES_FILE = "train.npy", "mixes.npy"
LOGITS_FILE, MIX_LOGITS_FILE = "logits.npy", "mix_logits.npy"
MODEL_FILE = "model.tflite"
DB_PER_OCTAVE = 10.0 * math.log10(2.0)
"""Of power: the features count octaves of power."""

AUDIO_CODE: tuple[ModuleType, ...] = (audio,)
FEATURE_CODE: tuple[ModuleType, ...] = (audio, augment, features, frontend_tables, _native)
TRAINING_CODE: tuple[ModuleType, ...] = (models, train, distill, compress)


def source(corpus: Corpus) -> str:
    """Where the clips come from, in the words of the report; a prepared corpus brings its own."""
    told = corpus.layout
    if (corpus.root / ABOUT_FILE).is_file():
        told = (corpus.root / ABOUT_FILE).read_text(encoding="utf-8").strip()
    elif (corpus.root / SETTINGS_FILE).is_file():
        told = "spoken by espeak-ng, not recorded"
    corrected = len(corpus.corrections.clips)
    return f"{told}; {corrected} clips judged by hand" if corrected else told


def _new_map(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """int8 array of `shape` that is a file."""
    array: np.memmap = np.lib.format.open_memmap(path, mode="w+", dtype=np.int8, shape=shape)
    # A full disk is an error here; later, writing to the map would kill the process.
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _mean_logits(taught: Sequence[Stage], name: str) -> np.ndarray:
    """float32[passes, clips, classes]: the mean of what the teachers say."""
    said = (np.load(stage.folder / name).astype(np.float32) for stage in taught)
    return np.asarray(sum(said) / len(taught), np.float32)


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

    def bank(self, data: Stage, config: AugmentConfig) -> Stage:
        """Features by the firmware's C: `train.npy` int8[passes, clips, frames, bins] of augmented
        copies, `mixes.npy` of the same shape with mix_passes: pairs of those, without labels;
        `validation.npy` and `test.npy` int8[clips, frames, bins] of the clips as they are.
        """
        recipe = self.recipe
        impulses = self.rooms()

        def build(folder: Path) -> None:
            ears = hearing(recipe.frontend, config)
            rate_hz = recipe.frontend.sample_rate_hz
            pcm, voices = (np.load(data.folder / f"train_{name}.npy") for name in ("pcm", "voices"))
            around = gather(
                pcm,
                voices,
                np.load(data.folder / "noise.npy"),
                np.load(impulses.folder / "rooms.npy"),
                rate_hz,
                ears.samples,
                np.random.default_rng((recipe.seed, config.passes)),
            )
            shape = (len(pcm), recipe.frontend.frames, recipe.frontend.mel_bins)
            bank = _new_map(folder / "train.npy", (config.passes, *shape))
            mixes = _new_map(folder / "mixes.npy", (config.mix_passes, *shape))

            def fill(index: int) -> None:
                rng = np.random.default_rng((recipe.seed, index))
                changed, draws = augmented(pcm, voices, around, rate_hz, ears.samples, config, rng)
                bank[index] = ears.features(changed, draws.vocal_tract, draws.tempo)

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
                    replace(config, time_mask_frames=0, frequency_mask_bins=0, tilt_db=0.0)
                ),
                "frontend": asdict(recipe.frontend),
                "seed": recipe.seed,
            },
            after=(data, impulses),
        )

    def teacher(self, config: TeacherConfig, data: Stage) -> Stage:
        """A trained teacher."""
        loss = LabelLoss(config.label_smoothing)
        bank = self.bank(data, self.hears(config))

        def build(folder: Path) -> None:
            model = self.network(config)
            self._fit(folder, f"teacher {config.architecture}", model, config, loss, (data, bank))

        return self._training(f"teacher-{config.architecture}", build, config, loss, (data, bank))

    def logits(self, config: TeacherConfig, bank: Stage, teacher: Stage) -> Stage:
        """What a teacher says: `logits.npy` float16[passes, clips, classes] of every copy of every
        training clip, and `mix_logits.npy` of the mixes where the bank has some.
        """

        def build(folder: Path) -> None:
            model = self.learned(config, teacher)
            hear = train.predictor(model, config.architecture in models.XLA_FORMS)
            for source_name, name in ((COPIES_FILE, LOGITS_FILE), (MIXES_FILE, MIX_LOGITS_FILE)):
                copies = np.load(bank.folder / source_name, mmap_mode="r")
                if not len(copies):
                    continue
                with self.progress.task(f"logits of {teacher.name}", len(copies)) as task:
                    said = []
                    for clips in copies:
                        said.append(hear(np.asarray(clips)).astype(np.float16))
                        task.advance()
                np.save(folder / name, np.stack(said))

        return self.cache.stage(
            f"{teacher.name}-logits",
            build,
            code=(models, train),
            inputs={"tensorflow": tf.__version__},
            after=(bank, teacher),
        )

    def student(self, data: Stage, bank: Stage, taught: tuple[Stage, ...]) -> Stage:
        """The trained float student; from the labels alone where no teacher's logits are given."""
        config = self.recipe.student
        loss = self._student_loss(bool(taught))
        after = (data, bank, *taught)
        name = "student-distilled" if taught else "student-labels-only"

        def build(folder: Path) -> None:
            self._fit(folder, name, self.network(config), config, loss, after)

        return self._training(name, build, config, loss, after)

    def int8(self, data: Stage, bank: Stage, taught: tuple[Stage, ...], student: Stage) -> Stage:
        """The student on the int8 grid, as `model.tflite`."""
        if self.recipe.quantisation.method == "calibration":
            return self._calibrated(bank, student)
        return self._fine_tuned(data, bank, taught, student)

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
            code=(models, compress),
            inputs={"clips": clips, "seed": self.recipe.seed, "tensorflow": tf.__version__},
            after=(bank, student),
        )

    def _fine_tuned(
        self, data: Stage, bank: Stage, taught: tuple[Stage, ...], student: Stage
    ) -> Stage:
        quantisation = self.recipe.quantisation
        config = replace(
            self.recipe.student,
            epochs=quantisation.epochs,
            batch_clips=quantisation.batch_clips,
            learning_rate=quantisation.learning_rate,
            averaging=0.0,
        )
        loss = self._student_loss(True)

        def build(folder: Path) -> None:
            aware = quantise.quantise_aware(self.trained(self.recipe.student, student))
            sources = (data, bank, *taught)
            self._fit(folder, "student-int8", aware, config, loss, sources, xla=False)
            (folder / MODEL_FILE).write_bytes(quantise.convert(aware))

        after = (data, bank, *taught, student)
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
        config: NetworkConfig,
        loss: Loss,
        sources: tuple[Stage, ...],
        xla: bool | None = None,
    ) -> None:
        """Train on data, features and the logits of the teachers that are among the sources."""
        data, bank, *taught = sources
        mixes = np.load(bank.folder / MIXES_FILE, mmap_mode="r")
        mixed = bool(taught) and self.recipe.distillation.mixes and len(mixes) > 0
        curve = train.fit(
            model,
            TrainingSet(
                np.load(bank.folder / COPIES_FILE, mmap_mode="r"),
                np.load(data.folder / "train_targets.npy"),
                _mean_logits(taught, LOGITS_FILE) if taught else None,
                mixes if mixed else None,
                _mean_logits(taught, MIX_LOGITS_FILE) if mixed else None,
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
                self._seed(config),
                config.averaging,
            ),
            self.changes(config),
            self.progress,
            name,
            folder / "checkpoint.npz",
            xla=config.architecture in models.XLA_FORMS if xla is None else xla,
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
                "mixes": self.recipe.distillation.mixes,
                "changes": asdict(self.changes(config)),
                "seed": self.recipe.seed,
                "tensorflow": tf.__version__,
            },
            after=after,
        )
