"""Graph -> graph in which a layer clamps for the activation behind it."""

from __future__ import annotations

from dataclasses import replace

from training.export.graph import (
    ArithmeticOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    Operator,
    PoolOptions,
)

CLAMPING = (ConvOptions, PoolOptions, FullyConnectedOptions, ArithmeticOptions)
"""Options of the layers whose kernels clamp."""

ACTIVATION_OPERATORS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1"})


def _fusion(graph: Graph, operator: Operator) -> int | None:
    """Position of the operator whose output only the activation `operator` reads, or None."""
    if operator.name not in ACTIVATION_OPERATORS or not operator.inputs or not operator.outputs:
        return None
    source = operator.inputs[0]
    position = graph.producer(source)
    if position is None or graph.readers(source) != 1 or source in graph.outputs:
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
