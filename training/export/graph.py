"""An int8 network as data: what the exporter knows of a `.tflite`, free of flatbuffers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
"""Fused activations, in the order of the schema's enumeration."""


@dataclass(frozen=True)
class Quantization:
    """`real = scale * (stored - zero_point)`; more than one scale means one per index of `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True)
class Tensor:
    """One tensor.

    Attributes:
        data: content of a constant, of the tensor's shape and dtype.
        initial: content of a state before the first inference, likewise.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    initial: np.ndarray | None = None

    @property
    def elements(self) -> int:
        """Number of elements; a scalar has one."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class NoOptions:
    """For operators that take none."""


@dataclass(frozen=True)
class Border:
    """Rows and columns of padding around an image."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class ConvOptions:
    """CONV_2D and, with `depth_multiplier`, DEPTHWISE_CONV_2D.

    `border`: padding in the place of `padding`, which no file has (see passes/fuse_padding.py).
    """

    padding: str
    stride_height: int
    stride_width: int
    dilation_height: int = 1
    dilation_width: int = 1
    activation: str = "NONE"
    depth_multiplier: int = 0
    border: Border | None = None


@dataclass(frozen=True)
class PoolOptions:
    """AVERAGE_POOL_2D and MAX_POOL_2D; `border` as in `ConvOptions`."""

    padding: str
    stride_height: int
    stride_width: int
    filter_height: int
    filter_width: int
    activation: str = "NONE"
    border: Border | None = None


@dataclass(frozen=True)
class FullyConnectedOptions:
    """FULLY_CONNECTED with the default weight layout."""

    activation: str = "NONE"
    keep_dims: bool = False


@dataclass(frozen=True)
class ArithmeticOptions:
    """ADD, SUB and MUL."""

    activation: str = "NONE"


@dataclass(frozen=True)
class ConcatenationOptions:
    """CONCATENATION along `axis`, which may be negative."""

    axis: int
    activation: str = "NONE"


@dataclass(frozen=True)
class ReducerOptions:
    """MEAN; the axes are the second input tensor."""

    keep_dims: bool


@dataclass(frozen=True)
class SoftmaxOptions:
    """SOFTMAX over the last axis."""

    beta: float


@dataclass(frozen=True)
class LeakyReluOptions:
    """LEAKY_RELU with the slope `alpha` below zero."""

    alpha: float


@dataclass(frozen=True)
class StridedSliceOptions:
    """STRIDED_SLICE; bit `i` of a mask is about entry `i` of begin, end and strides."""

    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False


@dataclass(frozen=True)
class SplitOptions:
    """SPLIT and SPLIT_V into `splits` tensors."""

    splits: int


@dataclass(frozen=True)
class VarHandleOptions:
    """VAR_HANDLE: equal names in one container are one variable."""

    container: str
    shared_name: str


@dataclass(frozen=True)
class CallOnceOptions:
    """CALL_ONCE: the subgraph that runs before the first inference."""

    subgraph: int


@dataclass(frozen=True)
class StreamOptions:
    """STREAM, which no file has (see passes/keep_streams.py).

    Its first input is a state, the others are new values, its output is the state's content after
    it dropped its oldest elements, kept `kept_elements` and took the new values.
    """

    kept_elements: int


Options = (
    NoOptions
    | ConvOptions
    | PoolOptions
    | FullyConnectedOptions
    | ArithmeticOptions
    | ConcatenationOptions
    | ReducerOptions
    | SoftmaxOptions
    | LeakyReluOptions
    | StridedSliceOptions
    | SplitOptions
    | VarHandleOptions
    | CallOnceOptions
    | StreamOptions
)


@dataclass(frozen=True)
class Operator:
    """One operator; `inputs` and `outputs` are tensor indices, -1 for an input that is left out."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options = NoOptions()


VIEWS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""Operators that change the shape only: tensors are dense, so the bytes stay where they are."""


@dataclass(frozen=True)
class Graph:
    """Tensors and the operators over them, in execution order.

    `subgraphs`: what CALL_ONCE calls; the file's subgraph 0 is the graph itself, so that subgraph
    `i` of the file is entry `i - 1`.
    `packed`: whether the file asks for weights in as few bits as they need.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    location: str = "model"
    subgraphs: tuple[Graph, ...] = ()
    packed: bool = False

    def producer(self, tensor: int) -> int | None:
        """Position of the first operator that writes `tensor`, or None."""
        return next((i for i, o in enumerate(self.operators) if tensor in o.outputs), None)

    def readers(self, tensor: int) -> int:
        """How many inputs of operators are `tensor`."""
        return sum(o.inputs.count(tensor) for o in self.operators)

    def where(self, operator: Operator) -> str:
        """Words that lead a user to `operator`: its position and its output tensor."""
        position = next(i for i, o in enumerate(self.operators) if o is operator)
        target = f" -> '{self.tensors[operator.outputs[0]].name}'" if operator.outputs else ""
        return f"operator {position} ({operator.name}{target}) of {self.location}"


def is_view(graph: Graph, operator: Operator) -> bool:
    """Whether the operator's output is its first input under another shape."""
    if operator.name not in VIEWS or min(operator.inputs[:1], default=-1) < 0:
        return False
    if len(operator.outputs) != 1:
        return False
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    return source.elements == target.elements and source.dtype == target.dtype
