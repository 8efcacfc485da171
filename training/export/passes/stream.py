"""Graph -> graph that takes a few frames at a time instead of a whole window.

A causal network over a window computes each row of its maps from frames that have come. The same
rows follow, one hop of frames after the other, where every layer over time keeps the rows that its
next windows begin with:

    PAD of time + CONV_2D      a state of as many rows as the padding has, and of the new ones; it
                               begins with what the padding was
    MEAN over all frames       a state of all rows, of which the oldest make room for the new ones

Tensors, multipliers and rounding stay as they are. So after a reset and as many steps as a window
has hops, every score is the one that the window gives, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.errors import UserError
from training.export.graph import (
    VIEWS,
    Border,
    ConvOptions,
    Graph,
    Operator,
    PoolOptions,
    StreamOptions,
    Tensor,
)
from training.export.lower_context import INT8_MIN
from training.export.passes.follow_time import REMEDY, Reach, Time, Walk, follow_time, reach_of


@dataclass(frozen=True)
class Streamed:
    """A network that takes one hop a step.

    Attributes:
        hop_frames: that a step takes: the product of the strides over time.
        window_frames: of the network over a window. Those that are left after its last whole hop
            do not count in its scores.
    """

    graph: Graph
    hop_frames: int
    window_frames: int


class _Rewriting:
    """The network in the making: rows of a hop in place of rows of a window."""

    def __init__(self, graph: Graph, times: dict[int, Time]) -> None:
        self.walk = Walk(graph, times)
        self.window_frames = self.walk.rows(graph.inputs[0])
        self.hop_frames = math.lcm(*(time.stride for time in times.values()))
        self.tensors: list[Tensor] = list(graph.tensors)
        self.operators: list[Operator] = []
        self.windows: dict[tuple[int, int], int] = {}
        for index, time in times.items():
            shape = _resized(graph.tensors[index].shape, time.axis, self.new_rows(index))
            self.tensors[index] = replace(graph.tensors[index], shape=shape)

    def new_rows(self, tensor: int) -> int:
        """Rows of a tensor that a step adds."""
        return self.hop_frames // self.walk.times[tensor].stride

    def last_rows(self, operator: Operator, tensor: int, rows: int, value: int | None) -> int:
        """A tensor of the last `rows` rows of another, which is the end of them.

        Args:
            operator: reads them.
            value: what they are before the first step; None where nobody can see it.
        """
        source, new = self.walk.graph.tensors[tensor], self.new_rows(tensor)
        if rows == new:
            return tensor
        if source.dtype != "int8" or source.quantization is None:
            raise self.walk.refuse(operator, f"it keeps rows of '{source.name}', {source.dtype}")
        key = tensor, rows
        if key not in self.windows:
            shape = _resized(source.shape, self.walk.times[tensor].axis, rows)
            first = source.quantization.zero_points[0] if value is None else value
            initial = np.full(shape, first, np.int8)
            state = replace(source, name=f"{source.name} kept", shape=shape, initial=initial)
            self.tensors += [state, replace(source, shape=shape)]
            window = len(self.tensors) - 1
            kept = state.elements // rows * (rows - new)
            inputs, options = (window - 1, tensor), StreamOptions(kept_elements=kept)
            self.operators.append(Operator("STREAM", inputs, (window,), options))
            self.windows[key] = window
        return self.windows[key]

    def add(self, operator: Operator) -> None:
        """The operator over rows of a hop, or over those of the window that are kept for it."""
        if not self.walk.timed(operator):
            self.operators.append(operator)
        elif operator.outputs[0] not in self.walk.times:
            self.operators.append(self._over_all(operator))
        elif isinstance(operator.options, ConvOptions | PoolOptions):
            self.operators.append(self._over_window(operator))
        elif operator.name in VIEWS:
            self.operators.append(replace(operator, inputs=operator.inputs[:1]))
        else:
            self.operators.append(operator)

    def _over_all(self, operator: Operator) -> Operator:
        inputs = list(operator.inputs)
        for position, tensor in enumerate(inputs):
            if tensor not in self.walk.times:
                continue
            rows = self.walk.rows(tensor)
            streamed = self.window_frames // self.hop_frames * self.new_rows(tensor)
            if rows != streamed:
                raise self.walk.refuse(
                    operator,
                    f"it takes {rows} rows, of which whole hops of {self.hop_frames} frames give "
                    f"{streamed}",
                )
            inputs[position] = self.last_rows(operator, tensor, rows, None)
        return replace(operator, inputs=tuple(inputs))

    def _over_window(self, operator: Operator) -> Operator:
        """A convolution or pool: its padding of time becomes rows that are kept."""
        tensor, options = operator.inputs[0], operator.options
        assert isinstance(options, ConvOptions | PoolOptions)
        axis = self.walk.times[tensor].axis
        reach = reach_of(self.walk.graph, operator, axis)
        quantization = self.walk.graph.tensors[tensor].quantization
        if quantization is None or len(quantization.zero_points) != 1:
            raise self.walk.refuse(operator, "its input has no single zero point")
        value = INT8_MIN if isinstance(options, PoolOptions) else quantization.zero_points[0]
        rows = reach.before + self.new_rows(tensor)
        window = self.last_rows(operator, tensor, rows, value)
        border = _without_time(self.walk.graph, operator, axis)
        options = replace(options, border=border)
        return replace(operator, inputs=(window, *operator.inputs[1:]), options=options)


def _resized(shape: Sequence[int], axis: int, rows: int) -> tuple[int, ...]:
    return (*shape[:axis], rows, *shape[axis + 1 :])


def _without_time(graph: Graph, operator: Operator, axis: int) -> Border:
    """The layer's padding beside time."""
    other: Reach = reach_of(graph, operator, 3 - axis)
    size = graph.tensors[operator.inputs[0]].shape[3 - axis]
    outputs = graph.tensors[operator.outputs[0]].shape[3 - axis]
    after = max((outputs - 1) * other.stride + other.span - size - other.before, 0)
    sides = (other.before, after)
    return Border(0, 0, *sides) if axis == 1 else Border(*sides, 0, 0)


def stream(graph: Graph) -> Streamed:
    """Let a simplified causal network over a window take one hop of frames a step.

    Raises:
        UserError: it cannot be: the first operator in the way, its tensor and the reason.
    """
    source = graph.tensors[graph.inputs[0]]
    if len(graph.inputs) != 1 or len(source.shape) < 3 or source.shape[0] != 1:
        raise UserError(
            f"{graph.location} cannot be streamed: its input '{source.name}' is "
            f"{list(source.shape)}, not [1, frames, ...]",
            REMEDY,
        )
    rewriting = _Rewriting(graph, follow_time(graph))
    if rewriting.hop_frames >= rewriting.window_frames:
        raise UserError(
            f"{graph.location} cannot be streamed: one hop of it is {rewriting.hop_frames} frames, "
            f"its window {rewriting.window_frames}",
            REMEDY,
        )
    for operator in graph.operators:
        rewriting.add(operator)
    tensors, operators = tuple(rewriting.tensors), tuple(rewriting.operators)
    streamed = replace(graph, tensors=tensors, operators=operators)
    return Streamed(streamed, rewriting.hop_frames, rewriting.window_frames)
