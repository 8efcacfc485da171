"""One short training loop for teachers and students, float or quantisation-aware.

All randomness follows from (seed, epoch, step), so a run that continues from a checkpoint draws
what the run without a break would have drawn.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from training.distill import Loss
from training.files import write_atomically
from training.progress import Progress
from training.recipe import FEATURE_SCALE
from training.runtime import keras, tf

CHECKPOINT_EPOCHS = 5
"""Epochs between two checkpoints."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train: AdamW (Loshchilov, Hutter 2019) under a cosine decay."""

    epochs: int
    batch_clips: int
    learning_rate: float
    weight_decay: float
    seed: int


@dataclass(frozen=True)
class Masks:
    """SpecAugment (Park et al. 2019): the widest mask over time and over mel bins."""

    time_frames: int = 0
    mel_bins: int = 0


@dataclass(frozen=True)
class TrainingSet:
    """Clips in several augmented copies ("passes").

    Attributes:
        features: int8[passes, clips, frames, bins]; may be a memory map.
        labels: int32[clips].
        teacher_logits: float32[passes, clips, classes], or None.
    """

    features: np.ndarray
    labels: np.ndarray
    teacher_logits: np.ndarray | None = None


@dataclass(frozen=True)
class LabelledFeatures:
    """int8[clips, frames, bins] and int32[clips]."""

    features: np.ndarray
    labels: np.ndarray


@dataclass
class Curve:
    """What each epoch reached; accuracies as shares of 1."""

    loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)


def fit(
    model: keras.Model,
    data: TrainingSet,
    validation: LabelledFeatures,
    loss: Loss,
    schedule: Schedule,
    masks: Masks,
    progress: Progress,
    name: str,
    checkpoint: Path | None = None,
) -> Curve:
    """Train `model` in place; it takes float32[batch, frames, bins, 1] and gives logits.

    Epoch e sees pass `e mod passes` of the data once, in random order, without the last incomplete
    batch. When the file `checkpoint` exists the run continues from it.

    Returns:
        one entry an epoch, those before a break included.
    """
    passes, clips = data.features.shape[:2]
    batch = min(schedule.batch_clips, clips)
    steps = clips // batch
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(schedule.learning_rate, schedule.epochs * steps),
        weight_decay=schedule.weight_decay,
    )
    # What only shifts or scales is not drawn towards zero.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    run_epoch = _epoch_function(model, optimizer, loss, masks)
    labels = tf.constant(data.labels, tf.int32)
    silent_teacher = np.zeros((clips, model.output_shape[-1]), np.float32)
    curve = _restore(checkpoint, model, optimizer)
    with progress.task(name, schedule.epochs) as task:
        task.advance(len(curve.loss))
        for epoch in range(len(curve.loss), schedule.epochs):
            order = np.random.default_rng((schedule.seed, epoch)).permutation(clips)
            index = epoch % passes
            teacher = silent_teacher if data.teacher_logits is None else data.teacher_logits[index]
            mean_loss, accuracy = run_epoch(
                tf.constant(data.features[index]),
                labels,
                tf.constant(teacher),
                tf.constant(order[: steps * batch].reshape(steps, batch), tf.int32),
                tf.constant([schedule.seed, epoch], tf.int32),
            )
            heard = predict(model, validation.features).argmax(axis=1)
            curve.loss.append(float(mean_loss))
            curve.train_accuracy.append(float(accuracy))
            curve.validation_accuracy.append(float(np.mean(heard == validation.labels)))
            task.advance(1, f"validation {curve.validation_accuracy[-1]:.1%}")
            if checkpoint is not None and (epoch + 1) % CHECKPOINT_EPOCHS == 0:
                _save(checkpoint, model, optimizer, curve)
    return curve


def predict(model: keras.Model, features: np.ndarray, batch_clips: int = 512) -> np.ndarray:
    """Logits float32[clips, classes] of int8[clips, frames, bins]."""
    run = tf.function(lambda batch: model(to_input(batch), training=False), reduce_retracing=True)
    parts = [
        run(tf.constant(features[start : start + batch_clips])).numpy()
        for start in range(0, len(features), batch_clips)
    ]
    return np.concatenate(parts)


def to_input(features: tf.Tensor) -> tf.Tensor:
    """int8[batch, frames, bins] as the model's float32[batch, frames, bins, 1]."""
    return tf.cast(features, tf.float32)[..., tf.newaxis] * FEATURE_SCALE


def spec_augment(features: tf.Tensor, masks: Masks, seed: tf.Tensor) -> tf.Tensor:
    """Replace one stretch of frames and one of bins in each clip by the clip's mean.

    Args:
        features: float32[batch, frames, bins, 1].
        masks: widest masks; the width is drawn uniformly below them.
        seed: int32[2]; the same seed masks the same way.
    """
    mean = tf.reduce_mean(features, [1, 2], keepdims=True)
    for axis, widest in ((1, masks.time_frames), (2, masks.mel_bins)):
        length = features.shape[axis]
        draws = tf.random.stateless_uniform([tf.shape(features)[0], 2], seed + axis)
        width = draws[:, :1] * min(widest, length)
        start = draws[:, 1:] * (length - width)
        place = tf.range(length, dtype=tf.float32)[tf.newaxis]
        kept = tf.cast((place < start) | (place >= start + width), tf.float32)
        kept = tf.expand_dims(kept, 2 if axis == 1 else 1)[..., tf.newaxis]
        features = features * kept + mean * (1.0 - kept)
    return features


def _epoch_function(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: Loss, masks: Masks
) -> tf.types.experimental.PolymorphicFunction:
    """The whole epoch as one graph, so that no Python runs between two steps."""

    @tf.function(reduce_retracing=True)
    def run_epoch(
        features: tf.Tensor,
        labels: tf.Tensor,
        teacher: tf.Tensor,
        order: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        steps = tf.shape(order)[0]
        total_loss, total_right = 0.0, 0.0
        for step in tf.range(steps):
            chosen = order[step]
            target = tf.gather(labels, chosen)
            inputs = to_input(tf.gather(features, chosen))
            step_seed = tf.stack([seed[0], seed[1] * steps + step])
            inputs = spec_augment(inputs, masks, step_seed)
            with tf.GradientTape() as tape:
                logits = model(inputs, training=True)
                value = loss(target, logits, tf.gather(teacher, chosen))
            variables = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
            right = tf.equal(tf.argmax(logits, 1, tf.int32), target)
            total_loss += value
            total_right += tf.reduce_mean(tf.cast(right, tf.float32))
        count = tf.cast(steps, tf.float32)
        return total_loss / count, total_right / count

    return run_epoch


def _save(
    path: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer, curve: Curve
) -> None:
    arrays = {f"model_{i}": value for i, value in enumerate(model.get_weights())}
    arrays |= {f"optimizer_{i}": v.numpy() for i, v in enumerate(optimizer.variables)}
    arrays["curve"] = np.frombuffer(json.dumps(asdict(curve)).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def _restore(path: Path | None, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Curve:
    if path is None or not path.is_file():
        return Curve()
    with np.load(path) as arrays:
        model.set_weights([arrays[f"model_{i}"] for i in range(len(model.get_weights()))])
        for i, variable in enumerate(optimizer.variables):
            variable.assign(arrays[f"optimizer_{i}"])
        return Curve(**json.loads(arrays["curve"].tobytes().decode()))
