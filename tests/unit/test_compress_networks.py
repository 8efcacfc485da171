"""Taking networks apart: folding, forms for training, and channels that leave."""

import numpy as np
import pytest
from small_students import FAMILIES, FRAMES, inputs, network

from training.compress.channels import find_channels, keep_channels
from training.compress.forms import Penalty, adopt, trainable
from training.compress.grid import Zeros
from training.compress.network import (
    by_channel,
    duplicate,
    fold,
    from_channels,
    kernel_of,
    weighted_layers,
    with_kernels,
)
from training.errors import UserError
from training.models import count_macs, deployed_parameters
from training.runtime import keras, tf

families = pytest.mark.parametrize("family", FAMILIES)


@families
def test_a_folded_network_computes_the_same_without_normalisation(family):
    whole = network(family)
    folded = fold(whole)
    assert not any(isinstance(x, keras.layers.BatchNormalization) for x in folded.layers)
    np.testing.assert_allclose(folded(inputs()), whole(inputs()), rtol=1e-3, atol=1e-4)
    assert deployed_parameters(folded) == deployed_parameters(whole)


@families
@pytest.mark.parametrize("folds", [False, True])
def test_the_form_for_training_computes_the_same_and_gives_its_weights_back(family, folds):
    whole = fold(network(family)) if folds else network(family)
    model = trainable(whole, {})
    assert (model.input_shape[1] is None) == (family == "temporal")
    np.testing.assert_allclose(model(inputs()), whole(inputs()), rtol=1e-3, atol=1e-4)
    for weight in model.trainable_weights:
        weight.assign(weight * 1.25)
    learned = adopt(whole, model, {})
    np.testing.assert_allclose(learned(inputs()), model(inputs()), rtol=1e-3, atol=1e-4)
    assert np.abs(learned(inputs()) - whole(inputs())).max() > 1e-3


@families
def test_a_form_holds_while_weights_move(family):
    whole = fold(network(family))
    layer = weighted_layers(whole)[2]
    kept = (np.random.default_rng(1).random(layer.weights[0].shape) < 0.5).astype(np.float32)
    forms = {layer.name: Zeros(kept)}
    model = trainable(whole, forms)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.5)
    learned = adopt(whole, model, forms)
    np.testing.assert_allclose(learned(inputs()), model(inputs()), rtol=1e-3, atol=1e-4)
    assert np.all((kernel_of(learned.get_layer(layer.name)) != 0) == (kept != 0))


@families
def test_channels_of_zeros_may_leave_without_a_change(family):
    """The whole network with some channels silenced says what the smaller one says."""
    whole = network(family)
    channels = find_channels(whole)
    rng = np.random.default_rng(5)
    kept = [np.sort(rng.permutation(g.channels)[: g.channels // 2]) for g in channels.groups]
    silenced = duplicate(whole)
    for group, stays in zip(channels.groups, kept, strict=True):
        gone = np.setdiff1d(np.arange(group.channels), stays)
        for name in (*group.makers, *group.carriers):
            layer = silenced.get_layer(name)
            weights = layer.get_weights()
            if isinstance(layer, keras.layers.BatchNormalization):
                for index in (0, 1):
                    weights[index][gone] = 0.0
            elif not isinstance(layer, keras.layers.DepthwiseConv2D):
                for one in weights:
                    one[..., gone] = 0.0
            layer.set_weights(weights)
    smaller = keep_channels(whole, channels, kept)
    np.testing.assert_allclose(smaller(inputs()), silenced(inputs()), rtol=1e-3, atol=1e-4)
    assert deployed_parameters(smaller) < 0.5 * deployed_parameters(whole)
    assert count_macs(smaller) < 0.6 * count_macs(whole)
    for group, stays in zip(channels.groups, kept, strict=True):
        for name in group.makers:
            assert smaller.get_layer(name).output_shape[-1] == len(stays)


def test_residual_blocks_are_one_group_and_ends_stay():
    channels = find_channels(network("temporal", blocks=3))
    assert [(group.channels, len(group.makers)) for group in channels.groups] == [(12, 1), (16, 4)]
    assert not any("the" in group.fixed for group in channels.groups)


def test_a_dense_layer_behind_a_map_loses_its_inputs_at_every_place():
    inputs_ = keras.Input((4, 3, 1))
    x = keras.layers.Conv2D(6, 2, padding="same", activation="relu")(inputs_)
    whole = keras.Model(inputs_, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    channels = find_channels(whole)
    stays = np.array([0, 2, 5])
    smaller = keep_channels(whole, channels, [stays])
    kernel, bias = weighted_layers(whole)[0].get_weights()
    gone = [1, 3, 4]
    kernel[..., gone], bias[gone] = 0.0, 0.0
    silenced = duplicate(whole)
    weighted_layers(silenced)[0].set_weights([kernel, bias])
    heard = np.random.default_rng(1).normal(size=(2, 4, 3, 1)).astype(np.float32)
    np.testing.assert_allclose(smaller(heard), silenced(heard), rtol=1e-5, atol=1e-5)


def test_what_cannot_be_traced_is_refused_with_its_layer():
    inputs_ = keras.Input((4, 3, 2))
    x = keras.layers.Conv2D(4, 1)(inputs_)
    split = keras.layers.Reshape((4, 12), name="odd")(x)
    with pytest.raises(UserError, match=r"'odd' is a Reshape") as refusal:
        find_channels(keras.Model(inputs_, split))
    assert "weights" in refusal.value.remedy
    shared = keras.layers.Conv2D(2, 1, name="twice")
    with pytest.raises(UserError, match=r"'twice' .* is used 2 times"):
        find_channels(keras.Model(inputs_, shared(shared(inputs_))))


def test_kernels_by_channel_go_there_and_back():
    whole = network("ds_cnn")
    kernels = {}
    for layer in weighted_layers(whole):
        rows = by_channel(layer, kernel_of(layer))
        assert rows.shape[0] == layer.output_shape[-1]
        kernels[layer.name] = from_channels(layer, rows)
    np.testing.assert_array_equal(with_kernels(whole, kernels)(inputs()), whole(inputs()))
    assert whole.input_shape[1] == FRAMES


def test_penalties_are_what_their_formulas_say():
    kernel = tf.constant([[3.0, 0.0], [4.0, 0.0]])
    np.testing.assert_allclose(Penalty(l1=0.5)(kernel, axis=1), 3.5)
    # One column of length 5, one of nothing; two weights each.
    np.testing.assert_allclose(Penalty(group_lasso=2.0)(kernel, axis=1), 2 * 2**0.5 * 5, rtol=1e-5)


def test_a_penalty_is_a_loss_of_every_kernel_but_the_classifiers():
    whole = fold(network())
    model = trainable(whole, {}, Penalty(l1=0.5))
    model(inputs(), training=True)
    kernels = [kernel_of(layer) for layer in weighted_layers(whole)[:-1]]
    expected = 0.5 * sum(np.abs(kernel).sum() for kernel in kernels)
    np.testing.assert_allclose(sum(model.losses), expected, rtol=1e-4)
