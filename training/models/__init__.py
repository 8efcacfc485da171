"""Networks by name; one builder a file.

Each takes float32[batch, frames, bins, 1] (an int8 feature times `FEATURE_SCALE`) and gives
float32[batch, classes] logits. The operators are those that the int8 engine has.
"""

from __future__ import annotations

from collections.abc import Callable

from training.models import ds_cnn, res_ds_cnn
from training.recipe import FrontendConfig, StudentConfig, TeacherConfig
from training.runtime import keras

BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "ds_cnn": ds_cnn.build,
    "res_ds_cnn": res_ds_cnn.build,
}


def build(
    config: TeacherConfig | StudentConfig, frontend: FrontendConfig, classes: int, seed: int
) -> keras.Model:
    """A network with fresh weights; the same seed gives the same weights."""
    keras.utils.set_random_seed(seed)
    return BUILDERS[config.architecture](
        frames=frontend.frames,
        bins=frontend.mel_bins,
        classes=classes,
        width=config.width,
        blocks=config.blocks,
        dropout=config.dropout,
    )


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
