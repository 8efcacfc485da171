"""A foreign network as a teacher: clips in, logits of the recipe's classes out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.errors import UserError
from training.external.formats import ForeignNetwork, Port, open_network
from training.external.labels import ClassMap, make_class_map, read_labels
from training.recipe import FEATURE_SCALE, FrontendConfig
from training.recipe_distillation import ExternalTeacherConfig

BATCH_CLIPS = 64
PROBE_CLIPS = 4
PROBE_SEED = 11
FULL_SCALE = 32_768.0
"""int16 samples of a float sample of 1."""
LEAST_PROBABILITY = 1e-7
"""Floor below the logarithm of float probabilities; of integers it is half a step."""
SUM_TOLERANCE = 0.02
"""How far probabilities that were rounded may be from the sum 1; grows with the step."""


@dataclass(frozen=True)
class ExternalTeacher:
    """A foreign network that passed all checks."""

    network: ForeignNetwork
    classes: ClassMap
    hears: str
    """What it takes: "features" or "pcm"."""
    probabilities: bool
    """Its outputs went through a softmax; their logarithms are the logits."""

    def logits(self, clips: np.ndarray) -> np.ndarray:
        """What the teacher says.

        Args:
            clips: int8[clips, frames, bins] features of the recipe's front-end, or
                int16[clips, samples] where it hears samples.

        Returns:
            float32[clips, classes], log probabilities; NaN for classes that it lacks.
        """
        values = run_network(self.network, clips, self.hears)
        if self.probabilities:
            step = self.network.target.scale
            values = np.log(np.maximum(values, step / 2.0 if step else LEAST_PROBABILITY))
        return self.classes.apply(values)


def load_teacher(
    config: ExternalTeacherConfig, labels: tuple[str, ...], frontend: FrontendConfig, folder: Path
) -> ExternalTeacher:
    """Open a foreign network and check that it fits the recipe.

    Args:
        config: of the recipe.
        labels: the recipe's classes.
        frontend: what the recipe's clips and features look like.
        folder: where relative paths count from.

    Raises:
        UserError: the file, its input, its output, its rate or its labels do not fit; says the
            value seen and what to do.
    """
    path = folder / config.path
    where = f"external teacher {path}"
    if config.sample_rate_hz not in (0, frontend.sample_rate_hz):
        raise UserError(
            f"{where} was trained at {config.sample_rate_hz} Hz, the recipe is at "
            f"{frontend.sample_rate_hz} Hz",
            "Set frontend.sample_rate_hz to its rate, or leave the teacher out.",
        )
    network = open_network(path)
    _check_input(network.source, config.input, frontend, where)
    theirs = read_labels(folder / config.labels_file) if config.labels_file else config.labels
    _check_output(network.target, theirs, where)
    classes = make_class_map(labels, theirs, where)
    values = run_network(network, _probe(config.input, frontend), config.input)
    if values.shape != (PROBE_CLIPS, len(theirs)) or not np.isfinite(values).all():
        raise UserError(
            f"{where} answers {PROBE_CLIPS} clips of noise with {values.dtype}"
            f"{list(values.shape)}, {np.isfinite(values).mean():.0%} of them finite",
            f"Export a network that gives one finite score for each of its {len(theirs)} labels.",
        )
    return ExternalTeacher(network, classes, config.input, is_softmax(values, network.target))


def run_network(network: ForeignNetwork, clips: np.ndarray, hears: str) -> np.ndarray:
    """Outputs as values, float64[clips, outputs], integers times their scale."""
    fixed = network.source.shape[0]
    size = BATCH_CLIPS if fixed is None else fixed
    parts = []
    for start in range(0, len(clips), size):
        part = clips[start : start + size]
        # A file with a fixed batch gets a full one; what was added is cut off again.
        padding = [(0, size - len(part) if fixed else 0)] + [(0, 0)] * (clips.ndim - 1)
        batch = _to_input(np.pad(part, padding), network.source, hears)
        parts.append(_values(network.run(batch), network.target)[: len(part)])
    return np.concatenate(parts)


def is_softmax(values: np.ndarray, target: Port) -> bool:
    """Whether rows are probabilities: none is negative, and each sums to 1 up to rounding."""
    tolerance = SUM_TOLERANCE + values.shape[1] * target.scale / 2.0
    return bool(values.min() >= 0.0 and np.abs(values.sum(axis=1) - 1.0).max() <= tolerance)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files with their names; 64 hex digits.

    Raises:
        UserError: nothing is there.
    """
    if not path.exists():
        open_network(path)
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    total = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(path).as_posix()}\n{digest}\n".encode())
    return total.hexdigest()


