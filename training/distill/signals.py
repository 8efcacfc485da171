"""What a network says about a batch beside its logits, for losses that look inside.

Every network here ends alike: a last map, its mean over frames and bins, a classifier
(`training.models`). Two signals are taken there:

- the embedding, the mean of the last map: what the classifier sees;
- the attention, how much energy the last map has at each frame: when the network listens.

Both are small, so a teacher's are computed once for every clip of every copy and kept beside its
logits; whole maps would be a hundred times that.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from training.models.temporal import LastMean
from training.runtime import keras, tf


class Signals(NamedTuple):
    """Of one network: tensors for a batch, or arrays with one axis more for whole passes."""

    embedding: Any
    """float32[batch, channels]."""
    attention: Any
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


def signals_of(features: tf.Tensor, frames: int) -> Signals:
    """Embedding and attention of a last map.

    Args:
        features: float32[batch, frames or more, bins, channels].
        frames: of one clip; what comes before belongs to another one.
    """
    features = features[:, -frames:]
    attention = tf.reduce_mean(features**2, [2, 3])
    attention.set_shape([None, frames])
    return Signals(tf.reduce_mean(features, [1, 2]), attention)


class SignalModel(keras.Model):
    """The same network, which also shows its last map; it shares the weights.

    Args:
        model: a network that ends with the mean of a map and a classifier.

    Raises:
        ValueError: no layer of the model takes the mean of a map.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"signals_of_{model.name}")
        mean = _last_mean(model)
        self.frames = int(mean.steps if isinstance(mean, LastMean) else mean.input.shape[1])
        self.channels = int(mean.input.shape[-1])
        self.inner = keras.Model(model.input, [model.output, mean.input])

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tuple[tf.Tensor, Signals]:
        """Logits and signals of float32[batch, frames, bins, 1]."""
        logits, features = self.inner(inputs, training=training)
        return logits, signals_of(features, self.frames)


class TaughtModel(keras.Model):
    """A student with the projection that feature matching needs while it is trained.

    It shares the student's weights, and its own `trainable_variables` hold the projection as well,
    so that an optimiser and a checkpoint see both. What is deployed is the student alone.

    Args:
        student: the network.
        teacher_channels: length of the teacher's embedding.
        seed: of the projection.
    """

    def __init__(self, student: keras.Model, teacher_channels: int, seed: int) -> None:
        super().__init__(name=f"taught_{student.name}")
        self.inner = SignalModel(student)
        self.projection = keras.layers.Dense(
            teacher_channels,
            kernel_initializer=keras.initializers.GlorotUniform(seed),
            name="projection",
        )
        self.projection.build((None, self.inner.channels))

    def call(
        self, inputs: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, Signals, tf.Tensor]:
        """Logits, signals and projected embedding of float32[batch, frames, bins, 1]."""
        logits, signals = self.inner(inputs, training=training)
        return logits, signals, self.projection(signals.embedding)


def _last_mean(model: keras.Model) -> keras.layers.Layer:
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.GlobalAveragePooling2D | LastMean):
            return layer
    raise ValueError(f"{model.name} takes no mean of a map: its last map is not known")
