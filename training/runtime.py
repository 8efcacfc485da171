"""TensorFlow, imported in the one way that every training module needs.

`tensorflow-model-optimization` works with Keras 2, which TensorFlow calls legacy and takes only
when the environment says so before the first import.
"""

from __future__ import annotations

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
import tf_keras as keras

__all__ = ["keras", "tf"]

tf.get_logger().setLevel("ERROR")
