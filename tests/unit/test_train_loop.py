"""The training loop's parts: mixup, mixes, averaged weights, context, and dropout that resumes."""

import numpy as np
import pytest
from breaking_off import Breaks

from training import models
from training.distill import DistillationLoss, LabelLoss
from training.models.layers import Dropout
from training.progress import Silent
from training.recipe import FrontendConfig, StudentConfig
from training.runtime import keras, tf
from training.train import (
    CHECKPOINT_EPOCHS,
    FeatureChanges,
    LabelledFeatures,
    Schedule,
    TrainingSet,
    fit,
    mixup,
    predict,
)

CLIPS, CLASSES = 16, 3


def clips(frames=6, bins=4, passes=2):
    rng = np.random.default_rng(2)
    labels = np.arange(CLIPS, dtype=np.int32) % CLASSES
    features = rng.integers(-60, 60, (passes, CLIPS, frames, bins), dtype=np.int8)
    return features, labels


def dropping_model():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 4, 1))
    x = Dropout(0.5)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def train(model, data, epochs, checkpoint=None, loss=None, averaging=0.9, batch=8, **changes):
    return fit(
        model,
        data,
        LabelledFeatures(data.features[0], data.labels),
        loss or LabelLoss(0.05),
        Schedule(epochs, batch, 0.01, 0.0, seed=7, averaging=averaging),
        FeatureChanges(1, 1, 0.5, **changes),
        Silent(),
        "test",
        checkpoint,
    )


def test_a_broken_off_training_with_dropout_and_mixup_ends_like_a_whole_one(tmp_path):
    """Keras' own dropout keeps its generator to itself: the rest of the run drew other values."""
    data = TrainingSet(*clips())
    whole = dropping_model()
    train(whole, data, 2 * CHECKPOINT_EPOCHS, mixup=0.4)

    checkpoint = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(
            dropping_model(),
            data,
            LabelledFeatures(data.features[0], data.labels),
            LabelLoss(0.05),
            Schedule(2 * CHECKPOINT_EPOCHS, 8, 0.01, 0.0, seed=7, averaging=0.9),
            FeatureChanges(1, 1, 0.5, mixup=0.4),
            Breaks(CHECKPOINT_EPOCHS + 2),
            "test",
            checkpoint,
        )
    resumed = dropping_model()
    train(resumed, data, 2 * CHECKPOINT_EPOCHS, checkpoint, mixup=0.4)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_dropout_draws_anew_each_step_and_keeps_the_mean():
    layer = Dropout(0.25)
    ones = tf.ones([4, 1_000])
    first, second = layer(ones, training=True).numpy(), layer(ones, training=True).numpy()
    assert set(np.unique(first)) == {0.0, np.float32(1 / 0.75)}
    assert np.mean(first == 0.0) == pytest.approx(0.25, abs=0.03)
    assert not np.array_equal(first, second)
    assert np.array_equal(layer(ones, training=False), ones)


def test_mixup_blends_half_of_the_clips_with_the_opposite_one_and_labels_alike():
    count = 400
    features = tf.reshape(tf.range(count, dtype=tf.float32), [count, 1, 1, 1])
    targets = tf.one_hot(tf.range(count), count)
    mixed, labels = mixup(features, targets, 0.4, tf.constant([1, 2]))
    opposite = np.arange(count)[::-1]
    share = labels.numpy()[np.arange(count), opposite]
    assert share.max() == pytest.approx(0.4, abs=0.01)
    assert np.mean(share > 0.0) == pytest.approx(0.5, abs=0.08)
    assert labels.numpy().sum(axis=1) == pytest.approx(1.0)
    expected = (1.0 - share) * np.arange(count) + share * opposite
    assert mixed.numpy().reshape(-1) == pytest.approx(expected, abs=1e-2)


def test_copies_and_mixes_come_in_turn_and_mixes_have_no_targets():
    features, labels = clips(passes=2)
    mixes = np.zeros((3, *features.shape[1:]), np.int8)
    logits, mix_logits = np.ones((2, CLIPS, CLASSES)), np.full((3, CLIPS, CLASSES), 2.0)
    data = TrainingSet(features, labels, logits, mixes, mix_logits)
    seen = [data.epoch(number, CLASSES) for number in range(8)]
    for number, (heard, targets, said) in enumerate(seen):
        if number % 2:
            assert not heard.any()
            assert not targets.any()
            assert (said == 2.0).all()
        else:
            assert np.array_equal(heard, features[number // 2 % 2])
            assert np.array_equal(targets.argmax(axis=1), labels)
            assert (said == 1.0).all()


def test_mixes_alone_teach_what_the_teacher_says():
    features, labels = clips()
    logits = 8.0 * np.eye(CLASSES, dtype=np.float32)[np.stack([labels, labels])]
    silent = np.zeros_like(logits)
    data = TrainingSet(features, labels, silent, features, logits)
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 4, 1))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(inputs)))
    curve = train(model, data, 120, loss=DistillationLoss(1.0, 1.0))
    heard = predict(model, features[0]).argmax(axis=1)
    assert np.mean(heard == labels) == 1.0
    assert curve.train_accuracy[-1] > 0.9, "agreement with the teacher"


def test_the_averaged_weights_remain():
    """After the first of all steps the average is 1 part of the first weights, 10 of the new."""
    data = TrainingSet(*clips())
    weights = []
    for averaging in (0.0, 0.9999):
        model = dropping_model()
        train(model, data, 1, averaging=averaging, batch=CLIPS)
        weights.append(model.get_weights()[-2])
    first, (last, averaged) = dropping_model().get_weights()[-2], weights
    assert averaged == pytest.approx((first + 10.0 * last) / 11.0, abs=1e-6)
    assert np.abs(last - first).min() > 1e-3


@pytest.mark.parametrize(
    ("architecture", "xla"),
    [("temporal", False), ("temporal", True), ("spectro_temporal", False)],
    ids=["temporal", "temporal by XLA", "spectro-temporal"],
)
def test_a_network_trained_in_context_hears_its_clip_alone(architecture, xla):
    config = StudentConfig(architecture, width=8, blocks=1, batch_clips=8)
    front = FrontendConfig(mel_bins=8, clip_samples=2_400)
    model = models.build(config, front, CLASSES, 1, deployed=False)
    features, labels = clips(front.frames, 8)
    curve = fit(
        model,
        TrainingSet(features, labels),
        LabelledFeatures(features[0], labels),
        LabelLoss(),
        Schedule(2, 8, 0.01, 0.0, seed=7),
        FeatureChanges(context_share=1.0),
        Silent(),
        "test",
        xla=xla,
    )
    assert np.isfinite(curve.loss).all()
    deployed = models.transfer(model, models.build(config, front, CLASSES, 1))
    expected = predict(model, features[0])
    assert predict(deployed, features[0]) == pytest.approx(expected, abs=1e-4)
