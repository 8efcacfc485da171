"""Low rank: a dense or pointwise layer as two thinner ones (Denton et al. 2014).

With W = U S V^T, the best matrix of rank r keeps the r greatest singular values (Eckart, Young
1936): W ~ (U sqrt(S))_r (sqrt(S) V^T)_r, a layer to r channels and one from them. The rank is the
least that keeps a part of the energy sum s_i^2; or a budget of weights is shared out over all
layers, always to the singular value that keeps most energy for each weight that it costs. A layer
that would not become smaller stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.network import New, copy_of, kernel_of, rebuild
from training.compress.student import Context, Student, require_free
from training.errors import UserError
from training.recipe_compress import LowRankConfig
from training.runtime import keras


def low_rank(
    student: Student, config: LowRankConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student with split layers.

    Raises:
        UserError: no layer becomes smaller, or weights are in a form.
    """
    require_free(student, config.step)
    values = {
        layer.name: np.linalg.svd(_matrix(layer), compute_uv=False)
        for layer in student.network.layers
        if splits(layer)
    }
    shapes = {name: _matrix(student.network.get_layer(name)).shape for name in values}
    ranks = (
        ranks_by_budget(values, shapes, config)
        if config.budget > 0.0
        else {name: _rank_by_energy(found, config) for name, found in values.items()}
    )
    smaller = {
        name: rank
        for name, rank in ranks.items()
        if rank * sum(shapes[name]) < shapes[name][0] * shapes[name][1]
    }
    if not smaller:
        raise UserError(
            f"no layer of '{student.network.name}' becomes smaller at "
            + (f"budget {config.budget}" if config.budget else f"energy {config.energy}"),
            "Lower it, or leave the step 'low_rank' out.",
        )
    taken = {layer.name for layer in student.network.layers}
    network = rebuild(student.network, lambda layer: _split(layer, smaller.get(layer.name), taken))
    tuned = context.tuned(replace(student, network=network), config, "low rank")
    return tuned, {"ranks": {name: [rank, min(shapes[name])] for name, rank in smaller.items()}}


def splits(layer: keras.layers.Layer) -> bool:
    """Whether a layer is one matrix product at each place: dense, or a convolution as high as one
    frame that does not overlap."""
    if type(layer) is keras.layers.Dense:
        return True
    if type(layer) is not keras.layers.Conv2D or layer.strides != (1, 1):
        return False
    whole = layer.kernel_size == (1, layer.input_shape[2]) and layer.padding == "valid"
    return whole or layer.kernel_size == (1, 1)


def _matrix(layer: keras.layers.Layer) -> np.ndarray:
    """float32[inputs, outputs]."""
    kernel = kernel_of(layer)
    return kernel.reshape(-1, kernel.shape[-1])


def _rank_by_energy(values: np.ndarray, config: LowRankConfig) -> int:
    kept = np.cumsum(values**2) / max(float(np.sum(values**2)), np.finfo(np.float64).tiny)
    rank = int(np.searchsorted(kept, config.energy - 1e-9)) + 1
    return min(len(values), -(-rank // config.multiple) * config.multiple)


def ranks_by_budget(
    values: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    config: LowRankConfig,
) -> dict[str, int]:
    """Ranks whose factors have at most `config.budget` of the weights, one step each at least."""
    step = config.multiple
    limit = config.budget * sum(rows * columns for rows, columns in shapes.values())
    ranks = {name: min(step, len(found)) for name, found in values.items()}
    used = sum(rank * sum(shapes[name]) for name, rank in ranks.items())
    gains = []
    for name, found in values.items():
        whole = max(float(np.sum(found**2)), np.finfo(np.float64).tiny)
        for start in range(step, len(found), step):
            energy = float(np.sum(found[start : start + step] ** 2)) / whole
            gains.append((-energy / sum(shapes[name]), name, start))
    for _, name, start in sorted(gains):
        more = min(step, len(values[name]) - start) * sum(shapes[name])
        if used + more <= limit and ranks[name] == start:
            ranks[name] += min(step, len(values[name]) - start)
            used += more
    return ranks


def _split(
    layer: keras.layers.Layer, rank: int | None, taken: Collection[str]
) -> Sequence[New] | None:
    if rank is None:
        return None
    kernel = kernel_of(layer)
    left, values, right = np.linalg.svd(_matrix(layer), full_matrices=False)
    root = np.sqrt(values[:rank])
    down, up = left[:, :rank] * root, root[:, np.newaxis] * right[:rank]
    rest = layer.get_weights()[1:]
    # A layer that was split before keeps its name, and so does the factor before it.
    names = (f"{layer.name}_factor{number}" for number in itertools.chain([""], itertools.count(2)))
    name = next(name for name in names if name not in taken)
    if isinstance(layer, keras.layers.Dense):
        thin = keras.layers.Dense(rank, use_bias=False, name=name)
        return [New(thin, [down]), New(copy_of(layer).layer, [up, *rest])]
    thin = keras.layers.Conv2D(rank, layer.kernel_size, use_bias=False, name=name)
    wide = copy_of(layer, kernel_size=(1, 1)).layer
    shape = (*kernel.shape[:3], rank)
    return [New(thin, [down.reshape(shape)]), New(wide, [up[np.newaxis, np.newaxis], *rest])]
