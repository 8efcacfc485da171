"""The temporal network: no look ahead, one set of weights for both forms, and its size."""

import numpy as np
import pytest

from training.compress.quantise import convert_calibrated, int8_logits
from training.export import compile_model
from training.models import count_macs, deployed_parameters, temporal
from training.runtime import keras
from training.train import predict

FRAMES, BINS = 49, 40
HOP = 2


def _network(deployed: bool, **changes: object) -> keras.Model:
    keras.utils.set_random_seed(1)
    settings = {"width": 12, "blocks": 4, "classes": 3, **changes}
    return temporal.build(frames=FRAMES, bins=BINS, deployed=deployed, **settings)


def _last_map(model: keras.Model) -> keras.Model:
    """The map [batch, hops, 1, channels] that the mean is taken of."""
    pooling = next(
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.GlobalAveragePooling2D | temporal.LastMean)
    )
    return keras.Model(model.input, pooling.input)


def _features(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, FRAMES, BINS, 1)).astype(np.float32)


@pytest.mark.parametrize("deployed", [True, False])
def test_no_output_depends_on_a_later_frame(deployed):
    network = _last_map(_network(deployed))
    heard = _features(1)
    changed = heard.copy()
    first = 20
    changed[:, first:] = _features(2)[:, first:]
    before, after = network(heard).numpy(), network(changed).numpy()
    same = np.abs(before - after).max(axis=(0, 2, 3)) == 0.0
    # Hop h ends with frame HOP * h + HOP - 1.
    assert same.tolist() == [HOP * hop + HOP - 1 < first for hop in range(FRAMES // HOP)]


def test_both_forms_compute_the_same():
    training, deployed = _network(False), _network(True)
    rng = np.random.default_rng(3)
    weights = [rng.uniform(0.5, 1.5, value.shape) for value in training.get_weights()]
    training.set_weights(weights)
    deployed.set_weights(weights)
    expected = training(_features(3)).numpy()
    np.testing.assert_allclose(deployed(_features(3)).numpy(), expected, rtol=1e-4)


def test_a_shift_by_whole_hops_shifts_the_map():
    network = _last_map(_network(True))
    quiet_hops = 6
    late = np.zeros((2, FRAMES, BINS, 1), np.float32)
    late[:, quiet_hops * HOP :] = _features(4)[:, : FRAMES - quiet_hops * HOP]
    early, shifted = network(_features(4)).numpy(), network(late).numpy()
    np.testing.assert_allclose(shifted[:, quiet_hops:], early[:, :-quiet_hops], atol=1e-5)


def test_the_training_form_hears_the_last_window_of_what_it_gets():
    network = _network(False, blocks=1)
    heard = _features(5)
    quiet = np.zeros((2, 60, BINS, 1), np.float32)
    # An untrained network answers silence with zeros, as if there was nothing before.
    after_silence = network(np.concatenate([quiet, heard], axis=1)).numpy()
    np.testing.assert_allclose(after_silence, network(heard).numpy(), atol=1e-5)
    after_noise = network(np.concatenate([_features(6), heard], axis=1)).numpy()
    assert np.abs(after_noise - after_silence).max() > 1e-3


def test_the_size_by_hand():
    model = _network(True, width=44, blocks=4, classes=12)
    stem, width, hops = 33, 44, FRAMES // HOP
    block = width * 5 + width * width
    front = BINS * stem
    step = stem * 5 + stem * width + 4 * block
    biases = stem + stem + width + 4 * 2 * width + 12
    assert deployed_parameters(model) == front + step + width * 12 + biases
    assert count_macs(model) == FRAMES * front + hops * step + width * 12


def test_the_int8_form_is_one_the_engine_takes():
    model = _network(True)
    rng = np.random.default_rng(5)
    features = rng.integers(-128, 128, (24, FRAMES, BINS), dtype=np.int8)
    tflite = convert_calibrated(model, features)
    compiled = compile_model(tflite)
    assert compiled.frames_bins == (FRAMES, BINS)
    assert compiled.summary.macs == count_macs(model)
    grid = compiled.output.quantization
    steps = predict(model, features) / grid.scales[0] + grid.zero_points[0]
    # A few steps of the int8 grid of the logits: what eleven roundings one after another leave.
    assert np.abs(int8_logits(tflite, features) - steps).mean() < 4.0
