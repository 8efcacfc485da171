"""How much a unit of a network matters: a channel, a block of weights, or one weight.

With weights w of a unit, and the gradient g of the loss of one clip, the mean being over clips:

- magnitude: sum w^2 (Han et al. 2015; Li et al. 2017 for filters);
- gradient: mean sum g^2, how much the loss cares for the unit at all;
- taylor: mean (sum g w)^2, the squared first-order change of the loss when the unit becomes zero
  (Molchanov et al. 2019);
- fisher: 1/2 mean sum g^2 w^2, the second-order change with the diagonal of the empirical Fisher
  information in the place of the Hessian's (LeCun, Denker, Solla 1990; Theis et al. 2018);
- median: sum over the other units u of the layer of |w - u|: units near the geometric median of
  all are replaceable, be they large or small (He et al. 2019);
- random: the control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from training.compress.network import weighted_layers
from training.compress.student import Context
from training.runtime import keras, tf
from training.train import to_input

Kernels = Mapping[str, np.ndarray]
"""An array of the kernel's shape for each layer, by its name."""
Reduce = Callable[[Kernels], Mapping[str, np.ndarray]]
"""Sums over the weights of each unit; the units of each set of rivals, by a name."""
Split = Callable[[Kernels], Mapping[str, np.ndarray]]
"""The weights of each unit: float[units, weights] for each set of rivals."""

GRADIENT_MEASURES = ("gradient", "taylor", "fisher")
WITHOUT_UNIT = ("magnitude", "median")
"""Measures whose size says nothing between layers: they are told in parts of the layer's mean."""


def importance(
    measure: str, network: keras.Model, reduce: Reduce, split: Split, clips: int, context: Context
) -> dict[str, np.ndarray]:
    """float64[units] >= 0 for each set of rivals; the least important unit has the least.

    Args:
        measure: one of those above.
        network: folded, so that a weight is what inference multiplies by.
        reduce: how weights make up units.
        split: likewise, without the sum.
        clips: on which gradients are taken.
        context: has those clips, the loss and the seed.
    """
    kernels = {layer.name: layer.weights[0].numpy() for layer in weighted_layers(network)}
    if measure == "random":
        rng = np.random.default_rng(context.seed)
        return {name: rng.random(len(sums)) for name, sums in reduce(kernels).items()}
    if measure in GRADIENT_MEASURES:
        scores = _by_gradients(measure, network, kernels, reduce, clips, context)
    elif measure == "magnitude":
        scores = dict(reduce({name: kernel**2 for name, kernel in kernels.items()}))
    else:
        scores = {name: _distances(units) for name, units in split(kernels).items()}
    if measure in WITHOUT_UNIT:
        scores = {name: found / max(found.mean(), 1e-30) for name, found in scores.items()}
    return scores


def _by_gradients(
    measure: str,
    network: keras.Model,
    kernels: Kernels,
    reduce: Reduce,
    clips: int,
    context: Context,
) -> dict[str, np.ndarray]:
    variables = {layer.name: layer.weights[0] for layer in weighted_layers(network)}
    examples = context.labelled_examples(clips)
    classes = network.output_shape[-1]

    @tf.function(autograph=False)
    def gradients(features: tf.Tensor, target: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = network(to_input(features), training=False)
            loss = tf.nn.softmax_cross_entropy_with_logits(target, logits)
        return list(tape.gradient(loss, list(variables.values())))

    total: dict[str, np.ndarray] = {}
    targets = np.eye(classes, dtype=np.float32)[examples.labels]
    with context.progress.task(f"importance by {measure}", clips) as task:
        for features, target in zip(examples.features, targets, strict=True):
            found = gradients(tf.constant(features[np.newaxis]), tf.constant(target[np.newaxis]))
            slopes = dict(zip(variables, (one.numpy() for one in found), strict=True))
            for name, value in _of_clip(measure, kernels, slopes, reduce).items():
                total[name] = total.get(name, 0.0) + value / clips
            task.advance()
    return total


def _of_clip(
    measure: str, kernels: Kernels, slopes: Kernels, reduce: Reduce
) -> Mapping[str, np.ndarray]:
    if measure == "gradient":
        return reduce({name: slope**2 for name, slope in slopes.items()})
    products = {name: slope * kernels[name] for name, slope in slopes.items()}
    if measure == "taylor":
        return {name: change**2 for name, change in reduce(products).items()}
    return reduce({name: 0.5 * product**2 for name, product in products.items()})


def _distances(units: np.ndarray) -> np.ndarray:
    """Of each row from all others, summed."""
    return np.array([np.linalg.norm(units - unit, axis=1).sum() for unit in units])
