"""Re-parameterisation: train with several branches, deploy one layer (Ding et al. 2021, "RepVGG").

Each convolution gets further ones of its kind beside it, every one with a batch normalisation, and
where input and output have the same shape a normalisation alone (Vasu et al. 2023, "MobileOne").
Their sum is linear in inference, so it is one convolution: with factor g_k and shift s_k of the
normalisation of branch k, W = W_0 + sum_k g_k W_k + g_id I and b = sum_k s_k.

The further branches begin with gamma 0, so that training starts from the network as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.forms import adopt, training_form
from training.compress.network import (
    WEIGHTED,
    New,
    Wrapped,
    channel_axis,
    copy_of,
    kernel_of,
    over_channels,
    rebuild,
    scale_and_shift,
    weighted_layers,
)
from training.compress.student import Context, Student, require_free
from training.models.layers import MOMENTUM
from training.models.temporal import FrameProduct, ShiftedDepthwise
from training.recipe_compress import BranchesConfig
from training.runtime import keras, tf


class Branched(Wrapped):
    """A layer, others of its kind, and perhaps the input itself; their sum.

    Args:
        inner: the layer.
        copies: how many others.
        same: whether the input has the shape of the output and stands for a branch.
    """

    def __init__(self, inner: keras.layers.Layer, copies: int, same: bool) -> None:
        super().__init__(name=f"branched_{inner.name}")
        self.inner, self.same = inner, same
        self.copies = [_another(inner, number) for number in range(copies)]
        self.norms = [
            keras.layers.BatchNormalization(momentum=MOMENTUM, gamma_initializer="zeros")
            for _ in range(copies + same)
        ]

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """What all branches say together."""
        parts = [copy(x) for copy in self.copies]
        if self.same:
            parts.append(x)
        normed = [
            norm(part, training=training) for norm, part in zip(self.norms, parts, strict=True)
        ]
        return tf.add_n([self.inner(x), *normed])


def branches(
    student: Student, config: BranchesConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student after a training with branches, which are merged again: its shapes stay.

    Raises:
        UserError: weights are in a form.
    """
    require_free(student, config.step)
    model = branched(student.network, config.branches)
    added = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    context.train(model, config, "branches")
    return replace(student, network=merged(student.network, model)), {"trained_weights": added}


def branched(network: keras.Model, copies: int) -> keras.Model:
    """The network for training, with branches beside every convolution but the classifier and those
    with an activation of their own."""
    last = weighted_layers(network)[-1].name

    def wrap(layer: keras.layers.Layer, new: New) -> New:
        if type(layer) not in WEIGHTED[:2] or layer.name == last:
            return new
        if layer.activation is not keras.activations.linear:
            return new  # a sum behind activations of their own is no convolution
        causal = isinstance(new.layer, ShiftedDepthwise)
        padded = causal or layer.padding == "same" or layer.kernel_size == (1, 1)
        same = padded and identity_kernel(layer) is not None
        return New(Branched(new.layer, copies, same), new.weights)

    return training_form(network, wrap)


def merged(network: keras.Model, trained: keras.Model) -> keras.Model:
    """The deployed network with the weights of all branches of `branched` in one."""
    learned = adopt(network, trained, {})
    found = {layer.inner.name: layer for layer in trained.layers if isinstance(layer, Branched)}

    def change(layer: keras.layers.Layer) -> Sequence[New] | None:
        if layer.name not in found:
            return None
        kernel, bias = kernel_of(layer), _bias(layer)
        kernels = [copy.get_weights()[0] for copy in found[layer.name].copies]
        kernels += [identity_kernel(layer)] if found[layer.name].same else []
        for other, norm in zip(kernels, found[layer.name].norms, strict=True):
            factor, shift = scale_and_shift(norm)
            kernel, bias = kernel + other * over_channels(layer, factor), bias + shift
        return [New(copy_of(layer, use_bias=True).layer, [kernel, bias])]

    return rebuild(learned, change)


def identity_kernel(layer: keras.layers.Layer) -> np.ndarray | None:
    """The kernel that gives the input back; None where there is none."""
    kernel = np.zeros(layer.weights[0].shape, np.float32)
    rows, columns, inputs, filters = kernel.shape
    if layer.strides != (1, 1):
        return None
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        if layer.padding == "same":
            kernel[(rows - 1) // 2, (columns - 1) // 2] = 1.0
        elif columns == 1:  # causal: the last tap is now
            kernel[-1, 0] = 1.0
        else:
            return None
        return kernel
    if (rows, columns) != (1, 1) or inputs != filters:
        return None
    kernel[0, 0] = np.eye(inputs)
    return kernel


def _bias(layer: keras.layers.Layer) -> np.ndarray:
    channels = layer.weights[0].shape[channel_axis(layer)]
    return layer.get_weights()[1] if layer.use_bias else np.zeros(channels, np.float32)


def _another(layer: keras.layers.Layer, number: int) -> keras.layers.Layer:
    """A layer of the same kind with fresh weights and no bias."""
    name = f"{layer.name}_branch{number + 1}"
    if isinstance(layer, ShiftedDepthwise):
        return ShiftedDepthwise(layer.taps, layer.stride, layer.dilation, name=name)
    if isinstance(layer, FrameProduct):
        return FrameProduct(layer.channels, name=name)
    config = layer.get_config() | {"name": name, "use_bias": False}
    return type(layer).from_config(config)
