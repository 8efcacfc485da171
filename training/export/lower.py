"""Graph -> kernel calls, in separate passes.

`fold_constants` and `fuse_activations` take a graph and return a graph; `lower` turns what is left
into a `Program`. Each pass keeps every computed byte.
"""

from __future__ import annotations

from dataclasses import replace

from training.errors import UserError
from training.export.graph import (
    ArithmeticOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    Operator,
    PoolOptions,
    Quantization,
    Tensor,
)
from training.export.lower_context import Context
from training.export.lower_operators import LOWERINGS
from training.export.program import Buffer, KernelCall, Program

VIEWS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""Operators that change the shape only: tensors are dense, so the bytes stay where they are."""

CLAMPING = (ConvOptions, PoolOptions, FullyConnectedOptions, ArithmeticOptions)
"""Options of the layers whose kernels clamp."""

ACTIVATION_OPERATORS = frozenset({"RELU", "RELU6"})


def _is_view(graph: Graph, operator: Operator) -> bool:
    """Whether the operator's output is its first input under another shape."""
    if operator.name not in VIEWS or min(operator.inputs[:1], default=-1) < 0:
        return False
    if len(operator.outputs) != 1:
        return False
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    return source.elements == target.elements and source.dtype == target.dtype


def fold_constants(graph: Graph) -> Graph:
    """Turn views of constants into constants."""
    tensors: list[Tensor] = list(graph.tensors)
    kept: list[Operator] = []
    for operator in graph.operators:
        data = tensors[operator.inputs[0]].data if _is_view(graph, operator) else None
        if data is None:
            kept.append(operator)
        else:
            target = operator.outputs[0]
            tensors[target] = replace(tensors[target], data=data.reshape(tensors[target].shape))
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept))


def _producer(graph: Graph, tensor: int) -> int | None:
    for position, operator in enumerate(graph.operators):
        if tensor in operator.outputs:
            return position
    return None


def _fusion(graph: Graph, operator: Operator) -> int | None:
    """Position of the operator whose output only the activation `operator` reads, or None."""
    if operator.name not in ACTIVATION_OPERATORS or not operator.inputs or not operator.outputs:
        return None
    source = operator.inputs[0]
    position = _producer(graph, source)
    readers = sum(o.inputs.count(source) for o in graph.operators)
    if position is None or readers != 1 or source in graph.outputs:
        return None
    same = graph.tensors[source].quantization == graph.tensors[operator.outputs[0]].quantization
    return position if same else None


def fuse_activations(graph: Graph) -> Graph:
    """Let a layer clamp for the activation behind it, where both have one quantisation."""
    for operator in graph.operators:
        position = _fusion(graph, operator)
        if position is None:
            continue
        producer = graph.operators[position]
        options = producer.options
        if not isinstance(options, CLAMPING) or options.activation != "NONE":
            continue
        options = replace(options, activation=operator.name)
        operators = [o for o in graph.operators if o is not operator]
        operators[position] = replace(producer, outputs=operator.outputs, options=options)
        graph = replace(graph, operators=tuple(operators))
    return graph


def storage_of(graph: Graph) -> dict[int, int]:
    """Tensor index -> index of the tensor whose bytes it shares."""
    storage = {index: index for index in range(len(graph.tensors))}
    for operator in graph.operators:
        if _is_view(graph, operator):
            storage[operator.outputs[0]] = storage[operator.inputs[0]]
    return storage


def _shape(tensor: Tensor) -> str:
    dimensions = tensor.shape[1:] if len(tensor.shape) > 1 else tensor.shape
    return "x".join(str(n) for n in dimensions)


def _describe(context: Context, positions: tuple[int, ...]) -> str:
    """Shape comment: inputs -> output, and the kernel where there is one."""
    sources = " + ".join(_shape(context.tensor(p)) for p in positions)
    text = f"{sources} -> {_shape(context.output)}"
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


def _buffer(tensor: Tensor) -> Buffer:
    quantization = tensor.quantization or Quantization((), ())
    return Buffer(tensor.name, tensor.shape, quantization, tensor.data)


def lower(graph: Graph) -> Program:
    """Choose kernels for every operator.

    Raises:
        UserError: naming operator, tensor and model, when there is no kernel for a case.
    """
    storage = storage_of(graph)
    buffers: list[Buffer] = []
    numbers: dict[int, int] = {}

    def buffer_of(tensor: int) -> int:
        root = storage[tensor]
        if root not in numbers:
            numbers[root] = len(buffers)
            buffers.append(_buffer(graph.tensors[root]))
        return numbers[root]

    inputs = tuple(buffer_of(i) for i in graph.inputs)
    sources = {storage[i] for i in graph.inputs}
    calls: list[KernelCall] = []
    for operator in graph.operators:
        if _is_view(graph, operator):
            continue
        if operator.name not in LOWERINGS:
            raise UserError(
                f"{graph.where(operator)} is not supported",
                f"Use a model made of {', '.join(sorted(LOWERINGS))} and "
                f"{', '.join(sorted(VIEWS))}, or add the operator as docs/export.md describes.",
            )
        context = Context(graph, operator)
        for tensor in operator.inputs:
            known = tensor < 0 or graph.tensors[tensor].data is not None
            context.need(known or storage[tensor] in numbers, f"nothing wrote its input {tensor}")
        target = storage[operator.outputs[0]]
        context.need(
            target not in sources and graph.tensors[target].data is None,
            "it writes over an input or a constant of the model",
        )
        for lowered in LOWERINGS[operator.name](context):
            calls.append(
                KernelCall(
                    operator=operator.name,
                    params=lowered.params,
                    inputs=tuple(buffer_of(operator.inputs[p]) for p in lowered.inputs),
                    output=buffer_of(operator.outputs[0]),
                    shapes=_describe(context, lowered.inputs),
                    macs=lowered.macs,
                )
            )
    outputs = tuple(buffer_of(i) for i in graph.outputs)
    return Program(tuple(buffers), tuple(calls), inputs, outputs)
