"""Small int8 models from arrays, through the exporter's own flatbuffer writer: fast and exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.export.graph import (
    ArithmeticOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    NoOptions,
    Operator,
    Options,
    Quantization,
    ReducerOptions,
    Tensor,
)
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE


class Builder:
    """Collects tensors and operators; `build` makes a graph of them."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | Sequence[float] = 1.0,
        zero_point: int = 0,
        *,
        axis: int = 0,
        data: np.ndarray | None = None,
    ) -> int:
        """Add an int8 (or, by the dtype of `data`, constant) tensor; several scales go by `axis`."""
        scales = tuple(float(np.float32(s)) for s in np.atleast_1d(np.asarray(scale, np.float64)))
        dtype = "int8" if data is None else str(data.dtype)
        quantization = Quantization(scales, (zero_point,) * len(scales), axis)
        shape = tuple(int(n) for n in shape)
        self.tensors.append(Tensor(f"t{len(self.tensors)}", shape, dtype, quantization, data))
        return len(self.tensors) - 1

    def constant(self, data: np.ndarray) -> int:
        """Add a constant without quantisation, such as axes or paddings."""
        self.tensors.append(
            Tensor(f"t{len(self.tensors)}", data.shape, str(data.dtype), None, data)
        )
        return len(self.tensors) - 1

    def operator(
        self, name: str, inputs: Sequence[int], output: int, options: Options = NoOptions()
    ) -> int:
        """Add an operator; returns its output."""
        self.operators.append(Operator(name, tuple(inputs), (output,), options))
        return output

    def build(self, inputs: Sequence[int], outputs: Sequence[int]) -> Graph:
        """Make the graph."""
        return Graph(tuple(self.tensors), tuple(self.operators), tuple(inputs), tuple(outputs))


def keyword_model(classes: int = 12, frames: int = 49, bins: int = 40, seed: int = 1) -> bytes:
    """An untrained DS-CNN with a residual: every operator that a student has, about 1,500 weights."""
    rng = np.random.default_rng(seed)
    b = Builder()

    def layer(source: int, channels: int, kernel: int, stride: int, depthwise: bool) -> int:
        _, height, width, inputs = b.tensors[source].shape
        assert b.tensors[source].quantization is not None
        source_scale = b.tensors[source].quantization.scales[0]
        shape = (1, kernel, kernel, inputs) if depthwise else (channels, kernel, kernel, inputs)
        taps = kernel * kernel * (1 if depthwise else inputs)
        scales = rng.uniform(0.5, 1.5, channels) / (60 * np.sqrt(taps))
        axis = 3 if depthwise else 0
        weights = b.tensor(
            shape, scales, axis=axis, data=rng.integers(-127, 128, shape).astype(np.int8)
        )
        bias = rng.integers(-500, 500, channels).astype(np.int32)
        bias_tensor = b.tensor((channels,), scales * source_scale, data=bias)
        out = b.tensor((1, -(-height // stride), -(-width // stride), channels), 0.05, -128)
        options = ConvOptions(
            "SAME", stride, stride, activation="RELU", depth_multiplier=int(depthwise)
        )
        name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return b.operator(name, [source, weights, bias_tensor], out, options)

    source = b.tensor((1, frames, bins, 1), FEATURE_SCALE)
    stem = layer(source, 8, 3, 2, depthwise=False)
    down = layer(layer(stem, 8, 3, 2, depthwise=True), 16, 1, 1, depthwise=False)
    branch = layer(layer(down, 16, 3, 1, depthwise=True), 16, 1, 1, depthwise=False)
    total = b.operator(
        "ADD", [down, branch], b.tensor(b.tensors[down].shape, 0.07, -128), ArithmeticOptions()
    )
    axes = b.constant(np.array([1, 2], np.int32))
    pooled = b.operator("MEAN", [total, axes], b.tensor((1, 16), 0.03, -128), ReducerOptions(False))
    weights = b.tensor(
        (classes, 16), 0.01, data=rng.integers(-127, 128, (classes, 16)).astype(np.int8)
    )
    bias = b.tensor((classes,), 0.0003, data=rng.integers(-900, 900, classes).astype(np.int32))
    scores = b.tensor((1, classes), 0.06, 5)
    b.operator("FULLY_CONNECTED", [pooled, weights, bias], scores, FullyConnectedOptions())
    return write_tflite(b.build([source], [scores]))
