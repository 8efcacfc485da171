"""Where the tensors of a network over a window hold time, and which operators need all of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from training.errors import UserError
from training.export.graph import ConvOptions, Graph, Operator, PoolOptions
from training.export.operators.windows import border_of

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
STATEFUL = ("STREAM", "READ_VARIABLE", "ASSIGN_VARIABLE")
REMEDY = (
    "Pad layers over time before the first frame only, and take a mean over all frames behind "
    "them; or compile the model as it is, without --stream."
)


@dataclass(frozen=True)
class Time:
    """How a tensor holds time.

    Attributes:
        axis: dimension of its rows; all dimensions before it are 1.
        stride: frames of the model's input from one row to the next: row `i` follows from the
            frames before `(i + 1) * stride`.
    """

    axis: int
    stride: int


@dataclass(frozen=True)
class Reach:
    """What the windows of a layer cover along time.

    Attributes:
        before: rows of padding before the first row.
        span: rows from a window's first tap to its last, both included.
        stride: rows from one window to the next.
    """

    before: int
    span: int
    stride: int


@dataclass
class Walk:
    """A network, and the tensors found so far that have a row for every few frames."""

    graph: Graph
    times: dict[int, Time] = field(default_factory=dict)

    def refuse(self, operator: Operator, problem: str) -> UserError:
        """The error that says why `operator` keeps the network from being a stream."""
        return UserError(f"{self.graph.where(operator)} cannot be streamed: {problem}", REMEDY)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor for the whole window."""
        return self.graph.tensors[tensor].shape

    def rows(self, tensor: int) -> int:
        """Rows of a tensor in the whole window."""
        return self.shape(tensor)[self.times[tensor].axis]

    def timed(self, operator: Operator) -> list[int]:
        """Inputs of `operator` that have rows."""
        return [i for i in operator.inputs if i in self.times]


Rule = Callable[[Walk, Operator], Time | None]
"""Of an operator that reads rows: how its outputs hold time, or None where it needs all rows."""


def reach_of(graph: Graph, operator: Operator, axis: int) -> Reach:
    """What the windows of a convolution or pool cover along `axis`, which is 1 or 2."""
    o = operator.options
    assert isinstance(o, ConvOptions | PoolOptions)
    size = graph.tensors[operator.inputs[0]].shape[1:3]
    if isinstance(o, ConvOptions):
        kernel = graph.tensors[operator.inputs[1]].shape[1:3]
        dilations = o.dilation_height, o.dilation_width
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    else:
        spans = [o.filter_height, o.filter_width]
    border = o.border or border_of(o, (size[0], size[1]), (spans[0], spans[1]))
    if axis == 1:
        return Reach(border.top, spans[0], o.stride_height)
    return Reach(border.left, spans[1], o.stride_width)


def _window(walk: Walk, operator: Operator) -> Time | None:
    """CONV_2D, DEPTHWISE_CONV_2D and pools."""
    source = operator.inputs[0]
    time = walk.times[source]
    if len(walk.shape(source)) != 4 or time.axis not in (1, 2):
        return None
    reach = reach_of(walk.graph, operator, time.axis)
    pool = isinstance(operator.options, PoolOptions)
    whole = (reach.before, reach.span) == (0, walk.rows(source))
    if pool and whole and walk.shape(operator.outputs[0])[time.axis] == 1:
        return None
    ahead = reach.span - reach.stride - reach.before
    if ahead > 0:
        raise walk.refuse(
            operator,
            f"it looks {ahead} rows ahead: its windows of {reach.span} rows begin {reach.before} "
            f"rows before the first, not {reach.span - reach.stride}",
        )
    if ahead <= -reach.stride:
        raise walk.refuse(
            operator, f"it pads {-ahead} rows more than its windows of {reach.span} rows look back"
        )
    if operator.name == "AVERAGE_POOL_2D" and reach.before:
        raise walk.refuse(operator, "its first averages leave out the rows of padding")
    return Time(time.axis, time.stride * reach.stride)


def _same(walk: Walk, operator: Operator) -> Time | None:
    """Operators whose outputs have the shape of their only input with rows."""
    (source,) = walk.timed(operator)
    return walk.times[source]


def _arithmetic(walk: Walk, operator: Operator) -> Time | None:
    """ADD, SUB and MUL, which broadcast: dimensions count from the last."""
    rank = len(walk.shape(operator.outputs[0]))
    places = set()
    for tensor in operator.inputs:
        lost = rank - len(walk.shape(tensor))
        if tensor in walk.times:
            time = walk.times[tensor]
            places.add((Time(time.axis + lost, time.stride), walk.rows(tensor)))
    if len(places) > 1:
        strides = sorted(time.stride for time, _ in places)
        raise walk.refuse(operator, f"its inputs have a row every {strides} frames")
    ((time, _),) = places
    for tensor in operator.inputs:
        if tensor in walk.times:
            continue
        axis = time.axis - rank + len(walk.shape(tensor))
        if walk.graph.tensors[tensor].data is None:
            name = walk.graph.tensors[tensor].name
            raise walk.refuse(operator, f"'{name}' is known only behind the whole window")
        if axis >= 0 and walk.shape(tensor)[axis] != 1:
            raise walk.refuse(operator, "its constant differs from frame to frame")
    return time


