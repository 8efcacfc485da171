"""Teacher: a wide residual depthwise-separable network.

Depthwise-separable convolutions for keyword spotting are from Zhang et al. 2017 ("Hello Edge"),
the identity shortcuts from He et al. 2016. Half of the blocks keep 20 ms by 4 bins of detail.
"""

from __future__ import annotations

from training.models.layers import classifier, conv, depthwise
from training.runtime import keras

STEM_KERNEL = (10, 4)
STEM_STRIDES = (2, 2)
POOL_AFTER_BLOCK = 1
"""Counted from 0: after it pairs of bins are averaged."""


def build(
    *, frames: int, bins: int, classes: int, width: int, blocks: int, dropout: float
) -> keras.Model:
    """About `blocks * width^2` parameters; 160 x 6 has 179 k."""
    inputs = keras.Input((frames, bins, 1))
    x = conv(inputs, width, STEM_KERNEL, STEM_STRIDES)
    for block in range(blocks):
        y = depthwise(x, (3, 3))
        y = conv(y, width, (1, 1), relu=False)
        if block > 0:
            y = keras.layers.Add()([x, y])
        x = keras.layers.ReLU()(y)
        if block == POOL_AFTER_BLOCK:
            x = keras.layers.AveragePooling2D((1, 2))(x)
    return keras.Model(inputs, classifier(x, classes, dropout), name="res_ds_cnn")
