"""Causal temporal convolutions over the mel bins as channels: teacher and streaming student.

Depthwise-separable temporal convolutions with identity shortcuts, as in TC-ResNet (Choi et al.
2019) and MatchboxNet (Majumdar, Ginsburg 2020). No layer looks ahead, so the network can take one
hop of features at a time and keep the past of each depthwise convolution as its state.

Every network exists twice with the same weights. One form is for training: its convolutions are
matrix products and sums of shifted products, which XLA fuses and which train several times faster
on a CPU. It takes any number of frames and hears the last window of them. The other form has the
operators that the int8 engine has.
"""

from __future__ import annotations

from collections.abc import Sequence

from training.models.layers import Dropout, normalised
from training.runtime import keras, tf

STEM_WIDTH_SHARE = 0.75
"""Part of the width that the first layer has by default; it works at the full frame rate."""


class ShiftedDepthwise(keras.layers.Layer):
    """Causal depthwise convolution over time as a sum of shifted products.

    Computes what `ZeroPadding2D` and `DepthwiseConv2D` of kernel (taps, 1) compute in `build`, and
    its one weight float32[taps, 1, channels, 1] has the same shape.

    Args:
        taps: frames of the kernel.
        stride: frames from one output to the next.
        dilation: frames from one tap to the next.
    """

    def __init__(self, taps: int, stride: int, dilation: int, **settings: object) -> None:
        super().__init__(**settings)
        self.taps, self.stride, self.dilation = taps, stride, dilation

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the kernel; He's scale (He et al. 2015) for a fan-in of `taps`."""
        self.kernel = self.add_weight(
            name="depthwise_kernel",
            shape=(self.taps, 1, input_shape[-1], 1),
            initializer=keras.initializers.RandomNormal(stddev=(2.0 / self.taps) ** 0.5),
        )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """float32[batch, frames, 1, channels] -> [batch, frames // stride, 1, channels]."""
        past = _past(self.taps, self.stride, self.dilation)
        x = tf.pad(x, [[0, 0], [past, 0], [0, 0], [0, 0]])
        parts = []
        for tap in range(self.taps):
            later = (self.taps - 1 - tap) * self.dilation
            shifted = x[:, tap * self.dilation : -later or None : self.stride]
            parts.append(shifted * self.kernel[tap, :, :, 0])
        return tf.add_n(parts)


class FrameProduct(keras.layers.Layer):
    """One matrix product a frame: the convolution of kernel (1, rows) without padding.

    Its one weight float32[1, rows, inputs, channels] has the same shape.

    Args:
        channels: outputs of a frame.
    """

    def __init__(self, channels: int, **settings: object) -> None:
        super().__init__(**settings)
        self.channels = channels

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the kernel; He's scale for a fan-in of a whole frame."""
        _, _, rows, inputs = input_shape
        self.kernel = self.add_weight(
            name="kernel",
            shape=(1, rows, inputs, self.channels),
            initializer=keras.initializers.RandomNormal(stddev=(2.0 / (rows * inputs)) ** 0.5),
        )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """float32[batch, frames, rows, inputs] -> [batch, frames, 1, channels]."""
        values = x.shape[2] * x.shape[3]
        kernel = tf.reshape(self.kernel, [values, self.channels])
        product = tf.matmul(tf.reshape(x, [-1, values]), kernel)
        shape = tf.concat([tf.shape(x)[:2], [1, self.channels]], 0)
        result = tf.reshape(product, shape)
        result.set_shape([*x.shape[:2], 1, self.channels])
        return result


class LastMean(keras.layers.Layer):
    """Mean over the last steps of a map, however many came before.

    Args:
        steps: to take the mean of.
    """

    def __init__(self, steps: int, **settings: object) -> None:
        super().__init__(**settings)
        self.steps = steps

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """float32[batch, steps or more, 1, channels] -> [batch, 1, 1, channels]."""
        return tf.reduce_mean(x[:, -self.steps :], axis=1, keepdims=True)


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
    dilations: Sequence[int] = (1, 2, 4, 4),
    hop_frames: int = 2,
) -> keras.Model:
    """44 x 4 has 12 k parameters and 0.31 M multiply-accumulates on 49 x 40 features.

    Args:
        frames: of a clip.
        bins: features of a frame.
        classes: logits.
        width: channels of the blocks.
        blocks: residual blocks.
        dropout: before the classifier, in training.
        deployed: with the operators of the engine; otherwise the form for training, whose weights
            `training.models.transfer` takes over.
        stem_width: channels of the first layer; 0 takes `STEM_WIDTH_SHARE` of the width.
        kernel_frames: taps of every depthwise convolution.
        dilations: of the blocks, in turn; growing ones let the last map see more than a second.
        hop_frames: frames of one step of the blocks.
    """
    forms = _Forms(deployed, kernel_frames)
    inputs = keras.Input((frames if deployed else None, bins, 1))
    x = forms.product(inputs, stem_width or round(width * STEM_WIDTH_SHARE))
    x = forms.product(forms.depthwise(x, hop_frames, 1), width)
    for block in range(blocks):
        y = forms.depthwise(x, 1, dilations[block % len(dilations)])
        y = forms.product(y, width, relu=False)
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    if deployed:
        x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    else:
        x = LastMean(frames // hop_frames)(x)
        x = Dropout(dropout)(x) if dropout > 0.0 else x
    logits = keras.layers.Flatten()(keras.layers.Conv2D(classes, 1)(x))
    return keras.Model(inputs, logits, name="temporal")


def _past(taps: int, stride: int, dilation: int) -> int:
    """Frames before a hop that a causal convolution looks back at; a hop has `stride` frames."""
    return (taps - 1) * dilation - (stride - 1)


class _Forms:
    """The two ways to build a layer."""

    def __init__(self, deployed: bool, taps: int) -> None:
        self.deployed, self.taps = deployed, taps

    def product(self, x: keras.KerasTensor, channels: int, relu: bool = True) -> keras.KerasTensor:
        """A product a frame, over all bins at once: LiteRT's reshape would ask for a batch size."""
        if self.deployed:
            product = keras.layers.Conv2D(channels, (1, x.shape[2]), use_bias=False)
        else:
            product = FrameProduct(channels)
        return normalised(product(x), relu)

    def depthwise(self, x: keras.KerasTensor, stride: int, dilation: int) -> keras.KerasTensor:
        """A causal depthwise convolution over time."""
        if self.deployed:
            x = keras.layers.ZeroPadding2D(((_past(self.taps, stride, dilation), 0), (0, 0)))(x)
            # One column wide: the stride over columns changes nothing, and must equal the other.
            convolution = keras.layers.DepthwiseConv2D(
                (self.taps, 1), strides=stride, dilation_rate=(dilation, 1), use_bias=False
            )
        else:
            convolution = ShiftedDepthwise(self.taps, stride, dilation)
        return normalised(convolution(x), relu=True)
