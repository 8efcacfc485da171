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

from training.recipe import FEATURE_SCALE
from training.runtime import keras, tf

INPUT_LOW, INPUT_HIGH = -128 * FEATURE_SCALE, 127 * FEATURE_SCALE
"""Float values of the least and the greatest int8 feature."""


def quantise_aware(model: keras.Model) -> keras.Model:
    """A copy of the network that computes on the int8 grid in its forward pass.

    The range of the input starts at exactly that of the features. Features never leave it, and the
    quantiser of the input only ever widens, so training keeps it.
    """
    aware = tfmot.quantization.keras.quantize_model(model)
    for variable in aware.layers[1].weights:
        if variable.name.endswith("_min:0"):
            variable.assign(INPUT_LOW)
        elif variable.name.endswith("_max:0"):
            variable.assign(INPUT_HIGH)
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
