"""Layers that the networks share."""

from __future__ import annotations

from training.runtime import keras, tf

MOMENTUM = 0.97
"""Of the running statistics; an epoch has few batches, so they must follow faster than 0.99."""


class Dropout(keras.layers.Layer):
    """Dropout (Srivastava et al. 2014) whose draws follow from a counter among its weights.

    Keras' own keeps its generator to itself, so a training that continues from its weights would
    draw something else than one without a break.

    Args:
        rate: share of the values that become zero in training.
        seed: layers with different seeds draw different values.
    """

    def __init__(self, rate: float, seed: int = 0, **settings: object) -> None:
        super().__init__(**settings)
        self.rate, self.seed = rate, seed

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the counter."""
        self.draws = self.add_weight(
            name="draws", shape=(), dtype=tf.int32, initializer="zeros", trainable=False
        )

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The same shape; in training with zeros, and the rest scaled to keep the mean."""
        if not training:
            return x
        count = self.draws.assign_add(1)
        draws = tf.random.stateless_uniform(tf.shape(x), tf.stack([self.seed, count]))
        return tf.where(draws < self.rate, 0.0, x / (1.0 - self.rate))


def conv(
    x: keras.KerasTensor,
    channels: int,
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    relu: bool = True,
) -> keras.KerasTensor:
    """Convolution, batch normalisation and ReLU, which become one int8 operator."""
    x = keras.layers.Conv2D(channels, kernel, strides=strides, padding="same", use_bias=False)(x)
    return normalised(x, relu)


def depthwise(
    x: keras.KerasTensor, kernel: tuple[int, int], strides: tuple[int, int] = (1, 1)
) -> keras.KerasTensor:
    """Depthwise convolution, batch normalisation and ReLU, which become one int8 operator."""
    x = keras.layers.DepthwiseConv2D(kernel, strides=strides, padding="same", use_bias=False)(x)
    return normalised(x, relu=True)


def classifier(x: keras.KerasTensor, classes: int, dropout: float) -> keras.KerasTensor:
    """Mean over the map, then one logit a class.

    The logits come from a 1x1 convolution, which LiteRT and TFLite-Micro compute alike. They round
    FULLY_CONNECTED differently, so that a result in thousands differs by one (docs/export.md).
    """
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    if dropout > 0.0:
        x = Dropout(dropout)(x)
    return keras.layers.Flatten()(keras.layers.Conv2D(classes, 1)(x))


def normalised(x: keras.KerasTensor, relu: bool) -> keras.KerasTensor:
    """Batch normalisation, then ReLU where wanted."""
    x = keras.layers.BatchNormalization(momentum=MOMENTUM)(x)
    return keras.layers.ReLU()(x) if relu else x
