"""Convolutions over time and frequency as chains of smaller ones: Tucker and CP decompositions.

- Tucker-2 (Kim et al. 2016) of the kernel K[h, w, in, out]: K ~ C x3 U x4 V, with U and V the
  leading singular vectors of its unfoldings along inputs and outputs (De Lathauwer et al. 2000):
  a pointwise layer in -> r, a convolution h x w from r to s channels, a pointwise one s -> out.
- CP (Lebedev et al. 2015): K ~ sum over r of a_r[h] b_r[w] c_r[in] d_r[out] by alternating least
  squares: pointwise in -> R, depthwise over time, depthwise over frequency, pointwise R -> out.

Ranks are the least that keep a part of the energy sum K^2. A layer that would not become smaller
stays. With one input channel the first factor is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.network import New, kernel_of, rebuild
from training.compress.student import Context, Student, require_free
from training.errors import UserError
from training.recipe_compress import TensorSplitConfig
from training.runtime import keras

SWEEPS = 100
"""Of alternating least squares; each makes the error smaller."""
RIDGE = 1e-9
"""Keeps the least squares solvable where factors become parallel."""


def tensor_split(
    student: Student, config: TensorSplitConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student with split convolutions.

    Raises:
        UserError: no convolution over two axes becomes smaller, or weights are in a form.
    """
    require_free(student, config.step)
    split = _tucker if config.method == "tucker" else _cp
    chains: dict[str, Sequence[New]] = {}
    ranks: dict[str, list[int]] = {}
    for layer in student.network.layers:
        if type(layer) is not keras.layers.Conv2D or min(layer.kernel_size) == 1:
            continue
        chain, rank = split(layer, config)
        if sum(kernel.size for new in chain for kernel in _kernels(new)) < kernel_of(layer).size:
            chains[layer.name], ranks[layer.name] = chain, rank
    if not chains:
        raise UserError(
            f"no convolution over two axes of '{student.network.name}' becomes smaller at energy "
            f"{config.energy}",
            "Lower it; low_rank splits dense and pointwise layers.",
        )
    network = rebuild(student.network, lambda layer: chains.get(layer.name))
    tuned = context.tuned(replace(student, network=network), config, config.method)
    return tuned, {"ranks": ranks}


def _kernels(new: New) -> list[np.ndarray]:
    return [weight for weight in new.weights or () if weight.ndim > 1]


def tucker(kernel: np.ndarray, energy: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors U[in, r] and V[out, s] with orthonormal columns, and the core [h, w, r, s]."""
    factors = []
    for axis in (2, 3):
        unfolded = np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)
        left, values, _ = np.linalg.svd(unfolded, full_matrices=False)
        kept = np.cumsum(values**2) / np.sum(values**2)
        factors.append(left[:, : int(np.searchsorted(kept, energy - 1e-9)) + 1])
    return factors[0], factors[1], np.einsum("hwio,ir,os->hwrs", kernel, *factors)


def cp(kernel: np.ndarray, rank: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Factors [h, R], [w, R], [in, R], [out, R] by alternating least squares."""
    factors = [rng.normal(size=(size, rank)) for size in kernel.shape]
    for _ in range(SWEEPS):
        for axis in range(kernel.ndim):
            others = [factors[other] for other in range(kernel.ndim) if other != axis]
            gram = np.prod([one.T @ one for one in others], axis=0) + RIDGE * np.eye(rank)
            # Khatri-Rao: the products of all entries of the other axes, a column each.
            product = others[0]
            for one in others[1:]:
                product = (product[:, np.newaxis] * one).reshape(-1, rank)
            unfolded = np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)
            factors[axis] = np.linalg.solve(gram, (unfolded @ product).T).T
    return factors


def composed(factors: Sequence[np.ndarray]) -> np.ndarray:
    """The kernel [h, w, in, out] of CP factors."""
    return np.einsum("hr,wr,ir,or->hwio", *factors)


