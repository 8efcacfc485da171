"""Layers that the networks share."""

from __future__ import annotations

from training.runtime import keras

MOMENTUM = 0.97
"""Of the running statistics; an epoch has few batches, so they must follow faster than 0.99."""


def conv(
    x: keras.KerasTensor,
    channels: int,
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    relu: bool = True,
) -> keras.KerasTensor:
    """Convolution, batch normalisation and ReLU, which become one int8 operator."""
    x = keras.layers.Conv2D(channels, kernel, strides=strides, padding="same", use_bias=False)(x)
    return _normalised(x, relu)


def depthwise(
    x: keras.KerasTensor, kernel: tuple[int, int], strides: tuple[int, int] = (1, 1)
) -> keras.KerasTensor:
    """Depthwise convolution, batch normalisation and ReLU, which become one int8 operator."""
    x = keras.layers.DepthwiseConv2D(kernel, strides=strides, padding="same", use_bias=False)(x)
    return _normalised(x, relu=True)


def classifier(x: keras.KerasTensor, classes: int, dropout: float) -> keras.KerasTensor:
    """Mean over the map, then one logit a class.

    The logits come from a 1x1 convolution, which LiteRT and TFLite-Micro compute alike. They round
    FULLY_CONNECTED differently, so that a result in thousands differs by one (docs/export.md).
    """
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    if dropout > 0.0:
        x = keras.layers.Dropout(dropout)(x)
    return keras.layers.Flatten()(keras.layers.Conv2D(classes, 1)(x))


def _normalised(x: keras.KerasTensor, relu: bool) -> keras.KerasTensor:
    x = keras.layers.BatchNormalization(momentum=MOMENTUM)(x)
    return keras.layers.ReLU()(x) if relu else x
