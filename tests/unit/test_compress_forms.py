"""Few bits, clusters and split convolutions."""

import numpy as np
import pytest
from small_students import BINS, CLASSES, FRAMES, context, inputs, network, student

from training.compress.cluster import cluster, find_clusters
from training.compress.grid import Grid
from training.compress.low_bits import codes_of, fit_grid, low_bits, share_out
from training.compress.measure import packed_bytes
from training.compress.network import by_channel, fold, kernel_of, weighted_layers
from training.compress.student import Student
from training.compress.tensor_split import composed, cp, tensor_split, tucker
from training.errors import UserError
from training.recipe_compress import ClusterConfig, LowBitsConfig, TensorSplitConfig
from training.runtime import keras


def test_codes_are_symmetric_and_powers_are_shifts():
    assert codes_of("uniform", 4).tolist() == list(range(-7, 8))
    assert codes_of("uniform", 2).tolist() == [-1, 0, 1]
    assert codes_of("powers_of_two", 3).tolist() == [-64, -32, -16, 0, 16, 32, 64]
    assert codes_of("powers_of_two", 4).tolist() == [
        *(-(2**k) for k in range(6, -1, -1)),
        0,
        *(2**k for k in range(7)),
    ]
    assert codes_of("powers_of_two", 8).tolist() == codes_of("powers_of_two", 4).tolist()


@pytest.mark.parametrize("grid", ["uniform", "powers_of_two"])
def test_no_scale_loses_less_than_the_one_chosen(grid):
    layer = weighted_layers(fold(network()))[2]
    found = fit_grid(layer, codes_of(grid, 3))
    kernel = kernel_of(layer)

    def error(scale):
        rounded = Grid(found.codes, scale).apply(layer.weights[0]).numpy()
        return (by_channel(layer, rounded - kernel) ** 2).sum(axis=1)

    least = error(found.scale)
    for factor in (0.8, 0.9, 1.1, 1.25):
        assert np.all(least <= error(np.float32(factor) * found.scale) * 1.02)
    assert least.sum() < 0.3 * (kernel**2).sum()


def test_bits_are_shared_out_where_a_byte_costs_least():
    made = fold(network())
    names = [layer.name for layer in weighted_layers(made)]
    sizes = {layer.name: kernel_of(layer).size for layer in weighted_layers(made)}
    careful = names[1]
    sensitivity = {
        name: {
            "8": 0.0,
            "4": 1.0 if name == careful else 1e-6,
            "2": 2.0 if name == careful else 2e-6,
        }
        for name in names
    }
    total = sum(sizes.values())
    bits = share_out(made, sensitivity, int(0.7 * total))
    assert bits[careful] == 8
    assert sum(sizes[name] * bits[name] / 8 for name in names) <= 0.7 * total
    assert set(bits.values()) > {8}
    with pytest.raises(UserError, match="with 2 bits a weight"):
        share_out(made, sensitivity, int(0.2 * total))


def test_low_bits_train_on_their_grid_under_a_budget():
    config = LowBitsConfig(epochs=1, flash_bytes=600, clips=16)
    made, details = low_bits(student(blocks=1), config, context())
    assert set(details["bits"].values()) <= {2, 4, 8}
    for name, form in made.forms.items():
        kernel = kernel_of(made.network.get_layer(name))
        codes = kernel / form.scale
        np.testing.assert_allclose(codes, np.rint(codes), atol=1e-4)
        assert np.abs(codes).max() <= 2 ** (details["bits"][name] - 1) - 1 + 1e-4
    sizes = sum(form.codes.size for form in made.forms.values())
    assert packed_bytes(made) <= 600 + sizes
    assert made.needs == ""


@pytest.mark.parametrize("codebook", ["tensor", "channel"])
def test_clusters_have_few_values_and_stay_together_in_training(codebook):
    config = ClusterConfig(values=4, codebook=codebook, epochs=1)
    made, details = cluster(student("ds_cnn", blocks=1), config, context())
    assert set(details["values"].values()) <= {1, 2, 3, 4}
    for layer in weighted_layers(made.network):
        rows = by_channel(layer, kernel_of(layer) / made.forms[layer.name].scale)
        np.testing.assert_allclose(rows, np.rint(rows), atol=1e-3)
        one = np.rint(rows)
        assert max(len(np.unique(row)) for row in one) <= 4
        if codebook == "tensor":
            assert len(np.unique(one)) <= 4


