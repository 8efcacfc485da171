"""From the classes of a foreign network to those of the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.errors import UserError
from training.recipe import SILENCE_LABEL, UNKNOWN_LABEL

ALIASES = {"unknown": UNKNOWN_LABEL, "silence": SILENCE_LABEL}
"""Other names that label files have for the two classes that are no words."""


@dataclass(frozen=True)
class ClassMap:
    """Where each output of a foreign network goes.

    A word that is no keyword of the recipe is `_unknown_`, by the meaning of that class; the
    probabilities of several such words add up. In a recipe without that class it is left out, and
    what remains is brought back to the sum 1. A class of the recipe that the network does not have
    stays unknown to it: see `fill_missing`.

    Attributes:
        classes: number of the recipe's classes.
        targets: for each output the class it counts into, or -1 where it is left out.
    """

    classes: int
    targets: tuple[int, ...]

    @property
    def known(self) -> np.ndarray:
        """bool[classes]: those that the network has."""
        return np.isin(np.arange(self.classes), self.targets)

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """Log probabilities of the recipe's classes.

        Args:
            logits: float[clips, outputs], up to a constant a row.

        Returns:
            float32[clips, classes]; the exponentials of a row sum to 1 over the known classes, and
            the others are NaN.
        """
        result = np.full((len(logits), self.classes), -np.inf)
        for output, target in enumerate(self.targets):
            if target >= 0:
                column = np.asarray(logits[:, output], np.float64)
                result[:, target] = np.logaddexp(result[:, target], column)
        result -= np.logaddexp.reduce(result[:, self.known], axis=1)[:, np.newaxis]
        return np.where(self.known, result, np.nan).astype(np.float32)


def make_class_map(ours: Sequence[str], theirs: Sequence[str], where: str) -> ClassMap:
    """Match labels by their text, without regard to the case of letters.

    Args:
        ours: labels of the recipe.
        theirs: labels of the network's outputs, in their order.
        where: the network, for messages.

    Raises:
        UserError: a label stands twice, or fewer than two classes of the recipe are known.
    """
    plain = [ALIASES.get(label.casefold(), label.casefold()) for label in theirs]
    twice = sorted({label for label in plain if plain.count(label) > 1})
    if twice:
        raise UserError(
            f"{where}: its labels name {', '.join(map(repr, twice))} twice",
            "Give each output a label of its own, in the order of the outputs.",
        )
    index = {label.casefold(): number for number, label in enumerate(ours)}
    others = index.get(UNKNOWN_LABEL, -1)
    targets = tuple(index.get(label, -1 if label == SILENCE_LABEL else others) for label in plain)
    classes = ClassMap(len(ours), targets)
    if not any(label in index and label not in ALIASES.values() for label in plain):
        raise UserError(
            f"{where}: none of its labels is a keyword of the recipe: {', '.join(theirs)}",
            f"Name its outputs with the recipe's words: {', '.join(ours)}.",
        )
    if classes.known.sum() < 2:
        raise UserError(
            f"{where}: it knows one class of the recipe only",
            "A teacher must tell at least two classes apart: leave it out, or add a class.",
        )
    return classes


def read_labels(path: Path) -> tuple[str, ...]:
    """Labels of a text file, one a line; empty lines do not count.

    Raises:
        UserError: the file cannot be read or is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"the labels {path} cannot be read: {reason}",
            "Give a text file with one label a line, in the order of the outputs.",
        ) from error
    labels = tuple(line.strip() for line in lines if line.strip())
    if not labels:
        raise UserError(
            f"the labels {path} are empty", "Write one label a line, in the order of the outputs."
        )
    return labels


def fill_missing(partial: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Complete the row of a network that lacks classes by what the other teachers say.

    The lacking classes keep the probability that the others give them; the rest is shared out as
    the network says.

    Args:
        partial: float[..., classes], log probabilities; NaN where the network lacks the class.
        others: float[..., classes]: logits of the others.

    Returns:
        float32[..., classes], log probabilities that sum to 1.
    """
    others = others - np.logaddexp.reduce(others, axis=-1, keepdims=True)
    lacking = np.isnan(partial)
    rest = np.logaddexp.reduce(np.where(lacking, -np.inf, others), axis=-1, keepdims=True)
    return np.where(lacking, others, partial + rest).astype(np.float32)
