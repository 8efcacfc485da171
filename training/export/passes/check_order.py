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
    for number, tensor in enumerate(graph.tensors):
        if tensor.data is not None or tensor.initial is not None:
            written.add(number)
    for operator in graph.operators:
        for number in operator.inputs:
            if number >= 0 and number not in written:
                raise _refuse(graph, operator, f"nothing wrote its input {number}")
        for number in operator.outputs:
            if number in written:
                problem = (
                    f"'{graph.tensors[number].name}' is written twice, or is no place to write"
                )
                raise _refuse(graph, operator, problem)
            written.add(number)
    for number in graph.outputs:
        if number not in written:
            name = graph.tensors[number].name
            raise UserError(f"no layer of {graph.location} writes its output '{name}'", REMEDY)
    return graph
