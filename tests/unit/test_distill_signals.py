"""Losses over signals, decoupled soft targets and ramps against values worked out by hand."""

import math
from contextlib import contextmanager

import numpy as np
import pytest

from training.distill import (
    AngleRelation,
    AttentionTransfer,
    DecoupledLoss,
    DistanceRelation,
    DistillationLoss,
    FeatureMatching,
    LabelLoss,
    Objective,
    Part,
    Ramp,
    SignalModel,
    Signals,
    SimilarityRelation,
    TaughtModel,
    objective_of,
)
from training.distill.attention import interpolation
from training.distill.relations import huber
from training.distill.signals import signals_of
from training.models import temporal
from training.models.layers import classifier, conv
from training.progress import Silent
from training.recipe_distillation import DistillationConfig
from training.runtime import keras, tf
from training.train import (
    CHECKPOINT_EPOCHS,
    FeatureChanges,
    LabelledFeatures,
    Schedule,
    TrainingSet,
    fit,
    to_input,
)

RELATIONS = [DistanceRelation(), AngleRelation(), SimilarityRelation()]
NAMES = ["distance", "angle", "similarity"]
RNG = np.random.default_rng(4)
POINTS = RNG.normal(size=(6, 5)).astype(np.float32)
OTHERS = RNG.normal(size=(6, 3)).astype(np.float32)


def signals(embedding=((0.0,),), attention=((1.0,),)):
    return Signals(tf.constant(embedding, tf.float32), tf.constant(attention, tf.float32))


def related(loss, student, teacher):
    return float(loss(signals(student), signals(teacher), tf.zeros([1, 1])))


def rotation(size):
    return np.linalg.qr(RNG.normal(size=(size, size)))[0].astype(np.float32)


def test_feature_matching_is_half_the_mean_square():
    projected = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    teacher = signals([[1.0, 0.0], [0.0, 0.0]])
    value = FeatureMatching()(signals(), teacher, projected)
    assert float(value) == pytest.approx((0 + 4 + 9 + 16) / 4 / 2)


def test_feature_matching_pulls_the_projection_towards_the_teacher():
    projected = tf.Variable([[1.0, -1.0]])
    with tf.GradientTape() as tape:
        value = FeatureMatching()(signals(), signals([[0.0, 0.0]]), projected)
    assert np.array_equal(tape.gradient(value, projected), [[0.5, -0.5]])


def test_attention_transfer_by_hand():
    # (3, 4) / 5 against (1, 0): (0.6 - 1)^2 + 0.8^2
    value = AttentionTransfer()(
        signals(attention=[[3.0, 4.0]]), signals(attention=[[7.0, 0.0]]), tf.zeros([1, 1])
    )
    assert float(value) == pytest.approx(0.16 + 0.64)


