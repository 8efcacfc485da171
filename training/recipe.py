"""The one configuration: frozen dataclasses, read from TOML by `load_recipe`.

Every field says its unit in its name. Ranges stand beside the field and are checked whenever a
section is built, so a recipe made in Python fails as early and as clearly as one read from a file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from training.recipe_compress import StepConfig
from training.recipe_distillation import (
    LEAST_SPOKEN_CLIPS,
    DistillationConfig,
    ExternalTeacherConfig,
)
from training.recipe_reader import Section, choice, ranged, read_sections

FEATURE_SCALE = 1.0 / 16.0
"""Float value of one int8 feature step; int8 models take features with it, zero point 0."""

STREAMING = ("temporal", "spectro_temporal")
"""Architectures that never look ahead: they can take one hop of features at a time."""
ARCHITECTURES = ("ds_cnn", "res_ds_cnn", *STREAMING)

UNKNOWN_LABEL = "_unknown_"
SILENCE_LABEL = "_silence_"


@dataclass(frozen=True)
class WordsConfig(Section):
    """What the product listens for."""

    keywords: tuple[str, ...] = ()
    """Words in the order of their labels; a word is the name of its folder of recordings."""
    unknown: bool = True
    """Adds the class `_unknown_`: speech that is none of the keywords."""
    silence: bool = True
    """Adds the class `_silence_`: no speech, with or without noise."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Keywords, then `_unknown_`, then `_silence_` where those classes are on."""
        extra = ((UNKNOWN_LABEL,) if self.unknown else ()) + (
            (SILENCE_LABEL,) if self.silence else ()
        )
        return self.keywords + extra

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.keywords:
            self.fail("keywords", "the list is empty", "Give at least one word.")
        if len(set(self.keywords)) != len(self.keywords):
            self.fail("keywords", "a word stands twice", "Name each word once.")
        folders: dict[str, str] = {}
        for word in self.keywords:
            other = folders.setdefault(word.casefold(), word)
            if other != word:
                self.fail(
                    "keywords",
                    f"{word!r} and {other!r} are one folder where the case of letters is ignored",
                    "Name each word once.",
                )
        for word in self.keywords:
            if not word.isprintable() or word != word.strip() or "/" in word or word[:1] in "_.":
                self.fail(
                    "keywords",
                    f"{word!r} cannot be a word",
                    "Use plain words: '_' begins classes of their own, '.' hidden folders.",
                )
        if len(self.labels) < 2:
            self.fail(
                "keywords", "one class is nothing to choose from", "Set unknown or silence to true."
            )


