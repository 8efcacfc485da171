"""Steps that train another network than they give: branches and nested widths."""

import numpy as np
import pytest
from small_students import BINS, FAMILIES, FRAMES, context, inputs, network, student

from training.compress.branches import Branched, branched, branches, merged
from training.compress.channels import find_channels, keep_channels
from training.compress.forms import adopt
from training.compress.network import fold
from training.compress.subnetwork import Nested, Widths, nested, renormalised, subnetwork
from training.errors import UserError
from training.models import deployed_parameters
from training.models.temporal import FrameProduct
from training.recipe_compress import BranchesConfig, SubnetworkConfig
from training.runtime import keras, tf
from training.train import to_input


@pytest.mark.parametrize("family", FAMILIES)
def test_branches_begin_without_a_change_and_merge_into_one_layer(family):
    whole = network(family)
    model = branched(whole, 2)
    np.testing.assert_allclose(model(inputs()), whole(inputs()), rtol=1e-3, atol=1e-4)
    rng = np.random.default_rng(1)
    layers = [layer for layer in model.layers if isinstance(layer, Branched)]
    assert any(layer.same for layer in layers)
    for layer in layers:
        for norm in layer.norms:
            size = norm.gamma.shape
            norm.set_weights(
                [
                    rng.normal(0, 0.3, size),
                    *rng.normal(0, 0.3, (2, *size)),
                    rng.uniform(0.5, 2, size),
                ]
            )
    result = merged(whole, model)
    np.testing.assert_allclose(result(inputs()), model(inputs()), rtol=1e-2, atol=1e-3)
    assert np.abs(result(inputs()) - whole(inputs())).max() > 0.01
    assert deployed_parameters(fold(result)) == deployed_parameters(fold(whole))


def test_a_convolution_with_an_activation_of_its_own_gets_no_branches():
    source = keras.Input((FRAMES, BINS, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="bent")(source)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 1, name="plain")(x))
    model = branched(keras.Model(source, keras.layers.Dense(2)(x)), 2)
    found = [layer.inner.name for layer in model.layers if isinstance(layer, Branched)]
    assert found == ["plain"]


def test_training_with_branches_moves_them():
    before = student()
    after, details = branches(before, BranchesConfig(epochs=1), context())
    assert details["trained_weights"] > 2 * deployed_parameters(before.network)
    assert np.abs(after.network(inputs()) - before.network(inputs())).max() > 1e-4


def test_a_step_keeps_the_first_channels_of_every_group_alike():
    whole = network("temporal")
    channels = find_channels(whole)
    widths = [Widths(group.channels, 4, 4) for group in channels.groups]
    model = nested(whole, channels, widths, seed=3)
    np.testing.assert_allclose(model(inputs()), whole(inputs()), rtol=1e-3, atol=1e-4)
    layers = [layer for layer in model.layers if isinstance(layer, Nested)]
    outputs = keras.Model(model.input, [layer.output for layer in layers])
    seen = set()
    for _ in range(6):
        kept = {}
        for layer, said in zip(layers, outputs(inputs(), training=True), strict=True):
            used = np.flatnonzero(np.abs(said.numpy()).max(axis=(0, 1, 2)))
            if isinstance(layer.inner, FrameProduct):  # others may have zeros of their own
                kept.setdefault(layer.group, set()).add(int(used.max()) + 1)
        assert all(len(found) == 1 for found in kept.values())
        assert all(found <= set(widths[group].choices) for group, found in kept.items())
        seen.add(tuple(sorted((group, *found) for group, found in kept.items())))
    everything = tuple((group, one.channels) for group, one in enumerate(widths))
    assert everything in seen
    assert tuple((group, one.least) for group, one in enumerate(widths)) in seen
    adopted = adopt(whole, model, {})
    assert [w.shape for w in adopted.weights] == [w.shape for w in whole.weights]


def test_normalisation_is_that_of_the_clips():
    clips = context().examples(48)
    whole = network("temporal", blocks=1)
    channels = find_channels(whole)
    smaller = keep_channels(whole, channels, [np.arange(4), np.arange(8)])
    found = renormalised(smaller, clips)
    norm = next(x for x in found.layers if isinstance(x, keras.layers.BatchNormalization))
    before = keras.Model(found.input, norm.input)(to_input(tf.constant(clips))).numpy()
    np.testing.assert_allclose(norm.moving_mean, before.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-4)
    assert norm.momentum > 0.9


def test_the_best_network_within_the_budget_is_taken():
    where = context()
    config = SubnetworkConfig(epochs=1, candidates=1, clips=32, flash_bytes=900)
    found, details = subnetwork(student(blocks=1), config, where)
    fits = [row for row in details["tried"] if row["flash_bytes"] <= 900]
    assert 1 <= details["within"] == len(fits) < len(details["tried"])
    best = max(row["validation_accuracy"] for row in fits)
    assert where.validation_accuracy(found.network) == best
    with pytest.raises(UserError, match="networks fits; the smallest takes"):
        subnetwork(
            student(blocks=1),
            SubnetworkConfig(epochs=0, candidates=1, clips=8, flash_bytes=10),
            where,
        )
