"""Student: a depthwise-separable network for microcontrollers.

The layout follows DS-CNN (Zhang et al. 2017, "Hello Edge") with the identity shortcuts of He et
al. 2016. Few channels see the large maps at the front; time keeps 40 ms steps to the end, and the
depthwise kernels are longer in time than in frequency, so that a block spans a syllable.
"""

from __future__ import annotations

from training.models.layers import classifier, conv, depthwise
from training.runtime import keras

STEM_KERNEL = (10, 4)
STEM_STRIDES = (2, 2)
KERNEL = (5, 3)
STEM_WIDTH_DIVISOR, FIRST_WIDTH_DIVISOR = 4, 2
"""The first convolution and the first block have the width divided by these."""
HALVING_BLOCKS = 2
"""Blocks at the front that halve the frequency axis, and so have no shortcut."""


def build(
    *, frames: int, bins: int, classes: int, width: int, blocks: int, dropout: float
) -> keras.Model:
    """64 x 5 has 21 k parameters and 2.7 M multiply-accumulates on 49 x 40 features."""
    inputs = keras.Input((frames, bins, 1))
    x = conv(inputs, width // STEM_WIDTH_DIVISOR, STEM_KERNEL, STEM_STRIDES)
    for block in range(blocks):
        halves = block < HALVING_BLOCKS
        channels = width // FIRST_WIDTH_DIVISOR if block == 0 else width
        y = depthwise(x, KERNEL, (1, 2) if halves else (1, 1))
        y = conv(y, channels, (1, 1), relu=False)
        x = keras.layers.ReLU()(y if halves else keras.layers.Add()([x, y]))
    return keras.Model(inputs, classifier(x, classes, dropout), name="ds_cnn")
