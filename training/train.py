"""One short training loop for teachers and students, float or quantisation-aware.

All randomness here follows from (seed, epoch, step), and a model's dropout keeps its counter among
its weights, so a run that continues from a checkpoint is the run without a break.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from training.distill import Loss, Objective, Signals, TaughtModel
from training.files import write_atomically
from training.progress import Progress
from training.recipe import FEATURE_SCALE
from training.runtime import keras, tf

CHECKPOINT_EPOCHS = 5
"""Fewest epochs between two checkpoints."""
CHECKPOINTS, VALIDATIONS = 50, 100
"""Of a long run: epochs of a small network are shorter than what these take."""
WARM_UP_SHARE = 0.03
"""Of the steps: the learning rate rises from zero."""
GRADIENT_NORM = 5.0
"""Greatest norm of all gradients together; longer ones are shortened to it."""
AVERAGING_START = 10.0
"""The average of n weights forgets with n / (n + this) at first, as the first ones are poor."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    AdamW (Loshchilov, Hutter 2019) under a cosine decay after a linear rise; the weights that
    remain are an exponential average of those of all steps (Polyak, Juditsky 1992).
    """

    epochs: int
    batch_clips: int
    learning_rate: float
    weight_decay: float
    seed: int
    averaging: float = 0.0
    """Share of the average that a step keeps; 0 keeps the last weights."""


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
    mixup: float = 0.0
    """Greatest share of another clip in half of the clips (mixup, Zhang et al. 2018)."""
    context_share: float = 0.0
    """Share of the steps in which each clip follows another one, as in a stream. The network must
    take any number of frames and hear the last window."""


Passes = np.ndarray | Sequence[np.ndarray]
"""An array whose first axis is the pass, or a list of passes."""


@dataclass(frozen=True)
class TrainingSet:
    """Clips in several augmented copies ("passes"), and mixes that only a teacher labels.

    Attributes:
        features: int8[passes, clips, frames, bins]; may be a memory map.
        labels: int32[clips].
        teacher_logits: float[passes, clips, classes], or None.
        mixes: int8[mix passes, clips, frames, bins] without labels, or None.
        mix_logits: float[mix passes, clips, classes], where there are mixes.
        teacher_signals: float[passes, clips, n] each, where there is an objective for them.
        mix_signals: float[mix passes, clips, n] each, likewise of the mixes.
    """

    features: np.ndarray
    labels: np.ndarray
    teacher_logits: np.ndarray | None = None
    mixes: Passes | None = None
    mix_logits: Passes | None = None
    teacher_signals: Signals | None = None
    mix_signals: Signals | None = None

    def epoch(self, number: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, targets and teacher's logits of the clips that an epoch sees.

        The passes come in turn; where there are mixes, every second epoch sees a pass of those.
        """
        mixed, index = self._place(number)
        if mixed:
            assert self.mixes is not None
            assert self.mix_logits is not None
            nothing = np.zeros((len(self.labels), classes), np.float32)
            return self.mixes[index], nothing, self.mix_logits[index]
        targets = np.eye(classes, dtype=np.float32)[self.labels]
        if self.teacher_logits is None:
            return self.features[index], targets, np.zeros_like(targets)
        return self.features[index], targets, self.teacher_logits[index]

    def signals(self, number: int) -> Signals:
        """The teacher's signals float[clips, n] for the clips that an epoch sees; n may be 0."""
        mixed, index = self._place(number)
        signals = self.mix_signals if mixed else self.teacher_signals
        if signals is None:
            nothing = np.zeros((len(self.labels), 0), np.float16)
            return Signals(nothing, nothing)
        return Signals(*(np.asarray(rows[index]) for rows in signals))

    def _place(self, number: int) -> tuple[bool, int]:
        """Whether an epoch sees mixes, and which pass."""
        if self.mixes is None or self.mix_logits is None:
            return False, number % len(self.features)
        number, mixed = divmod(number, 2)
        return bool(mixed), number % len(self.mixes if mixed else self.features)


@dataclass(frozen=True)
class LabelledFeatures:
    """int8[clips, frames, bins] and int32[clips]."""

    features: np.ndarray
    labels: np.ndarray


