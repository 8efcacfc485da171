"""Graph -> kernel calls: what is left of a graph when the passes over it are done."""

from __future__ import annotations

from training.errors import UserError
from training.export.graph import VIEWS, Graph, Operator, Quantization, Tensor, is_view
from training.export.lower_context import Context, Lowered
from training.export.operators import LOWERINGS
from training.export.program import BUFFER_TYPES, Buffer, KernelCall, Program

INTERNAL_OPERATORS = frozenset({"STREAM"})
"""Operators that only passes make."""


def storage_of(graph: Graph) -> dict[int, int]:
    """Tensor index -> index of the tensor whose bytes it shares."""
    storage = {index: index for index in range(len(graph.tensors))}
    for operator in graph.operators:
        if operator.name == "STREAM" or is_view(graph, operator):
            storage[operator.outputs[0]] = storage[operator.inputs[0]]
    return storage


def _shape(tensor: Tensor) -> str:
    dimensions = tensor.shape[1:] if len(tensor.shape) > 1 else tensor.shape
    return "x".join(str(n) for n in dimensions)


def _describe(context: Context, lowered: Lowered, target: Tensor) -> str:
    """Shape comment: inputs -> output, and the kernel where there is one."""
    if lowered.text:
        return lowered.text
    sources = " + ".join(_shape(context.tensor(p)) for p in lowered.inputs)
    text = f"{sources} -> {_shape(target)}"
    o = context.options
    if context.operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        height, width = context.tensor(1).shape[1:3]
        text += f", kernel {height}x{width}, stride {o.stride_height}x{o.stride_width}"
        if (o.dilation_height, o.dilation_width) != (1, 1):
            text += f", dilation {o.dilation_height}x{o.dilation_width}"
    elif context.operator.name in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        text += f", window {o.filter_height}x{o.filter_width}"
        text += f", stride {o.stride_height}x{o.stride_width}"
    activation = getattr(o, "activation", "NONE")
    return text if activation == "NONE" else f"{text}, {activation}"


class _Lowering:
    """A program in the making: buffers appear when a call first needs them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.storage = storage_of(graph)
        self.buffers: list[Buffer] = []
        self.numbers: dict[int, int] = {}
        self.inputs = tuple(self.end(i) for i in graph.inputs)

    def buffer(self, tensor: int) -> int:
        """Number of the buffer that holds a tensor of the graph."""
        root = self.storage[tensor]
        if root not in self.numbers:
            t = self.graph.tensors[root]
            self.numbers[root] = len(self.buffers)
            quantization = t.quantization or Quantization((), ())
            self.buffers.append(Buffer(t.name, t.shape, quantization, t.data, t.dtype, t.initial))
        return self.numbers[root]

    def end(self, tensor: int) -> int:
        """Buffer of an input or output of the model."""
        t = self.graph.tensors[tensor]
        if t.dtype not in BUFFER_TYPES:
            raise UserError(
                f"tensor '{t.name}' of {self.graph.location} is {t.dtype}, not int8",
                "Quantise the model to full int8, input and output included.",
            )
        return self.buffer(tensor)

    def calls_of(self, operator: Operator) -> list[tuple[bool, KernelCall]]:
        """The operator's kernels, each with whether it runs before all layers."""
        context = Context(self.graph, operator)
        calls = []
        for lowered in LOWERINGS[operator.name](context):
            target = operator.outputs[0] if lowered.output is None else lowered.output
            call = KernelCall(
                operator=operator.name,
                params=lowered.params,
                inputs=tuple(self.buffer(operator.inputs[p]) for p in lowered.inputs),
                output=self.buffer(target),
                shapes=_describe(context, lowered, self.graph.tensors[target]),
                macs=lowered.macs,
            )
            calls.append((lowered.first, call))
        return calls


def lower(graph: Graph) -> Program:
    """Choose kernels for every operator.

    Raises:
        UserError: naming operator, tensor and model, when there is no kernel for a case.
    """
    lowering = _Lowering(graph)
    calls: list[tuple[bool, KernelCall]] = []
    for operator in graph.operators:
        if is_view(graph, operator):
            continue
        if operator.name not in LOWERINGS:
            known = sorted({*LOWERINGS, *VIEWS} - INTERNAL_OPERATORS)
            raise UserError(
                f"{graph.where(operator)} is not supported",
                f"Use a model made of {', '.join(known)}, or add the operator as docs/export.md "
                "describes.",
            )
        calls += lowering.calls_of(operator)
    ordered = [call for first, call in sorted(calls, key=lambda entry: not entry[0])]
    outputs = tuple(lowering.end(i) for i in graph.outputs)
    return Program(tuple(lowering.buffers), tuple(ordered), lowering.inputs, outputs)
