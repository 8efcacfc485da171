"""Small int8 models from arrays, through the exporter's own flatbuffer writer: fast and exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.export.graph import (
    ArithmeticOptions,
    ConcatenationOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    NoOptions,
    Operator,
    Options,
    PoolOptions,
    Quantization,
    ReducerOptions,
    SoftmaxOptions,
    Tensor,
)
from training.export.lower_context import output_extent
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE

NO_OPTIONS = NoOptions()
RELU_OUTPUT = 0.05, -128
"""Scale and zero point of layers behind a RELU."""
PROBABILITY = 1 / 256, -128
LOGITS = 0.06, 5


@dataclass
class Builder:
    """Collects tensors and operators; `build` makes a graph of them."""

    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | Sequence[float] = 1.0,
        zero_point: int = 0,
        *,
        axis: int = 0,
        data: np.ndarray | None = None,
        dtype: str = "int8",
    ) -> int:
        """Add a tensor, or a constant of the dtype of `data`; several scales go by `axis`."""
        scales = tuple(float(np.float32(s)) for s in np.atleast_1d(np.asarray(scale, np.float64)))
        dtype = dtype if data is None else str(data.dtype)
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
        self, name: str, inputs: Sequence[int], output: int, options: Options = NO_OPTIONS
    ) -> int:
        """Add an operator; returns its output."""
        self.operators.append(Operator(name, tuple(inputs), (output,), options))
        return output

    def build(self, inputs: Sequence[int], outputs: Sequence[int]) -> Graph:
        """Make the graph."""
        return Graph(tuple(self.tensors), tuple(self.operators), tuple(inputs), tuple(outputs))


class Layers(Builder):
    """A builder of layers with random weights whose results spread over int8."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def convolution(
        self,
        source: int,
        channels: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        *,
        multiplier: int = 0,
        padding: str = "SAME",
        logits: bool = False,
    ) -> int:
        """CONV_2D, or DEPTHWISE_CONV_2D where there is a depth multiplier; RELU but for logits."""
        tensor = self.tensors[source]
        assert tensor.quantization is not None
        _, height, width, inputs = tensor.shape
        channels = inputs * multiplier if multiplier else channels
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        stride = (stride, stride) if isinstance(stride, int) else stride
        shape = (1, *kernel, channels) if multiplier else (channels, *kernel, inputs)
        taps = int(np.prod(kernel)) * (1 if multiplier else inputs)
        scales = self.rng.uniform(0.5, 1.5, channels) / (60 * np.sqrt(taps))
        values = self.rng.integers(-127, 128, shape).astype(np.int8)
        weights = self.tensor(shape, scales, axis=3 if multiplier else 0, data=values)
        bias = self.rng.integers(-500, 500, channels).astype(np.int32)
        bias_scales = (scales * tensor.quantization.scales[0]).tolist()
        inputs_of = [source, weights, self.tensor((channels,), bias_scales, data=bias)]
        steps = zip((height, width), kernel, stride, strict=True)
        sizes = [output_extent(padding, *step)[0] for step in steps]
        options = ConvOptions(
            padding,
            *stride,
            activation="NONE" if logits else "RELU",
            depth_multiplier=multiplier,
        )
        output = self.tensor((1, *sizes, channels), *(LOGITS if logits else RELU_OUTPUT))
        name = "DEPTHWISE_CONV_2D" if multiplier else "CONV_2D"
        return self.operator(name, inputs_of, output, options)

    def same(self, source: int, scale: float | None = None) -> int:
        """A tensor of the shape of `source`, and of its quantisation unless `scale` is given."""
        tensor = self.tensors[source]
        assert tensor.quantization is not None
        zero_point = tensor.quantization.zero_points[0]
        return self.tensor(tensor.shape, scale or tensor.quantization.scales[0], zero_point)

    def mean(self, source: int) -> int:
        """MEAN over height and width, which stay as dimensions."""
        axes = self.constant(np.array([1, 2], np.int32))
        output = self.tensor((1, 1, 1, self.tensors[source].shape[3]), 0.03, -128)
        return self.operator("MEAN", [source, axes], output, ReducerOptions(keep_dims=True))

    def reshape(self, source: int, shape: Sequence[int]) -> int:
        """RESHAPE."""
        tensor = self.tensors[source]
        assert tensor.quantization is not None
        quantization = tensor.quantization.scales, tensor.quantization.zero_points[0]
        output = self.tensor(shape, *quantization)
        target = self.constant(np.array(shape, np.int32))
        return self.operator("RESHAPE", [source, target], output)

    def fully_connected(self, source: int, outputs: int) -> int:
        """FULLY_CONNECTED to logits."""
        features = self.tensors[source].elements
        values = self.rng.integers(-127, 128, (outputs, features)).astype(np.int8)
        weights = self.tensor((outputs, features), 0.01, data=values)
        bias = self.rng.integers(-900, 900, outputs).astype(np.int32)
        inputs = [source, weights, self.tensor((outputs,), 0.0003, data=bias)]
        logits = self.tensor((1, outputs), *LOGITS)
        return self.operator("FULLY_CONNECTED", inputs, logits, FullyConnectedOptions())


