"""Cross-layer equalisation (Nagel et al. 2019, "Data-Free Quantization", section 4.1).

Between two layers with only a ReLU on the way, channel i may be divided by s_i > 0 behind the first
and multiplied before the second: ReLU(x / s) = ReLU(x) / s. With the ranges r1_i of the first
layer's weights and r2_i of the second's, s_i = sqrt(r1_i / r2_i) makes both sqrt(r1_i r2_i), so
that no channel wastes the grid that it shares with others. Rounds over all pairs converge.

The function of the network does not change. What gains is a tensor with one scale: activations
always, weights where `per_channel` is off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.network import (
    by_channel,
    consumers,
    duplicate,
    fold,
    kernel_of,
    nodes_of,
)
from training.compress.student import Context, Student, require_free
from training.errors import UserError
from training.recipe_compress import EqualiseConfig
from training.runtime import keras

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
TINY = 1e-12


def equalise(
    student: Student, config: EqualiseConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student with like ranges in neighbouring layers, its normalisation folded.

    Raises:
        UserError: no two layers that follow each other, or weights in a form.
    """
    require_free(student, config.step)
    network = duplicate(fold(student.network))
    found = pairs(network)
    if not found:
        raise UserError(
            f"no two layers of '{network.name}' follow each other without a sum between them",
            "Leave the step 'equalise' out.",
        )
    before = _spread(network, found)
    for _ in range(config.rounds):
        for first, second in found:
            _balance(network.get_layer(first), network.get_layer(second))
    details = {"pairs": len(found), "spread": [before, _spread(network, found)]}
    return replace(student, network=network), details


def pairs(network: keras.Model) -> list[tuple[str, str]]:
    """Names of layers whose channels only the other one reads, through ReLU and padding."""
    readers = consumers(network)
    found = []
    for node in nodes_of(network):
        linear = getattr(node.layer, "activation", None) is keras.activations.linear
        if type(node.layer) not in _CONVOLUTIONS or not linear:
            continue
        after = readers[node.layer.name]
        while len(after) == 1 and _passes_factors(after[0]):
            after = readers[after[0].name]
        if len(after) == 1 and type(after[0]) in _CONVOLUTIONS:
            found.append((node.layer.name, after[0].name))
    return found


def _passes_factors(layer: keras.layers.Layer) -> bool:
    """Whether a positive factor of a channel before the layer is the same behind it."""
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None
    return isinstance(layer, keras.layers.ZeroPadding2D)


def _input_ranges(layer: keras.layers.Layer) -> np.ndarray:
    """Greatest magnitude of the weights that read each input channel."""
    kernel = np.abs(kernel_of(layer))
    return kernel.max(axis=(0, 1, 3))


def _balance(first: keras.layers.Layer, second: keras.layers.Layer) -> None:
    made = np.abs(by_channel(first, kernel_of(first))).max(axis=1)
    read = _input_ranges(second)
    # A channel of zeros on one side has nothing to gain.
    used = (made > TINY) & (read > TINY)
    ratio = np.sqrt(np.divide(made, read, out=np.ones_like(made), where=used))
    weights = first.get_weights()
    axis = (1, 1, -1, 1) if isinstance(first, keras.layers.DepthwiseConv2D) else (1, 1, 1, -1)
    weights[0] = weights[0] / ratio.reshape(axis)
    if first.use_bias:
        weights[1] = weights[1] / ratio
    first.set_weights(weights)
    reads = second.get_weights()
    reads[0] = reads[0] * ratio.reshape(1, 1, -1, 1)
    second.set_weights(reads)


def _spread(network: keras.Model, found: list[tuple[str, str]]) -> float:
    """Mean over the pairs of greatest over least range among the first layer's channels."""
    ratios = []
    for first, _ in found:
        layer = network.get_layer(first)
        ranges = np.abs(by_channel(layer, kernel_of(layer))).max(axis=1)
        ratios.append(float(ranges.max() / max(ranges.min(), TINY)))
    return float(np.mean(ratios))
