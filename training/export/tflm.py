"""What TFLite-Micro must be told of a model: its operators by name, and how many variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.errors import UserError
from training.export.graph import Graph, Operator, VarHandleOptions
from training.export.reader import read_tflite

RESOLVER_NAMES = {
    "ADD": "Add",
    "ASSIGN_VARIABLE": "AssignVariable",
    "AVERAGE_POOL_2D": "AveragePool2D",
    "CALL_ONCE": "CallOnce",
    "CONCATENATION": "Concatenation",
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "EXPAND_DIMS": "ExpandDims",
    "FULLY_CONNECTED": "FullyConnected",
    "HARD_SWISH": "HardSwish",
    "LEAKY_RELU": "LeakyRelu",
    "LOGISTIC": "Logistic",
    "MAX_POOL_2D": "MaxPool2D",
    "MEAN": "Mean",
    "MUL": "Mul",
    "PAD": "Pad",
    "PADV2": "PadV2",
    "QUANTIZE": "Quantize",
    "READ_VARIABLE": "ReadVariable",
    "RELU": "Relu",
    "RELU6": "Relu6",
    "RESHAPE": "Reshape",
    "SOFTMAX": "Softmax",
    "SPLIT": "Split",
    "SPLIT_V": "SplitV",
    "SQUEEZE": "Squeeze",
    "STRIDED_SLICE": "StridedSlice",
    "SUB": "Sub",
    "TANH": "Tanh",
    "VAR_HANDLE": "VarHandle",
}
"""The schema's name of an operator -> X of `MicroMutableOpResolver::AddX`."""


@dataclass(frozen=True)
class Resolver:
    """The operator resolver of a model.

    Attributes:
        operators: X of each `MicroMutableOpResolver::AddX`, in alphabetical order.
        variables: resource variables, which keep the state of a streaming model.
    """

    operators: tuple[str, ...]
    variables: int


def _operators(graph: Graph) -> Iterator[Operator]:
    """Those of all subgraphs: what runs once sets the variables, and is resolved too."""
    yield from graph.operators
    for subgraph in graph.subgraphs:
        yield from _operators(subgraph)


def resolver_of(tflite: bytes, name: str = "model") -> Resolver:
    """Exactly the operators that `tflite` is made of.

    Args:
        tflite: content of the file.
        name: what error messages call it.

    Raises:
        UserError: damaged file, or an operator that is not known to be in TFLite-Micro.
    """
    operators = list(_operators(read_tflite(tflite, name)))
    used = {operator.name for operator in operators}
    if strange := sorted(used - set(RESOLVER_NAMES)):
        raise UserError(
            f"{name} uses {', '.join(strange)}, which no resolver for TFLite-Micro is written for",
            f"Use operators among {', '.join(RESOLVER_NAMES)}.",
        )
    handles = {o.options for o in operators if isinstance(o.options, VarHandleOptions)}
    return Resolver(tuple(sorted(RESOLVER_NAMES[x] for x in used)), len(handles))