@dataclass
class Curve:
    """What the epochs reached; accuracies as shares of 1."""

    loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    """On the changed clips; for a clip without a label, agreement with the teacher."""
    validation_epochs: list[int] = field(default_factory=list)
    """After how many epochs the averaged weights were tried on the validation set."""
    validation_accuracy: list[float] = field(default_factory=list)
    clips: int = 0
    """Seen in all steps so far."""
    seconds: float = 0.0
    """Wall time of those steps."""


Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, Signals, tf.Tensor], tf.Tensor]
"""(features, targets, teacher's logits, its signals, seed) -> float32[2]: loss and accuracy of a
batch."""


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
    xla: bool = False,
    objective: Objective | None = None,
) -> Curve:
    """Train `model` in place; it takes float32[batch, frames, bins, 1] and gives logits.

    An epoch sees one pass of the data once, in random order, without the last incomplete batch.
    When the file `checkpoint` exists the run continues from it.

    Args:
        model: has the averaged weights in the end.
        data: what to learn.
        validation: what to try the averaged weights on now and then.
        loss: what to make small.
        schedule: how long and how fast.
        changes: of the features, at random.
        progress: shows the epochs.
        name: of the bar.
        checkpoint: file of the state, so that a broken-off run can continue.
        xla: compile the step with XLA; faster for small networks without convolutions of its own.
        objective: of the teacher's signals, added to the loss; the data must have them.

    Returns:
        one entry an epoch, those before a break included.
    """
    clips = len(data.labels)
    batch = min(schedule.batch_clips, clips)
    steps = clips // batch
    classes = model.output_shape[-1]
    learner = model
    if objective is not None:
        learner = TaughtModel(model, data.signals(0).embedding.shape[-1], schedule.seed)
    state = _State(learner, schedule, steps)
    run_step = [
        _step_function(state, loss, changes, context, xla, objective) for context in (False, True)
    ]
    hear = _forward(model, xla)
    curve = state.restore(checkpoint)
    rare = max(1, schedule.epochs // VALIDATIONS)
    kept = max(CHECKPOINT_EPOCHS, schedule.epochs // CHECKPOINTS)
    with progress.task(name, schedule.epochs) as task:
        task.advance(len(curve.loss))
        for epoch in range(len(curve.loss), schedule.epochs):
            rng = np.random.default_rng((schedule.seed, epoch))
            order = rng.permutation(clips)[: steps * batch].reshape(steps, batch)
            in_context = rng.random(steps) < changes.context_share
            features, targets, teacher = (np.asarray(rows) for rows in data.epoch(epoch, classes))
            signals = data.signals(epoch)
            begin = time.perf_counter()
            reached = np.zeros(2)
            for step, chosen in enumerate(order):
                reached += run_step[int(in_context[step])](
                    tf.constant(features[chosen]),
                    tf.constant(targets[chosen]),
                    tf.constant(teacher[chosen].astype(np.float32)),
                    Signals(*(tf.constant(one[chosen].astype(np.float32)) for one in signals)),
                    tf.constant([schedule.seed, epoch * steps + step], tf.int32),
                )
            curve.seconds += time.perf_counter() - begin
            curve.clips += steps * batch
            curve.loss.append(float(reached[0] / steps))
            curve.train_accuracy.append(float(reached[1] / steps))
            last = epoch + 1 == schedule.epochs
            if last or (epoch + 1) % rare == 0:
                with state.averaged():
                    heard = _logits(hear, validation.features).argmax(axis=1)
                curve.validation_epochs.append(epoch + 1)
                curve.validation_accuracy.append(float(np.mean(heard == validation.labels)))
            task.advance(1, f"validation {(curve.validation_accuracy or [0.0])[-1]:.1%}")
            if checkpoint is not None and (epoch + 1) % kept == 0:
                state.save(checkpoint, curve)
    state.use_average()
    return curve


def predict(
    model: keras.Model, features: np.ndarray, batch_clips: int = 512, xla: bool = False
) -> np.ndarray:
    """Logits float32[clips, classes] of int8[clips, frames, bins]."""
    return _logits(_forward(model, xla), features, batch_clips)


def predictor(model: keras.Model, xla: bool = False) -> Callable[[np.ndarray], np.ndarray]:
    """`predict` for many arrays: the graph is built once."""
    run = _forward(model, xla)
    return lambda features: _logits(run, features)


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


def mixup(
    features: tf.Tensor, targets: tf.Tensor, greatest: float, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend half of the clips with the clip opposite in the batch (Zhang et al. 2018).

    Args:
        features: float32[batch, frames, bins, 1].
        targets: float32[batch, classes], blended alike.
        greatest: share of the other clip; the share is drawn uniformly below it.
        seed: int32[2]; the same seed blends the same way.
    """
    draws = tf.random.stateless_uniform([tf.shape(features)[0], 2], seed + 3)
    share = tf.where(draws[:, :1] < 0.5, greatest * draws[:, 1:], 0.0)
    wide = share[:, :, tf.newaxis, tf.newaxis]
    return (
        features + wide * (features[::-1] - features),
        targets + share * (targets[::-1] - targets),
    )


class _State:
    """Everything that a step changes: weights, optimiser and the average of the weights."""

    def __init__(self, model: keras.Model, schedule: Schedule, steps: int) -> None:
        self.model = model
        self.averaging = schedule.averaging
        self.steps = total = schedule.epochs * steps
        warm_up = round(total * WARM_UP_SHARE)
        self.optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                max(1, total - warm_up),
                warmup_target=schedule.learning_rate,
                warmup_steps=warm_up,
            ),
            weight_decay=schedule.weight_decay,
        )
        # What only shifts or scales is not drawn towards zero.
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(model.trainable_variables)
        self.floats = [weight for weight in model.weights if weight.dtype == tf.float32]
        self.averages = [tf.Variable(weight) for weight in self.floats]

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """One step of the optimiser and of the average."""
        limited, _ = tf.clip_by_global_norm(gradients, GRADIENT_NORM)
        pairs = zip(limited, self.model.trainable_variables, strict=True)
        self.optimizer.apply_gradients(pairs)
        steps = tf.cast(self.optimizer.iterations, tf.float32)
        kept = tf.minimum(self.averaging, steps / (steps + AVERAGING_START))
        for average, weight in zip(self.averages, self.floats, strict=True):
            average.assign(kept * average + (1.0 - kept) * weight)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Lend the model the averaged weights."""
        live = [weight.numpy() for weight in self.floats]
        self.use_average()
        yield
        for weight, value in zip(self.floats, live, strict=True):
            weight.assign(value)

    def use_average(self) -> None:
        """Give the model the averaged weights."""
        for weight, average in zip(self.floats, self.averages, strict=True):
            weight.assign(average)

    def variables(self) -> dict[str, tf.Variable]:
        """By their name in a checkpoint."""
        groups = {
            "model": self.model.weights,
            "optimizer": self.optimizer.variables,
            "average": self.averages,
        }
        return {f"{name}_{i}": v for name, group in groups.items() for i, v in enumerate(group)}

    def save(self, path: Path, curve: Curve) -> None:
        """Write a checkpoint."""
        arrays = {name: variable.numpy() for name, variable in self.variables().items()}
        arrays["curve"] = np.frombuffer(json.dumps(asdict(curve)).encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_atomically(path, buffer.getvalue())

    def restore(self, path: Path | None) -> Curve:
        """Continue from a checkpoint, where there is one."""
        if path is None or not path.is_file():
            return Curve()
        with np.load(path) as arrays:
            for name, variable in self.variables().items():
                variable.assign(arrays[name])
            return Curve(**json.loads(arrays["curve"].tobytes().decode()))


def _step_function(
    state: _State,
    loss: Loss,
    changes: FeatureChanges,
    context: bool,
    xla: bool,
    objective: Objective | None,
) -> Step:
    """One step as one graph."""

    # Without AutoGraph: it reads source files again while a run is under way.
    @tf.function(autograph=False, jit_compile=xla)
    def run_step(
        features: tf.Tensor,
        targets: tf.Tensor,
        teacher: tf.Tensor,
        signals: Signals,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        expected = tf.where(tf.reduce_any(targets > 0.0, 1, keepdims=True), targets, teacher)
        inputs = tilt(to_input(features), changes.tilt, seed)
        if changes.mixup > 0.0:
            inputs, targets = mixup(inputs, targets, changes.mixup, seed)
        inputs = spec_augment(inputs, changes, seed)
        if context:
            inputs = tf.concat([tf.roll(inputs, 1, 0), inputs], 1)
        with tf.GradientTape() as tape:
            answer = state.model(inputs, training=True)
            logits = answer if objective is None else answer[0]
            value = loss(targets, logits, teacher)
            if state.model.losses:  # penalties of its layers
                value += tf.add_n(state.model.losses)
            if objective is not None:
                done = tf.cast(state.optimizer.iterations, tf.float32) / state.steps
                value += objective(answer[1], signals, answer[2], done)
        state.apply(tape.gradient(value, state.model.trainable_variables))
        right = tf.equal(tf.argmax(logits, 1), tf.argmax(expected, 1))
        return tf.stack([value, tf.reduce_mean(tf.cast(right, tf.float32))])

    return run_step


def _forward(model: keras.Model, xla: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(
        lambda batch: model(to_input(batch), training=False), autograph=False, jit_compile=xla
    )


def _logits(
    run: Callable[[tf.Tensor], tf.Tensor], features: np.ndarray, batch_clips: int = 512
) -> np.ndarray:
    parts = [
        run(tf.constant(features[start : start + batch_clips])).numpy()
        for start in range(0, len(features), batch_clips)
    ]
    return np.concatenate(parts)
