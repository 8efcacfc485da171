"""The way to int8: ranges, equalisation, bias correction, weights on a grid, and the mark."""

import numpy as np
import pytest
from small_students import context, inputs, network, student

from training.compress.calibrate import chooser, to_int8
from training.compress.convert import convert
from training.compress.correct_bias import correct_bias, int8_weights
from training.compress.equalise import equalise, pairs
from training.compress.grid import Clusters, Grid
from training.compress.network import by_channel, fold, kernel_of, weighted_layers, with_kernels
from training.compress.quantise import convert_calibrated, int8_logits
from training.compress.student import Student, held, load_student
from training.errors import UserError
from training.export.compile import compile_model
from training.export.notes import need
from training.export.reader import read_tflite
from training.recipe_compress import CalibrateConfig, CorrectBiasConfig, EqualiseConfig
from training.runtime import tf
from training.train import predict


def ranges(values, **settings):
    return chooser(CalibrateConfig(**settings))(np.asarray(values, np.float32))


def test_min_max_and_percentile():
    values = np.arange(-100, 901) / 100.0
    assert ranges(values) == pytest.approx((-1, 9))
    assert ranges(values, method="percentile", percentile=90) == pytest.approx((-0.5, 8.5))
    after_relu = np.arange(1001) / 100.0
    assert ranges(after_relu, method="percentile", percentile=90) == pytest.approx((0, 9))


def test_zero_is_always_inside_and_symmetric_ranges_have_it_in_the_middle():
    assert ranges([2.0, 3.0]) == pytest.approx((0, 3))
    low, high = ranges([-1.0, 12.7], symmetric=True)
    assert (low, high) == pytest.approx((-12.8, 12.7))


def test_the_divergence_leaves_outliers_out():
    values = np.random.default_rng(1).normal(size=50_000)
    assert ranges(values, method="kl")[1] > 2.0
    low, high = ranges(np.concatenate([values, [40.0, -40.0]]), method="kl")
    assert -20.0 < low < -2.0
    assert 2.0 < high < 20.0


def test_the_squared_error_is_the_least_of_all_tried():
    values = np.random.default_rng(2).laplace(size=5_000)
    low, high = ranges(values, method="mse")

    def error(share):
        step = share * (values.max() - values.min()) / 255
        ends = np.rint(share * np.array([values.min(), values.max()]) / step)
        return np.sum((values - np.clip(np.rint(values / step), *ends) * step) ** 2)

    best = high / values.max()
    assert error(best) <= min(error(0.3), error(0.6), error(0.99), error(1.0))
    assert low / values.min() == pytest.approx(best, rel=1e-3)


def test_min_max_is_what_the_converter_itself_does():
    where, made = context(), network()
    heard = where.examples(20)
    # The converter is shown the ends of the features in a clip of their own.
    ends = np.zeros_like(heard[:1])
    ends[0, 0, :2] = -128, 127
    ours = convert(made, np.concatenate([ends, heard]), chooser(CalibrateConfig()), {})
    theirs = convert_calibrated(made, heard)
    a, b = (int8_logits(one, where.test.features).astype(int) for one in (ours, theirs))
    # The converter rounds ranges to the features' type on its own way: a step or two of 256.
    assert np.abs(a - b).max() <= 2


@pytest.mark.parametrize("family", ["ds_cnn", "temporal"])
def test_equalisation_changes_ranges_and_not_the_network(family):
    before = student(family)
    skewed = fold(before.network)
    first, _ = pairs(skewed)[0]
    rows = skewed.get_layer(first).get_weights()
    axis = -2 if rows[0].shape[-1] == 1 and rows[0].shape[2] > 1 else -1
    factor = 1.0 + 30.0 * np.arange(rows[0].shape[axis])
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    skewed.get_layer(first).set_weights([rows[0] * factor.reshape(shape), rows[1] * factor])
    after, details = equalise(Student(skewed), EqualiseConfig(), context())
    np.testing.assert_allclose(after.network(inputs()), skewed(inputs()), rtol=1e-3, atol=1e-3)
    assert details["spread"][1] < 0.5 * details["spread"][0]
    # The pair that came last is balanced exactly: channel by channel, one range made and read.
    last, reader = (after.network.get_layer(name) for name in pairs(after.network)[-1])
    made = np.abs(by_channel(last, kernel_of(last))).max(axis=1)
    read = np.abs(kernel_of(reader)).max(axis=(0, 1, 3))
    np.testing.assert_allclose(made, read, rtol=1e-3)


