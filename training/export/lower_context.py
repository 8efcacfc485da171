"""An operator with its tensors, and the refusals that name it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.errors import UserError
from training.export.fixed_point import INT32_MAX, quantize_multiplier, round_half_away
from training.export.graph import Graph, Operator, Tensor
from training.export.program import KernelParams

INT8_MIN, INT8_MAX = -128, 127
BYTE_SHIFT_LIMIT = 22
"""An offset byte has 8 bits."""
CHANGE_LAYER = "Change this layer of the model, or add the case as docs/export.md describes."
ACTIVATION_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Lowered:
    """One kernel of an operator.

    Attributes:
        params: what the kernel computes.
        inputs: positions, in the operator's inputs, of the tensors that it reads.
        macs: multiply-accumulates.
        output: tensor of the graph that it writes; None for the operator's only output.
        text: what a comment says of it, instead of the shapes.
        first: whether it runs before all layers.
    """

    params: KernelParams
    inputs: tuple[int, ...]
    macs: int = 0
    output: int | None = None
    text: str = ""
    first: bool = False


class Context:
    """An operator with its tensors, and the refusals that name it."""

    def __init__(self, graph: Graph, operator: Operator) -> None:
        self.graph, self.operator = graph, operator
        self.options: Any = operator.options
        self.inputs = [None if i < 0 else graph.tensors[i] for i in operator.inputs]
        self.outputs = [graph.tensors[i] for i in operator.outputs]
        for tensor in (*self.inputs, *self.outputs):
            if tensor is not None and tensor.elements == 0:
                raise self.refuse(f"tensor '{tensor.name}' of {list(tensor.shape)} is empty")

    @property
    def output(self) -> Tensor:
        """The only output."""
        self.need(len(self.outputs) == 1, f"it has {len(self.outputs)} outputs")
        return self.outputs[0]

    def refuse(self, problem: str, remedy: str = CHANGE_LAYER) -> UserError:
        """Build the error that says what this operator has and sotto lacks."""
        return UserError(f"{self.graph.where(self.operator)}: {problem}", remedy)

    def need(self, condition: bool, problem: str) -> None:
        """Raise the refusal unless `condition` holds."""
        if not condition:
            raise self.refuse(problem)

    def tensor(self, position: int) -> Tensor:
        """Input at `position`, which must be there."""
        self.need(
            position < len(self.inputs) and self.inputs[position] is not None,
            f"input {position} is missing",
        )
        tensor = self.inputs[position]
        assert tensor is not None
        return tensor

    def quantization(
        self, tensor: Tensor, dtypes: tuple[str, ...] = ("int8",)
    ) -> tuple[float, int]:
        """Scale and zero point of a tensor of one of `dtypes`, quantised as a whole."""
        if tensor.dtype not in dtypes:
            raise self.refuse(
                f"tensor '{tensor.name}' is {tensor.dtype}, not {' or '.join(dtypes)}",
                "Quantise the model to full int8, input and output included.",
            )
        limits = np.iinfo(tensor.dtype)
        q = tensor.quantization
        self.need(
            q is not None and len(q.scales) == 1 and 0 < q.scales[0] < math.inf,
            f"tensor '{tensor.name}' has no single positive scale",
        )
        assert q is not None
        self.need(
            len(q.zero_points) == 1 and limits.min <= q.zero_points[0] <= limits.max,
            f"tensor '{tensor.name}' has zero points {q.zero_points}",
        )
        return q.scales[0], q.zero_points[0]

    def multiplier(self, real: float, greatest_shift: int) -> tuple[int, int]:
        """Multiplier and shift of a rescaling; the kernel's bound allows `greatest_shift`."""
        multiplier, shift = quantize_multiplier(real)
        self.need(shift <= greatest_shift, f"it scales by {real:.4g}, more than fits an int32")
        return multiplier, shift

    def constant(self, position: int, dtype: str) -> np.ndarray:
        """Content of the constant input at `position`."""
        tensor = self.tensor(position)
        self.need(
            tensor.data is not None and tensor.dtype == dtype,
            f"input {position} ('{tensor.name}') must be constant {dtype}",
        )
        assert tensor.data is not None
        return tensor.data

    def image(self, tensor: Tensor) -> tuple[int, int, int]:
        """Height, width and channels of a batch-1 tensor of four dimensions."""
        self.need(
            len(tensor.shape) == 4 and tensor.shape[0] == 1,
            f"tensor '{tensor.name}' is {list(tensor.shape)}, not [1, height, width, channels]",
        )
        return tensor.shape[1], tensor.shape[2], tensor.shape[3]

    def writes(self, elements: int) -> None:
        """Refuse an output tensor of another size than the kernel writes."""
        self.need(
            self.output.elements == elements,
            f"output {list(self.output.shape)} has not {elements} elements",
        )

    def clamp(self) -> tuple[int, int]:
        """Stored bounds of the fused activation."""
        activation = self.options.activation
        self.need(
            activation in ACTIVATION_BOUNDS, f"fused activation {activation} is not supported"
        )
        return self.bounds(activation)

    def bounds(self, activation: str) -> tuple[int, int]:
        """Stored bounds of `activation`; the reference, too, refuses one beyond int32 steps."""
        scale, zero_point = self.quantization(self.output)
        greatest = max(abs(real or 0.0) for real in ACTIVATION_BOUNDS[activation])
        self.need(
            greatest / scale <= INT32_MAX,
            f"its output scale {scale:.4g} is too small for {activation}",
        )
        return activation_range(activation, scale, zero_point)

    def same_quantization(self, tensor: Tensor) -> None:
        """Refuse a tensor whose quantisation differs from the output's."""
        self.need(
            self.quantization(tensor) == self.quantization(self.output),
            f"tensor '{tensor.name}' and the output are quantised differently",
        )


def activation_range(activation: str, scale: float, zero_point: int) -> tuple[int, int]:
    """Stored int8 bounds of an activation; the division is in float32 as in the reference."""

    def stored(real: float | None, otherwise: int) -> int:
        if real is None:
            return otherwise
        steps = round_half_away(float(np.float32(real) / np.float32(scale)))
        return max(INT8_MIN, min(INT8_MAX, zero_point + steps))

    low, high = ACTIVATION_BOUNDS[activation]
    return stored(low, INT8_MIN), stored(high, INT8_MAX)


def output_extent(padding: str, size: int, span: int, stride: int) -> tuple[int, int]:
    """Output size and padding before, for an input of `size` and a (dilated) kernel of `span`."""
    if padding == "VALID":
        return (size - span + stride) // stride, 0
    output = -(-size // stride)
    return output, max((output - 1) * stride + span - size, 0) // 2