def test_attention_transfer_does_not_hear_loudness_and_bears_silence():
    teacher = signals(attention=[[1.0, 2.0, 5.0]])
    loud = signals(attention=[[10.0, 20.0, 50.0]])
    assert float(AttentionTransfer()(loud, teacher, tf.zeros([1, 1]))) == pytest.approx(0, abs=1e-6)
    attention = tf.Variable([[0.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        value = AttentionTransfer()(Signals(tf.zeros([1, 1]), attention), teacher, None)
    assert float(value) == pytest.approx(1.0)
    assert np.isfinite(tape.gradient(value, attention)).all()


def test_attention_moves_energy_to_where_the_teacher_listens():
    attention = tf.Variable([[1.0, 1.0]])
    with tf.GradientTape() as tape:
        value = AttentionTransfer()(
            Signals(tf.zeros([1, 1]), attention), signals(attention=[[0.0, 1.0]]), None
        )
    falling, rising = tape.gradient(value, attention).numpy()[0]
    assert falling > 0 > rising


def test_interpolation_keeps_the_middles_of_frames():
    assert np.array_equal(interpolation(3, 3), np.eye(3))
    assert np.allclose([2.0, 4.0] @ interpolation(2, 4), [2.0, 2.5, 3.5, 4.0])
    assert np.allclose([1.0, 2.0, 3.0, 4.0] @ interpolation(4, 2), [1.5, 3.5])
    assert np.allclose(interpolation(49, 25).sum(axis=0), 1.0)


def test_huber_is_a_parabola_that_goes_on_straight():
    assert np.allclose(huber(tf.constant([0.0, -0.5, 1.0, 3.0])), [0.0, 0.125, 0.5, 2.5])


def test_distance_relation_by_hand():
    # Sides 3, 4, 5 over their mean 4 against 1, 1, 1: differences 1/4, 0, 1/4.
    ours = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]
    theirs = [[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]]
    expected = (0.25**2 / 2) * 2 / 3
    assert related(DistanceRelation(), ours, theirs) == pytest.approx(expected, rel=1e-5)


def test_angle_relation_by_hand():
    # Cosines 0, 3/5 and 4/5 against 1/2 at every corner; a corner counts twice of six triplets.
    ours = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]
    theirs = [[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]]
    expected = (0.5**2 + 0.1**2 + 0.3**2) / 2 * 2 / 6
    assert related(AngleRelation(), ours, theirs) == pytest.approx(expected, rel=1e-5)


def test_similarity_relation_by_hand():
    # Rows (1, 0) and (0, 1) against rows (1, 1) / sqrt 2.
    ours, theirs = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]
    root = math.sqrt(0.5)
    expected = 2 * ((1 - root) ** 2 + root**2) / 4
    assert related(SimilarityRelation(), ours, theirs) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", RELATIONS, ids=NAMES)
def test_relations_are_blind_to_rotation_and_scale(loss):
    turned = 3.0 * POINTS @ rotation(5)
    assert related(loss, turned, POINTS) == pytest.approx(0.0, abs=1e-6)
    assert related(loss, OTHERS, POINTS) > 1e-3
    assert related(loss, OTHERS @ rotation(3), POINTS) == pytest.approx(
        related(loss, OTHERS, POINTS), rel=1e-4
    )


@pytest.mark.parametrize("loss", RELATIONS[:2], ids=NAMES[:2])
def test_distances_and_angles_are_blind_to_shifts(loss):
    assert related(loss, POINTS + 2.0, POINTS) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("loss", RELATIONS, ids=NAMES)
