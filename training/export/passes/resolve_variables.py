"""Graph -> graph in which resource variables are tensors with an initial value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from training.errors import UserError
from training.export.graph import CallOnceOptions, Graph, Operator, Tensor, VarHandleOptions
from training.export.passes.fold_constants import fold_constants

REMEDY = "Give every variable one constant initial value, as the converter's CALL_ONCE does."


def _refuse(graph: Graph, operator: Operator, problem: str) -> UserError:
    return UserError(f"{graph.where(operator)}: {problem}", REMEDY)


def _handles(graph: Graph) -> dict[int, VarHandleOptions]:
    """Tensor that holds a handle -> the variable's name."""
    handles = {}
    for operator in graph.operators:
        if isinstance(operator.options, VarHandleOptions) and operator.outputs:
            handles[operator.outputs[0]] = operator.options
    return handles


def _variable(
    graph: Graph, operator: Operator, handles: dict[int, VarHandleOptions]
) -> VarHandleOptions:
    handle = handles.get(operator.inputs[0]) if operator.inputs else None
    if min(operator.inputs, default=-1) < 0:
        raise _refuse(graph, operator, "an input is missing")
    if handle is None:
        raise _refuse(graph, operator, "its first input is no variable")
    return handle


def _assignments(graph: Graph) -> Iterator[tuple[VarHandleOptions, Tensor]]:
    """Variables and their values in a subgraph that only assigns constants."""
    graph = fold_constants(graph)
    handles = _handles(graph)
    for operator in graph.operators:
        if operator.name == "VAR_HANDLE":
            continue
        if operator.name != "ASSIGN_VARIABLE" or len(operator.inputs) != 2:
            raise _refuse(graph, operator, "it does not set a variable to a constant")
        variable, value = _variable(graph, operator, handles), graph.tensors[operator.inputs[1]]
        if value.data is None:
            raise _refuse(graph, operator, f"its value '{value.name}' is not constant")
        yield variable, value


def _initial_values(graph: Graph) -> dict[VarHandleOptions, Tensor]:
    """Constant tensors that CALL_ONCE assigns."""
    values: dict[VarHandleOptions, Tensor] = {}
    for operator in graph.operators:
        options = operator.options
        if not isinstance(options, CallOnceOptions):
            continue
        if not 1 <= options.subgraph <= len(graph.subgraphs):
            raise _refuse(
                graph, operator, f"it calls subgraph {options.subgraph} of {len(graph.subgraphs)}"
            )
        values |= _assignments(graph.subgraphs[options.subgraph - 1])
    return values


class _States:
    """States of a graph, one for each variable."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.handles = _handles(graph)
        self.values = _initial_values(graph)
        self.tensors: list[Tensor] = list(graph.tensors)
        self.numbers: dict[VarHandleOptions, int] = {}

    def of(self, operator: Operator, value: int) -> int:
        """Tensor number of the variable that `operator` reads to, or assigns from, `value`."""
        variable = _variable(self.graph, operator, self.handles)
        initial, tensor = self.values.get(variable), self.tensors[value]
        if initial is None or initial.data is None:
            problem = f"variable '{variable.shared_name}' has no initial value"
            raise _refuse(self.graph, operator, problem)
        if (initial.shape, initial.dtype) != (tensor.shape, tensor.dtype):
            raise _refuse(
                self.graph,
                operator,
                f"variable '{variable.shared_name}' is {initial.dtype}{list(initial.shape)}, "
                f"tensor '{tensor.name}' is {tensor.dtype}{list(tensor.shape)}",
            )
        if variable not in self.numbers:
            self.numbers[variable] = len(self.tensors)
            state = replace(initial, name=variable.shared_name, data=None, initial=initial.data)
            self.tensors.append(state)
        return self.numbers[variable]


def resolve_variables(graph: Graph) -> Graph:
    """Let READ_VARIABLE and ASSIGN_VARIABLE name states instead of handles.

    VAR_HANDLE and CALL_ONCE are gone then: a state has the constant that CALL_ONCE assigns.

    Raises:
        UserError: a variable without a constant initial value, or of changing shape.
    """
    states = _States(graph)
    operators = []
    for operator in graph.operators:
        if operator.name in ("VAR_HANDLE", "CALL_ONCE"):
            continue
        if operator.inputs and graph.tensors[operator.inputs[0]].initial is not None:
            pass  # it names a state already
        elif operator.name == "READ_VARIABLE" and operator.outputs:
            operator = replace(operator, inputs=(states.of(operator, operator.outputs[0]),))
        elif operator.name == "ASSIGN_VARIABLE" and len(operator.inputs) == 2:
            value = operator.inputs[1]
            operator = replace(operator, inputs=(states.of(operator, value), value), outputs=())
        operators.append(operator)
    return replace(graph, tensors=tuple(states.tensors), operators=tuple(operators), subgraphs=())