def test_each_weight_is_in_the_nearest_cluster():
    layer = weighted_layers(fold(network()))[2]
    found = find_clusters(layer, ClusterConfig(values=5))
    means = found.means(layer.weights[0]).numpy()
    parts = kernel_of(layer) / found.scale
    off = np.abs(parts[..., np.newaxis] - means)
    chosen = np.take_along_axis(off, found.index[..., np.newaxis], -1)[..., 0]
    np.testing.assert_allclose(chosen, off.min(axis=-1), atol=1e-3)


def test_tensors_of_low_rank_are_found_again():
    rng = np.random.default_rng(1)
    first, last = rng.normal(size=(6, 2)), rng.normal(size=(8, 3))
    kernel = np.einsum("hwrs,ir,os->hwio", rng.normal(size=(5, 3, 2, 3)), first, last)
    inner, outer, core = tucker(kernel, 1.0 - 1e-7)
    assert (inner.shape, outer.shape) == ((6, 2), (8, 3))
    np.testing.assert_allclose(np.einsum("hwrs,ir,os->hwio", core, inner, outer), kernel, atol=1e-6)
    parts = [rng.normal(size=(size, 2)) for size in (5, 3, 6, 8)]
    kernel = composed(parts)
    found = composed(cp(kernel, 2, np.random.default_rng(2)))
    assert np.sum((found - kernel) ** 2) < 1e-3 * np.sum(kernel**2)


@pytest.mark.parametrize("method", ["tucker", "cp"])
def test_split_convolutions_compute_what_the_whole_one_did(method):
    before = student("ds_cnn", width=64, blocks=1)
    stem = weighted_layers(before.network)[0]
    rng = np.random.default_rng(1)
    rows, columns, _, filters = kernel_of(stem).shape
    parts = [rng.normal(size=(size, 2)) for size in (rows, columns, 1, filters)]
    stem.set_weights([composed(parts) / 10])
    config = TensorSplitConfig(method=method, energy=0.9999, epochs=0, multiple=2)
    after, details = tensor_split(before, config, context())
    # Alternating least squares may need another step of the rank to be as near.
    assert details["ranks"][stem.name][-1] in {"tucker": (2,), "cp": (2, 4)}[method]
    np.testing.assert_allclose(
        after.network(inputs()), before.network(inputs()), rtol=5e-2, atol=5e-2
    )
    with pytest.raises(UserError, match="no convolution over two axes"):
        tensor_split(student("temporal"), config, context())


def convolution(**settings):
    """A network of a convolution over two axes, of rank 2 but for noise, and a dense layer."""
    keras.utils.set_random_seed(5)
    source = keras.Input((FRAMES, BINS, 1))
    whole = keras.layers.Conv2D(32, (5, 3), padding="same", name="whole", **settings)
    pooled = keras.layers.GlobalAveragePooling2D()(whole(source))
    made = keras.Model(source, keras.layers.Dense(CLASSES)(pooled))
    rng = np.random.default_rng(1)
    parts = [rng.normal(size=(size, 2)) for size in (5, 3, 1, 32)]
    whole.set_weights([composed(parts) / 10, rng.normal(size=32)])
    return made


@pytest.mark.parametrize("method", ["tucker", "cp"])
def test_the_activation_of_a_split_convolution_stays_behind_its_last_part(method):
    before = Student(convolution(activation="relu"))
    config = TensorSplitConfig(method=method, energy=0.9999, epochs=0, multiple=2)
    after, _ = tensor_split(before, config, context())
    np.testing.assert_allclose(
        after.network(inputs()), before.network(inputs()), rtol=5e-2, atol=5e-2
    )


def test_a_dilated_convolution_is_no_chain_over_neighbouring_taps():
    before = Student(convolution(dilation_rate=2))
    tucker_, cp_ = (
        TensorSplitConfig(method=method, energy=0.9999, epochs=0) for method in ("tucker", "cp")
    )
    after, _ = tensor_split(before, tucker_, context())
    np.testing.assert_allclose(
        after.network(inputs()), before.network(inputs()), rtol=1e-2, atol=1e-2
    )
    with pytest.raises(UserError, match="no convolution over two axes"):
        tensor_split(before, cp_, context())
