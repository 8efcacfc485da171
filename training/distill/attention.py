"""When the student listens against when the teacher does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.distill.signals import Signals
from training.runtime import tf

LEAST_ENERGY = 1e-12
"""Keeps the length of an attention of zeros away from 0."""


@dataclass(frozen=True)
class AttentionTransfer:
    """Activation-based attention transfer (Zagoruyko, Komodakis 2017, equation 2, p = 2).

    `|| s / ||s|| - t / ||t|| ||^2` for the energies s and t over the frames of the last map; the
    paper's map has two axes, here bins are summed with the channels, since the networks treat them
    differently. Where the teacher has other frames, its energies are interpolated linearly to the
    student's. Neither a louder map nor a wider network changes the loss.
    """

    def __call__(self, student: Signals, teacher: Signals, projected: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch, from 0 to 2."""
        frames = student.attention.shape[1]
        taught = teacher.attention @ interpolation(teacher.attention.shape[1], frames)
        difference = _unit(student.attention) - _unit(taught)
        return tf.reduce_mean(tf.reduce_sum(difference**2, axis=1))


def interpolation(source: int, target: int) -> np.ndarray:
    """float32[source, target]: linear interpolation between two numbers of frames.

    A row of `source` values times it gives `target` values. Frames stand for equal parts of the
    clip, and a frame's value for the middle of its part.
    """
    middles = (np.arange(target) + 0.5) * source / target - 0.5
    middles = np.clip(middles, 0.0, source - 1.0)
    distance = np.abs(middles[np.newaxis] - np.arange(source)[:, np.newaxis])
    return np.maximum(0.0, 1.0 - distance).astype(np.float32)


def _unit(energies: tf.Tensor) -> tf.Tensor:
    square = tf.reduce_sum(energies**2, axis=1, keepdims=True)
    return energies * tf.math.rsqrt(tf.maximum(square, LEAST_ENERGY))
