"""From a float student to a full int8 `.tflite`, with ranges of our choice and forms kept.

The converter of TensorFlow calibrates and rounds (Jacob et al. 2018). Between the two, the ranges
that it found are replaced by those of `training.compress.calibrate`; after them, the weights of a
layer on a grid become the codes of that grid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.toco import types_pb2
from tensorflow.lite.tools import flatbuffer_utils

from training.compress.grid import Grid
from training.compress.network import channel_axis, kernel_of
from training.compress.quantise import INPUT_HIGH, INPUT_LOW, check_input
from training.errors import UserError
from training.export.graph import Graph, Quantization, Tensor
from training.export.reader import read_tflite
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE
from training.runtime import keras, tf

VALUES_A_CLIP = 2_000
"""Of a tensor that are looked at; more are drawn from, as neighbours are alike."""
SAME_RANGE = ("PAD", "RESHAPE")
"""Operators whose output has the grid of their input."""
OUTPUTS_FIRST = (3, 0, 1, 2)
"""From Keras' order of a kernel's axes to that of a `.tflite`."""
INT8_MAX = 127
Range = Callable[[np.ndarray], tuple[float, float]]
"""Chooses the least and the greatest value of a tensor from a sample of its values, float[n]."""


def convert(
    network: keras.Model,
    features: np.ndarray,
    choose: Range,
    grids: Mapping[str, Grid],
    *,
    per_channel: bool = True,
) -> bytes:
    """The int8 `.tflite` of a float network.

    Args:
        network: takes float32[1, frames, bins, 1].
        features: int8[clips, frames, bins] to find the ranges by.
        choose: the range of an activation.
        grids: layers whose weights are on one, by name.
        per_channel: whether weights have a scale for each channel.

    Raises:
        ValueError: the result does not take the features as they are.
    """
    measured = _calibrated(network, features, choose)
    tflite = bytes(
        mlir_quantize(
            measured,
            disable_per_channel=not per_channel,
            fully_quantize=True,
            inference_type=types_pb2.QUANTIZED_INT8,
            input_data_type=tf.int8,
            output_data_type=tf.int8,
        )
    )
    check_input(tflite)
    if not grids:
        return tflite
    layers = {name: _tflite_order(network.get_layer(name), grid) for name, grid in grids.items()}
    return write_tflite(replace(_on_grids(read_tflite(tflite), layers), packed=True))


def _calibrated(network: keras.Model, features: np.ndarray, choose: Range) -> bytes:
    """A float `.tflite` that says the range of every activation."""
    frames, bins = features.shape[1:]
    signature = tf.TensorSpec([1, frames, bins, 1], tf.float32)
    concrete = tf.function(lambda x: network(x, training=False)).get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    inputs = features.astype(np.float32)[..., np.newaxis] * FEATURE_SCALE
    # One clip makes the converter write where ranges belong; `_values` sees all of them.
    converter.representative_dataset = lambda: ([clip[np.newaxis]] for clip in inputs[:1])
    converter._experimental_calibrate_only = True
    tflite = bytes(converter.convert())
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    graph = read_tflite(tflite)
    ranges = {tensor: choose(values) for tensor, values in _values(tflite, graph, inputs).items()}
    ranges[graph.inputs[0]] = (INPUT_LOW, INPUT_HIGH)
    for operator in graph.operators:
        if operator.name in SAME_RANGE:
            ranges[operator.outputs[0]] = ranges[operator.inputs[0]]
    for tensor, (low, high) in ranges.items():
        found = model.subgraphs[0].tensors[tensor].quantization
        found.min, found.max = [low], [high]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _values(tflite: bytes, graph: Graph, inputs: np.ndarray) -> dict[int, np.ndarray]:
    """float32[n] of every tensor that operators write, its extremes among them."""
    interpreter = Interpreter(model_content=tflite, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    written = [operator.outputs[0] for operator in graph.operators]
    found: dict[int, list[np.ndarray]] = {tensor: [] for tensor in written}
    for number, clip in enumerate(inputs):
        interpreter.set_tensor(graph.inputs[0], clip[np.newaxis])
        interpreter.invoke()
        for tensor in written:
            values = interpreter.get_tensor(tensor).ravel()
            if len(values) > VALUES_A_CLIP:
                drawn = np.random.default_rng(number).choice(values, VALUES_A_CLIP - 2)
                values = np.concatenate([drawn, [values.min(), values.max()]])
            found[tensor].append(np.array(values))
    return {tensor: np.concatenate(values) for tensor, values in found.items()}


def _tflite_order(layer: keras.layers.Layer, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Codes int8 in the axes of a `.tflite`, and the scale of each channel.

    Codes are stretched to int8's range. With a scale many times as coarse a channel's results would
    be multiplied by 1/2 or more, which faster kernels refuse, and biases would lose their bits.
    """
    stretch = INT8_MAX // int(np.abs(grid.codes.astype(np.int64)).max())
    codes = grid.nearest(tf.constant(kernel_of(layer))).numpy() * np.int8(stretch)
    channels = codes.shape[channel_axis(layer)]
    scale = np.broadcast_to(grid.scale.ravel() / np.float32(stretch), channels)
    return (codes.T if codes.ndim == 2 else codes.transpose(OUTPUTS_FIRST)), scale


