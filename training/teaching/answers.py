"""What teachers say and show, kept as one array file for all copies and filled pass by pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from training import train
from training.distill import SignalModel, Signals
from training.external import ExternalTeacher
from training.external.labels import fill_missing
from training.files import new_array
from training.progress import Progress
from training.runtime import keras, tf

BATCH_CLIPS = 512
LEAST_LOGIT = -1e4
"""Smaller ones say the same, and do not fit a float16."""
LEAST_DEVIATION = 1e-3
"""Channels of an embedding that hardly move are not blown up to unit variance."""
LEAST_LENGTH = 1e-12
"""Of an attention, below which it is not divided by its length."""


def write_passes(
    folder: Path,
    arrays: Mapping[str, tuple[int, ...]],
    passes: int,
    compute: Callable[[int], Sequence[np.ndarray]],
    progress: Progress,
    name: str,
) -> None:
    """Fill array files float16[passes, ...]; after a break it goes on with the next pass.

    Args:
        folder: of the files; beside them lies the number of finished passes until all are.
        arrays: name of each file, and the shape of one pass.
        passes: how many.
        compute: gives pass i of each array.
        progress: shows the passes.
        name: of the bar.
    """
    counter = folder / f"{next(iter(arrays))}.done"
    done = int(counter.read_text()) if counter.is_file() else 0
    if not done:
        for file, shape in arrays.items():
            new_array(folder / file, (passes, *shape), np.float16).flush()
    opened = [np.load(folder / file, mmap_mode="r+") for file in arrays]
    with progress.task(name, passes) as task:
        task.advance(done)
        for index in range(done, passes):
            for array, values in zip(opened, compute(index), strict=True):
                array[index] = values
                array.flush()
            counter.write_text(str(index + 1))
            task.advance()
    counter.unlink(missing_ok=True)


def asked(
    copies: np.ndarray, answer: Callable[[np.ndarray], Sequence[np.ndarray]]
) -> Callable[[int], Sequence[np.ndarray]]:
    """`answer` for the clips of pass i of int8[passes, clips, frames, bins]."""
    return lambda index: answer(np.asarray(copies[index]))


def foreign_logits(
    teacher: ExternalTeacher,
    copies: np.ndarray,
    samples: Callable[[int], np.ndarray] | None,
) -> Callable[[int], Sequence[np.ndarray]]:
    """What a foreign teacher says about pass i: one array float32[clips, classes].

    Classes that it lacks are NaN.

    Args:
        teacher: who is asked.
        copies: int8[passes, clips, frames, bins].
        samples: gives pass i as int16[clips, samples] for a teacher that hears samples; None where
            the copies were never samples, as mixes of features: all that it says is NaN then.
    """

    def say(index: int) -> Sequence[np.ndarray]:
        if teacher.hears == "features":
            said = teacher.logits(np.asarray(copies[index]))
        elif samples is not None:
            said = teacher.logits(samples(index))
        else:
            said = np.full((copies.shape[1], teacher.classes.classes), np.nan, np.float32)
        return (np.maximum(said, LEAST_LOGIT),)

    return say


def mean_logits(said: Sequence[np.ndarray]) -> np.ndarray:
    """Geometric mean of the probabilities that teachers give to the same clips.

    A teacher that lacks classes counts where it knows: what the mean of those that know all says
    about the others fills it (`training.external.labels.fill_missing`).

    Args:
        said: float[clips, classes] each, logits; NaN for classes that a teacher lacks. One at
            least knows all classes.

    Returns:
        float32[clips, classes], log probabilities.

    Raises:
        ValueError: every teacher lacks classes.
    """
    rows = [np.asarray(one, np.float32) for one in said]
    full = [_normalised(one) for one in rows if not np.isnan(one).any()]
    if not full:
        raise ValueError("no teacher knows every class")
    base = np.mean(full, axis=0)
    filled = [fill_missing(one, base) for one in rows if np.isnan(one).any()]
    return _normalised(np.mean([*full, *filled], axis=0))


def _normalised(logits: np.ndarray) -> np.ndarray:
    normal = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return np.asarray(normal, np.float32)


class Shower:
    """Embeddings and attention of a teacher for features, ready to be kept.

    Embeddings are brought to mean 0 and variance 1 a channel over the clips `example`, so that the
    weight of a loss means the same for every teacher; attention is brought to length 1. Both then
    fit a float16.

    Args:
        model: the teacher.
        example: int8[clips, frames, bins]: one pass of the training set.
        xla: compile with XLA.
    """

    def __init__(self, model: keras.Model, example: np.ndarray, xla: bool) -> None:
        shown = SignalModel(model)
        self._run = tf.function(
            lambda batch: shown(train.to_input(batch), training=False)[1],
            autograph=False,
            jit_compile=xla,
        )
        self.channels, self.frames = shown.channels, shown.frames
        embedding = self._raw(example).embedding
        self._mean = embedding.mean(axis=0)
        self._deviation = np.maximum(embedding.std(axis=0), LEAST_DEVIATION)

    def __call__(self, features: np.ndarray) -> Signals:
        """float32[clips, channels] and float32[clips, frames] of int8[clips, frames, bins]."""
        embedding, attention = self._raw(features)
        length = np.linalg.norm(attention, axis=1, keepdims=True)
        return Signals(
            (embedding - self._mean) / self._deviation,
            attention / np.maximum(length, LEAST_LENGTH),
        )

    def _raw(self, features: np.ndarray) -> Signals:
        parts = [
            self._run(tf.constant(np.asarray(features[start : start + BATCH_CLIPS])))
            for start in range(0, len(features), BATCH_CLIPS)
        ]
        return Signals(*(np.concatenate([part[i].numpy() for part in parts]) for i in range(2)))
