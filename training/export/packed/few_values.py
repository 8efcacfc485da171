"""Networks whose weights take few values: what packed kernels are measured and tested on."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from training.export.graph import Graph, Quantization, Tensor

MIXING = ("CONV_2D", "FULLY_CONNECTED")
WEIGHTED = (*MIXING, "DEPTHWISE_CONV_2D")
BLOCK = 4
"""Inputs of a word of weights, which sparse kernels leave out."""
FORMS = {
    "4_bits": 16 * np.arange(-7, 8),
    "2_bits": 96 * np.arange(-1, 2),
    "codebook_16": np.array(
        [-127, -94, -70, -52, -38, -26, -16, -7, 0, 8, 17, 28, 41, 56, 76, 108]
    ),
    "codebook_4": np.array([-61, -12, 14, 66]),
    "own_codebooks": np.array([[-127, -40, 0, 90], [-100, -11, 0, 61], [-77, -33, 0, 120]]),
    "powers_of_two": np.sort(np.concatenate([-(2 ** np.arange(7)), [0], 2 ** np.arange(7)])),
}
"""Values of the weights, ascending; of several rows each belongs to a channel, in turn. Grids are
stretched to int8's range, as outputs are."""


def with_few_values(graph: Graph, values: np.ndarray) -> Graph:
    """The graph with each weight the nearest of `values`, as parts of the greatest of its layer.

    Scales grow as the values are smaller than int8's, so that outputs stay about what they were.
    """
    tensors = list(graph.tensors)
    for operator in graph.operators:
        if operator.name in WEIGHTED:
            source, weights, *biases = operator.inputs
            step = _greatest(tensors[weights]) / np.abs(values).max()
            found = _scaled(
                _nearest(tensors[weights], values, step), _scales(tensors[weights]), step
            )
            tensors[weights] = found
            for bias in biases:
                tensors[bias] = _scaled(tensors[bias], _scales(found), _scales(tensors[source])[0])
    return replace(graph, tensors=tuple(tensors), packed=True)


def with_zero_blocks(graph: Graph, share: float, seed: int) -> Graph:
    """The graph with so large a share of zeros, in blocks of four inputs of one output."""
    rng, tensors = np.random.default_rng(seed), list(graph.tensors)
    for operator in graph.operators:
        if operator.name in MIXING:
            weights = operator.inputs[1]
            data = tensors[weights].data
            assert data is not None
            rows = data.reshape(len(data), -1)
            blocks = rng.random((len(rows), -(-rows.shape[1] // BLOCK))) >= share
            kept = np.repeat(blocks, BLOCK, axis=1)[:, : rows.shape[1]]
            tensors[weights] = replace(tensors[weights], data=(rows * kept).reshape(data.shape))
    return replace(graph, tensors=tuple(tensors), packed=True)


def _greatest(tensor: Tensor) -> float:
    assert tensor.data is not None
    return max(float(np.abs(tensor.data.astype(np.int64)).max()), 1.0)


def _nearest(tensor: Tensor, values: np.ndarray, step: float) -> Tensor:
    assert tensor.data is not None
    assert tensor.quantization is not None
    channels = np.moveaxis(tensor.data.astype(np.float64), tensor.quantization.axis, 0)
    found = np.empty_like(channels)
    for own, channel, book in zip(found, channels, itertools.cycle(np.atleast_2d(values))):
        own[...] = book[np.searchsorted((book[1:] + book[:-1]) / 2, channel / step)]
    data = np.moveaxis(found, 0, tensor.quantization.axis).astype(np.int8)
    return replace(tensor, data=np.ascontiguousarray(data))


def _scales(tensor: Tensor) -> tuple[float, ...]:
    assert tensor.quantization is not None
    return tensor.quantization.scales


def _scaled(tensor: Tensor, scales: tuple[float, ...], factor: float) -> Tensor:
    """The tensor with these scales times a factor."""
    assert tensor.quantization is not None
    scaled = tuple(float(np.float32(scale * factor)) for scale in scales)
    points = tensor.quantization.zero_points[:1] * len(scaled)
    return replace(tensor, quantization=Quantization(scaled, points, tensor.quantization.axis))