def test_relations_do_not_depend_on_the_order_of_clips(loss):
    order = RNG.permutation(len(POINTS))
    expected = related(loss, OTHERS, POINTS)
    assert related(loss, OTHERS[order], POINTS[order]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", RELATIONS, ids=NAMES)
def test_one_step_along_the_gradient_brings_relations_nearer(loss):
    embedding = tf.Variable(OTHERS)
    with tf.GradientTape() as tape:
        before = loss(Signals(embedding, None), signals(POINTS), None)
    slope = tape.gradient(before, embedding)
    assert related(loss, OTHERS - 0.1 * slope.numpy(), POINTS) < float(before)


@pytest.mark.parametrize("loss", RELATIONS, ids=NAMES)
@pytest.mark.parametrize("clips", [1, 2, 4])
def test_relations_of_equal_or_few_clips_stay_finite(loss, clips):
    embedding = tf.Variable(tf.ones([clips, 3]))
    with tf.GradientTape() as tape:
        value = loss(Signals(embedding, None), signals(POINTS[:clips]), None)
    assert np.isfinite(float(value))
    assert np.isfinite(tape.gradient(value, embedding)).all()


LABELS = 0, 2, 1
TARGETS = tf.one_hot(LABELS, 4)
LOGITS = tf.constant(RNG.normal(size=(3, 4)).astype(np.float32))
TEACHER = tf.constant(RNG.normal(size=(3, 4)).astype(np.float32))


def divergence(p, q):
    return float(np.sum(p * np.log(p / q)))


def test_decoupled_loss_by_hand():
    temperature, total = 2.0, 0.0
    ours = tf.nn.softmax(LOGITS / temperature).numpy().astype(np.float64)
    theirs = tf.nn.softmax(TEACHER / temperature).numpy().astype(np.float64)
    for label, s, t in zip(LABELS, ours, theirs, strict=True):
        target = divergence(np.array([t[label], 1 - t[label]]), np.array([s[label], 1 - s[label]]))
        s, t = np.delete(s, label), np.delete(t, label)
        total += 0.5 * target + 3.0 * divergence(t / t.sum(), s / s.sum())
    loss = DecoupledLoss(temperature, 1.0, target_weight=0.5, other_weight=3.0)
    assert float(loss(TARGETS, LOGITS, TEACHER)) == pytest.approx(4.0 * total / 3, rel=1e-4)


def test_decoupled_parts_add_up_to_soft_targets():
    """KL(t || s) = TCKD + (1 - t_label) NCKD (equation 5), so the gradients agree as well."""
    teacher, logits, targets = TEACHER[:1], tf.Variable(LOGITS[:1]), TARGETS[:1]
    share = 1.0 - float(tf.nn.softmax(teacher)[0, 0])
    slopes = []
    for loss in (DistillationLoss(1.0, 1.0), DecoupledLoss(1.0, 1.0, 1.0, share)):
        with tf.GradientTape() as tape:
            value = loss(targets, logits, teacher)
        slopes.append(tape.gradient(value, logits).numpy())
    assert np.allclose(*slopes, atol=1e-6)
    assert np.abs(slopes[0]).max() > 0.01


def test_decoupled_loss_ends_at_the_teacher_and_bears_certainty():
    loss = DecoupledLoss(1.0, 1.0)
    assert float(loss(TARGETS, TEACHER, TEACHER)) == pytest.approx(0.0, abs=1e-6)
    sure = tf.constant([[80.0, -80.0, 0.0, 0.0]])
    logits = tf.Variable([[-80.0, 80.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        value = loss(TARGETS[:1], logits, sure)
    slope = tape.gradient(value, logits).numpy()[0]
    assert np.isfinite(float(value))
    assert slope[0] < 0 < slope[1]


def test_decoupled_loss_without_a_teacher_is_that_of_the_labels():
    expected = DistillationLoss(1.0, 0.0, smoothing=0.1)(TARGETS, LOGITS, TEACHER)
    value = DecoupledLoss(1.0, 0.0, smoothing=0.1)(TARGETS, LOGITS, TEACHER)
    assert float(value) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("ramp", "factors"),
    [
        (Ramp(), [1.0, 1.0, 1.0, 1.0, 1.0]),
        (Ramp(warm_up=0.5), [0.0, 0.0, 1.0, 1.0, 1.0]),
        (Ramp("linear"), [1.0, 0.75, 0.5, 0.25, 0.0]),
        (Ramp("linear", warm_up=0.5, final=1.0), [0.0, 0.5, 1.0, 1.0, 1.0]),
        (Ramp("linear", warm_up=0.5, final=0.2), [0.0, 0.5, 1.0, 0.6, 0.2]),
        (Ramp("linear", warm_up=1.0), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (Ramp("cosine"), [1.0, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4, 0.0]),
        (Ramp("cosine", warm_up=0.5, final=0.5), [0.0, 0.5, 1.0, 0.75, 0.5]),
    ],
)
def test_ramps(ramp, factors):
    seen = [float(ramp(done)) for done in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert seen == pytest.approx(factors, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"shape": "steep"}, "'steep'; give one of"), ({"warm_up": 1.5}, "warm_up is 1.5")],
)
def test_ramps_refuse_what_they_cannot_do(settings, words):
    with pytest.raises(ValueError, match=words):
        Ramp(**settings)


def test_objective_sums_weighted_parts_over_time():
    ours, theirs = signals(OTHERS, OTHERS), signals(POINTS, POINTS)
    projected = tf.constant(POINTS) + 1.0
    parts = (
        Part(FeatureMatching(), 2.0, Ramp("linear")),
        Part(SimilarityRelation(), 3.0),
    )
    relation = related(SimilarityRelation(), OTHERS, POINTS)
    for done in (0.0, 0.5, 1.0):
        value = float(Objective(parts)(ours, theirs, projected, tf.constant(done)))
        assert value == pytest.approx(2.0 * (1.0 - done) * 0.5 + 3.0 * relation, rel=1e-5)


def test_a_recipe_says_which_parts_there_are():
    assert objective_of(DistillationConfig()) is None
    config = DistillationConfig(
        feature_weight=0.5, angle_weight=2.0, schedule="cosine", warm_up_share=0.1, final_share=0.3
    )
    ramp = Ramp("cosine", 0.1, 0.3)
    assert objective_of(config) == Objective(
        (Part(FeatureMatching(), 0.5, ramp), Part(AngleRelation(), 2.0, ramp))
    )


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "XLA"])
def test_all_parts_train_in_a_compiled_step(jit):
    losses = (FeatureMatching(), AttentionTransfer(), *RELATIONS)
    objective = Objective(tuple(Part(loss, 1.0, Ramp("cosine", 0.1)) for loss in losses))
    embedding, attention = tf.Variable(OTHERS), tf.Variable(np.abs(OTHERS))

    @tf.function(autograph=False, jit_compile=jit)
    def step(done):
        with tf.GradientTape() as tape:
            value = objective(
                Signals(embedding, attention), signals(POINTS, POINTS**2), embedding @ mix, done
            )
        return value, tape.gradient(value, [embedding, attention])

    mix = tf.constant(RNG.normal(size=(3, 5)).astype(np.float32))
    value, slopes = step(tf.constant(0.5))
    expected = objective(
        Signals(embedding, attention), signals(POINTS, POINTS**2), embedding @ mix, 0.5
    )
    assert float(value) == pytest.approx(float(expected), rel=1e-4)
    assert all(np.abs(slope).max() > 0 and np.isfinite(slope).all() for slope in slopes)


