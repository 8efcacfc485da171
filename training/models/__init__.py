"""Networks by name; one builder a file.

Each takes float32[batch, frames, bins, 1] (an int8 feature times `FEATURE_SCALE`) and gives
float32[batch, classes] logits. The deployed form has the operators that the int8 engine has; the
training form of some networks has others that train faster, with weights of the same shapes.
"""

from __future__ import annotations

from training.models import ds_cnn, res_ds_cnn, spectro_temporal, temporal
from training.recipe import FrontendConfig, NetworkConfig
from training.runtime import keras

XLA_FORMS = frozenset({"temporal"})
"""Architectures whose training form XLA compiles to something faster; convolutions over two axes
are slower that way."""


def build(
    config: NetworkConfig,
    frontend: FrontendConfig,
    classes: int,
    seed: int,
    deployed: bool = True,
) -> keras.Model:
    """A network with fresh weights; the same seed gives the same weights.

    Args:
        config: architecture and sizes.
        frontend: sizes of the features.
        classes: logits.
        seed: of the weights.
        deployed: without dropout and, where there are two forms, with the operators of the engine.
    """
    keras.utils.set_random_seed(seed)
    dropout = 0.0 if deployed else config.dropout
    sizes = {
        "frames": frontend.frames,
        "bins": frontend.mel_bins,
        "classes": classes,
        "width": config.width,
        "blocks": config.blocks,
    }
    match config.architecture:
        case "ds_cnn":
            return ds_cnn.build(**sizes, dropout=dropout)
        case "res_ds_cnn":
            return res_ds_cnn.build(**sizes, dropout=dropout)
        case "temporal" | "spectro_temporal":
            causal = temporal if config.architecture == "temporal" else spectro_temporal
            return causal.build(
                **sizes,
                dropout=dropout,
                deployed=deployed,
                stem_width=config.stem_width,
                kernel_frames=config.kernel_frames,
                dilations=config.dilations,
                hop_frames=config.hop_frames,
            )
    raise ValueError(f"no network is called {config.architecture!r}")


def transfer(source: keras.Model, target: keras.Model) -> keras.Model:
    """Give `target` the weights of the other form; counters of dropout are no weights.

    Returns:
        `target`.
    """
    weights = [w for w in source.weights if w.dtype.is_floating]
    for ours, theirs in zip(target.weights, weights, strict=True):
        ours.assign(theirs)
    return target


def deployed_parameters(model: keras.Model) -> int:
    """Weights and biases that inference needs, batch normalisation folded into the layer before.

    A normalisation leaves one bias a channel, which its convolution had not.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            total += layer.input_shape[-1]
        else:
            total += layer.count_params()
    return int(total)


def count_macs(model: keras.Model) -> int:
    """Multiply-accumulates of one inference: nominal, padding counted as if it were data."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            _, rows, columns, channels = layer.output_shape
            total += rows * columns * channels * layer.kernel_size[0] * layer.kernel_size[1]
        elif isinstance(layer, keras.layers.Conv2D):
            _, rows, columns, _ = layer.output_shape
            total += rows * columns * int(layer.kernel.shape.num_elements())
        elif isinstance(layer, keras.layers.Dense):
            total += int(layer.kernel.shape.num_elements())
    return total