@dataclass(frozen=True)
class DataConfig(Section):
    """How recordings become a training, a validation and a test set; no speaker is in two."""

    validation_percent: float = ranged(5.0, 1.0, 40.0)
    test_percent: float = ranged(10.0, 1.0, 40.0)
    unknown_clips: int = ranged(0, 0, 1_000_000)
    """Clips of other words used for `_unknown_`; 0 takes the mean count of a keyword."""
    silence_clips: int = ranged(0, 0, 1_000_000)
    """Clips made for `_silence_` where no recordings exist; 0 takes the mean of a keyword."""
    folds: int = ranged(0, 0, 20)
    """Parts of the speakers for cross-validation; 0 (or 1) trains once, with `test_percent`."""
    fold: int = ranged(0, 0, 19)
    """The part that is tested, below `folds`. Official lists and `test_percent` do not count."""
    smallest_class_percent: float = ranged(50.0, 0.0, 100.0)
    """Training clips of a class with fewer than this part of the largest class's are repeated until
    it has as many; each copy is changed on its own."""
    corrections: str = ""
    """File of clips to leave out and of labels to change; relative to the folder of the recipe."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold >= max(self.folds, 1):
            self.fail(
                "fold",
                f"{self.fold} is no part of {self.folds} folds",
                f"Use a fold from 0 to {max(self.folds, 1) - 1}.",
            )


@dataclass(frozen=True)
class FrontendConfig(Section):
    """Log-mel front-end computed by the firmware's C. Defaults: 30 ms windows every 20 ms.

    A feature is an int8: `clamp(round((log2(mel energy) - zero_log2) / step_log2), -128, 127)`.
    The models see it as the float `feature * FEATURE_SCALE`.
    """

    sample_rate_hz: int = ranged(16_000, 8_000, 48_000)
    clip_samples: int = ranged(16_000, 1_600, 480_000)
    window_samples: int = ranged(480, 32, 4_096)
    hop_samples: int = ranged(320, 16, 4_096)
    fft_samples: int = ranged(512, 32, 4_096)
    mel_bins: int = ranged(40, 4, 128)
    low_hz: float = ranged(60.0, 0.0, 24_000.0)
    high_hz: float = ranged(7_600.0, 100.0, 24_000.0)
    step_log2: float = ranged(0.125, 0.001, 4.0)
    zero_log2: float = ranged(20.0, -64.0, 64.0)

    @property
    def frames(self) -> int:
        """Feature frames in one clip."""
        return 1 + (self.clip_samples - self.window_samples) // self.hop_samples


@dataclass(frozen=True)
class AugmentConfig(Section):
    """Random changes of the waveform, drawn anew for every pass, and masks on the features."""

    passes: int = ranged(50, 1, 1_000)
    """Augmented copies of the whole training set that the feature bank holds."""
    speed_min: float = ranged(0.85, 0.5, 1.0)
    speed_max: float = ranged(1.18, 1.0, 2.0)
    """Above 1 the word is spoken faster and higher."""
    tempo_min: float = ranged(0.95, 0.5, 1.0)
    tempo_max: float = ranged(1.05, 1.0, 1.5)
    """Above 1 the word is spoken faster still, at the same pitch."""
    shift_ms: float = ranged(100.0, 0.0, 1_000.0)
    """The clip moves by up to this much to either side."""
    vocal_tract_min: float = ranged(0.95, 0.5, 1.0)
    vocal_tract_max: float = ranged(1.05, 1.0, 2.0)
    """Factor of the front-end's band limits: below 1 the voice sounds as from a smaller person."""
    voice_probability: float = ranged(0.05, 0.0, 1.0)
    """Share of the clips below which somebody else speaks, taken from the training set."""
    voice_below_min_db: float = ranged(8.0, -20.0, 60.0)
    voice_below_max_db: float = ranged(25.0, -20.0, 60.0)
    """Power of the clip over power of the second voice."""
    room_probability: float = ranged(0.1, 0.0, 1.0)
    """Share of the clips that are heard in a room with an echo."""
    noise_probability: float = ranged(0.7, 0.0, 1.0)
    coloured_share: float = ranged(0.25, 0.0, 1.0)
    """Part of the noise that is generated, with a spectral slope between white and brown."""
    babble_share: float = ranged(0.1, 0.0, 1.0)
    """Part of the noise that is five voices at once; the rest is noise as it was recorded."""
    snr_min_db: float = ranged(0.0, -20.0, 60.0)
    snr_max_db: float = ranged(30.0, -20.0, 60.0)
    """Power of the clip over power of the noise."""
    microphone_probability: float = ranged(0.15, 0.0, 1.0)
    """Share of the clips heard through another microphone, a telephone or a small speaker."""
    clipping_probability: float = ranged(0.03, 0.0, 1.0)
    clipping_max_db: float = ranged(15.0, 0.0, 60.0)
    """The tops of the wave are cut off at up to this much below the peak."""
    gain_min_db: float = ranged(-12.0, -60.0, 40.0)
    gain_max_db: float = ranged(6.0, -60.0, 40.0)
    mix_passes: int = ranged(0, 0, 1_000)
    """Copies of the training set in which two clips sound together; only teachers label them."""
    mix_below_max_db: float = ranged(12.0, 0.0, 60.0)
    """The second clip of a mix is from 0 to this much below the first."""
    mix_after_share: float = ranged(0.33, 0.0, 1.0)
    """Part of the mixes in which the second clip comes after the first instead."""
    tilt_db: float = ranged(9.0, 0.0, 40.0)
    """Standard deviation of a random slope over the mel bins, from the lowest to the highest."""
    time_mask_frames: int = ranged(12, 0, 1_000)
    frequency_mask_bins: int = ranged(8, 0, 128)

    def __post_init__(self) -> None:
        super().__post_init__()
        for low in ("snr_min_db", "gain_min_db", "voice_below_min_db"):
            high = low.replace("_min_", "_max_")
            if getattr(self, low) > getattr(self, high):
                self.fail(low, f"{getattr(self, low)} is above {high}", "Swap the two.")
        if self.coloured_share + self.babble_share > 1.0:
            self.fail(
                "babble_share",
                f"{self.babble_share} and coloured_share {self.coloured_share} exceed 1 together",
                "Lower one of them.",
            )