def _on_grids(graph: Graph, layers: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Graph:
    """The graph with the weights of some layers replaced by codes.

    A layer is known by its weights: the converter rounds `scale * code` to its own grid.
    """
    tensors = list(graph.tensors)
    missing = dict(layers)
    for operator in graph.operators:
        if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        source, weights, bias = (tensors[index] for index in operator.inputs)
        name = next((n for n, layer in missing.items() if _is(weights, *layer)), None)
        if name is None:
            continue
        codes, scale = missing.pop(name)
        tensors[operator.inputs[1]] = _with_codes(weights, codes, scale)
        tensors[operator.inputs[2]] = _rescaled(bias, source, scale)
    if missing:
        raise UserError(
            f"the converter changed the weights of {', '.join(missing)}",
            "Leave the step out for a network with layers of this kind.",
        )
    return replace(graph, tensors=tuple(tensors))


def _is(weights: Tensor, codes: np.ndarray, scale: np.ndarray) -> bool:
    if weights.shape != codes.shape or weights.quantization is None or weights.data is None:
        return False
    step = _along(weights, np.array(weights.quantization.scales))
    wanted = _along(weights, scale) * codes
    return bool(np.all(np.abs(weights.data * step - wanted) <= 0.51 * step))


def _along(weights: Tensor, values: np.ndarray) -> np.ndarray:
    """Values of the channels in a shape that multiplies the weights."""
    assert weights.quantization is not None
    shape = [1] * len(weights.shape)
    shape[weights.quantization.axis] = len(values)
    return values.reshape(shape)


def _with_codes(weights: Tensor, codes: np.ndarray, scale: np.ndarray) -> Tensor:
    assert weights.quantization is not None
    grid = Quantization(
        tuple(float(s) for s in scale), (0,) * len(scale), weights.quantization.axis
    )
    return replace(weights, data=np.ascontiguousarray(codes), quantization=grid)


def _rescaled(bias: Tensor, source: Tensor, scale: np.ndarray) -> Tensor:
    """The bias in steps of the input's scale times the weights'."""
    assert bias.quantization is not None
    assert bias.data is not None
    assert source.quantization is not None
    steps = source.quantization.scales[0] * scale.astype(np.float64)
    values = bias.data * np.array(bias.quantization.scales, np.float64)
    limits = np.iinfo(np.int32)
    rounded = np.clip(np.rint(values / steps), limits.min, limits.max).astype(np.int32)
    grid = Quantization(tuple(float(s) for s in steps), (0,) * len(scale), 0)
    return replace(bias, data=rounded, quantization=grid)