def network():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 6, 1))
    return keras.Model(inputs, classifier(conv(inputs, 5, (3, 3), (2, 2)), 4, dropout=0.0))


def test_signals_are_the_mean_and_the_energy_of_the_last_map():
    features = np.array([[[[9.0, 9.0]], [[1.0, 2.0]], [[3.0, -4.0]]]], np.float32)
    embedding, attention = signals_of(tf.constant(features), frames=2)
    assert np.array_equal(embedding, [[2.0, -1.0]])
    assert np.array_equal(attention, [[2.5, 12.5]])


def test_streaming_student_shows_only_its_last_window():
    keras.utils.set_random_seed(3)
    sizes = {"frames": 8, "bins": 6, "classes": 3, "width": 5, "blocks": 2}
    model = SignalModel(temporal.build(**sizes, deployed=False))
    clip = RNG.normal(size=(2, 8, 6, 1)).astype(np.float32)
    before = RNG.normal(size=(2, 40, 6, 1)).astype(np.float32)
    _, alone = model(clip)
    _, later = model(np.concatenate([before, clip], axis=1))
    assert alone.attention.shape == later.attention.shape == (2, 4)
    assert not np.allclose(alone.attention[:, 0], later.attention[:, 0]), "it heard the past"
    mean = tf.reduce_mean(model.inner(clip)[1][:, -4:], [1, 2])
    assert np.allclose(alone.embedding, mean)


