"""The network over time and frequency: no look ahead, both forms alike, its size."""

import numpy as np
import pytest

from training.models import count_macs, deployed_parameters, spectro_temporal
from training.models.temporal import LastMean
from training.runtime import keras

FRAMES, BINS = 49, 40
HOP = 2


def _network(deployed: bool, **changes: object) -> keras.Model:
    keras.utils.set_random_seed(1)
    settings = {"width": 10, "blocks": 2, "classes": 3, **changes}
    return spectro_temporal.build(frames=FRAMES, bins=BINS, deployed=deployed, **settings)


def _last_map(model: keras.Model) -> keras.Model:
    """The map [batch, hops, 1, channels] that the mean is taken of."""
    means = keras.layers.GlobalAveragePooling2D | LastMean
    pooling = next(layer for layer in model.layers if isinstance(layer, means))
    return keras.Model(model.input, pooling.input)


def _features(seed: int, frames: int = FRAMES) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, frames, BINS, 1)).astype(np.float32)


@pytest.mark.parametrize("deployed", [True, False])
@pytest.mark.parametrize("hop", [1, 2, 3])
def test_no_output_depends_on_a_later_frame(deployed, hop):
    network = _last_map(_network(deployed, hop_frames=hop))
    heard = _features(1)
    changed = heard.copy()
    first = 20
    changed[:, first:] = _features(2)[:, first:]
    before, after = network(heard).numpy(), network(changed).numpy()
    same = np.abs(before - after).max(axis=(0, 2, 3)) == 0.0
    assert same.tolist() == [(step + 1) * hop <= first for step in range(FRAMES // hop)]


def test_both_forms_compute_the_same():
    training, deployed = _network(False), _network(True)
    rng = np.random.default_rng(3)
    weights = [rng.uniform(0.5, 1.5, value.shape) for value in training.get_weights()]
    training.set_weights(weights)
    deployed.set_weights(weights)
    expected = training(_features(3)).numpy()
    np.testing.assert_allclose(deployed(_features(3)).numpy(), expected, rtol=1e-4)


def test_the_training_form_hears_the_last_window_of_what_it_gets():
    network = _network(False, blocks=1)
    heard = _features(5)
    quiet = np.zeros((2, 60, BINS, 1), np.float32)
    # An untrained network answers silence with zeros, as if there was nothing before.
    after_silence = network(np.concatenate([quiet, heard], axis=1)).numpy()
    np.testing.assert_allclose(after_silence, network(heard).numpy(), atol=1e-5)
    after_noise = network(np.concatenate([_features(6, 60), heard], axis=1)).numpy()
    assert np.abs(after_noise - after_silence).max() > 1e-3


def test_the_size_by_hand():
    model = _network(True, width=40, classes=12)
    hops, taps = FRAMES // HOP, 9
    stem = 15 * 12
    halved = taps * 12 + 12 * 24
    fine = taps * 24 + 24 * 24
    quartered = taps * 24 + 24 * 32
    coarse = taps * 32 + 32 * 32
    column = 5 * 32 + 32 * 40
    block = 5 * 40 + 40 * 40
    weights = stem + halved + fine + quartered + 2 * coarse + column + 2 * block + 40 * 12
    biases = 12 + (12 + 24) + 2 * 24 + (24 + 32) + 2 * 2 * 32 + (32 + 40) + 2 * 2 * 40 + 12
    assert deployed_parameters(model) == weights + biases
    step = 20 * stem + 10 * (halved + fine) + 5 * (quartered + 2 * coarse) + column + 2 * block
    assert count_macs(model) == hops * step + 40 * 12
