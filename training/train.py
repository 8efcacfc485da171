"""One short training loop for teachers and students, float or quantisation-aware.

All randomness here follows from (seed, epoch, step), so a run that continues from a checkpoint
draws what the run without a break would have drawn. A model's own dropout keeps its state to
itself.
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
class FeatureChanges:
    """How features are changed at random while a network is trained."""

    time_mask_frames: float = 0.0
    """Widest mask over time (SpecAugment, Park et al. 2019)."""
    frequency_mask_bins: float = 0.0
    """Widest mask over mel bins."""
    tilt: float = 0.0
    """Standard deviation of the slope over the bins, from the lowest to the highest, in the unit of
    the network's input: microphones and rooms differ by smooth frequency responses."""


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
    changes: FeatureChanges,
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
    run_epoch = _epoch_function(model, optimizer, loss, changes)
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

    @tf.function(autograph=False, reduce_retracing=True)
    def run(batch: tf.Tensor) -> tf.Tensor:
        return model(to_input(batch), training=False)

    parts = [
        run(tf.constant(features[start : start + batch_clips])).numpy()
        for start in range(0, len(features), batch_clips)
    ]
    return np.concatenate(parts)


def to_input(features: tf.Tensor) -> tf.Tensor:
    """int8[batch, frames, bins] as the model's float32[batch, frames, bins, 1]."""
    return tf.cast(features, tf.float32)[..., tf.newaxis] * FEATURE_SCALE


def tilt(features: tf.Tensor, deviation: float, seed: tf.Tensor) -> tf.Tensor:
    """Add a slope and a bow over the bins to each clip, within the range of the features.

    Args:
        features: float32[batch, frames, bins, 1].
        deviation: standard deviation of the difference between the last and the first bin; the
            bow, a parabola of mean zero, gets the same between its middle and its ends.
        seed: int32[2]; the same seed tilts the same way.
    """
    place = np.linspace(-1.0, 1.0, features.shape[2], dtype=np.float32)
    bow = place**2 - np.mean(place**2)
    draws = tf.random.stateless_normal([tf.shape(features)[0], 2], seed) * deviation
    response = draws[:, :1] * (place / 2.0) + draws[:, 1:] * bow
    lowest, highest = -128 * FEATURE_SCALE, 127 * FEATURE_SCALE
    return tf.clip_by_value(features + response[:, tf.newaxis, :, tf.newaxis], lowest, highest)


def spec_augment(features: tf.Tensor, changes: FeatureChanges, seed: tf.Tensor) -> tf.Tensor:
    """Replace one stretch of frames and one of bins in each clip by the clip's mean.

    Args:
        features: float32[batch, frames, bins, 1].
        changes: widest masks; the width is drawn uniformly below them.
        seed: int32[2]; the same seed masks the same way.
    """
    mean = tf.reduce_mean(features, [1, 2], keepdims=True)
    for axis, widest in ((1, changes.time_mask_frames), (2, changes.frequency_mask_bins)):
        length = features.shape[axis]
        draws = tf.random.stateless_uniform([tf.shape(features)[0], 2], seed + axis)
        width = draws[:, :1] * min(widest, float(length))
        start = draws[:, 1:] * (length - width)
        place = tf.range(length, dtype=tf.float32)[tf.newaxis]
        kept = tf.cast((place < start) | (place >= start + width), tf.float32)
        kept = tf.expand_dims(kept, 2 if axis == 1 else 1)[..., tf.newaxis]
        features = features * kept + mean * (1.0 - kept)
    return features


def _epoch_function(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: Loss, changes: FeatureChanges
) -> tf.types.experimental.PolymorphicFunction:
    """The whole epoch as one graph, so that no Python runs between two steps."""

    # Without AutoGraph: it reads source files again while a run is under way.
    @tf.function(autograph=False, reduce_retracing=True)
    def run_epoch(
        features: tf.Tensor,
        labels: tf.Tensor,
        teacher: tf.Tensor,
        order: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        steps = tf.shape(order)[0]

        def run_step(step: tf.Tensor, loss_sum: tf.Tensor, right_sum: tf.Tensor) -> list[tf.Tensor]:
            chosen = order[step]
            target = tf.gather(labels, chosen)
            inputs = to_input(tf.gather(features, chosen))
            step_seed = tf.stack([seed[0], seed[1] * steps + step])
            inputs = spec_augment(tilt(inputs, changes.tilt, step_seed), changes, step_seed)
            with tf.GradientTape() as tape:
                logits = model(inputs, training=True)
                value = loss(target, logits, tf.gather(teacher, chosen))
            variables = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
            right = tf.equal(tf.argmax(logits, 1, tf.int32), target)
            share = tf.reduce_mean(tf.cast(right, tf.float32))
            return [step + 1, loss_sum + value, right_sum + share]

        start = [tf.constant(0), tf.constant(0.0), tf.constant(0.0)]
        _, loss_sum, right_sum = tf.while_loop(lambda step, *_: step < steps, run_step, start)
        count = tf.cast(steps, tf.float32)
        return loss_sum / count, right_sum / count

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
