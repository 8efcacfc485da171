"""Small int8 models with state, of the structure that streaming keyword models are converted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from model_builder import LOGITS, PROBABILITY, Builder, Layers

from training.export.graph import (
    ArithmeticOptions,
    CallOnceOptions,
    ConcatenationOptions,
    Graph,
    Operator,
    StridedSliceOptions,
    Tensor,
    VarHandleOptions,
)
from training.export.tflite_writer import write_tflite

FEATURES = 0.1, -128
"""Scale and zero point of the input of `streaming_model`."""
FRAMES, BINS = 3, 16


class StreamLayers(Layers):
    """Layers and variables, whose initial values another subgraph assigns."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
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


def streaming_model(seed: int = 1) -> bytes:
    """A few new frames a step, windows of several lengths, and a score as uint8."""
    b = StreamLayers(seed)
    source = b.tensor((1, FRAMES, BINS), *FEATURES)
    x = b.reshape(source, (1, FRAMES, 1, BINS))
    x = b.convolution(b.window(x, 5, initial=-128), 8, (5, 1), (3, 1), padding="VALID")
    for rows, channels in ((5, 12), (9, 10), (4, 10)):
        x = b.convolution(b.window(x, rows), 0, (rows, 1), multiplier=1, padding="VALID")
        x = b.convolution(x, channels, 1)
    x = b.window(x, 5)
    x = b.reshape(x, (1, b.tensors[x].elements))
    x = b.operator("LOGISTIC", [b.fully_connected(x, 4)], b.tensor((1, 4), *PROBABILITY))
    scores = b.tensor((1, 4), 1 / 256, dtype="uint8")
    return write_tflite(b.graph([source], [b.operator("QUANTIZE", [x], scores)]))


def recurrent_model(seed: int = 2) -> bytes:
    """A state read, changed and read again, and one that the output depends on a step later."""
    b = StreamLayers(seed)
    shape = (1, 6)
    source = b.tensor(shape, 0.05)
    total = b.variable(b.rng.integers(-20, 20, shape).astype(np.int8), *LOGITS)
    last = b.variable(np.zeros(shape, np.int8), 0.05, 0)
    before = b.read(total, shape, *LOGITS)
    faded = b.operator(
        "MUL",
        [before, b.tensor((1, 6), 0.007, data=np.full((1, 6), 100, np.int8))],
        b.tensor(shape, *LOGITS),
        ArithmeticOptions(),
    )
    after = b.operator("ADD", [faded, source], b.tensor(shape, *LOGITS), ArithmeticOptions())
    b.assign(total, after)
    again = b.read(total, shape, *LOGITS)
    delayed = b.read(last, shape, 0.05, 0)
    b.assign(last, source)
    change = b.operator("ADD", [again, before], b.tensor(shape, 0.1), ArithmeticOptions())
    result = b.operator("ADD", [change, delayed], b.tensor(shape, 0.1), ArithmeticOptions())
    return write_tflite(b.graph([source], [result]))
