"""How the weights of a layer are held to a form while a network is trained on.

A form is what a kernel is computed by from the weights that the optimiser moves: with zeros that
stay zeros, on a grid of few values, or the same within each cluster. `trainable` puts forms and
penalties around the layers of a network, and where the network is a causal temporal one it takes
the operators that train faster; `adopt` brings what was learned back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from training.compress.network import (
    WEIGHTED,
    New,
    Wrapped,
    channel_axis,
    consumers,
    copy_of,
    duplicate,
    nodes_of,
    rebuild,
    weighted_layers,
)
from training.models.temporal import FrameProduct, LastMean, ShiftedDepthwise
from training.runtime import keras, tf


class Form(Protocol):
    """What a kernel may be."""

    def apply(self, kernel: tf.Tensor) -> tf.Tensor:
        """The kernel in the form, differentiable by what the optimiser moves."""


@dataclass(frozen=True)
class Penalty:
    """Added to the loss so that weights or whole channels vanish.

    `l1 * sum |w|` (Tibshirani 1996) and `group_lasso * sum over channels sqrt(n) ||w_channel||`
    with n weights a channel (Yuan, Lin 2006; Wen et al. 2016 for filters).
    """

    l1: float = 0.0
    group_lasso: float = 0.0

    def __call__(self, kernel: tf.Tensor, axis: int) -> tf.Tensor:
        """float32 scalar, of a kernel whose channels lie along `axis`."""
        rest = [one for one in range(len(kernel.shape)) if one != axis]
        size = float(np.prod([kernel.shape[one] for one in rest]))
        norms = tf.sqrt(tf.reduce_sum(kernel**2, rest) + keras.backend.epsilon() ** 2)
        lasso = tf.sqrt(size) * tf.reduce_sum(norms)
        return self.l1 * tf.reduce_sum(tf.abs(kernel)) + self.group_lasso * lasso


Wrap = Callable[[keras.layers.Layer, New], New]
"""What stands in the place of a layer while a network is trained: asked with the deployed layer and
the one for training."""


class Formed(Wrapped):
    """A layer whose kernel is computed by a form.

    Args:
        inner: has one kernel, as its first weight.
        form: None leaves the kernel free.
        penalty: of the kernel that the layer computes with; None for none.
        axis: of the kernel's channels.
    """

    def __init__(
        self, inner: keras.layers.Layer, form: Form | None, penalty: Penalty | None, axis: int
    ) -> None:
        super().__init__(name=f"formed_{inner.name}")
        self.inner, self.form, self.penalty, self.axis = inner, form, penalty, axis
        depthwise = isinstance(inner, keras.layers.DepthwiseConv2D)
        self.attribute = "depthwise_kernel" if depthwise else "kernel"

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the weights of the layer."""
        self.inner.build(input_shape)
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """What the layer says with its kernel in the form."""
        free = getattr(self.inner, self.attribute)
        kernel = free if self.form is None else self.form.apply(free)
        if self.penalty is not None:
            self.add_loss(self.penalty(kernel, self.axis))
        # Not by `setattr`: Keras would list the weights in another order after it.
        attributes = vars(self.inner)
        attributes[self.attribute] = kernel
        try:
            return self.inner.call(x)
        finally:
            attributes[self.attribute] = free


class ChannelBias(keras.layers.Layer):
    """Adds one number a channel: layers for training have no bias of their own."""

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the bias float32[channels]."""
        self.bias = self.add_weight(name="bias", shape=input_shape[-1:], initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The same shape."""
        return x + self.bias


def trainable(
    network: keras.Model, forms: Mapping[str, Form], penalty: Penalty | None = None
) -> keras.Model:
    """A copy of the network to train, with its weights.

    Args:
        network: in its deployed form.
        forms: by the name of the layer.
        penalty: of every kernel but the classifier's.
    """
    last = weighted_layers(network)[-1].name

    def wrap(layer: keras.layers.Layer, new: New) -> New:
        own = penalty if layer.name != last else None
        if type(layer) not in WEIGHTED or (layer.name not in forms and own is None):
            return new
        formed = Formed(new.layer, forms.get(layer.name), own, channel_axis(layer))
        return New(formed, new.weights)

    return training_form(network, wrap)


def training_form(network: keras.Model, wrap: Wrap) -> keras.Model:
    """A copy of the network with operators that train fast, where it is a causal temporal one, and
    with every layer that has weights wrapped."""
    faster = _faster(network)

    def change(layer: keras.layers.Layer) -> Sequence[New] | None:
        chain = list(faster.get(layer.name, [copy_of(layer)]))
        if layer.weights:
            chain[0] = wrap(layer, chain[0])
        return chain

    return rebuild(network, change, frames=None if faster else -1)


def adopt(network: keras.Model, trained: keras.Model, forms: Mapping[str, Form]) -> keras.Model:
    """A copy of `network` with the weights of what `trainable` made of it."""
    result = duplicate(network)
    learned: dict[str, list[np.ndarray]] = {}
    for layer in trained.layers:
        inner = layer.inner if isinstance(layer, Wrapped) else layer
        learned.setdefault(inner.name.removesuffix(_BIAS), []).extend(inner.get_weights())
    for layer in result.layers:
        if layer.weights:
            weights = learned[layer.name]
            if layer.name in forms:
                weights[0] = forms[layer.name].apply(tf.constant(weights[0])).numpy()
            layer.set_weights(weights)
    return result


_BIAS = "__bias"


def _faster(network: keras.Model) -> dict[str, Sequence[New]]:
    """What a causal temporal network is trained with, by layer; empty for any other network.

    Its convolutions become matrix products and sums of shifted products, and its mean the mean over
    the last steps, so that it may hear what came before a clip (`training.models.temporal`).
    """
    found: dict[str, Sequence[New]] = {}
    readers, padded = consumers(network), {}
    for node in nodes_of(network):
        layer = node.layer
        if isinstance(layer, keras.layers.ZeroPadding2D):
            (top, bottom), sides = layer.padding
            if bottom or any(sides) or len(readers[layer.name]) != 1:
                return {}
            padded[layer.name] = top
            found[layer.name] = []
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            taps, stride, dilation = layer.kernel_size[0], layer.strides[0], layer.dilation_rate[0]
            past = padded.get(node.sources[0])
            whole = layer.kernel_size[1] == 1 and layer.input_shape[2] == 1
            if past != (taps - 1) * dilation - (stride - 1) or not whole or not _plain(layer):
                return {}
            found[layer.name] = _with_bias(
                layer, ShiftedDepthwise(taps, stride, dilation, name=layer.name)
            )
        elif isinstance(layer, keras.layers.Conv2D) and layer.input_shape[1] != 1:
            across = layer.kernel_size == (1, layer.input_shape[2])
            if not across or layer.strides != (1, 1) or not _plain(layer):
                return {}
            found[layer.name] = _with_bias(layer, FrameProduct(layer.filters, name=layer.name))
        elif isinstance(layer, keras.layers.GlobalAveragePooling2D):
            if not layer.keepdims:
                return {}
            found[layer.name] = [New(LastMean(layer.input_shape[1], name=layer.name))]
    return found if padded else {}


def _plain(layer: keras.layers.Layer) -> bool:
    """Whether it pads nothing and bends nothing."""
    return layer.padding == "valid" and layer.activation is keras.activations.linear


def _with_bias(layer: keras.layers.Layer, faster: keras.layers.Layer) -> list[New]:
    weights = layer.get_weights()
    chain = [New(faster, weights[:1])]
    if layer.use_bias:
        chain.append(New(ChannelBias(name=f"{layer.name}{_BIAS}"), weights[1:]))
    return chain
