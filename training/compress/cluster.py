"""Clustering: the weights of a layer take few values, kept in a codebook (Han, Mao, Dally 2016).

The weights of each channel are divided by the greatest of them, and k-means (Lloyd 1982) groups
what is left, for the whole tensor or for each channel; it begins with values at equal distances, as
large weights are few and matter. In fine-tuning a weight stays in its cluster and the clusters
move; in the end the codebook is rounded to int8, and a value next to zero becomes zero.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.cluster.vq import kmeans2

from training.compress.forms import adopt, trainable
from training.compress.grid import Clusters, Grid
from training.compress.network import (
    by_channel,
    channel_axis,
    fold,
    from_channels,
    kernel_of,
    over_channels,
    weighted_layers,
)
from training.compress.student import Context, Student, held, require_free
from training.recipe_compress import ClusterConfig
from training.runtime import keras

LARGEST_CODE = 127
ROUNDS = 50
"""Of k-means."""


def cluster(
    student: Student, config: ClusterConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student with a codebook for each kernel, or for each channel of it.

    Raises:
        UserError: weights are in a form already.
    """
    require_free(student, config.step)
    folded = fold(student.network)
    clusters = {layer.name: find_clusters(layer, config) for layer in weighted_layers(folded)}
    tuned = folded
    if config.epochs:
        model = trainable(folded, clusters)
        context.train(model, config, "clustered")
        tuned = adopt(folded, model, clusters)
    grids = {
        layer.name: _grid(layer, clusters[layer.name], config) for layer in weighted_layers(tuned)
    }
    return held(replace(student, forms={}), grids, tuned), {"values": _values(grids)}


def find_clusters(layer: keras.layers.Layer, config: ClusterConfig) -> Clusters:
    """The cluster of each weight of a layer; those of a channel begin with its own number."""
    rows = by_channel(layer, kernel_of(layer))
    scale = np.maximum(np.abs(rows).max(axis=1), np.finfo(np.float32).tiny).astype(np.float32)
    parts = rows / scale[:, np.newaxis]
    if config.codebook == "tensor":
        index = _group(parts, config.values)
    else:
        index = np.stack([_group(part, config.values) for part in parts])
        index += config.values * np.arange(len(parts))[:, np.newaxis]
    return Clusters(from_channels(layer, index).astype(np.int32), over_channels(layer, scale))


def _group(values: np.ndarray, count: int) -> np.ndarray:
    """int[...]: the cluster of each value."""
    flat = values.reshape(-1, 1).astype(np.float64)
    begin = np.linspace(flat.min(), flat.max(), count)[:, np.newaxis]
    with warnings.catch_warnings():
        # A cluster without values keeps its place, which is all that the warning would tell.
        warnings.simplefilter("ignore", UserWarning)
        _, index = kmeans2(flat, begin, iter=ROUNDS, minit="matrix")
    return np.asarray(index).reshape(values.shape)


def _grid(layer: keras.layers.Layer, found: Clusters, config: ClusterConfig) -> Grid:
    """Codes int8 in the place of the means that training left."""
    means = np.nan_to_num(found.means(layer.weights[0]).numpy())
    codes = np.clip(np.rint(means * LARGEST_CODE), -LARGEST_CODE, LARGEST_CODE).astype(np.int8)
    rank = len(layer.weights[0].shape)
    shape = [1] * rank + [config.values]
    if config.codebook == "channel":
        channels = layer.weights[0].shape[channel_axis(layer)]
        shape[channel_axis(layer)] = channels
        codes = np.pad(codes, (0, channels * config.values - len(codes)))
    else:
        codes = np.pad(codes, (0, config.values - len(codes)))
    books = _with_zero(codes.reshape(-1, config.values)).reshape(shape)
    return Grid(np.sort(books, axis=-1), found.scale / LARGEST_CODE)


def _with_zero(books: np.ndarray) -> np.ndarray:
    """The codebooks with 0 in the place of a value next to it: kernels fill words with zeros.

    Args:
        books: int8[codebooks, values].
    """
    rows, nearest = np.arange(len(books)), np.abs(books.astype(np.int16)).argmin(axis=1)
    near = np.abs(books[rows, nearest].astype(np.int16)) <= LARGEST_CODE // books.shape[1]
    changed = books.copy()
    changed[rows[near], nearest[near]] = 0
    return changed


def _values(grids: Mapping[str, Grid]) -> dict[str, int]:
    """Different values in the codebook of each layer, or in the fullest of its channels."""
    return {
        name: max(len(np.unique(row)) for row in grid.codes.reshape(-1, grid.codes.shape[-1]))
        for name, grid in grids.items()
    }
