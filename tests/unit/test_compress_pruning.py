"""Importance by hand-computable cases, and the step `prune`."""

from dataclasses import replace

import numpy as np
import pytest
from small_students import BINS, CLASSES, FRAMES, context, student

from training.compress.calibrate import to_int8
from training.compress.grid import Zeros
from training.compress.importance import importance
from training.compress.measure import costs, measure, zero_share
from training.compress.network import kernel_of, weighted_layers
from training.compress.prune import blocks_of, choose, from_blocks, prune
from training.errors import UserError
from training.models import deployed_parameters
from training.recipe_compress import PruneConfig
from training.runtime import keras, tf
from training.train import to_input


def linear():
    """A mean and a classifier: the gradient of its loss is known by hand."""
    inputs = keras.Input((FRAMES, BINS, 1))
    x = keras.layers.Conv2D(4, (1, BINS), name="a")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, name="b")(x))


def by_hand(made, count):
    """Gradients of the classifier's kernel, float[clips, inputs, classes]: x (p - y)."""
    drawn = context().labelled_examples(count)
    mean = keras.Model(made.input, made.layers[-2].output)(to_input(tf.constant(drawn.features)))
    wrong = tf.nn.softmax(made(to_input(tf.constant(drawn.features)))) - np.eye(CLASSES)[
        drawn.labels
    ].astype(np.float32)
    return mean.numpy()[:, :, np.newaxis] * wrong.numpy()[:, np.newaxis, :]


def test_gradient_measures_are_what_their_formulas_say():
    keras.utils.set_random_seed(1)
    made, count = linear(), 12
    slopes, weights = by_hand(made, count), kernel_of(made.layers[-1])

    def units(kernels):
        return {"b": kernels["b"].sum(axis=1)}  # an input of the classifier is a unit

    expected = {
        "gradient": (slopes**2).sum(axis=2).mean(axis=0),
        "taylor": ((slopes * weights).sum(axis=2) ** 2).mean(axis=0),
        "fisher": 0.5 * (slopes**2 * weights**2).sum(axis=2).mean(axis=0),
    }
    for measure_, values in expected.items():
        found = importance(measure_, made, units, units, count, context())["b"]
        np.testing.assert_allclose(found, values, rtol=1e-4, err_msg=measure_)


def test_magnitude_and_median_compare_units_within_their_layer():
    made = linear()
    rows = np.array([[3.0, 0.0, 0.0], [3.1, 0.0, 0.0], [3.0, 0.1, 0.0], [-3.0, 0.0, 4.0]])
    made.layers[-1].set_weights([rows, np.zeros(CLASSES)])

    def sums(kernels):
        return {"b": kernels["b"].sum(axis=1)}

    def split(kernels):
        return {"b": kernels["b"]}

    size = importance("magnitude", made, sums, split, 1, context())["b"]
    np.testing.assert_allclose(size, [9, 9.61, 9.01, 25] / np.mean([9, 9.61, 9.01, 25]), rtol=1e-5)
    # The first row is the nearest to all others, though it is not the smallest by far.
    assert importance("median", made, sums, split, 1, context())["b"].argmin() == 0


@pytest.mark.parametrize("shape", [(3, 1, 5, 1), (2, 3, 4, 5), (7, 3)])
def test_blocks_go_there_and_back(shape):
    kernel = np.random.default_rng(1).normal(size=shape)
    blocks = blocks_of(kernel, 4)
    assert blocks.shape[1] == 4
    np.testing.assert_array_equal(from_blocks(blocks, shape), kernel)


def test_what_stays_is_the_best_in_multiples():
    scores = [np.array([5.0, 1, 9, 7, 2, 8, 3, 6]), np.array([0.5, 0.1, 0.9, 0.2])]
    everywhere = choose(scores, 6, "global", 2)
    assert [one.tolist() for one in everywhere] == [[0, 2, 3, 5, 6, 7], [0, 2]]
    layerwise = choose(scores, 6, "layer", 1)
    assert [one.tolist() for one in layerwise] == [[2, 3, 5, 7], [0, 2]]


def test_half_the_channels_leave_and_the_int8_model_is_smaller():
    before, where = student("temporal", width=24), context()
    smaller, details = prune(before, PruneConfig(epochs=1, importance="taylor", clips=8), where)
    whole, kept = details["channels"]
    assert whole == 12 + 24
    assert 16 <= kept <= 20, "half, in multiples of four"
    assert deployed_parameters(smaller.network) < 0.75 * deployed_parameters(before.network)
    large, small = measure(before, where), measure(smaller, where)
    assert small.flash_bytes < 0.85 * large.flash_bytes
    assert small.ram_bytes < large.ram_bytes
    assert small.macs < large.macs
    assert smaller.needs == ""


def test_weights_in_blocks_become_zeros_that_stay():
    config = PruneConfig(granularity="blocks", share=0.5, epochs=1, scope="layer", rounds=2)
    pruned, details = prune(student(), config, context())
    assert len(details["rounds"]) == 2
    assert 0.45 < zero_share(pruned) < 0.6
    for layer in weighted_layers(pruned.network):
        form = pruned.forms[layer.name]
        assert isinstance(form, Zeros)
        assert np.all((kernel_of(layer) == 0) >= (form.kept == 0))
    assert pruned.needs == "", "the engine leaves out blocks of four"
    alone, _ = prune(student(), replace(config, granularity="weights", epochs=0), context())
    assert alone.needs
    with pytest.raises(UserError, match="comes after one that put weights into a form"):
        prune(pruned, PruneConfig(), context())


def test_rounds_stop_before_accuracy_falls_below_the_bound():
    before = student()
    config = PruneConfig(share=0.8, rounds=4, epochs=0, least_accuracy=1.0)
    kept, details = prune(before, config, context())
    assert details["taken"] == 0
    assert len(details["rounds"]) == 1
    assert kept is before


def test_costs_are_those_of_a_stream():
    told = costs(to_int8(student(), context()), context().core)
    assert told.step_frames == 1
    assert told.instructions is not None
