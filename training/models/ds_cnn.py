"""Student: a depthwise-separable network for microcontrollers.

The layout follows DS-CNN (Zhang et al. 2017, "Hello Edge") with the identity shortcuts of He et
al. 2016: a coarse first convolution, blocks of one width, mean, one dense layer.
"""

from __future__ import annotations

from training.models.layers import classifier, conv, depthwise
from training.runtime import keras

STEM_KERNEL = (10, 4)
STEM_STRIDES = (2, 2)
FIRST_WIDTH_SHARE = 4
"""The first convolution has this part of the width; it sees the largest map."""


def build(
    *, frames: int, bins: int, classes: int, width: int, blocks: int, dropout: float
) -> keras.Model:
    """About `blocks * width^2` parameters."""
    inputs = keras.Input((frames, bins, 1))
    x = conv(inputs, width // FIRST_WIDTH_SHARE, STEM_KERNEL, STEM_STRIDES)
    for block in range(blocks):
        y = depthwise(x, (3, 3), (1, 2) if block < 2 else (1, 1))
        y = conv(y, width, (1, 1), relu=False)
        if block > 1:
            y = keras.layers.Add()([x, y])
        x = keras.layers.ReLU()(y)
    return keras.Model(inputs, classifier(x, classes, dropout), name="ds_cnn")
