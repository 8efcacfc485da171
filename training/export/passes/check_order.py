"""Graph -> the same graph, or a refusal: each tensor is written once, before it is read."""

from __future__ import annotations

from training.errors import UserError
from training.export.graph import Graph, Operator

REMEDY = "Convert the model to .tflite again; this file is damaged."


def _refuse(graph: Graph, operator: Operator, problem: str) -> UserError:
    return UserError(f"{graph.where(operator)}: {problem}", REMEDY)


def check_order(graph: Graph) -> Graph:
    """What all other passes rely on.

    Raises:
        UserError: an operator reads what nothing has written by then, or writes what is written
            already; or nothing writes an output.
    """
    written = set(graph.inputs)
    written |= {i for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    for operator in graph.operators:
        for tensor in operator.inputs:
            if tensor >= 0 and tensor not in written:
                raise _refuse(graph, operator, f"nothing wrote its input {tensor}")
        for tensor in operator.outputs:
            if tensor in written:
                name = graph.tensors[tensor].name
                raise _refuse(
                    graph, operator, f"'{name}' is written twice, or is no place to write"
                )
            written.add(tensor)
    for tensor in graph.outputs:
        if tensor not in written:
            name = graph.tensors[tensor].name
            raise UserError(f"no layer of {graph.location} writes its output '{name}'", REMEDY)
    return graph