@dataclass(frozen=True)
class SynthesisConfig(Section):
    """Speech spoken by espeak-ng, for a demonstration or for words nobody recorded."""

    enabled: bool = False
    clips_per_word: int = ranged(120, LEAST_SPOKEN_CLIPS, 10_000)
    """Clips spoken for each keyword."""
    speakers: int = ranged(30, 3, 1_000)
    """Distinct voices; a voice counts as a speaker in the split."""
    unknown_words: tuple[str, ...] = ()
    """Other words spoken for `_unknown_`."""
    unknown_clips: int = ranged(0, 0, 100_000)
    """Clips spoken for `_unknown_`; 0 takes `clips_per_word`."""


@dataclass(frozen=True)
class NetworkConfig(Section):
    """A network and how it is trained."""

    architecture: str = choice("ds_cnn", ARCHITECTURES)
    width: int = ranged(64, 4, 1_024)
    """Channels of each block."""
    blocks: int = ranged(5, 1, 32)
    stem_width: int = ranged(0, 0, 1_024)
    """Streaming network: channels of the first layer; 0 takes three quarters of the width."""
    kernel_frames: int = ranged(5, 2, 31)
    """Streaming network: taps of every convolution over time."""
    dilations: tuple[int, ...] = ranged((1, 2, 4, 4), 1, 64)
    """Streaming network: steps between the taps, of the blocks in turn."""
    hop_frames: int = ranged(2, 1, 8)
    """Streaming network: frames of one step of the blocks."""
    epochs: int = ranged(250, 1, 100_000)
    """One epoch is one pass over the clips of the training set, each in one augmented copy."""
    augment_share: float = ranged(1.0, 0.0, 1.0)
    """Part of the tilt and of the widest masks of the augmentation that this model gets."""
    batch_clips: int = ranged(64, 1, 4_096)
    learning_rate: float = ranged(3e-3, 1e-6, 1.0)
    weight_decay: float = ranged(1e-4, 0.0, 1.0)
    dropout: float = ranged(0.0, 0.0, 0.9)
    label_smoothing: float = ranged(0.0, 0.0, 0.5)
    mixup: float = ranged(0.0, 0.0, 0.5)
    """Greatest share of another clip that half of the clips get."""
    averaging: float = ranged(0.0, 0.0, 0.99999)
    """Share of the running average of the weights that a step keeps; the average is what remains
    of the training. 0 keeps the last weights."""
    context_share: float = ranged(0.0, 0.0, 1.0)
    """Streaming network: share of the steps in which each clip follows another one, as in a stream.
    """
    seed: int = ranged(1, 0, 2**31 - 1)
    """Of the first weights and of the order of the clips, beside the seed of the recipe."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.dilations:
            self.fail("dilations", "the list is empty", "Give at least one number.")
        if self.context_share > 0.0 and self.architecture not in STREAMING:
            self.fail(
                "context_share",
                f"{self.architecture} takes one window of frames only",
                f"Use the architecture {' or '.join(STREAMING)}, or set context_share to 0.",
            )


@dataclass(frozen=True)
class TeacherConfig(NetworkConfig):
    """A large float model; the student learns from the mean of the logits of all of them."""

    architecture: str = choice("res_ds_cnn", ("res_ds_cnn", "temporal"))
    width: int = ranged(160, 8, 1_024)
    blocks: int = ranged(6, 1, 32)
    epochs: int = ranged(140, 1, 10_000)
    weight_decay: float = ranged(1e-3, 0.0, 1.0)
    dropout: float = ranged(0.2, 0.0, 0.9)
    label_smoothing: float = ranged(0.05, 0.0, 0.5)
    mixup: float = ranged(0.4, 0.0, 0.5)
    averaging: float = ranged(0.999, 0.0, 0.99999)
    hears: str = choice("teacher_augment", ("teacher_augment", "augment"))
    """Section whose copies of the clips it is trained on."""


@dataclass(frozen=True)
class StudentConfig(NetworkConfig):
    """The model that is deployed."""

    architecture: str = choice("ds_cnn", ARCHITECTURES)
    augment_share: float = ranged(0.5, 0.0, 1.0)
    averaging: float = ranged(0.9995, 0.0, 0.99999)


@dataclass(frozen=True)
class QuantisationConfig(Section):
    """The way to int8: calibration on training clips, or fine-tuning on a simulated int8 grid."""

    method: str = choice("calibration", ("calibration", "fine_tuning"))
    calibration_clips: int = ranged(300, 1, 100_000)
    """Augmented clips of the training set by which calibration finds the ranges."""
    epochs: int = ranged(20, 1, 1_000)
    """Of the fine-tuning."""
    batch_clips: int = ranged(64, 1, 4_096)
    learning_rate: float = ranged(3e-4, 1e-7, 1.0)


@dataclass(frozen=True)
class DetectionConfig(Section):
    """When the scores of a stream are a word heard; docs/detect.md tells how to tune.

    Becomes the default settings of the firmware, which can be changed over the link.
    """

    threshold: float = ranged(0.7, 0.001, 1.0)
    """An averaged posterior of at least this is a word, unless the word has its own threshold."""
    stride_ms: float = ranged(100.0, 1.0, 10_000.0)
    """Time between two answers of a network over windows; a streaming one answers every hop."""
    smoothing_ms: float = ranged(300.0, 0.0, 1_000.0)
    """Time over which a posterior is averaged; one answer at least."""
    refractory_ms: float = ranged(1_000.0, 0.0, 60_000.0)
    """No word is heard for so long after another."""
    hysteresis: float = ranged(0.1, 0.0, 0.99)
    """A word is heard again only once its average has fallen so far below its threshold."""
    gate_margin_db: float = ranged(0.0, 0.0, 90.0)
    """Sound so far above the floor of the noise lets the network run; 0 lets it run always."""
    gate_hold_ms: float = ranged(1_000.0, 0.0, 60_000.0)
    """The network goes on for so long after the last sound."""
    gate_rise_db_per_s: float = ranged(1.0, 0.01, 100.0)
    """How fast the floor follows noise that grows."""
    gate_preroll_ms: float = ranged(300.0, 0.0, 1_000.0)
    """What a streaming network is told, of the time before the sound, when the gate opens."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hysteresis >= self.threshold:
            self.fail(
                "hysteresis",
                f"{self.hysteresis} is not below the threshold of {self.threshold}",
                "Lower it: a word would never be heard a second time.",
            )