def _tucker(layer: keras.layers.Layer, config: TensorSplitConfig) -> tuple[list[New], list[int]]:
    kernel = kernel_of(layer)
    first, last, core = tucker(kernel, config.energy)
    ranks = [first.shape[1], last.shape[1]]
    chain = []
    if kernel.shape[2] > 1:
        chain.append(_pointwise(layer, "in", first))
    else:
        core = np.einsum("hwrs,ir->hwis", core, first)
    settings = {"filters": ranks[1], "use_bias": False, "activation": "linear"}
    middle = type(layer).from_config(layer.get_config() | settings | {"name": f"{layer.name}_core"})
    chain.append(New(middle, [core.astype(np.float32)]))
    return [*chain, _end(layer, last.T)], ranks


def _cp(layer: keras.layers.Layer, config: TensorSplitConfig) -> tuple[list[New], list[int]]:
    kernel = kernel_of(layer)
    if layer.dilation_rate != (1, 1):
        return [New(layer, [kernel])], []  # its taps lie apart, those of the chain do not
    whole = float(np.sum(kernel**2))
    most = kernel.size // sum(kernel.shape)
    for rank in range(config.multiple, most + 1, config.multiple):
        factors = cp(kernel, rank, np.random.default_rng(rank))
        if np.sum((composed(factors) - kernel) ** 2) <= (1 - config.energy) * whole:
            break
    else:
        return [New(layer, [kernel])], []
    over_time, over_bins, inputs, outputs = factors
    border = _border(layer)
    chain = []
    if np.any(border):
        chain.append(New(keras.layers.ZeroPadding2D(border, name=f"{layer.name}_pad")))
    if kernel.shape[2] > 1:
        chain.append(_pointwise(layer, "in", inputs))
        chain.append(_depthwise(layer, "time", over_time[:, np.newaxis]))
    else:
        tall = keras.layers.Conv2D(
            rank,
            (len(over_time), 1),
            strides=(layer.strides[0], 1),
            use_bias=False,
            name=f"{layer.name}_time",
        )
        scaled = (over_time * inputs)[:, np.newaxis, np.newaxis]
        chain.append(New(tall, [scaled.astype(np.float32)]))
    chain.append(_depthwise(layer, "bins", over_bins[np.newaxis]))
    return [*chain, _end(layer, outputs.T)], [rank]


def _pointwise(layer: keras.layers.Layer, name: str, matrix: np.ndarray) -> New:
    thin = keras.layers.Conv2D(matrix.shape[1], 1, use_bias=False, name=f"{layer.name}_{name}")
    return New(thin, [matrix[np.newaxis, np.newaxis].astype(np.float32)])


def _depthwise(layer: keras.layers.Layer, name: str, taps: np.ndarray) -> New:
    """Taps float[rows, columns, channels]; the stride is the layer's along the longer axis."""
    rows, columns = taps.shape[:2]
    strides = (layer.strides[0] if rows > 1 else 1, layer.strides[1] if columns > 1 else 1)
    made = keras.layers.DepthwiseConv2D(
        (rows, columns), strides=strides, use_bias=False, name=f"{layer.name}_{name}"
    )
    return New(made, [taps[..., np.newaxis].astype(np.float32)])


def _end(layer: keras.layers.Layer, matrix: np.ndarray) -> New:
    """The pointwise layer that has the split one's name, bias and activation."""
    settings = {"kernel_size": (1, 1), "strides": (1, 1)}
    wide = type(layer).from_config(layer.get_config() | settings)
    kernel = matrix[np.newaxis, np.newaxis].astype(np.float32)
    return New(wide, [kernel, *layer.get_weights()[1:]])


def _border(layer: keras.layers.Layer) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows above and below, columns left and right, that TensorFlow's padding adds."""
    if layer.padding == "valid":
        return (0, 0), (0, 0)
    found = []
    for size, taps, stride in zip(
        layer.input_shape[1:3], layer.kernel_size, layer.strides, strict=True
    ):
        total = max((-(-size // stride) - 1) * stride + taps - size, 0)
        found.append((total // 2, total - total // 2))
    return found[0], found[1]