def keyword_model(classes: int = 12, frames: int = 49, bins: int = 40, seed: int = 1) -> bytes:
    """An untrained DS-CNN with a residual: every operator that a student has, 1,000 weights."""
    b = Layers(seed)
    source = b.tensor((1, frames, bins, 1), FEATURE_SCALE)
    stem = b.convolution(source, 8, 3, 2)
    down = b.convolution(b.convolution(stem, 8, 3, 2, multiplier=1), 16, 1)
    branch = b.convolution(b.convolution(down, 16, 3, multiplier=1), 16, 1)
    total = b.operator("ADD", [down, branch], b.same(down, 0.07), ArithmeticOptions())
    scores = b.convolution(b.mean(total), classes, 1, logits=True)
    return write_tflite(b.build([source], [b.reshape(scores, (1, classes))]))


def every_operator_model(seed: int = 3) -> bytes:
    """One model with all operators that have a kernel; input int8[1, 12, 10, 4]."""
    b = Layers(seed)
    source = b.tensor((1, 12, 10, 4), FEATURE_SCALE)
    x = b.convolution(source, 8, 3)
    pooled = b.tensor((1, 6, 5, 8), *RELU_OUTPUT)
    x = b.operator("MAX_POOL_2D", [x], pooled, PoolOptions("VALID", 2, 2, 2, 2))
    borders = b.constant(np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32))
    x = b.operator("PAD", [x, borders], b.tensor((1, 8, 8, 8), *RELU_OUTPUT))
    x = b.convolution(x, 16, 3, multiplier=2, padding="VALID")
    limited = b.operator("RELU6", [x], b.same(x))
    x = b.operator("ADD", [x, limited], b.same(x, 0.08), ArithmeticOptions())
    x = b.operator("QUANTIZE", [x], b.same(x, 0.05))
    wide = b.tensor((1, 6, 6, 32), *RELU_OUTPUT)
    x = b.operator("CONCATENATION", [x, limited], wide, ConcatenationOptions(axis=3))
    x = b.operator("MUL", [x, x], b.same(x, 0.1), ArithmeticOptions())
    halved = b.tensor((1, 3, 3, 32), 0.1, -128)
    x = b.operator("AVERAGE_POOL_2D", [x], halved, PoolOptions("SAME", 2, 2, 3, 3))
    x = b.operator("RELU", [x], b.same(x, 0.12))
    x = b.fully_connected(b.mean(b.reshape(x, (1, 1, 9, 32))), 10)
    x = b.operator("LOGISTIC", [x], b.tensor((1, 10), *PROBABILITY))
    x = b.operator("SOFTMAX", [x], b.tensor((1, 10), *PROBABILITY), SoftmaxOptions(4.0))
    return write_tflite(b.build([source], [x]))
