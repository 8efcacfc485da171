"""Losses against values worked out by hand, and the loop that uses them."""

import math

import numpy as np
import pytest
from breaking_off import Breaks

from training.distill import DistillationLoss, LabelLoss
from training.progress import Silent
from training.runtime import keras, tf
from training.train import (
    CHECKPOINT_EPOCHS,
    FeatureChanges,
    LabelledFeatures,
    Schedule,
    TrainingSet,
    fit,
    predict,
    spec_augment,
    tilt,
)

TARGETS = tf.constant([[1.0, 0.0]])
LOGITS = tf.constant([[0.0, math.log(3.0)]])  # probabilities 1/4, 3/4
TEACHER = tf.constant([[math.log(4.0), 0.0]])  # probabilities 4/5, 1/5; at T = 2: 2/3, 1/3


def test_label_loss_is_the_cross_entropy():
    assert float(LabelLoss()(TARGETS, LOGITS, TEACHER)) == pytest.approx(math.log(4.0))


def test_label_smoothing_spreads_over_all_classes():
    expected = 0.9 * math.log(4.0) + 0.1 * math.log(4.0 / 3.0)
    assert float(LabelLoss(0.2)(TARGETS, LOGITS, TEACHER)) == pytest.approx(expected)


def test_distillation_loss_at_temperature_two():
    root = math.sqrt(3.0)
    student = [1.0 / (1.0 + root), root / (1.0 + root)]
    soft = -(2.0 / 3.0 * math.log(student[0]) + 1.0 / 3.0 * math.log(student[1]))
    expected = 0.75 * 4.0 * soft + 0.25 * math.log(4.0)
    loss = DistillationLoss(temperature=2.0, soft_weight=0.75)
    assert float(loss(TARGETS, LOGITS, TEACHER)) == pytest.approx(expected)


def test_a_clip_without_a_label_follows_the_teacher_alone():
    unlabelled = tf.zeros([1, 2])
    assert float(LabelLoss(0.2)(unlabelled, LOGITS, TEACHER)) == 0.0
    loss = DistillationLoss(temperature=2.0, soft_weight=0.75, smoothing=0.2)
    soft_only = DistillationLoss(temperature=2.0, soft_weight=1.0)
    expected = 0.75 * float(soft_only(TARGETS, LOGITS, TEACHER))
    assert float(loss(unlabelled, LOGITS, TEACHER)) == pytest.approx(expected)


@pytest.mark.parametrize("loss", [LabelLoss(0.1), DistillationLoss(3.0, 0.9, 0.1)])
def test_a_clip_without_a_label_moves_the_logits_as_the_teacher_wants(loss):
    logits = tf.Variable([[3.0, -1.0, 0.5]])
    with tf.GradientTape() as tape:
        value = loss(tf.zeros((1, 3)), logits, tf.constant(logits))
    gradient = tape.gradient(value, logits)
    np.testing.assert_allclose(gradient, np.zeros((1, 3)), atol=1e-6)


def test_losses_are_means_over_the_batch():
    targets, logits = tf.eye(2), tf.concat([LOGITS, LOGITS], 0)
    teacher = tf.concat([TEACHER, TEACHER], 0)
    expected = (math.log(4.0) + math.log(4.0 / 3.0)) / 2.0
    assert float(LabelLoss()(targets, logits, teacher)) == pytest.approx(expected)


def test_masks_hide_one_stretch_each_way_and_follow_the_seed():
    features = tf.random.stateless_normal([64, 20, 10, 1], [1, 2])
    masks = FeatureChanges(time_mask_frames=5, frequency_mask_bins=3)
    masked = spec_augment(features, masks, tf.constant([3, 4])).numpy()[..., 0]
    again = spec_augment(features, masks, tf.constant([3, 4])).numpy()[..., 0]
    other = spec_augment(features, masks, tf.constant([3, 5])).numpy()[..., 0]
    changed = masked != features.numpy()[..., 0]
    frames = changed.all(axis=2).sum(axis=1)
    bins = changed.all(axis=1).sum(axis=1)
    assert np.array_equal(masked, again)
    assert not np.array_equal(masked, other)
    assert frames.max() == 5
    assert bins.max() == 3
    assert len(set(frames)) > 2, "every clip has a mask of its own"
    assert np.array_equal(spec_augment(features, FeatureChanges(), tf.constant([3, 4])), features)


def test_tilt_is_smooth_over_bins_alike_for_all_frames_and_stays_in_range():
    silent = tf.zeros([2_000, 3, 41, 1])
    tilted = tilt(silent, 2.0, tf.constant([3, 4])).numpy()[..., 0]
    assert np.array_equal(tilted[:, 0], tilted[:, 2])
    row = tilted[:, 0]
    assert np.std(row[:, -1] - row[:, 0]) == pytest.approx(2.0, rel=0.1)
    assert np.std((row[:, -1] + row[:, 0]) / 2 - row[:, 20]) == pytest.approx(2.0, rel=0.1)
    assert np.abs(np.diff(row, 3)).max() < 1e-4, "nothing above a parabola"
    assert np.abs(row.mean(axis=1)).max() < 1e-4, "the level stays"
    loud = tilt(silent, 50.0, tf.constant([3, 4])).numpy()
    assert loud.min() == -8.0
    assert loud.max() == 7.9375
    assert np.array_equal(tilt(silent, 0.0, tf.constant([3, 4])), silent)


def tiny_model():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4, 3, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


@pytest.fixture
def separable():
    rng = np.random.default_rng(5)
    labels = np.arange(24, dtype=np.int32) % 2
    features = rng.integers(-40, 40, (2, 24, 4, 3), dtype=np.int8)
    features[:, :, 0, 0] += (labels * 60 - 30).astype(np.int8)
    return TrainingSet(features, labels), LabelledFeatures(features[0], labels)


def train(model, sets, epochs, checkpoint, progress=None):
    return fit(
        model,
        *sets,
        LabelLoss(),
        Schedule(epochs, 8, 0.05, 0.0, seed=7, averaging=0.5),
        FeatureChanges(1, 1),
        progress or Silent(),
        "test",
        checkpoint,
    )


def test_training_learns_and_keeps_its_curve(separable):
    model = tiny_model()
    curve = train(model, separable, 60, None)
    assert len(curve.loss) == len(curve.validation_accuracy) == 60
    assert curve.validation_epochs == list(range(1, 61))
    assert curve.clips == 60 * 24
    assert curve.loss[-1] < curve.loss[0] / 2
    assert curve.validation_accuracy[-1] == 1.0
    assert predict(model, separable[1].features).shape == (24, 2)


def test_interrupted_training_ends_like_one_without_a_break(separable, tmp_path):
    epochs = 2 * CHECKPOINT_EPOCHS + 1
    whole = tiny_model()
    expected = train(whole, separable, epochs, None)

    checkpoint = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        train(tiny_model(), separable, epochs, checkpoint, Breaks(CHECKPOINT_EPOCHS + 2))
    resumed = tiny_model()
    curve = train(resumed, separable, epochs, checkpoint)

    assert len(curve.loss) == epochs
    assert curve.loss == expected.loss
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
