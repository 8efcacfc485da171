"""How the clips of a batch lie to each other: what stays when two networks have other axes.

The embeddings may have different lengths: only distances, angles and similarities between the clips
of one network are compared with those of the other. Clips that were given the same place (distance
0) have a gradient of 0, not of infinity.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.distill.signals import Signals
from training.runtime import tf

LEAST_SQUARE = 1e-12
"""Squared lengths are held above it before a root is taken."""


@dataclass(frozen=True)
class DistanceRelation:
    """Distance-wise relational distillation (RKD-D, Park et al. 2019, equations 5 to 7).

    Distances between all pairs, divided by their mean over the batch, under the Huber loss with
    delta 1. Scaling, moving or rotating an embedding changes nothing.
    """

    def __call__(self, student: Signals, teacher: Signals, projected: tf.Tensor) -> tf.Tensor:
        """Mean over the pairs of different clips; 0 for a batch of one clip."""
        clips = _clips(student.embedding)
        ours, theirs = _distances(student.embedding), _distances(teacher.embedding)
        return tf.reduce_sum(huber(ours - theirs)) / tf.maximum(clips * (clips - 1.0), 1.0)


@dataclass(frozen=True)
class AngleRelation:
    """Angle-wise relational distillation (RKD-A, Park et al. 2019, equations 8 and 9).

    The cosine of the angle at clip j between the clips i and k, for all triplets, under the Huber
    loss with delta 1. The work grows with the cube of the batch: 64 clips have 262,144 triplets.
    """

    def __call__(self, student: Signals, teacher: Signals, projected: tf.Tensor) -> tf.Tensor:
        """Mean over the triplets of different clips; 0 for a batch of fewer than three."""
        clips = _clips(student.embedding)
        ours, theirs = _cosines(student.embedding), _cosines(teacher.embedding)
        triplets = tf.maximum(clips * (clips - 1.0) * (clips - 2.0), 1.0)
        return tf.reduce_sum(huber(ours - theirs)) / triplets


@dataclass(frozen=True)
class SimilarityRelation:
    """Similarity-preserving distillation (Tung, Mori 2019, equations 1 to 4).

    Inner products between all pairs, each row brought to length 1; the mean of the squared
    differences.
    """

    def __call__(self, student: Signals, teacher: Signals, projected: tf.Tensor) -> tf.Tensor:
        """Mean over all pairs of clips, a clip with itself included."""
        difference = _similarities(student.embedding) - _similarities(teacher.embedding)
        return tf.reduce_mean(difference**2)


def huber(difference: tf.Tensor) -> tf.Tensor:
    """`d^2 / 2` up to 1, then `|d| - 1/2` (Huber 1964)."""
    size = tf.abs(difference)
    return tf.where(size <= 1.0, size**2 / 2.0, size - 0.5)


def _clips(embedding: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.shape(embedding)[0], tf.float32)


def _distances(embedding: tf.Tensor) -> tf.Tensor:
    """float32[batch, batch], the mean over different clips is 1; the diagonal is 0."""
    difference = embedding[:, tf.newaxis] - embedding[tf.newaxis]
    square = tf.reduce_sum(difference**2, axis=2)
    distance = tf.where(square > LEAST_SQUARE, tf.sqrt(tf.maximum(square, LEAST_SQUARE)), 0.0)
    clips = _clips(embedding)
    mean = tf.reduce_sum(distance) / tf.maximum(clips * (clips - 1.0), 1.0)
    return distance / tf.maximum(mean, LEAST_SQUARE)


def _cosines(embedding: tf.Tensor) -> tf.Tensor:
    """float32[j, i, k]: cosine of the angle at j; 0 where a side has no length, or i is k."""
    side = embedding[tf.newaxis] - embedding[:, tf.newaxis]
    square = tf.reduce_sum(side**2, axis=2, keepdims=True)
    inverse = tf.where(square > LEAST_SQUARE, tf.math.rsqrt(tf.maximum(square, LEAST_SQUARE)), 0.0)
    side *= inverse
    cosines = tf.matmul(side, side, transpose_b=True)
    return tf.linalg.set_diag(cosines, tf.zeros(tf.shape(cosines)[:2]))


def _similarities(embedding: tf.Tensor) -> tf.Tensor:
    products = tf.matmul(embedding, embedding, transpose_b=True)
    square = tf.reduce_sum(products**2, axis=1, keepdims=True)
    return products * tf.math.rsqrt(tf.maximum(square, LEAST_SQUARE))
