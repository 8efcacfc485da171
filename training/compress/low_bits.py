"""Weights of few bits, and weights that are powers of two, with int8 activations.

- uniform, b bits: codes -(2^(b-1) - 1) ... 2^(b-1) - 1 (2 bits: -1, 0, 1, "ternary weight
  networks", Li, Liu 2016), scale a channel;
- powers of two, b bits: 0 and +-64, +-32, ..., so that a product is a shift (Miyashita, Lee,
  Murmann 2016; Zhou et al. 2017, "Incremental Network Quantization").

The scale of a channel makes sum (w - Q(w))^2 least among parts of its greatest weight. Fine-tuning
goes through the rounding as if it was not there (Bengio et al. 2013), with the scales fixed.

With a flash budget each layer gets 8, 4 or 2 bits. How much a layer suffers is the mean
Kullback-Leibler divergence of the network's answers when that layer alone has few bits (Cai et al.
2020, "ZeroQ"); bits go where a byte saved costs least of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.grid import Grid
from training.compress.network import (
    by_channel,
    fold,
    kernel_of,
    over_channels,
    weighted_layers,
    with_kernels,
)
from training.compress.student import Context, Student, held, require_free
from training.errors import UserError
from training.recipe_compress import LowBitsConfig
from training.runtime import keras, tf
from training.train import predict

SHRINKS = np.linspace(0.4, 1.0, 61)
"""Parts of the greatest weight that the greatest code may stand for."""
CHOICES = (8, 4, 2)
"""Bits that a layer may have under a budget."""
LARGEST_POWER = 6
"""2^6 is the greatest power of two in an int8, with its sign."""


def low_bits(
    student: Student, config: LowBitsConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student with its kernels on a grid.

    Raises:
        UserError: weights are in a form already, or the budget is below what 2 bits take.
    """
    require_free(student, config.step)
    folded = fold(student.network)
    details: dict[str, Any] = {}
    bits = {layer.name: config.bits for layer in weighted_layers(folded)}
    if config.flash_bytes:
        sensitivity = sensitivity_of(folded, config, context)
        bits = share_out(folded, sensitivity, config.flash_bytes)
        details = {"sensitivity": sensitivity}
    details["bits"] = bits
    grids = {
        name: fit_grid(folded.get_layer(name), codes_of(config.grid, count))
        for name, count in bits.items()
        if count < CHOICES[0] or config.grid != "uniform"
    }
    rounded = held(replace(student, forms={}), grids, folded)
    return context.tuned(rounded, config, f"{config.grid} weights"), details


def codes_of(grid: str, bits: int) -> np.ndarray:
    """int8[values], ascending, symmetric around 0."""
    steps = 2 ** (bits - 1) - 1
    if grid == "uniform":
        return np.arange(-steps, steps + 1).astype(np.int8)
    powers = 2 ** np.arange(LARGEST_POWER, max(LARGEST_POWER - steps, -1), -1)
    return np.sort(np.concatenate([-powers, [0], powers])).astype(np.int8)


def fit_grid(layer: keras.layers.Layer, codes: np.ndarray) -> Grid:
    """The grid of those codes whose scales lose least of a layer's kernel."""
    kernel = kernel_of(layer)
    greatest = np.maximum(np.abs(by_channel(layer, kernel)).max(axis=1), np.finfo(np.float32).tiny)
    wide = codes.reshape([1] * kernel.ndim + [-1])
    best, least = np.zeros_like(greatest), np.full_like(greatest, np.inf)
    for shrink in SHRINKS:
        scale = (shrink * greatest / codes.max()).astype(np.float32)
        grid = Grid(wide, over_channels(layer, scale))
        rows = by_channel(layer, grid.apply(tf.constant(kernel)).numpy() - kernel)
        error = np.sum(rows**2, axis=1)
        better = error < least
        best[better], least[better] = scale[better], error[better]
    return Grid(wide, over_channels(layer, best))


def sensitivity_of(
    network: keras.Model, config: LowBitsConfig, context: Context
) -> dict[str, dict[str, float]]:
    """Divergence in nats by layer and bits (as text, for JSON), each layer on its grid alone."""
    clips = context.examples(config.clips)
    said = _log_softmax(predict(network, clips))
    found: dict[str, dict[str, float]] = {}
    layers = weighted_layers(network)
    with context.progress.task("sensitivity of layers", len(layers) * len(CHOICES)) as task:
        for layer in layers:
            found[layer.name] = {}
            for bits in CHOICES:
                grid = fit_grid(layer, codes_of(config.grid, bits))
                kernel = grid.apply(layer.weights[0]).numpy()
                other = predict(with_kernels(network, {layer.name: kernel}), clips)
                found[layer.name][str(bits)] = _divergence(said, _log_softmax(other))
                task.advance()
    return found


def share_out(
    network: keras.Model, sensitivity: Mapping[str, Mapping[str, float]], flash_bytes: int
) -> dict[str, int]:
    """Bits of each layer so that all packed kernels fit the budget, from 8 bits down.

    Raises:
        UserError: they do not fit even with the fewest bits.
    """
    sizes = {layer.name: kernel_of(layer).size for layer in weighted_layers(network)}
    place = dict.fromkeys(sizes, 0)

    def packed() -> float:
        return sum(size * CHOICES[place[name]] for name, size in sizes.items()) / 8

    def price(name: str) -> float:
        now, then = (CHOICES[place[name] + step] for step in (0, 1))
        worse = sensitivity[name][str(then)] - sensitivity[name][str(now)]
        return worse / (sizes[name] * (now - then) / 8)

    while packed() > flash_bytes:
        left = [name for name in sizes if place[name] + 1 < len(CHOICES)]
        if not left:
            raise UserError(
                f"the kernels take {packed():,.0f} bytes with {CHOICES[-1]} bits a weight, more "
                f"than flash_bytes = {flash_bytes:,}",
                "Raise it, or prune the network first.",
            )
        place[min(left, key=price)] += 1
    return {name: CHOICES[index] for name, index in place.items()}


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    return np.asarray(tf.nn.log_softmax(logits))


def _divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Mean over clips, of log probabilities."""
    return float(np.mean(np.sum(np.exp(p) * (p - q), axis=1)))
