"""Variables become states, and windows over a stream become states that no copy feeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from model_builder import Builder
from stream_models import StreamLayers, recurrent_model, streaming_model

from training.errors import UserError
from training.export.compile import compile_model
from training.export.graph import (
    CallOnceOptions,
    ConcatenationOptions,
    Graph,
    Operator,
    StridedSliceOptions,
)
from training.export.lower import lower
from training.export.passes.keep_streams import keep_streams
from training.export.passes.resolve_variables import resolve_variables
from training.export.passes.share_memory import share_memory
from training.export.plan import ALIGNMENT_BYTES
from training.export.program import View
from training.export.reader import read_tflite
from training.export.targets import REFERENCE
from training.export.tflite_writer import write_tflite

ROWS, ADDED, CHANNELS = 6, 2, 4


def _window(build: Callable[[StreamLayers, int, int], list[int]] | None = None) -> Graph:
    """A window of six rows, two of them new, and a RELU over it; `build` adds other readers."""
    b = StreamLayers(3)
    source = b.tensor((1, ADDED, 1, CHANNELS), 0.1)
    new = b.operator("RELU", [source], b.same(source))
    window = b.window(new, ROWS)
    outputs = [b.operator("RELU", [window], b.same(window))]
    if build is not None:
        outputs += build(b, new, window)
    return resolve_variables(b.graph([source], outputs))


def _names(graph: Graph) -> list[str]:
    return [operator.name for operator in graph.operators]


def test_a_window_becomes_a_state() -> None:
    graph = _window()
    kept = keep_streams(graph)
    assert _names(kept) == ["RELU", "STREAM", "RELU"]
    state = kept.tensors[kept.operators[1].inputs[0]]
    assert state.shape == (1, ROWS, 1, CHANNELS)
    assert state.initial is not None
    first = next(t.initial for t in graph.tensors if t.initial is not None)
    assert np.array_equal(state.initial[:, ADDED:], first)


def test_the_layer_before_a_window_writes_into_it() -> None:
    program = share_memory(lower(keep_streams(_window())))
    assert [call.params.kernel for call in program.calls] == ["shift", "lookup", "lookup"]
    (state,) = program.states
    assert program.place(program.calls[1].output) == View(state, (ROWS - ADDED) * CHANNELS)
    assert program.calls[2].inputs == (state,)


def test_streams_need_little_memory() -> None:
    """States, the two tensors around a pointwise layer, and alignment."""
    summary = compile_model(streaming_model(), target=REFERENCE).summary
    states = [5 * 16, 5 * 8, 9 * 12, 4 * 10, 5 * 10]
    assert summary.state_bytes == sum(states)
    assert summary.arena_bytes <= sum(states) + 2 * 12 + ALIGNMENT_BYTES * (len(states) + 2)


def _read_again(b: StreamLayers, new: int, window: int) -> list[int]:
    again = b.read(b.operators[1].outputs[0], (1, ROWS - ADDED, 1, CHANNELS), 0.1, 0)
    return [b.operator("RELU", [again], b.same(again))]


def _window_is_an_output(b: StreamLayers, new: int, window: int) -> list[int]:
    return [window]


def _old_values_have_another_reader(b: StreamLayers, new: int, window: int) -> list[int]:
    old = next(o.outputs[0] for o in b.operators if o.name == "READ_VARIABLE")
    return [b.operator("RELU", [old], b.same(old))]


def _kept_values_have_another_reader(b: StreamLayers, new: int, window: int) -> list[int]:
    kept = next(o.outputs[0] for o in b.operators if o.name == "STRIDED_SLICE")
    return [b.operator("RELU", [kept], b.same(kept))]


def _changed_operator(name: str, **changes: object) -> Callable:
    def change(b: StreamLayers, new: int, window: int) -> list[int]:
        position = next(i for i, o in enumerate(b.operators) if o.name == name)
        b.operators[position] = dataclasses.replace(b.operators[position], **changes)
        return []

    return change


def _changed_begin(b: StreamLayers, new: int, window: int) -> list[int]:
    """The first rows are kept, not the last."""
    keep = next(o for o in b.operators if o.name == "STRIDED_SLICE")
    for entry, values in ((1, [0, 0, 0, 0]), (2, [0, ROWS - ADDED, 0, 0])):
        tensor = keep.inputs[entry]
        data = np.array(values, np.int32)
        b.tensors[tensor] = dataclasses.replace(b.tensors[tensor], data=data)
    position = b.operators.index(keep)
    options = StridedSliceOptions(0b1101, 0b1101)
    b.operators[position] = dataclasses.replace(keep, options=options)
    return []


@pytest.mark.parametrize(
    "change",
    [
        _read_again,
        _window_is_an_output,
        _old_values_have_another_reader,
        _kept_values_have_another_reader,
        _changed_begin,
        _changed_operator("CONCATENATION", options=ConcatenationOptions(1, "RELU")),
        _changed_operator("STRIDED_SLICE", options=StridedSliceOptions(0b1101, 0b1111, 0, 1)),
    ],
)
def test_other_uses_of_a_state_stay(change: Callable) -> None:
    assert "STREAM" not in _names(keep_streams(_window(change)))


def test_rows_side_by_side_stay() -> None:
    """New columns do not follow the old ones in memory when there are two rows."""
    b = Builder()
    source = b.tensor((1, 2, 1, 4), 0.1)
    state = b.tensor((1, 2, 3, 4), 0.1)
    b.tensors[state] = dataclasses.replace(
        b.tensors[state], initial=np.zeros((1, 2, 3, 4), np.int8)
    )
    old = b.operator("READ_VARIABLE", [state], b.tensor((1, 2, 3, 4), 0.1))
    window = b.tensor((1, 2, 4, 4), 0.1)
    b.operator("CONCATENATION", [old, source], window, ConcatenationOptions(axis=2))
    bounds = [[0, 0, 1, 0], [0, 0, 4, 0], [1, 1, 1, 1]]
    inputs = [window, *(b.constant(np.array(v, np.int32)) for v in bounds)]
    options = StridedSliceOptions(0b1011, 0b1111)
    kept = b.operator("STRIDED_SLICE", inputs, b.tensor((1, 2, 3, 4), 0.1), options)
    b.operators.append(Operator("ASSIGN_VARIABLE", (state, kept), ()))
    graph = b.build([source], [b.operator("RELU", [window], b.tensor((1, 2, 4, 4), 0.1))])
    assert keep_streams(graph) == graph
    assert lower(graph).states


def _without_call_once(graph: Graph) -> Graph:
    operators = tuple(o for o in graph.operators if o.name != "CALL_ONCE")
    return dataclasses.replace(graph, operators=operators)


def _with_call(number: int) -> Callable[[Graph], Graph]:
    def change(graph: Graph) -> Graph:
        call = dataclasses.replace(graph.operators[0], options=CallOnceOptions(number))
        return dataclasses.replace(graph, operators=(call, *graph.operators[1:]))

    return change


def _with_initial(change: Callable[[Operator], Operator]) -> Callable[[Graph], Graph]:
    def changed(graph: Graph) -> Graph:
        (first,) = graph.subgraphs
        operators = tuple(change(o) if o.name == "ASSIGN_VARIABLE" else o for o in first.operators)
        first = dataclasses.replace(first, operators=operators)
        return dataclasses.replace(graph, subgraphs=(first,))

    return changed


def _first_value_of_another_shape(graph: Graph) -> Graph:
    (first,) = graph.subgraphs
    tensors = [
        t if t.data is None else dataclasses.replace(t, shape=(6,), data=t.data.reshape(6))
        for t in first.tensors
    ]
    first = dataclasses.replace(first, tensors=tuple(tensors))
    return dataclasses.replace(graph, subgraphs=(first,))


def _read_of_a_tensor(graph: Graph) -> Graph:
    operators = tuple(
        dataclasses.replace(o, inputs=graph.inputs) if o.name == "READ_VARIABLE" else o
        for o in graph.operators
    )
    return dataclasses.replace(graph, operators=operators)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without_call_once, r"READ_VARIABLE .* variable 'states 1' has no initial value"),
        (_with_call(2), "it calls subgraph 2 of 1"),
        (_with_call(0), "it calls subgraph 0 of 1"),
        (_with_call(-1), "it calls subgraph -1 of 1"),
        (
            _with_initial(lambda o: dataclasses.replace(o, inputs=o.inputs[:1])),
            r"operator 1 \(ASSIGN_VARIABLE\) of subgraph 1 of .*: it does not set a variable",
        ),
        (
            _with_initial(lambda o: dataclasses.replace(o, inputs=(o.inputs[0],) * 2)),
            "is not constant",
        ),
        (_first_value_of_another_shape, r"is int8\[6\], tensor 't3' is int8\[1, 6\]"),
        (_read_of_a_tensor, "its first input is no variable"),
    ],
)
def test_refusals_say_what_and_where(change: Callable[[Graph], Graph], words: str) -> None:
    tflite = write_tflite(change(read_tflite(recurrent_model())))
    with pytest.raises(UserError, match=words) as caught:
        compile_model(tflite, name="wake.tflite")
    assert "wake.tflite" in caught.value.message
