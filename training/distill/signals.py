"""What a network says about a batch beside its logits, for losses that look inside.

Every network here ends alike: a last map, its mean over frames and bins, a classifier
(`training.models.layers.classifier`). Two signals are taken there:

- the embedding, the mean of the last map: what the classifier sees;
- the attention, how much energy the last map has at each frame: when the network listens.

Both are small, so a teacher's are computed once for every clip of every copy and kept beside its
logits; whole maps would be a hundred times that.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from training.runtime import keras, tf


class Signals(NamedTuple):
    """Of one network for one batch."""

    embedding: tf.Tensor
    """float32[batch, channels]; a student's may be projected to the teacher's channels."""
    attention: tf.Tensor
    """float32[batch, frames], >= 0; the frames are those of the last map."""


class MapLoss(Protocol):
    """A loss over signals: a float32 scalar, the mean over the batch, 0 where both agree."""

    def __call__(self, student: Signals, teacher: Signals, projected: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch.

        Args:
            student: of the network that learns.
            teacher: of the network that it learns from.
            projected: float32[batch, teacher's channels]: the student's embedding after a linear
                layer that is learned with it.
        """


def last_map(model: keras.Model) -> keras.KerasTensor:
    """The map [batch, frames, bins, channels] whose mean the classifier sees.

    Raises:
        ValueError: no layer of the model takes the mean of a map.
    """
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return layer.input
    raise ValueError(f"{model.name} has no GlobalAveragePooling2D: its last map is not known")


def signals_of(features: tf.Tensor) -> Signals:
    """Embedding and attention of a last map float32[batch, frames, bins, channels]."""
    return Signals(tf.reduce_mean(features, [1, 2]), tf.reduce_mean(features**2, [2, 3]))


def signal_model(model: keras.Model) -> keras.Model:
    """The same network with two outputs: logits and last map."""
    return keras.Model(model.input, [model.output, last_map(model)])


class TaughtModel(keras.Model):
    """A student with the projection that feature matching needs while it is trained.

    It shares the student's weights, and its own `trainable_variables` hold the projection as well,
    so that an optimiser and a checkpoint see both. What is deployed is `student`.

    Args:
        student: the network.
        teacher_channels: length of the teacher's embedding.
    """

    def __init__(self, student: keras.Model, teacher_channels: int) -> None:
        super().__init__(name=f"taught_{student.name}")
        self.student = student
        self.inner = signal_model(student)
        self.projection = keras.layers.Dense(teacher_channels, name="projection")
        self.projection.build((None, last_map(student).shape[-1]))

    def call(
        self, inputs: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, Signals, tf.Tensor]:
        """Logits, signals and projected embedding of float32[batch, frames, bins, 1]."""
        logits, features = self.inner(inputs, training=training)
        signals = signals_of(features)
        return logits, signals, self.projection(signals.embedding)
