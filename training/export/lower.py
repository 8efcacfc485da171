"""Graph -> kernel calls: what is left of a graph when the passes over it are done."""

from __future__ import annotations

from training.errors import UserError
from training.export.graph import VIEWS, Graph, Quantization, Tensor, is_view
from training.export.lower_context import Context
from training.export.lower_operators import LOWERINGS
from training.export.program import Buffer, KernelCall, Program


def storage_of(graph: Graph) -> dict[int, int]:
    """Tensor index -> index of the tensor whose bytes it shares."""
    storage = {index: index for index in range(len(graph.tensors))}
    for operator in graph.operators:
        if is_view(graph, operator):
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
        if is_view(graph, operator):
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
