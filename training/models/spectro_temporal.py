"""Causal convolutions over time and frequency, then over time alone: streaming student.

The front looks for shapes in time and frequency, as `res_ds_cnn` does, and halves the bins three
times; a depthwise convolution over the bins that remain makes one column of them, and residual
blocks over time follow, as in `temporal`. No layer looks ahead, so the network can take one hop of
features at a time. Depthwise-separable convolutions over both axes are from Zhang et al. 2017
("Hello Edge"), over time from Choi et al. 2019 (TC-ResNet).
"""

from __future__ import annotations

from collections.abc import Sequence

from training.models.layers import Dropout, normalised
from training.models.temporal import LastMean
from training.runtime import keras

STEM_BINS = 5
"""Of the first convolution, which covers a hop and the frame before it."""
STEM_WIDTH_SHARE = 0.3
LEVELS = ((0.6, 1), (0.8, 2))
"""Part of the width that the maps have whose bins are halved once and twice more, and the residual
blocks on them."""
KERNEL = (3, 3)
"""Frames and bins of the convolutions over both."""
BIN_STRIDE = 2


def build(
    *,
    frames: int,
    bins: int,
    classes: int,
    width: int,
    blocks: int,
    dropout: float = 0.0,
    deployed: bool = True,
    stem_width: int = 0,
    kernel_frames: int = 5,
    dilations: Sequence[int] = (2, 4),
    hop_frames: int = 2,
) -> keras.Model:
    """40 x 2 has 11 k parameters and 0.93 M multiply-accumulates on 49 x 40 features.

    Args:
        frames: of a clip.
        bins: features of a frame.
        classes: logits.
        width: channels of the blocks over time.
        blocks: residual blocks over time.
        dropout: before the classifier, in training.
        deployed: for windows of exactly `frames`; otherwise the form for training, which takes any
            number of frames and hears the last window of them.
        stem_width: channels of the first convolution; 0 takes `STEM_WIDTH_SHARE` of the width.
        kernel_frames: taps of the blocks over time.
        dilations: of those blocks, in turn.
        hop_frames: frames of one step.
    """
    inputs = keras.Input((frames if deployed else None, bins, 1))
    stem = stem_width or round(width * STEM_WIDTH_SHARE)
    x = _stem(inputs, stem, (hop_frames, BIN_STRIDE))
    for share, count in LEVELS:
        x = _pointwise(_depthwise(x, BIN_STRIDE), round(width * share), relu=True)
        for _ in range(count):
            x = _sum(x, _pointwise(_depthwise(x, 1), x.shape[-1], relu=False))
    x = normalised(keras.layers.DepthwiseConv2D((1, x.shape[2]), use_bias=False)(x), relu=True)
    x = _pointwise(x, width, relu=True)
    for block in range(blocks):
        y = _over_time(x, kernel_frames, dilations[block % len(dilations)])
        x = _sum(x, _pointwise(y, width, relu=False))
    if deployed:
        x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    else:
        x = LastMean(frames // hop_frames)(x)
        x = Dropout(dropout)(x) if dropout > 0.0 else x
    logits = keras.layers.Flatten()(keras.layers.Conv2D(classes, 1)(x))
    return keras.Model(inputs, logits, name="spectro_temporal")


def _sum(x: keras.KerasTensor, y: keras.KerasTensor) -> keras.KerasTensor:
    """A shortcut and what it leads past."""
    return keras.layers.ReLU()(keras.layers.Add()([x, y]))


def _pointwise(x: keras.KerasTensor, channels: int, relu: bool) -> keras.KerasTensor:
    return normalised(keras.layers.Conv2D(channels, 1, use_bias=False)(x), relu)


def _stem(x: keras.KerasTensor, channels: int, strides: tuple[int, int]) -> keras.KerasTensor:
    """A convolution over a hop, the frame before it, and some bins."""
    kernel = (strides[0] + 1, STEM_BINS)
    convolution = keras.layers.Conv2D(channels, kernel, strides=strides, use_bias=False)
    return normalised(convolution(_padded(x, kernel, strides)), relu=True)


def _depthwise(x: keras.KerasTensor, bin_stride: int) -> keras.KerasTensor:
    """A depthwise convolution over both axes."""
    strides = (1, bin_stride)
    convolution = keras.layers.DepthwiseConv2D(KERNEL, strides=strides, use_bias=False)
    return normalised(convolution(_padded(x, KERNEL, strides)), relu=True)


def _over_time(x: keras.KerasTensor, taps: int, dilation: int) -> keras.KerasTensor:
    """A depthwise convolution over frames with steps of `dilation` between its taps."""
    frames, channels = x.shape[1], x.shape[3]
    x = keras.layers.ZeroPadding2D((((taps - 1) * dilation, 0), (0, 0)))(x)
    x = keras.layers.DepthwiseConv2D((taps, 1), dilation_rate=(dilation, 1), use_bias=False)(x)
    if frames is None:  # TensorFlow forgets all sizes of what it dilates, where it lacks one
        x = keras.layers.Reshape((-1, 1, channels))(x)
    return normalised(x, relu=True)


def _padded(
    x: keras.KerasTensor, kernel: tuple[int, int], strides: tuple[int, int]
) -> keras.KerasTensor:
    """Zeros before the first frame, so that nothing looks ahead, and beside the bins as `same`."""
    bins, stride = x.shape[2], strides[1]
    beside = max((-(-bins // stride) - 1) * stride + kernel[1] - bins, 0)
    borders = ((kernel[0] - strides[0], 0), (beside // 2, beside - beside // 2))
    return keras.layers.ZeroPadding2D(borders)(x)
