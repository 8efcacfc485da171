"""A network as a list of layers, so that a step can change some and put it together again.

Steps work on the deployed form of a network: convolutions over time and frequency, depthwise ones,
dense layers, batch normalisation, ReLU, sums and means. `rebuild` copies a network layer by layer
and lets each be replaced by none, one or several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from training.errors import UserError
from training.runtime import keras

WEIGHTED = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
"""Layers whose first weight is a kernel, and whose second, where there is one, is a bias."""


@dataclass(frozen=True)
class Node:
    """A layer and the names of the layers that it reads."""

    layer: keras.layers.Layer
    sources: tuple[str, ...]


@dataclass(frozen=True)
class New:
    """A layer to put in, with its weights in the order of `get_weights()`, those of the inner layer
    where it is wrapped; None keeps what it is initialised with."""

    layer: keras.layers.Layer
    weights: Sequence[np.ndarray] | None = field(default=None)


class Wrapped(keras.layers.Layer):
    """A layer for training that stands around another one, `inner`, and has its place."""

    inner: keras.layers.Layer


Change = Callable[[keras.layers.Layer], Sequence[New] | None]
"""Layers in place of one, in a chain; None keeps a copy of it, and an empty list leaves it out."""


def nodes_of(network: keras.Model) -> list[Node]:
    """The layers in an order in which each comes after those that it reads.

    Raises:
        UserError: it is no plain graph of layers, or a layer is used twice.
    """
    if not hasattr(network, "get_config") or not network.inputs or len(network.inputs) != 1:
        raise UserError(
            f"the network '{network.name}' is no graph of layers with one input",
            "Build it with the functional API of Keras.",
        )
    nodes = []
    for layer in network.layers:
        calls = layer.inbound_nodes
        if len(calls) != 1:
            raise UserError(
                f"the layer '{layer.name}' of '{network.name}' is used {len(calls)} times",
                "Build it with one layer for each use.",
            )
        before = calls[0].inbound_layers
        found = before if isinstance(before, list) else [before]
        nodes.append(Node(layer, tuple(one.name for one in found)))
    return nodes


def rebuild(network: keras.Model, change: Change, frames: int | None = -1) -> keras.Model:
    """A copy of the network with some layers changed.

    Args:
        network: with one input and one output; stays as it is.
        change: asked about every layer but the input.
        frames: of the new input; -1 for as many as now.
    """
    shape = network.input_shape
    inputs = keras.Input((shape[1] if frames == -1 else frames, *shape[2:]))
    made: dict[str, keras.KerasTensor] = {}
    for node in nodes_of(network):
        if isinstance(node.layer, keras.layers.InputLayer):
            made[node.layer.name] = inputs
            continue
        sources = [made[name] for name in node.sources]
        chain = change(node.layer)
        if chain is None:
            chain = [copy_of(node.layer)]
        x: keras.KerasTensor = sources if len(sources) > 1 else sources[0]
        for new in chain:
            x = new.layer(x)
            if new.weights is not None:
                holder = new.layer.inner if isinstance(new.layer, Wrapped) else new.layer
                holder.set_weights(list(new.weights))
        made[node.layer.name] = x
    return keras.Model(inputs, made[network.output_names[0]], name=network.name)


def copy_of(layer: keras.layers.Layer, **settings: object) -> New:
    """The same layer with the same weights, but for some settings."""
    config = layer.get_config() | settings
    return New(type(layer).from_config(config), layer.get_weights() or None)


def duplicate(network: keras.Model) -> keras.Model:
    """The network with weights of its own."""
    return rebuild(network, lambda layer: None)


def weighted_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Those with a kernel, in order."""
    return [layer for layer in network.layers if type(layer) in WEIGHTED]


def kernel_of(layer: keras.layers.Layer) -> np.ndarray:
    """float32: [rows, columns, inputs, filters] of a convolution, [rows, columns, channels, 1] of a
    depthwise one, [inputs, outputs] of a dense one."""
    return np.asarray(layer.get_weights()[0])


def channel_axis(layer: keras.layers.Layer) -> int:
    """Axis of the kernel that belongs to the outputs."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return 2
    return len(layer.weights[0].shape) - 1


def by_channel(layer: keras.layers.Layer, kernel: np.ndarray) -> np.ndarray:
    """The kernel as [channels, weights of each]."""
    return np.moveaxis(kernel, channel_axis(layer), 0).reshape(
        kernel.shape[channel_axis(layer)], -1
    )


def from_channels(layer: keras.layers.Layer, rows: np.ndarray) -> np.ndarray:
    """The inverse of `by_channel`."""
    axis = channel_axis(layer)
    shape = np.moveaxis(np.empty(layer.weights[0].shape, np.bool_), axis, 0).shape
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape), 0, axis))


def over_channels(layer: keras.layers.Layer, values: np.ndarray) -> np.ndarray:
    """One value a channel in a shape that multiplies the kernel."""
    shape = [1] * len(layer.weights[0].shape)
    shape[channel_axis(layer)] = len(values)
    return values.reshape(shape)


def consumers(network: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """The layers that read each layer, by its name."""
    found: dict[str, list[keras.layers.Layer]] = {}
    for node in nodes_of(network):
        found.setdefault(node.layer.name, [])
        for source in node.sources:
            found[source].append(node.layer)
    return found


def fold(network: keras.Model) -> keras.Model:
    """The network with each batch normalisation folded into the layer before (Jacob et al. 2018,
    section 3.2): w' = w g / sqrt(v + e), b' = beta + (b - m) g / sqrt(v + e).

    Layers keep their names. A normalisation that does not follow a layer with weights stays.
    """
    readers = consumers(network)
    norms = {}
    for layer in weighted_layers(network):
        after = readers[layer.name]
        linear = layer.activation is keras.activations.linear
        if linear and [type(one) for one in after] == [keras.layers.BatchNormalization]:
            norms[layer.name] = after[0]
    gone = {norm.name for norm in norms.values()}

    def change(layer: keras.layers.Layer) -> Sequence[New] | None:
        if layer.name in gone:
            return []
        norm = norms.get(layer.name)
        if norm is None:
            return None
        kernel, bias = kernel_of(layer), layer.get_weights()[1] if layer.use_bias else 0.0
        factor, shift = scale_and_shift(norm)
        weights = [kernel * over_channels(layer, factor), shift + bias * factor]
        return [New(copy_of(layer, use_bias=True).layer, weights)]

    return rebuild(network, change)


def scale_and_shift(norm: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """What a normalisation multiplies each channel by in inference, and what it then adds."""
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    factor = 1.0 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        factor = factor * norm.gamma.numpy()
    shift = -mean * factor
    return factor, shift + norm.beta.numpy() if norm.center else shift


def with_kernels(network: keras.Model, kernels: dict[str, np.ndarray]) -> keras.Model:
    """A copy with other kernels of the same shapes, by the name of the layer."""
    changed = duplicate(network)
    for name, kernel in kernels.items():
        layer = changed.get_layer(name)
        layer.set_weights([kernel, *layer.get_weights()[1:]])
    return changed