def test_bias_correction_brings_the_means_back():
    where, made = context(), student()
    coarse = CalibrateConfig(per_channel=False)
    folded = fold(made.network)
    layer = weighted_layers(folded)[1]
    kernel, bias = layer.get_weights()
    kernel[..., :1, :] *= 50.0  # one channel that leaves few steps for the others
    layer.set_weights([kernel, bias])
    corrected, _ = correct_bias(Student(folded, {}, coarse), CorrectBiasConfig(clips=64), where)
    examples = where.examples(64)
    wanted = predict(folded, examples).mean(axis=0)

    def rounded(network_):
        kernels = {x.name: int8_weights(x, False) for x in weighted_layers(network_)}
        return predict(with_kernels(network_, kernels), examples).mean(axis=0)

    before, after = np.abs(rounded(folded) - wanted), np.abs(rounded(corrected.network) - wanted)
    np.testing.assert_allclose(after, 0.0, atol=1e-4)
    assert before.max() > 1e-3


def four_bits(layer):
    """A grid of 15 values a channel, to its greatest weight."""
    kernel = kernel_of(layer)
    axes = (0, 1) if kernel.shape[-1] == 1 and kernel.ndim == 4 else tuple(range(kernel.ndim - 1))
    greatest = np.abs(kernel).max(axis=axes, keepdims=True)
    codes = np.arange(-7, 8, dtype=np.int8).reshape([1] * kernel.ndim + [-1])
    return Grid(codes, greatest / 7)


def test_weights_on_a_grid_reach_the_int8_model_as_codes():
    where = context()
    folded = fold(network())
    grids = {layer.name: four_bits(layer) for layer in weighted_layers(folded)}
    on_grid = held(Student(folded), grids, folded)
    graph = read_tflite(to_int8(on_grid, where))
    weights = [graph.tensors[o.inputs[1]].data for o in graph.operators if len(o.inputs) == 3]
    assert len(weights) == len(grids)
    # 7 * 18 is the greatest multiple within int8: coarser scales lose the faster kernels.
    assert all(set(np.unique(one)) <= set(range(-126, 127, 18)) for one in weights)
    assert max(np.abs(one).max() for one in weights) == 126
    operators = [call.operator for call in compile_model(to_int8(on_grid, where)).program.calls]
    assert "UNPACK" in operators
    # What the codes compute is what the float network on the grid computes.
    said = int8_logits(to_int8(on_grid, where), where.test.features).argmax(axis=1)
    heard = predict(on_grid.network, where.test.features).argmax(axis=1)
    assert np.mean(said == heard) > 0.9


def test_a_grid_lets_gradients_through_and_clusters_move_together():
    grid = Grid(np.array([[-1, 0, 1]], np.int8), np.array([[0.5]], np.float32))
    kernel = tf.Variable([[0.4], [0.1], [-2.0]])
    with tf.GradientTape() as tape:
        held_ = grid.apply(kernel)
        loss = tf.reduce_sum(held_ * [[1.0], [2.0], [3.0]])
    np.testing.assert_allclose(held_, [[0.5], [0.0], [-0.5]])
    np.testing.assert_allclose(tape.gradient(loss, kernel), [[1], [2], [3]])
    clusters = Clusters(np.array([[0], [0], [1]]), np.array([[2.0]], np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(clusters.apply(kernel) * [[1.0], [2.0], [3.0]])
    np.testing.assert_allclose(clusters.apply(kernel), [[0.25], [0.25], [-2.0]])
    np.testing.assert_allclose(tape.gradient(loss, kernel), [[1.5], [1.5], [3]])


def test_a_marked_model_is_refused_by_the_export_and_still_runs():
    where, made = context(), student()
    tflite = to_int8(made, where)
    marked = need(tflite, "kernels for weights with zeros")
    read_tflite(tflite)
    with pytest.raises(UserError, match="needs kernels for weights with zeros") as refusal:
        read_tflite(marked, "small.tflite")
    assert "docs/compression.md" in refusal.value.remedy
    same = [int8_logits(one, where.test.features[:2]) for one in (tflite, marked)]
    np.testing.assert_array_equal(*same)


def test_a_student_is_kept_with_its_forms_and_its_calibration(tmp_path):
    folded = fold(network("ds_cnn"))
    grids = {layer.name: four_bits(layer) for layer in weighted_layers(folded)[:2]}
    kept = held(Student(folded, {}, CalibrateConfig(method="kl")), grids, folded)
    kept.save(tmp_path)
    found = load_student(tmp_path)
    assert found.calibration == kept.calibration
    assert found.forms.keys() == kept.forms.keys()
    np.testing.assert_allclose(found.network(inputs()), kept.network(inputs()), rtol=1e-5)
    for name, grid in grids.items():
        np.testing.assert_array_equal(found.forms[name].scale, grid.scale)