def _shapes(hears: str, frontend: FrontendConfig) -> tuple[tuple[int, ...], ...]:
    """Layouts behind the batch that a network may have."""
    if hears == "pcm":
        return ((frontend.clip_samples,), (frontend.clip_samples, 1))
    features = (frontend.frames, frontend.mel_bins)
    return (features, (*features, 1))


def _check_input(source: Port, hears: str, frontend: FrontendConfig, where: str) -> None:
    shapes = _shapes(hears, frontend)
    if not any(_fits(source.shape[1:], shape) for shape in shapes) or source.shape[:1] == (0,):
        wanted = " or ".join(str(["batch", *shape]).replace("'", "") for shape in shapes)
        other = "pcm" if hears == "features" else "features"
        hint = (
            f' Or set input = "{other}": that is what its shape looks like.'
            if any(_fits(source.shape[1:], shape) for shape in _shapes(other, frontend))
            else ""
        )
        raise UserError(
            f"{where} takes {source.text}; {hears} of this recipe are {wanted}",
            "Set the recipe's front-end as the teacher had it, or use a teacher that was trained "
            f"on such clips.{hint}",
        )
    integers = ("int8", "uint8", "int16")
    if source.dtype not in ("float16", "float32", "float64", *integers):
        raise UserError(
            f"{where} takes {source.dtype} values",
            f"Export it with a float32 input, or one of {', '.join(integers)}.",
        )
    raw = "int16" if hears == "pcm" else "int8"
    if source.dtype in integers and source.scale == 0.0 and source.dtype != raw:
        raise UserError(
            f"{where} takes {source.dtype} values without a scale",
            f"Export it with a float32 input, or with {raw}, which are the {hears} as they are.",
        )


def _fits(shape: tuple[int | None, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        seen is None or seen == length for seen, length in zip(shape, wanted, strict=True)
    )


def _check_output(target: Port, theirs: tuple[str, ...], where: str) -> None:
    if len(target.shape) != 2 or target.shape[1] not in (None, len(theirs)):
        raise UserError(
            f"{where} gives {target.text}, and has {len(theirs)} labels",
            "Give one label for each output, in their order, as `labels` or in `labels_file`; the "
            "output must be [batch, labels].",
        )


def _probe(hears: str, frontend: FrontendConfig) -> np.ndarray:
    """Clips of noise: what a network answers shows its form."""
    rng = np.random.default_rng(PROBE_SEED)
    dtype = np.int16 if hears == "pcm" else np.int8
    limits = np.iinfo(dtype)
    shape = (PROBE_CLIPS, *_shapes(hears, frontend)[0])
    return rng.integers(limits.min // 2, limits.max // 2, shape, dtype)


def _to_input(clips: np.ndarray, source: Port, hears: str) -> np.ndarray:
    """Features count `FEATURE_SCALE` a step, samples are in [-1, 1)."""
    clips = clips.reshape(*clips.shape, *([1] * (len(source.shape) - clips.ndim)))
    if not source.dtype.startswith(("int", "uint")):
        step = 1.0 / FULL_SCALE if hears == "pcm" else FEATURE_SCALE
        return (clips * step).astype(source.dtype)
    if source.scale == 0.0:
        return clips
    step = 1.0 / FULL_SCALE if hears == "pcm" else FEATURE_SCALE
    limits = np.iinfo(source.dtype)
    steps = np.rint(clips * (step / source.scale)) + source.zero_point
    return np.clip(steps, limits.min, limits.max).astype(source.dtype)


def _values(outputs: np.ndarray, target: Port) -> np.ndarray:
    if target.scale == 0.0:
        return outputs.astype(np.float64)
    return (outputs.astype(np.float64) - target.zero_point) * target.scale
