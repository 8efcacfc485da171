"""Which channels of a network belong together, and the smaller network without some of them.

The filters of a layer are read by others: batch normalisation, ReLU and depthwise convolutions
carry a channel on, and a sum ties the channels of all its terms. A channel can only leave with all
its filters, so filters form groups (the dependency graph of Fang et al. 2023, "DepGraph"). Taking a
channel out of a group shrinks every tensor that has it: nothing is masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from training.compress.network import (
    New,
    channel_axis,
    copy_of,
    nodes_of,
    rebuild,
)
from training.errors import UserError
from training.runtime import keras

_CARRY = (
    keras.layers.BatchNormalization,
    keras.layers.ReLU,
    keras.layers.ZeroPadding2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.Dropout,
    keras.layers.Activation,
    keras.layers.DepthwiseConv2D,
)
"""Layers whose output has the channels of their input."""
_MAKE = (keras.layers.Conv2D, keras.layers.Dense)
"""Layers whose output has channels of its own."""


@dataclass
class Group:
    """Channels that can only leave together.

    Attributes:
        channels: how many there are.
        makers: names of the layers whose filters they are.
        carriers: names of the layers with weights a channel that carry them on.
        fixed: why none may leave; empty where they may.
    """

    channels: int
    makers: list[str] = field(default_factory=list)
    carriers: list[str] = field(default_factory=list)
    fixed: str = ""


@dataclass(frozen=True)
class Channels:
    """The channels of a network.

    Attributes:
        groups: those that may lose some first channel to last, in the order of their first maker.
        made: index of the group of each layer's outputs, by name; -1 where they may not leave.
        read: of its inputs, likewise.
        spread: by the name of a dense layer, how many inputs follow from one channel.
    """

    groups: tuple[Group, ...]
    made: Mapping[str, int]
    read: Mapping[str, int]
    spread: Mapping[str, int]


def find_channels(network: keras.Model) -> Channels:
    """Trace the channels through a network.

    Raises:
        UserError: a layer through which sotto cannot trace them.
    """
    groups: list[Group] = []
    owner: list[int] = []  # of each group, the one that it was joined to
    made: dict[str, int] = {}
    read: dict[str, int] = {}
    spread: dict[str, int] = {}
    flat: dict[str, int] = {}

    def root(group: int) -> int:
        while owner[group] != group:
            group = owner[group]
        return group

    def new(channels: int, fixed: str = "") -> int:
        groups.append(Group(channels, fixed=fixed))
        owner.append(len(groups) - 1)
        return owner[-1]

    def join(into: int, other: int) -> None:
        into, other = sorted((root(into), root(other)))
        if into == other:
            return
        owner[other] = into
        groups[into].makers += groups[other].makers
        groups[into].carriers += groups[other].carriers
        groups[into].fixed = groups[into].fixed or groups[other].fixed

    for node in nodes_of(network):
        layer, name = node.layer, node.layer.name
        if isinstance(layer, keras.layers.InputLayer):
            made[name] = new(network.input_shape[-1], "the input")
            continue
        sources = [made[source] for source in node.sources]
        read[name] = sources[0]
        expanded = flat.get(node.sources[0], 1)
        if type(layer) in _MAKE:
            made[name] = new(layer.output_shape[-1])
            groups[made[name]].makers.append(name)
            spread[name] = expanded
        elif type(layer) in _CARRY and getattr(layer, "depth_multiplier", 1) == 1:
            made[name] = sources[0]
            flat[name] = expanded
            if layer.weights:
                groups[root(made[name])].carriers.append(name)
        elif isinstance(layer, keras.layers.Add):
            for other in sources[1:]:
                join(sources[0], other)
            made[name] = root(sources[0])
        elif isinstance(layer, keras.layers.Flatten):
            made[name] = sources[0]
            flat[name] = int(np.prod(layer.input_shape[1:-1]))
        else:
            raise UserError(
                f"the layer '{name}' is a {type(layer).__name__}, through which channels cannot be "
                "traced",
                'Prune single weights (granularity = "weights"), or build the network without it.',
            )
    groups[root(made[network.output_names[0]])].fixed = "the logits"
    free = [i for i in range(len(groups)) if owner[i] == i and not groups[i].fixed]
    place = {group: number for number, group in enumerate(free)}
    return Channels(
        tuple(groups[group] for group in free),
        {name: place.get(root(group), -1) for name, group in made.items()},
        {name: place.get(root(group), -1) for name, group in read.items()},
        spread,
    )


def keep_channels(
    network: keras.Model, channels: Channels, kept: Sequence[np.ndarray]
) -> keras.Model:
    """The network with the chosen channels alone.

    Args:
        network: whose channels they are.
        channels: of `find_channels`.
        kept: int[n] of every group: indices that stay, in order.
    """

    def change(layer: keras.layers.Layer) -> Sequence[New] | None:
        outputs, inputs = channels.made[layer.name], channels.read[layer.name]
        weights = layer.get_weights()
        if type(layer) in _MAKE:
            settings: dict[str, object] = {}
            if inputs >= 0:
                index = _spread(kept[inputs], channels.groups[inputs], channels.spread[layer.name])
                weights[0] = np.take(weights[0], index, axis=weights[0].ndim - 2)
            if outputs >= 0:
                key = "units" if isinstance(layer, keras.layers.Dense) else "filters"
                settings[key] = len(kept[outputs])
                weights = [np.take(one, kept[outputs], axis=-1) for one in weights]
            return [New(copy_of(layer, **settings).layer, weights)]
        if not weights or outputs < 0:
            return None
        axis = channel_axis(layer) if weights[0].ndim > 1 else 0
        cut = [np.take(weights[0], kept[outputs], axis=axis)]
        cut += [np.take(one, kept[outputs], axis=0) for one in weights[1:]]
        return [New(copy_of(layer).layer, cut)]

    return rebuild(network, change)


def _spread(kept: np.ndarray, group: Group, places: int) -> np.ndarray:
    """Inputs of a layer behind a `Flatten`: the channels at the first place, at the second, ..."""
    return (np.arange(places)[:, np.newaxis] * group.channels + kept).ravel()
