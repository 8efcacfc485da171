"""Teacher: a wide residual depthwise-separable network.

Depthwise-separable convolutions for keyword spotting are from Zhang et al. 2017 ("Hello Edge"),
the identity shortcuts from He et al. 2016. Time keeps the detail of the first convolution to the
end, frequency is halved twice.
"""

from __future__ import annotations

from training.models.layers import classifier, conv, depthwise
from training.runtime import keras

STEM_KERNEL = (10, 4)
STEM_STRIDES = (2, 2)
STEM_WIDTH_SHARE = 0.2
FINE_WIDTH_SHARE = 0.6
"""Part of the width that the first convolution and the blocks on the finer map have."""
FINE_BLOCKS = 2


def build(
    *, frames: int, bins: int, classes: int, width: int, blocks: int, dropout: float
) -> keras.Model:
    """200 x 6 has 177 k parameters and 25 M multiply-accumulates on 49 x 40 features."""
    inputs = keras.Input((frames, bins, 1))
    x = conv(inputs, round(width * STEM_WIDTH_SHARE), STEM_KERNEL, STEM_STRIDES)
    for block in range(blocks):
        halves = block in (0, FINE_BLOCKS)
        channels = round(width * FINE_WIDTH_SHARE) if block < FINE_BLOCKS else width
        y = depthwise(x, (3, 3), (1, 2) if halves else (1, 1))
        y = conv(y, channels, (1, 1), relu=False)
        x = keras.layers.ReLU()(y if halves else keras.layers.Add()([x, y]))
    return keras.Model(inputs, classifier(x, classes, dropout), name="res_ds_cnn")
