"""Each pass does what it says where it may, and nothing where it may not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from model_builder import Builder

from training.errors import UserError
from training.export.graph import (
    ArithmeticOptions,
    Border,
    ConcatenationOptions,
    ConvOptions,
    Graph,
    Operator,
    PoolOptions,
    Quantization,
    SplitOptions,
    StridedSliceOptions,
)
from training.export.lower import lower
from training.export.passes.check_order import check_order
from training.export.passes.compose_tables import compose_tables
from training.export.passes.drop_dead import drop_dead
from training.export.passes.drop_unread import drop_unread
from training.export.passes.fuse_padding import fuse_padding
from training.export.passes.in_place import work_in_place
from training.export.passes.remove_identities import remove_identities
from training.export.passes.share_memory import share_memory
from training.export.program import LookupParams, Program, View
from training.export.tflite_writer import write_tflite

SHAPE = (1, 4, 4, 2)


def _names(graph: Graph) -> list[str]:
    return [operator.name for operator in graph.operators]


def _kernels(program: Program) -> list[str]:
    return [call.params.kernel for call in program.calls]


def _padded(
    name: str,
    borders: list[list[int]],
    value: int | None = None,
    zero_point: int = -128,
    padding: str = "VALID",
    kernel: int = 3,
) -> Graph:
    """PAD or PADV2 before a layer with a square kernel."""
    b = Builder()
    source = b.tensor(SHAPE, 0.1, zero_point)
    inputs = [source, b.constant(np.array(borders, np.int32))]
    if value is not None:
        inputs.append(b.tensor((), 0.1, zero_point, data=np.array(value, np.int8)))
    shape = [n + sum(both) for n, both in zip(SHAPE, borders, strict=True)]
    padded = b.tensor(shape, 0.1, zero_point)
    b.operator("PAD" if value is None else "PADV2", inputs, padded)
    sizes = [n if padding == "SAME" else n - kernel + 1 for n in shape[1:3]]
    if name == "CONV_2D":
        weights = b.tensor(
            (3, kernel, kernel, 2), 0.01, data=np.ones((3, kernel, kernel, 2), np.int8)
        )
        bias = b.tensor((3,), 0.001, data=np.zeros(3, np.int32))
        output = b.tensor((shape[0], *sizes, 3), 0.1)
        b.operator(name, [padded, weights, bias], output, ConvOptions(padding, 1, 1))
    else:
        output = b.tensor((shape[0], *sizes, 2), 0.1, zero_point)
        b.operator(name, [padded], output, PoolOptions(padding, 1, 1, kernel, kernel))
    return b.build([source], [output])


AROUND = [[0, 0], [1, 0], [0, 2], [0, 0]]


@pytest.mark.parametrize(
    ("graph", "border"),
    [
        (_padded("CONV_2D", AROUND), Border(1, 0, 0, 2)),
        (_padded("CONV_2D", AROUND, zero_point=7), Border(1, 0, 0, 2)),
        (_padded("CONV_2D", AROUND, value=7, zero_point=7), Border(1, 0, 0, 2)),
        (_padded("CONV_2D", [[0, 0], [1, 0], [0, 1], [0, 0]], padding="SAME"), Border(2, 1, 1, 2)),
        (_padded("MAX_POOL_2D", AROUND), Border(1, 0, 0, 2)),
        (_padded("MAX_POOL_2D", AROUND, value=-128, zero_point=7), Border(1, 0, 0, 2)),
    ],
)
def test_padding_is_fused(graph: Graph, border: Border) -> None:
    fused = fuse_padding(graph)
    (layer,) = fused.operators
    assert layer.inputs[0] == graph.inputs[0]
    assert layer.options.border == border
    params = lower(fused).calls[0].params
    assert (params.pad_top, params.pad_left) == (border.top, border.left)
    with pytest.raises(ValueError, match="no border"):
        write_tflite(fused)


@pytest.mark.parametrize(
    "graph",
    [
        _padded("CONV_2D", AROUND, value=3, zero_point=7),
        _padded("MAX_POOL_2D", AROUND, zero_point=7),
        _padded("AVERAGE_POOL_2D", AROUND),
        _padded("CONV_2D", [[0, 0], [3, 0], [0, 0], [0, 0]]),
        _padded("CONV_2D", [[0, 0], [1, 1], [1, 1], [0, 0]], padding="SAME", kernel=2),
        _padded("MAX_POOL_2D", [[0, 0], [0, 0], [0, 0], [1, 0]]),
    ],
    ids=["other value", "maximum", "average", "beyond the kernel", "with SAME", "channels"],
)
def test_padding_stays(graph: Graph) -> None:
    assert fuse_padding(graph) == graph


def test_padding_without_a_zero_point_stays() -> None:
    """A file may name scales and no zero points: what reads them refuses it by name."""
    graph = _padded("CONV_2D", AROUND)
    bare = Quantization((0.1,), ())
    tensors = tuple(
        dataclasses.replace(t, quantization=bare) if t.quantization == source else t
        for source in [graph.tensors[graph.inputs[0]].quantization]
        for t in graph.tensors
    )
    damaged = dataclasses.replace(graph, tensors=tensors)
    assert fuse_padding(damaged) == damaged
    with pytest.raises(UserError, match="zero points"):
        lower(damaged)


def test_padding_that_others_read_stays() -> None:
    graph = _padded("CONV_2D", AROUND)
    both = dataclasses.replace(graph, outputs=(*graph.outputs, graph.operators[0].outputs[0]))
    assert fuse_padding(both) == both


def _one(name: str, constants: list, output: tuple, options: object = None) -> Graph:
    """RELU and one more operator."""
    b = Builder()
    first = b.tensor(SHAPE, 0.1, 3)
    source = b.operator("RELU", [first], b.tensor(SHAPE, 0.1, 3))
    inputs = [source, *(b.constant(np.array(values, np.int32)) for values in constants)]
    b.operator(name, inputs, b.tensor(*output), *([] if options is None else [options]))
    return b.build([first], [len(b.tensors) - 1])


SAME_TENSOR = SHAPE, 0.1, 3
ALL = [[0, 0, -4, 0], [1, 4, 0, 2], [1, 1, 1, 1]]


@pytest.mark.parametrize(
    "graph",
    [
        _one("QUANTIZE", [], SAME_TENSOR),
        _one("PAD", [np.zeros((4, 2))], SAME_TENSOR),
        _one("CONCATENATION", [], SAME_TENSOR, ConcatenationOptions(1)),
        _one("STRIDED_SLICE", ALL, SAME_TENSOR, StridedSliceOptions(end_mask=0b0100)),
    ],
    ids=lambda graph: graph.operators[1].name,
)
def test_what_changes_nothing_becomes_a_view(graph: Graph) -> None:
    assert _names(remove_identities(graph)) == ["RELU", "RESHAPE"]


def test_an_identity_from_input_to_output_copies() -> None:
    b = Builder()
    source = b.tensor(SHAPE, 0.1, 3)
    graph = b.build([source], [b.operator("QUANTIZE", [source], b.tensor(SHAPE, 0.1, 3))])
    assert remove_identities(graph) == graph


@pytest.mark.parametrize(
    "graph",
    [
        _one("QUANTIZE", [], (SHAPE, 0.2, 3)),
        _one("QUANTIZE", [], (SHAPE, 0.1, 4)),
        _one("CONCATENATION", [], SAME_TENSOR, ConcatenationOptions(1, "RELU")),
        _one("PAD", [[[0, 0], [1, -1], [0, 0], [0, 0]]], SAME_TENSOR),
        _one(
            "STRIDED_SLICE",
            [[0, 3, 0, 0], [1, -5, 4, 2], [1, -1, 1, 1]],
            SAME_TENSOR,
            StridedSliceOptions(end_mask=0b0010),
        ),
    ],
)
def test_what_changes_something_stays(graph: Graph) -> None:
    assert remove_identities(graph) == graph


def test_dead_operators_go_and_assignments_stay() -> None:
    b = Builder()
    source, state = b.tensor((1, 4), 0.1), b.tensor((1, 4), 0.1)
    used = b.operator("RELU", [source], b.tensor((1, 4), 0.1))
    unused = b.operator("RELU", [source], b.tensor((1, 4), 0.1))
    b.operator("RELU", [unused], b.tensor((1, 4), 0.1))
    b.operators.append(Operator("ASSIGN_VARIABLE", (state, used), ()))
    output = b.operator("RELU", [source], b.tensor((1, 4), 0.1))
    kept = drop_dead(b.build([source], [output]))
    assert _names(kept) == ["RELU", "ASSIGN_VARIABLE", "RELU"]
    assert kept.operators[0].outputs == (used,)


def test_what_is_written_twice_is_refused() -> None:
    b = Builder()
    source, output = b.tensor((1, 4), 0.1), b.tensor((1, 4), 0.1)
    for _ in range(2):
        b.operator("RELU", [source], output)
    with pytest.raises(Exception, match="'t1' is written twice"):
        check_order(b.build([source], [output]))


def _splits(axis: int, count: int = 2) -> tuple[Builder, int, list[int]]:
    """A RELU whose result is split along `axis`."""
    b = Builder()
    source = b.tensor((1, 4, 4, 4), 0.1)
    whole = b.operator("RELU", [source], b.tensor((1, 4, 4, 4), 0.1))
    shape = [n // count if i == axis else n for i, n in enumerate((1, 4, 4, 4))]
    parts = [b.tensor(shape, 0.1) for _ in range(count)]
    number = b.constant(np.array(axis, np.int32))
    b.operators.append(Operator("SPLIT", (number, whole), tuple(parts), SplitOptions(count)))
    return b, source, parts


def test_unread_parts_are_not_copied() -> None:
    b, source, parts = _splits(3)
    output = b.operator("RELU", parts[1:], b.tensor((1, 4, 4, 2), 0.1))
    program = lower(b.build([source], [output]))
    assert _kernels(program) == ["lookup", "copy", "copy", "lookup"]
    assert _kernels(drop_unread(program)) == ["lookup", "copy", "lookup"]


def test_parts_that_lie_in_a_row_are_views() -> None:
    b, source, parts = _splits(1)
    total = b.tensor((1, 2, 4, 4), 0.1)
    b.operator("ADD", parts, total, ArithmeticOptions())
    program = share_memory(lower(b.build([source], [total])))
    assert _kernels(program) == ["lookup", "add"]
    whole = program.calls[0].output
    assert [program.place(i) for i in program.calls[1].inputs] == [View(whole, 0), View(whole, 32)]


def test_interleaved_parts_are_copied() -> None:
    b, source, parts = _splits(3)
    total = b.tensor((1, 4, 4, 2), 0.1)
    b.operator("ADD", parts, total, ArithmeticOptions())
    program = lower(b.build([source], [total]))
    assert share_memory(program) == program


def test_views_begin_at_words() -> None:
    b, source, parts = _splits(2, count=4)
    rows = [b.operator("RELU", [part], b.tensor((1, 4, 1, 4), 0.1)) for part in parts]
    odd = b.tensor((1, 3), 0.1)
    joined = b.tensor((1, 67), 0.1)
    flat = [b.operator("RESHAPE", [row], b.tensor((1, 16), 0.1)) for row in rows]
    b.operator("CONCATENATION", [odd, *flat], joined, ConcatenationOptions(1))
    program = share_memory(lower(b.build([source, odd], [joined])))
    assert all(program.place(i).start_byte % 4 == 0 for i in range(len(program.buffers)))
    assert _kernels(program).count("copy") >= 5


def test_inputs_of_a_concatenation_are_written_in_place() -> None:
    b = Builder()
    source = b.tensor((1, 8), 0.1)
    halves = [b.operator("RELU", [source], b.tensor((1, 8), 0.1)) for _ in range(2)]
    joined = b.tensor((1, 16), 0.1)
    b.operator("CONCATENATION", halves, joined, ConcatenationOptions(1))
    output = b.operator("RELU", [joined], b.tensor((1, 16), 0.1))
    program = share_memory(lower(b.build([source], [output])))
    assert _kernels(program) == ["lookup"] * 3
    target = program.calls[2].inputs[0]
    assert [program.place(c.output) for c in program.calls[:2]] == [
        View(target, 0),
        View(target, 8),
    ]


def test_one_tensor_joined_twice_is_copied_once() -> None:
    b = Builder()
    source = b.tensor((1, 8), 0.1)
    half = b.operator("RELU", [source], b.tensor((1, 8), 0.1))
    joined = b.tensor((1, 16), 0.1)
    b.operator("CONCATENATION", [half, half], joined, ConcatenationOptions(1))
    output = b.operator("RELU", [joined], b.tensor((1, 16), 0.1))
    program = share_memory(lower(b.build([source], [output])))
    assert _kernels(program) == ["lookup", "copy", "lookup"]


def test_what_views_need_is_not_written_over() -> None:
    b, source, parts = _splits(1)
    first = b.operator("RELU", parts[:1], b.tensor((1, 2, 4, 4), 0.1))
    total = b.operator("ADD", [first, parts[1]], b.tensor((1, 2, 4, 4), 0.1), ArithmeticOptions())
    output = b.operator("RELU", [total], b.tensor((1, 2, 4, 4), 0.1))
    program = work_in_place(share_memory(lower(b.build([source], [output]))))
    whole = program.calls[0].output
    assert program.calls[1].output != whole
    assert program.calls[2].output == program.calls[1].output, "first is read no more"


def test_tables_of_tables_are_one() -> None:
    b = Builder()
    source = b.tensor((1, 8), 0.1)
    x = b.operator("TANH", [source], b.tensor((1, 8), 1 / 128))
    output = b.operator("RELU", [x], b.tensor((1, 8), 0.02, 5))
    program = lower(b.build([source], [output]))
    first, second = (c.params for c in program.calls if isinstance(c.params, LookupParams))
    (call,) = compose_tables(program).calls
    assert call.operator == "TANH, RELU"
    assert isinstance(call.params, LookupParams)
    expected = [second.table[int(first.table[i]) + 128] for i in range(256)]
    assert call.params.table.tolist() == expected


def test_a_table_that_others_read_stays() -> None:
    b = Builder()
    source = b.tensor((1, 8), 0.1)
    x = b.operator("TANH", [source], b.tensor((1, 8), 1 / 128))
    y = b.operator("RELU", [x], b.tensor((1, 8), 0.02, 5))
    total = b.operator("ADD", [x, y], b.tensor((1, 8), 0.1), ArithmeticOptions())
    program = lower(b.build([source], [total]))
    assert compose_tables(program) == program
