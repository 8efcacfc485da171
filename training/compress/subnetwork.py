"""One training for many widths, and the best network among them that fits a budget.

The channels of each group are put in the order of their importance. In training every step keeps
the first n_g channels of each group g, with n_g drawn anew; every third step keeps all, every third
the least (the "sandwich" of Yu, Huang 2019, "Universally Slimmable Networks"; all groups apart as
in Cai et al. 2020, "Once-for-All"). Any choice of widths is then a network that works, whose
normalisation is taken anew from training clips. Candidates are drawn at random; of those within the
budget the one that hears most validation clips right is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training.compress.calibrate import to_int8
from training.compress.channels import Channels, find_channels, keep_channels
from training.compress.forms import adopt, training_form
from training.compress.importance import importance
from training.compress.measure import costs
from training.compress.network import New, Wrapped, duplicate, fold
from training.compress.prune import ChannelUnits
from training.compress.student import Context, Student, require_free
from training.errors import UserError
from training.recipe_compress import SubnetworkConfig
from training.runtime import keras, tf
from training.train import to_input

SANDWICH = 3
"""Of so many steps one has the whole network, and one the narrowest."""


@dataclass(frozen=True)
class Widths:
    """How many channels a group may keep.

    Attributes:
        channels: that it has.
        least: fewest; ranges up to all in steps of `multiple`.
        multiple: of which widths are.
    """

    channels: int
    least: int
    multiple: int

    @property
    def choices(self) -> list[int]:
        """Ascending; the last one is all."""
        return sorted({*range(self.least, self.channels, self.multiple), self.channels})


class Nested(Wrapped):
    """A layer that in training keeps the first channels only, as many as drawn for its group.

    Args:
        inner: the layer.
        widths: of the group of its outputs.
        group: layers of one group draw alike.
        seed: of the draws.
    """

    def __init__(self, inner: keras.layers.Layer, widths: Widths, group: int, seed: int) -> None:
        super().__init__(name=f"nested_{inner.name}")
        self.inner, self.widths, self.group, self.seed = inner, widths, group, seed
        self.norm = isinstance(inner, keras.layers.BatchNormalization)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Make the counter of steps, which all draws follow from."""
        self.steps = self.add_weight(
            name="steps", shape=(), dtype=tf.int32, initializer="zeros", trainable=False
        )
        super().build(input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """What the layer says, zeros in the channels that are left out."""
        said = self.inner(x, training=training) if self.norm else self.inner(x)
        if not training:
            return said
        count = self.steps.assign_add(1)
        choices = tf.constant(self.widths.choices)
        drawn = tf.random.stateless_uniform([], [self.seed + self.group, count])
        place = tf.cast(drawn * len(self.widths.choices), tf.int32)
        turn = count % SANDWICH
        place = tf.where(turn == 0, len(self.widths.choices) - 1, tf.where(turn == 1, 0, place))
        kept = tf.range(self.widths.channels) < tf.gather(choices, place)
        return said * tf.cast(kept, said.dtype)


def subnetwork(
    student: Student, config: SubnetworkConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The best subnetwork within the budget.

    Raises:
        UserError: no candidate is within it, channels cannot be traced, or weights are in a form.
    """
    require_free(student, config.step)
    network = _ordered(student.network, context)
    channels = find_channels(network)
    widths = [_widths(group.channels, config) for group in channels.groups]
    model = nested(network, channels, widths, context.seed)
    context.train(model, config, "all widths")
    network = adopt(network, model, {})
    return _best(replace(student, network=network), channels, widths, config, context)


def nested(
    network: keras.Model, channels: Channels, widths: list[Widths], seed: int
) -> keras.Model:
    """The network for training, whose groups of channels are as wide as they are drawn."""

    def wrap(layer: keras.layers.Layer, new: New) -> New:
        group = channels.made[layer.name]
        if group < 0:
            return new
        return New(Nested(new.layer, widths[group], group, seed), new.weights)

    return training_form(network, wrap)


def renormalised(network: keras.Model, clips: np.ndarray) -> keras.Model:
    """A copy whose normalisation has the mean and the variance of these clips."""
    result = duplicate(network)
    norms = [x for x in result.layers if isinstance(x, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    result(to_input(tf.constant(clips)), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return result


def _widths(channels: int, config: SubnetworkConfig) -> Widths:
    least = max(1, round(config.least_share * channels / config.multiple)) * config.multiple
    return Widths(channels, min(least, channels), config.multiple)


def _ordered(network: keras.Model, context: Context) -> keras.Model:
    """The same network with the channels of each group in the order of their magnitude."""
    channels, folded = find_channels(network), fold(network)
    if not channels.groups:
        raise UserError(
            f"the network '{network.name}' has no channels that may leave",
            "Leave the step 'subnetwork' out.",
        )
    units = ChannelUnits(channels)
    found = importance("magnitude", folded, units.sums, units.rows, 1, context)
    order = [np.argsort(-found[str(n)], kind="stable") for n in range(len(channels.groups))]
    return keep_channels(network, channels, order)


def _best(
    student: Student,
    channels: Channels,
    widths: list[Widths],
    config: SubnetworkConfig,
    context: Context,
) -> tuple[Student, dict[str, Any]]:
    rng = np.random.default_rng(context.seed)
    drawn = [
        tuple(int(rng.choice(one.choices)) for one in widths) for _ in range(config.candidates)
    ]
    drawn += [tuple(one.least for one in widths), tuple(one.channels for one in widths)]
    clips = context.examples(config.clips)
    tried: list[dict[str, Any]] = []
    best: tuple[float, Student] | None = None
    with context.progress.task("subnetworks", len(set(drawn))) as task:
        for chosen in sorted(set(drawn)):
            kept = [np.arange(width) for width in chosen]
            smaller = keep_channels(student.network, channels, kept)
            found = replace(student, network=renormalised(smaller, clips))
            told = costs(to_int8(found, context), context.core)
            flash = told.flash.weights_bytes + told.flash.tables_bytes
            row: dict[str, Any] = {
                "widths": chosen,
                "flash_bytes": flash,
                "instructions": told.instructions,
            }
            if _fits(flash, told.instructions, config):
                row["validation_accuracy"] = context.validation_accuracy(found.network)
                if best is None or row["validation_accuracy"] > best[0]:
                    best = (row["validation_accuracy"], found)
            tried.append(row)
            task.advance()
    if best is None:
        smallest = min(tried, key=lambda row: row["flash_bytes"])
        raise UserError(
            f"none of {len(tried)} networks fits; the smallest takes {smallest['flash_bytes']:,} "
            f"bytes of flash and {smallest['instructions']:,} instructions",
            "Raise the budget, or lower least_share.",
        )
    return best[1], {"tried": tried, "within": sum("validation_accuracy" in row for row in tried)}


def _fits(flash: int, instructions: int | None, config: SubnetworkConfig) -> bool:
    if config.flash_bytes and flash > config.flash_bytes:
        return False
    known = instructions is not None and instructions <= config.instructions
    return not config.instructions or known
