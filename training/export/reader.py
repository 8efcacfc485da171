"""Bytes of a `.tflite` -> `Graph`, by the published flatbuffer schema."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from training.errors import UserError
from training.export.graph import (
    ACTIVATIONS,
    ArithmeticOptions,
    CallOnceOptions,
    ConcatenationOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    LeakyReluOptions,
    NoOptions,
    Operator,
    Options,
    PoolOptions,
    Quantization,
    ReducerOptions,
    SoftmaxOptions,
    SplitOptions,
    StridedSliceOptions,
    Tensor,
    VarHandleOptions,
)

PADDINGS = ("SAME", "VALID")
OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
DTYPE_NAMES = {
    code: name.lower() for name, code in vars(schema.TensorType).items() if not name.startswith("_")
}
FILE_IDENTIFIER = b"TFL3"
ELEMENTS_LIMIT = 2**31
NEEDS = "sotto_needs"
"""Metadata of a `.tflite` that names the kernels that it is meant for, while they do not exist."""
WEIGHTS, PACKED = "sotto_weights", "packed"
"""Metadata of a `.tflite` that asks for packed weights, and what it says."""


def _activation(code: int) -> str:
    return ACTIVATIONS[code] if 0 <= code < len(ACTIVATIONS) else f"activation {code}"


def _conv(o: Any) -> Options:
    return ConvOptions(
        padding=PADDINGS[o.padding],
        stride_height=o.strideH,
        stride_width=o.strideW,
        dilation_height=o.dilationHFactor,
        dilation_width=o.dilationWFactor,
        activation=_activation(o.fusedActivationFunction),
        depth_multiplier=getattr(o, "depthMultiplier", 0),
    )


def _pool(o: Any) -> Options:
    return PoolOptions(
        padding=PADDINGS[o.padding],
        stride_height=o.strideH,
        stride_width=o.strideW,
        filter_height=o.filterHeight,
        filter_width=o.filterWidth,
        activation=_activation(o.fusedActivationFunction),
    )


def _fully_connected(o: Any) -> Options:
    return FullyConnectedOptions(_activation(o.fusedActivationFunction), bool(o.keepNumDims))


def _arithmetic(o: Any) -> Options:
    return ArithmeticOptions(_activation(o.fusedActivationFunction))


def _strided_slice(o: Any) -> Options:
    return StridedSliceOptions(
        begin_mask=o.beginMask,
        end_mask=o.endMask,
        ellipsis_mask=o.ellipsisMask,
        new_axis_mask=o.newAxisMask,
        shrink_axis_mask=o.shrinkAxisMask,
        offset=bool(o.offset),
    )


def _text(name: bytes | str | None) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name or ""


OPTION_READERS: dict[str, Callable[[Any], Options]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "FULLY_CONNECTED": _fully_connected,
    "ADD": _arithmetic,
    "MUL": _arithmetic,
    "SUB": _arithmetic,
    "CONCATENATION": lambda o: ConcatenationOptions(o.axis, _activation(o.fusedActivationFunction)),
    "MEAN": lambda o: ReducerOptions(bool(o.keepDims)),
    "SOFTMAX": lambda o: SoftmaxOptions(float(o.beta)),
    "LEAKY_RELU": lambda o: LeakyReluOptions(float(o.alpha)),
    "STRIDED_SLICE": _strided_slice,
    "SPLIT": lambda o: SplitOptions(int(o.numSplits)),
    "SPLIT_V": lambda o: SplitOptions(int(o.numSplits)),
    "VAR_HANDLE": lambda o: VarHandleOptions(_text(o.container), _text(o.sharedName)),
    "CALL_ONCE": lambda o: CallOnceOptions(int(o.initSubgraphIndex)),
}


def _quantization(q: Any) -> Quantization | None:
    if q is None or q.scale is None or len(q.scale) == 0:
        return None
    zero_points = tuple(int(z) for z in q.zeroPoint)
    return Quantization(tuple(float(s) for s in q.scale), zero_points, int(q.quantizedDimension))


def _tensor(t: Any, buffers: list[Any], location: str) -> Tensor:
    name, dtype = _text(t.name), DTYPE_NAMES[t.type]
    shape = () if t.shape is None else tuple(int(n) for n in t.shape)
    raw = buffers[t.buffer].data
    data = None
    if raw is not None and len(raw) > 0:
        kind = np.dtype(dtype) if dtype in np.sctypeDict else np.dtype(np.uint8)
        expected = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if len(raw) != expected:
            raise UserError(
                f"{location}: tensor '{name}' of {dtype}{list(shape)} holds {len(raw)} bytes, "
                f"{expected} expected",
                "Convert the model to .tflite again; this file is damaged.",
            )
        data = np.frombuffer(bytes(bytearray(raw)), dtype=kind).reshape(shape)
        data.flags.writeable = False
    return Tensor(name, shape, dtype, _quantization(t.quantization), data)


def _numbers(indices: Any) -> tuple[int, ...]:
    return () if indices is None else tuple(int(i) for i in indices)


def _operator(o: Any, codes: list[Any]) -> Operator:
    code = codes[o.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = OPERATOR_NAMES.get(number, f"OPERATOR_{number}")
    if name == "CUSTOM":
        name = f"CUSTOM '{_text(code.customCode)}'"
    reader = OPTION_READERS.get(name)
    options = NoOptions() if reader is None else reader(o.builtinOptions)
    return Operator(name, _numbers(o.inputs), _numbers(o.outputs), options)


def _check_references(graph: Graph) -> None:
    """Refuse tensor numbers out of range and shapes that no memory holds.

    Raises:
        ValueError: naming the first that was found.
    """
    count = len(graph.tensors)
    for operator in graph.operators:
        if any(not -1 <= i < count for i in operator.inputs):
            raise ValueError(f"{operator.name} reads tensors {operator.inputs} of {count}")
        if any(not 0 <= i < count for i in operator.outputs):
            raise ValueError(f"{operator.name} writes tensors {operator.outputs} of {count}")
    ends = (*graph.inputs, *graph.outputs)
    if any(not 0 <= i < count for i in ends):
        raise ValueError(f"inputs and outputs are tensors {ends} of {count}")
    for tensor in graph.tensors:
        if any(n < 0 for n in tensor.shape) or tensor.elements >= ELEMENTS_LIMIT:
            raise ValueError(f"tensor '{tensor.name}' has shape {list(tensor.shape)}")


def _subgraph(model: Any, number: int, location: str) -> Graph:
    graph = model.subgraphs[number]
    parsed = Graph(
        tensors=tuple(_tensor(t, model.buffers, location) for t in graph.tensors),
        operators=tuple(_operator(o, model.operatorCodes) for o in graph.operators),
        inputs=_numbers(graph.inputs),
        outputs=_numbers(graph.outputs),
        location=location if number == 0 else f"subgraph {number} of {location}",
    )
    _check_references(parsed)
    return parsed


def read_tflite(tflite: bytes, location: str = "model") -> Graph:
    """Parse a `.tflite`.

    Args:
        tflite: content of the file.
        location: what to call the file in error messages.

    Raises:
        UserError: the bytes are no TensorFlow Lite model, or one for kernels that do not exist yet.
    """
    if tflite[4:8] != FILE_IDENTIFIER:
        raise UserError(
            f"{location} is no TensorFlow Lite model: its bytes 4..8 are {tflite[4:8]!r}, "
            f"not {FILE_IDENTIFIER!r}",
            "Give the .tflite file that the TensorFlow Lite converter wrote.",
        )
    try:
        model = schema.ModelT.InitFromPackedBuf(tflite, 0)
        numbers = range(len(model.subgraphs))
        graph, *others = (_subgraph(model, number, location) for number in numbers)
    except (struct.error, IndexError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{location} is a damaged TensorFlow Lite model ({type(error).__name__}: {error})",
            "Convert the model to .tflite again.",
        ) from error
    needs = _note(model, NEEDS)
    if needs:
        raise UserError(
            f"{location} needs {needs}, which sotto does not have yet: it would gain nothing",
            "Compress the network by steps that make its tensors smaller (docs/compression.md).",
        )
    packed = _note(model, WEIGHTS) == PACKED
    return replace(graph, subgraphs=tuple(others), packed=packed)


def _note(model: Any, name: str) -> str:
    """The metadata of that name; empty where there is none."""
    for entry in model.metadata or ():
        if _text(entry.name) == name:
            return bytes(bytearray(model.buffers[entry.buffer].data)).decode(errors="replace")
    return ""