def test_taught_model_answers_like_its_student_and_learns_with_it():
    student = network()
    taught = TaughtModel(student, teacher_channels=7, seed=1)
    inputs = tf.constant(RNG.normal(size=(2, 8, 6, 1)).astype(np.float32))
    logits, seen, projected = taught(inputs, training=False)
    assert np.allclose(logits, student(inputs, training=False), atol=1e-6)
    assert seen.embedding.shape == (2, 5)
    assert seen.attention.shape == (2, 4)
    assert projected.shape == (2, 7)
    ours = {variable.ref() for variable in student.trainable_variables}
    all_of_them = [variable.ref() for variable in taught.trainable_variables]
    assert ours < set(all_of_them)
    assert len(all_of_them) == len(ours) + 2, "kernel and bias of the projection"
    again = TaughtModel(network(), teacher_channels=7, seed=1)
    assert np.array_equal(again.projection.kernel, taught.projection.kernel)


def test_network_without_a_mean_is_refused():
    inputs = keras.Input((4, 3, 1))
    model = keras.Model(inputs, keras.layers.Flatten()(inputs), name="flat")
    with pytest.raises(ValueError, match="flat takes no mean of a map"):
        SignalModel(model)


def test_training_brings_the_student_to_the_teachers_signals():
    """The projected embedding and the attention near the teacher's; without the parts they do not.

    The teacher's signals are those of another random network on the same clips.
    """
    rng = np.random.default_rng(9)
    features = rng.integers(-60, 60, (2, 32, 8, 6), np.int8)
    keras.utils.set_random_seed(5)
    inputs = keras.Input((8, 6, 1))
    other = keras.Model(inputs, classifier(conv(inputs, 6, (3, 3), (2, 2)), 4, dropout=0.0))
    shown = [SignalModel(other)(to_input(tf.constant(one)))[1] for one in features]
    signals = Signals(*(np.stack(list(map(np.asarray, one))) for one in zip(*shown, strict=True)))
    labels = np.arange(32, dtype=np.int32) % 4
    data = TrainingSet(features, labels, teacher_signals=signals)
    distances = []
    for weight in (0.0, 50.0):
        model = network()
        objective = Objective((Part(AttentionTransfer(), weight),))
        fit(
            model,
            data,
            LabelledFeatures(features[0], labels),
            LabelLoss(),
            Schedule(60, 16, 0.01, 0.0, seed=2),
            FeatureChanges(),
            Silent(),
            "test",
            objective=objective,
        )
        _, seen = SignalModel(model)(to_input(tf.constant(features[0])))
        distances.append(float(AttentionTransfer()(seen, Signals(*shown[0]), None)))
    assert distances[1] < distances[0] / 2, distances


def test_a_break_keeps_projection_and_ramp(tmp_path):
    rng = np.random.default_rng(9)
    features = rng.integers(-60, 60, (1, 16, 8, 6), np.int8)
    labels = np.arange(16, dtype=np.int32) % 4
    shown = Signals(
        rng.normal(size=(1, 16, 7)).astype(np.float16), rng.random((1, 16, 5)).astype(np.float16)
    )
    data = TrainingSet(features, labels, teacher_signals=shown)
    parts = (Part(FeatureMatching(), 1.0, Ramp("linear", 0.5)), Part(AttentionTransfer(), 1.0))

    def run(checkpoint, progress):
        model = network()
        fit(
            model,
            data,
            LabelledFeatures(features[0], labels),
            LabelLoss(),
            Schedule(2 * CHECKPOINT_EPOCHS, 8, 0.01, 0.0, seed=2),
            FeatureChanges(),
            progress,
            "test",
            checkpoint,
            objective=Objective(parts),
        )
        return model

    class Stops(Silent):
        @contextmanager
        def task(self, description, total):
            yield self

        def advance(self, steps=1.0, detail=None):
            if checkpoint.is_file():
                raise KeyboardInterrupt

    whole = run(None, Silent())
    checkpoint = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint, Stops())
    with pytest.raises(KeyboardInterrupt):  # at once: the epochs before the break are not repeated
        run(checkpoint, Stops())
    resumed = run(checkpoint, Silent())
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)
