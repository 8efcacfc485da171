"""From a float network to a full int8 `.tflite` by quantisation-aware training.

Training simulates the int8 grid of weights and activations (Jacob et al. 2018), with the default
8-bit scheme of tensorflow-model-optimization: int8 weights symmetric per channel, int8 activations
with a zero point per tensor. The grid of the input is not learned: it is fixed to the features of
the front-end, so that these feed the integer model unchanged.
"""

from __future__ import annotations

import numpy as np
import tensorflow_model_optimization as tfmot
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import (
    QuantizeLayer,
)

from training.recipe import FEATURE_SCALE
from training.runtime import keras, tf

INPUT_LOW, INPUT_HIGH = -128 * FEATURE_SCALE, 127 * FEATURE_SCALE
"""Float values of the least and the greatest int8 feature."""

NEVER_NEGATIVE = (keras.layers.ReLU, keras.layers.GlobalAveragePooling2D)
"""Layers that give no negative values in our networks, whose maps all come out of a ReLU."""


def quantise_aware(model: keras.Model) -> keras.Model:
    """A copy of the network that computes on the int8 grid in its forward pass.

    The range of the input starts at exactly that of the features. Features never leave it, and the
    quantiser of the input only ever widens, so training keeps it. Ranges behind a ReLU start at 0,
    which is where they stay: the ReLU then costs nothing in int8, as saturation does it.
    """
    aware = tfmot.quantization.keras.quantize_model(model)
    for layer in aware.layers:
        wrapped = getattr(layer, "layer", None)
        for variable in layer.weights:
            if isinstance(layer, QuantizeLayer) and variable.name.endswith("_min:0"):
                variable.assign(INPUT_LOW)
            elif isinstance(layer, QuantizeLayer) and variable.name.endswith("_max:0"):
                variable.assign(INPUT_HIGH)
            elif isinstance(wrapped, NEVER_NEGATIVE) and variable.name.endswith("output_min:0"):
                variable.assign(0.0)
    return aware


def convert(aware: keras.Model) -> bytes:
    """The int8 `.tflite` of a quantisation-aware network: int8 in, int8 logits out.

    Raises:
        ValueError: the result does not take the features as they are.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(aware)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    tflite = converter.convert()
    check_input(tflite)
    return bytes(tflite)


def convert_calibrated(model: keras.Model, features: np.ndarray) -> bytes:
    """The int8 `.tflite` of a float network, its ranges taken from what it computes on examples.

    Post-training quantisation (Jacob et al. 2018): each scale and zero point follows from the least
    and the greatest value of its tensor. This is the way for dilated convolutions: a simulated grid
    inside one keeps the converter from seeing that it is dilated.

    Args:
        model: takes float32[batch, frames, bins, 1].
        features: int8[clips, frames, bins], a few hundred as the network will hear them.

    Raises:
        ValueError: the result does not take the features as they are.
    """
    frames, bins = features.shape[1:]
    signature = tf.TensorSpec([1, frames, bins, 1], tf.float32)
    concrete = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
    # The input's grid is that of the features, whichever of them the examples reach.
    ends = np.zeros((1, frames, bins), np.int8)
    ends[0, 0, :2] = -128, 127
    examples = np.concatenate([ends, features]).astype(np.float32)[..., np.newaxis]
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [clip[np.newaxis]] for clip in examples * FEATURE_SCALE
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    tflite = bytes(converter.convert())
    check_input(tflite)
    return tflite


def check_input(tflite: bytes) -> None:
    """Refuse a model whose input is not int8 with scale `FEATURE_SCALE` and zero point 0.

    Raises:
        ValueError: with the values seen.
    """
    details = Interpreter(model_content=tflite).get_input_details()[0]
    seen = (np.dtype(details["dtype"]).name, *details["quantization"])
    if seen != ("int8", FEATURE_SCALE, 0):
        raise ValueError(f"the input is {seen}; the features are ('int8', {FEATURE_SCALE}, 0)")


def int8_logits(tflite: bytes, features: np.ndarray) -> np.ndarray:
    """Run LiteRT's reference kernels, whose integers the firmware reproduces.

    Args:
        tflite: model with int8 input and output.
        features: int8[clips, frames, bins].

    Returns:
        int8[clips, classes].
    """
    interpreter = Interpreter(
        model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    target = interpreter.get_output_details()[0]["index"]
    rows = []
    for clip in features:
        interpreter.set_tensor(source["index"], clip.reshape(source["shape"]))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target)[0])
    return np.stack(rows)
