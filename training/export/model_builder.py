"""Small int8 models from arrays, through the exporter's own flatbuffer writer: fast and exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.export.graph import (
    CallOnceOptions,
    ConcatenationOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    NoOptions,
    Operator,
    Options,
    Quantization,
    ReducerOptions,
    StridedSliceOptions,
    Tensor,
    VarHandleOptions,
)
from training.export.lower_context import output_extent

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
    """A builder of layers with random weights whose results spread over int8.

    Args:
        seed: of the weights.
        deviation: standard deviation of normally distributed weights, as trained ones are, in
            steps of int8; None for uniformly distributed ones.
    """

    def __init__(self, seed: int, deviation: float | None = None) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)
        self.deviation = deviation

    def weights(self, shape: Sequence[int]) -> np.ndarray:
        """int8 of that shape, -127 to 127."""
        if self.deviation is None:
            return self.rng.integers(-127, 128, shape).astype(np.int8)
        normal = self.rng.normal(0, self.deviation, shape)
        return np.clip(np.round(normal), -127, 127).astype(np.int8)

    def convolution(
        self,
        source: int,
        channels: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        *,
        multiplier: int = 0,
        padding: str = "SAME",
        dilation: tuple[int, int] = (1, 1),
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
        values = self.weights(shape)
        weights = self.tensor(shape, scales, axis=3 if multiplier else 0, data=values)
        bias = self.rng.integers(-500, 500, channels).astype(np.int32)
        bias_scales = (scales * tensor.quantization.scales[0]).tolist()
        inputs_of = [source, weights, self.tensor((channels,), bias_scales, data=bias)]
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        steps = zip((height, width), spans, stride, strict=True)
        sizes = [output_extent(padding, *step)[0] for step in steps]
        options = ConvOptions(
            padding,
            *stride,
            *dilation,
            activation="NONE" if logits else "RELU",
            depth_multiplier=multiplier,
        )
        output = self.tensor((1, *sizes, channels), *(LOGITS if logits else RELU_OUTPUT))
        name = "DEPTHWISE_CONV_2D" if multiplier else "CONV_2D"
        return self.operator(name, inputs_of, output, options)

    def pad(self, source: int, rows_before: int, columns: int = 0) -> int:
        """PAD before the first row, and on both sides of every row."""
        tensor = self.tensors[source]
        assert tensor.quantization is not None
        _, height, width, channels = tensor.shape
        borders = [[0, 0], [rows_before, 0], [columns, columns], [0, 0]]
        shape = (1, rows_before + height, width + 2 * columns, channels)
        quantization = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
        inputs = [source, self.constant(np.array(borders, np.int32))]
        return self.operator("PAD", inputs, self.tensor(shape, *quantization))

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
        values = self.weights((outputs, features))
        weights = self.tensor((outputs, features), 0.01, data=values)
        bias = self.rng.integers(-900, 900, outputs).astype(np.int32)
        inputs = [source, weights, self.tensor((outputs,), 0.0003, data=bias)]
        logits = self.tensor((1, outputs), *LOGITS)
        return self.operator("FULLY_CONNECTED", inputs, logits, FullyConnectedOptions())


class StreamLayers(Layers):
    """Layers and variables, whose initial values another subgraph assigns."""

    def __init__(self, seed: int, deviation: float | None = None) -> None:
        super().__init__(seed, deviation)
        self.first_values = Builder()
        self.variables = 0

    def variable(self, initial: np.ndarray, scale: float, zero_point: int) -> int:
        """VAR_HANDLE of a new variable; returns the handle."""
        self.variables += 1
        options = VarHandleOptions("", f"states {self.variables}")
        for builder in (self.first_values, self):
            builder.tensors.append(Tensor(f"handle {self.variables}", (), "resource"))
            handle = len(builder.tensors) - 1
            builder.operator("VAR_HANDLE", [], handle, options)
        value = self.first_values.tensor(initial.shape, scale, zero_point, data=initial)
        first = len(self.first_values.tensors) - 2
        self.first_values.operators.append(Operator("ASSIGN_VARIABLE", (first, value), ()))
        return handle

    def read(self, handle: int, shape: Sequence[int], scale: float, zero_point: int) -> int:
        """READ_VARIABLE."""
        return self.operator("READ_VARIABLE", [handle], self.tensor(shape, scale, zero_point))

    def assign(self, handle: int, value: int) -> None:
        """ASSIGN_VARIABLE."""
        self.operators.append(Operator("ASSIGN_VARIABLE", (handle, value), ()))

    def window(self, new: int, rows: int, initial: int | None = None) -> int:
        """The last `rows` rows of a stream of which `new` is the end."""
        tensor = self.tensors[new]
        assert tensor.quantization is not None
        quantization = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
        _, added, width, channels = tensor.shape
        old = (1, rows - added, width, channels)
        if initial is None:
            first = self.rng.integers(-128, 128, old).astype(np.int8)
        else:
            first = np.full(old, initial, np.int8)
        handle = self.variable(first, *quantization)
        both = [self.read(handle, old, *quantization), new]
        whole = self.tensor((1, rows, width, channels), *quantization)
        self.operator("CONCATENATION", both, whole, ConcatenationOptions(axis=1))
        bounds = [[0, added, 0, 0], [0, rows, 0, 0], [1, 1, 1, 1]]
        inputs = [whole, *(self.constant(np.array(b, np.int32)) for b in bounds)]
        kept = self.tensor(old, *quantization)
        self.operator("STRIDED_SLICE", inputs, kept, StridedSliceOptions(0b1101, 0b1111))
        self.assign(handle, kept)
        return whole

    def graph(self, inputs: Sequence[int], outputs: Sequence[int]) -> Graph:
        """The graph, which calls the initial values first."""
        self.operators.insert(0, Operator("CALL_ONCE", (), (), CallOnceOptions(1)))
        main = self.build(inputs, outputs)
        return Graph(
            main.tensors,
            main.operators,
            main.inputs,
            main.outputs,
            subgraphs=(self.first_values.build([], []),),
        )
