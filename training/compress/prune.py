"""Pruning: leave out what matters least, at once or in rounds with fine-tuning between them.

What matters is said by `training.compress.importance`. Channels leave with everything that
belongs to them (`training.compress.channels`), so every tensor shrinks. Single weights and blocks
become zeros, and stay zeros in later training (Han et al. 2015; Zhu, Gupta 2018 for rounds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from training.compress.channels import Channels, find_channels, keep_channels
from training.compress.grid import Zeros
from training.compress.importance import Kernels, importance
from training.compress.network import fold, kernel_of, weighted_layers
from training.compress.student import Context, Student, held, require_free
from training.errors import UserError
from training.recipe_compress import PruneConfig
from training.runtime import keras


def prune(
    student: Student, config: PruneConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student without `config.share` of its channels or weights.

    Raises:
        UserError: channels that cannot be traced or that are too few, or weights in a form.
    """
    require_free(student, config.step)
    whole = _width(student.network) if config.granularity == "channels" else None
    kept, rounds = student, []
    for number in range(1, config.rounds + 1):
        share = config.share * number / config.rounds
        if whole is None:
            pruned = _zeroed(kept, replace(config, share=share), context)
        else:
            pruned = _narrowed(kept, replace(config, share=share), context, whole)
        pruned = context.tuned(pruned, config, f"pruned {number} of {config.rounds}")
        accuracy = context.validation_accuracy(pruned.network)
        rounds.append({"share": share, "validation_accuracy": accuracy})
        if accuracy < config.least_accuracy:
            context.progress.note(
                f"pruning stops: {accuracy:.1%} of the validation clips after round {number}"
            )
            break
        kept = pruned
    details: dict[str, Any] = {"rounds": rounds, "taken": len(rounds)}
    if rounds[-1]["validation_accuracy"] < config.least_accuracy:
        details["taken"] -= 1
    if whole is not None:
        details["channels"] = [whole, _width(kept.network)]
    return kept, details


def _width(network: keras.Model) -> int:
    """Channels of all groups together."""
    return sum(group.channels for group in find_channels(network).groups)


def _narrowed(student: Student, config: PruneConfig, context: Context, whole: int) -> Student:
    network = student.network
    channels = find_channels(network)
    if not channels.groups:
        raise UserError(
            f"the network '{network.name}' has no channels that may leave",
            'Prune single weights: granularity = "weights".',
        )
    folded = fold(network)
    units = ChannelUnits(channels)
    scores = importance(config.importance, folded, units.sums, units.rows, config.clips, context)
    found = [scores[str(number)] for number in range(len(channels.groups))]
    # Earlier rounds took some already: the share is of what was there at first.
    wanted = round(whole * (1.0 - config.share))
    kept = choose(found, wanted, config.scope, config.multiple)
    return replace(student, network=keep_channels(network, channels, kept))


def choose(scores: list[np.ndarray], wanted: int, scope: str, multiple: int) -> list[np.ndarray]:
    """Which channels of each group stay.

    Args:
        scores: of each group.
        wanted: channels of all groups together that shall stay.
        scope: `global` compares channels of all groups, `layer` those of one.
        multiple: a group keeps a multiple of it, one at least, unless it had fewer; the nearest to
            what was chosen.

    Returns:
        int[n] of each group, ascending.
    """
    total = sum(len(found) for found in scores)
    if scope == "global":
        limit = np.sort(np.concatenate(scores))[::-1][min(max(wanted, 1), total) - 1]
        counts = [int(np.sum(found >= limit)) for found in scores]
    else:
        counts = [round(len(found) * wanted / total) for found in scores]
    kept = []
    for found, count in zip(scores, counts, strict=True):
        rounded = max(multiple, round(count / multiple) * multiple)
        best = np.argsort(-found, kind="stable")[: min(rounded, len(found))]
        kept.append(np.sort(best))
    return kept


class ChannelUnits:
    """Channels as units: a channel is all filters that make it, in every layer of its group."""

    def __init__(self, channels: Channels) -> None:
        self.channels = channels

    def sums(self, kernels: Kernels) -> dict[str, np.ndarray]:
        """Sum over the filters of each channel."""
        return {name: rows.sum(axis=1) for name, rows in self.rows(kernels).items()}

    def rows(self, kernels: Kernels) -> dict[str, np.ndarray]:
        """All weights of each channel's filters."""
        return {
            str(number): np.concatenate(
                [
                    np.moveaxis(kernels[name], -1, 0).reshape(group.channels, -1)
                    for name in group.makers
                ],
                axis=1,
            )
            for number, group in enumerate(self.channels.groups)
        }


def _zeroed(student: Student, config: PruneConfig, context: Context) -> Student:
    """Zeros in the place of weights, or of blocks of neighbouring inputs of one output."""
    if config.granularity == "blocks" and config.importance == "median":
        raise UserError(
            "the geometric median compares filters, not blocks of a kernel",
            'Give another importance, or granularity = "channels".',
        )
    folded = fold(student.network)
    size = config.block if config.granularity == "blocks" else 1
    names = [layer.name for layer in weighted_layers(folded)]

    def sums(kernels: Kernels) -> Mapping[str, np.ndarray]:
        return {name: blocks_of(kernels[name], size).sum(axis=1) for name in names}

    def rows(kernels: Kernels) -> Mapping[str, np.ndarray]:
        return {name: blocks_of(kernels[name], size) for name in names}

    scores = importance(config.importance, folded, sums, rows, config.clips, context)
    everything = np.concatenate(list(scores.values()))
    common = np.quantile(everything, config.share)
    forms = {}
    for layer in weighted_layers(folded):
        found = scores[layer.name]
        limit = common if config.scope == "global" else np.quantile(found, config.share)
        kernel = kernel_of(layer)
        stays = np.repeat((found > limit)[:, np.newaxis], size, axis=1)
        forms[layer.name] = Zeros(from_blocks(stays, kernel.shape).astype(np.float32))
    return held(replace(student, forms={}), forms, folded)


def blocks_of(kernel: np.ndarray, size: int) -> np.ndarray:
    """float[blocks, size]: runs of the inputs that one output multiplies, in the order in which a
    kernel of the engine reads them; the last run of an output is filled up with zeros.

    The inputs of a depthwise channel are its taps.
    """
    rows = _outputs_first(kernel)
    short = -rows.shape[1] % size
    return np.pad(rows, ((0, 0), (0, short))).reshape(-1, size)


def from_blocks(blocks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `blocks_of` for a kernel of that shape."""
    example = _outputs_first(np.empty(shape, np.bool_))
    rows = blocks.reshape(len(example), -1)[:, : example.shape[1]]
    if len(shape) == 4 and shape[3] == 1:
        return rows.T.reshape(shape)
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape[-1], *shape[:-1]), 0, -1))


def _outputs_first(kernel: np.ndarray) -> np.ndarray:
    if kernel.ndim == 4 and kernel.shape[3] == 1:
        return kernel.reshape(-1, kernel.shape[2]).T
    return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
