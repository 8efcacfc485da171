"""Bias correction (Nagel et al. 2019, "Data-Free Quantization", section 4.2 and appendix D).

Rounding the weights W to Wq shifts the mean of a layer's outputs: E[Wq x] - E[W x] is seldom zero.
Layer by layer, from the input on, the shift that examples show is taken out of the bias:
b' = b - (E[yq] - E[y]), with y before the activation, of the float network and of one whose
weights are rounded and whose earlier layers are corrected already.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.grid import Grid
from training.compress.network import (
    by_channel,
    fold,
    from_channels,
    kernel_of,
    weighted_layers,
    with_kernels,
)
from training.compress.student import Context, Student
from training.recipe_compress import CorrectBiasConfig
from training.runtime import keras
from training.train import predict

LEVELS = 127
"""Of an int8 weight on each side of zero."""


def correct_bias(
    student: Student, config: CorrectBiasConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student with biases that make up for int8 weights, its normalisation folded."""
    network = fold(student.network)
    examples = context.examples(config.clips)
    rounded = with_kernels(
        network,
        {
            layer.name: int8_weights(layer, student.calibration.per_channel)
            for layer in weighted_layers(network)
            if not isinstance(student.forms.get(layer.name), Grid)
        },
    )
    moved = []
    for layer in weighted_layers(network):
        if not layer.use_bias:
            continue
        off = _means(rounded, layer.name, examples) - _means(network, layer.name, examples)
        twin = rounded.get_layer(layer.name)
        kernel, bias = twin.get_weights()
        twin.set_weights([kernel, bias - off])
        moved.append(float(np.abs(off).mean()))
    biases = {layer.name: rounded.get_layer(layer.name) for layer in weighted_layers(network)}
    corrected = with_kernels(network, {})
    for layer in weighted_layers(corrected):
        if layer.use_bias:
            layer.set_weights([kernel_of(layer), biases[layer.name].get_weights()[1]])
    return replace(student, network=corrected), {"mean_shift": moved}


def int8_weights(layer: keras.layers.Layer, per_channel: bool) -> np.ndarray:
    """The kernel rounded as the converter will: symmetric, 127 steps to the greatest weight."""
    rows = by_channel(layer, kernel_of(layer))
    greatest = np.abs(rows).max(axis=1, keepdims=True) if per_channel else np.abs(rows).max()
    step = np.maximum(greatest, np.finfo(np.float32).tiny) / LEVELS
    return from_channels(layer, (np.rint(rows / step) * step).astype(np.float32))


def _means(network: keras.Model, name: str, examples: np.ndarray) -> np.ndarray:
    """Mean output of each channel of a layer."""
    until = keras.Model(network.input, network.get_layer(name).output)
    said = predict(until, examples)
    return said.reshape(-1, said.shape[-1]).mean(axis=0)