def _view(walk: Walk, operator: Operator) -> Time | None:
    """RESHAPE and its like: time stays where the same number of elements lies before it."""
    source, target = operator.inputs[0], operator.outputs[0]
    time, rows, shape = walk.times[source], walk.rows(source), walk.shape(target)
    axes = (a for a, n in enumerate(shape) if n == rows and math.prod(shape[:a]) == 1)
    axis = next(axes, None)
    return None if axis is None else Time(axis, time.stride)


def _mean(walk: Walk, operator: Operator) -> Time | None:
    source = operator.inputs[0]
    axes, shape = walk.graph.tensors[operator.inputs[1]].data, walk.shape(source)
    time = walk.times[source]
    reduced = set() if axes is None else {int(a) % len(shape) for a in axes.reshape(-1)}
    if axes is None or time.axis in reduced:
        return None
    kept = len(walk.shape(operator.outputs[0])) == len(shape)
    return time if kept else Time(time.axis - sum(a < time.axis for a in reduced), time.stride)


def _fully_connected(walk: Walk, operator: Operator) -> Time | None:
    """A product for each row, where a row is what the weights take."""
    source, target = operator.inputs[0], operator.outputs[0]
    time, shape = walk.times[source], walk.shape(source)
    features = walk.shape(operator.inputs[1])[1]
    if math.prod(shape[time.axis + 1 :]) != features:
        return None
    shape = walk.shape(target)
    axes = (a for a, n in enumerate(shape) if n == walk.rows(source) and a < len(shape) - 1)
    axis = next(axes, None)
    return None if axis is None else Time(axis, time.stride)


def _softmax(walk: Walk, operator: Operator) -> Time | None:
    (source,) = walk.timed(operator)
    time = walk.times[source]
    last = len(walk.shape(operator.outputs[0])) - 1
    return None if time.axis == last else time


def _concatenation(walk: Walk, operator: Operator) -> Time | None:
    missing = [i for i in operator.inputs if i not in walk.times]
    if missing:
        name = walk.graph.tensors[missing[0]].name
        raise walk.refuse(operator, f"'{name}' has no row for every frame")
    places = {(walk.times[i], walk.rows(i)) for i in operator.inputs}
    if len(places) > 1:
        return None
    ((time, _),) = places
    same = walk.rows(operator.inputs[0]) == walk.shape(operator.outputs[0])[time.axis]
    return time if same else None


def _split(walk: Walk, operator: Operator) -> Time | None:
    (source,) = walk.timed(operator)
    time = walk.times[source]
    same = {walk.shape(o)[time.axis] for o in operator.outputs} == {walk.rows(source)}
    return time if same else None


def _pad(walk: Walk, operator: Operator) -> Time | None:
    source = operator.inputs[0]
    time, borders = walk.times[source], walk.graph.tensors[operator.inputs[1]].data
    if borders is None or np.any(borders[: time.axis + 1]):
        raise walk.refuse(operator, "it pads time, and no convolution behind it can do that")
    return time


RULES: dict[str, Rule] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"), _window),
    **dict.fromkeys(("ADD", "SUB", "MUL"), _arithmetic),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _view),
    **dict.fromkeys(("LOGISTIC", "TANH", "HARD_SWISH", "QUANTIZE"), _same),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU"), _same),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), _split),
    **dict.fromkeys(("PAD", "PADV2"), _pad),
    "FULLY_CONNECTED": _fully_connected,
    "CONCATENATION": _concatenation,
    "SOFTMAX": _softmax,
    "MEAN": _mean,
}
"""What is not here needs all rows."""


def follow_time(graph: Graph) -> dict[int, Time]:
    """Tensors that have a row for every few frames of the input; all others need the window.

    Args:
        graph: a simplified network with one input, whose dimension 1 is time.

    Raises:
        UserError: an operator looks ahead, waits, or mixes rows with what follows from all of them.
    """
    walk = Walk(graph, {graph.inputs[0]: Time(axis=1, stride=1)})
    for operator in graph.operators:
        if operator.name in STATEFUL:
            raise walk.refuse(operator, "it keeps a state already")
        if walk.timed(operator):
            rule = RULES.get(operator.name)
            found = None if rule is None else rule(walk, operator)
            if found is not None:
                walk.times |= dict.fromkeys(operator.outputs, found)
    _check_ends(walk)
    return walk.times


def _check_ends(walk: Walk) -> None:
    """Refuse a network that gives rows, and one whose first layer takes all frames."""
    for operator in walk.graph.operators:
        if any(o in walk.times for o in operator.outputs if o in walk.graph.outputs):
            raise walk.refuse(operator, "the model's output has a row for every few frames")
    weighted = [o for o in walk.graph.operators if o.name in WEIGHTED]
    if weighted and not any(o.outputs[0] in walk.times for o in weighted):
        raise walk.refuse(weighted[0], "its input needs the whole window")