@dataclass(frozen=True)
class TargetConfig(Section):
    """What the firmware is built for."""

    board: str = "stm32f405"
    backend: str = choice("aot", ("aot", "tflm"))


@dataclass(frozen=True)
class Recipe(Section):
    """Everything that decides what a run computes."""

    name: str
    words: WordsConfig
    seed: int = ranged(1, 0, 2**31 - 1)
    data: DataConfig = DataConfig()
    frontend: FrontendConfig = FrontendConfig()
    augment: AugmentConfig = AugmentConfig()
    """Of what the student hears, with mixes, and what the teachers label for it."""
    teacher_augment: AugmentConfig | None = None
    """Of what the teachers hear while they are trained; the student's where it is missing."""
    synthesis: SynthesisConfig = SynthesisConfig()
    teachers: tuple[TeacherConfig, ...] = (TeacherConfig(),)
    """The student learns from the mean of their logits; unlike ones err on different clips."""
    external_teachers: tuple[ExternalTeacherConfig, ...] = ()
    """They count in that mean like the others, or stand in their place (`teachers = []`)."""
    student: StudentConfig = StudentConfig()
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    quantisation: QuantisationConfig = QuantisationConfig()
    compress: tuple[StepConfig, ...] = ()
    """What is done to the trained student, in this order, before it becomes int8."""
    detection: DetectionConfig = DetectionConfig()
    target: TargetConfig = TargetConfig()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.teachers and not self.external_teachers:
            self.fail("teachers", "the list is empty", "Leave it out, or give a [[teachers]].")
        if not self.teachers and self.distillation.looks_inside:
            self.fail(
                "teachers",
                "the list is empty, and distillation looks into the first teacher",
                "Give a [[teachers]], or leave out the weights over features, attention and "
                "relations: of external teachers only the answers are known.",
            )
        if self.teacher_augment is not None and self.teacher_augment.mix_passes:
            self.fail(
                "teacher_augment",
                "mix_passes are labelled by teachers, so no teacher can learn from them",
                "Set them in [augment].",
            )
        if self.student.architecture in STREAMING and self.quantisation.method == "fine_tuning":
            self.fail(
                "quantisation",
                "a simulated grid hides dilations from the converter",
                'Give quantisation.method = "calibration" for a streaming student.',
            )

    @property
    def recipe_hash(self) -> str:
        """SHA-256 over the canonical JSON of every value, defaults included; 64 hex digits."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        UserError: the file is missing, is not TOML, or holds an unknown key, a wrong type, unit
            or range; the message names the file, the line and the value seen.
    """
    return read_sections(Recipe, path)


def shipped_recipes() -> dict[str, Path]:
    """Recipes that come with the product, by name."""
    folder = Path(__file__).parent / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}
