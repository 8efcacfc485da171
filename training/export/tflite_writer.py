"""`Graph` -> bytes of a `.tflite`: the inverse of `reader`, for models built from arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

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
    ReducerOptions,
    SoftmaxOptions,
    SplitOptions,
    StridedSliceOptions,
    Tensor,
    VarHandleOptions,
)
from training.export.reader import FILE_IDENTIFIER, PACKED, PADDINGS, WEIGHTS

SCHEMA_VERSION = 3
OPERATOR_VERSIONS = {
    "RESHAPE": 1,
    "HARD_SWISH": 1,
    "RELU_N1_TO_1": 1,
    "VAR_HANDLE": 1,
    "READ_VARIABLE": 1,
    "ASSIGN_VARIABLE": 1,
    "CALL_ONCE": 1,
    "FULLY_CONNECTED": 4,
    "DEPTHWISE_CONV_2D": 3,
    "CONV_2D": 3,
    "SOFTMAX": 2,
}
"""Versions that brought int8; the operators not listed have it in 2."""
DEFAULT_VERSION = 2
LAST_OLD_OPERATOR = 127


def _conv(o: Any) -> tuple[str, Any]:
    depthwise = o.depth_multiplier > 0
    t = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    t.padding = PADDINGS.index(o.padding)
    t.strideH, t.strideW = o.stride_height, o.stride_width
    t.dilationHFactor, t.dilationWFactor = o.dilation_height, o.dilation_width
    t.fusedActivationFunction = ACTIVATIONS.index(o.activation)
    if depthwise:
        t.depthMultiplier = o.depth_multiplier
    return ("DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"), t


def _pool(o: Any) -> tuple[str, Any]:
    t = schema.Pool2DOptionsT()
    t.padding = PADDINGS.index(o.padding)
    t.strideH, t.strideW = o.stride_height, o.stride_width
    t.filterHeight, t.filterWidth = o.filter_height, o.filter_width
    t.fusedActivationFunction = ACTIVATIONS.index(o.activation)
    return "Pool2DOptions", t


def _fully_connected(o: Any) -> tuple[str, Any]:
    t = schema.FullyConnectedOptionsT()
    t.fusedActivationFunction = ACTIVATIONS.index(o.activation)
    t.keepNumDims = o.keep_dims
    return "FullyConnectedOptions", t


def _concatenation(o: Any) -> tuple[str, Any]:
    t = schema.ConcatenationOptionsT()
    t.axis, t.fusedActivationFunction = o.axis, ACTIVATIONS.index(o.activation)
    return "ConcatenationOptions", t


def _reducer(o: Any) -> tuple[str, Any]:
    t = schema.ReducerOptionsT()
    t.keepDims = o.keep_dims
    return "ReducerOptions", t


def _softmax(o: Any) -> tuple[str, Any]:
    t = schema.SoftmaxOptionsT()
    t.beta = o.beta
    return "SoftmaxOptions", t


def _leaky_relu(o: Any) -> tuple[str, Any]:
    t = schema.LeakyReluOptionsT()
    t.alpha = o.alpha
    return "LeakyReluOptions", t


def _strided_slice(o: Any) -> tuple[str, Any]:
    t = schema.StridedSliceOptionsT()
    t.beginMask, t.endMask, t.ellipsisMask = o.begin_mask, o.end_mask, o.ellipsis_mask
    t.newAxisMask, t.shrinkAxisMask, t.offset = o.new_axis_mask, o.shrink_axis_mask, o.offset
    return "StridedSliceOptions", t


def _var_handle(o: Any) -> tuple[str, Any]:
    t = schema.VarHandleOptionsT()
    t.container, t.sharedName = o.container, o.shared_name
    return "VarHandleOptions", t


def _call_once(o: Any) -> tuple[str, Any]:
    t = schema.CallOnceOptionsT()
    t.initSubgraphIndex = o.subgraph
    return "CallOnceOptions", t


OPTION_WRITERS: dict[type, Callable[[Any], tuple[str, Any]]] = {
    ConvOptions: _conv,
    PoolOptions: _pool,
    FullyConnectedOptions: _fully_connected,
    ConcatenationOptions: _concatenation,
    ReducerOptions: _reducer,
    SoftmaxOptions: _softmax,
    LeakyReluOptions: _leaky_relu,
    StridedSliceOptions: _strided_slice,
    VarHandleOptions: _var_handle,
    CallOnceOptions: _call_once,
}


def _options(operator: str, options: Options) -> tuple[str, Any] | None:
    if isinstance(options, NoOptions):
        return None
    if getattr(options, "border", None) is not None:
        raise ValueError(f"the TensorFlow Lite schema has no border in {operator}")
    if isinstance(options, SplitOptions):
        kind = "SplitOptions" if operator == "SPLIT" else "SplitVOptions"
        t = getattr(schema, kind + "T")()
        t.numSplits = options.splits
        return kind, t
    if isinstance(options, ArithmeticOptions):
        kind = f"{operator.capitalize()}Options"
        t = getattr(schema, kind + "T")()
        t.fusedActivationFunction = ACTIVATIONS.index(options.activation)
        return kind, t
    return OPTION_WRITERS[type(options)](options)


def _tensor(tensor: Tensor, buffers: list[Any]) -> Any:
    t = schema.TensorT()
    t.name, t.shape = tensor.name, list(tensor.shape)
    t.type = getattr(schema.TensorType, tensor.dtype.upper())
    if tensor.data is None:
        t.buffer = 0
    else:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data).tobytes(), dtype=np.uint8)
        t.buffer = len(buffers)
        buffers.append(buffer)
    if tensor.quantization is not None:
        q = schema.QuantizationParametersT()
        q.scale = list(tensor.quantization.scales)
        q.zeroPoint = list(tensor.quantization.zero_points)
        q.quantizedDimension = tensor.quantization.axis
        t.quantization = q
    return t


def _operator(operator: Operator, names: list[str]) -> Any:
    t = schema.OperatorT()
    t.opcodeIndex = names.index(operator.name)
    t.inputs, t.outputs = list(operator.inputs), list(operator.outputs)
    written = _options(operator.name, operator.options)
    if written is not None:
        kind, t.builtinOptions = written
        t.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    return t


def _subgraph(graph: Graph, name: str, codes: list[str], buffers: list[Any]) -> Any:
    t = schema.SubGraphT()
    t.name = name
    t.tensors = [_tensor(tensor, buffers) for tensor in graph.tensors]
    t.inputs, t.outputs = list(graph.inputs), list(graph.outputs)
    t.operators = [_operator(operator, codes) for operator in graph.operators]
    return t


def write_tflite(graph: Graph) -> bytes:
    """Serialise `graph` as it was read, before passes; the same graph gives the same bytes.

    Raises:
        ValueError: an operator's name or option is not in the schema.
    """
    graphs = {"main": graph} | {f"subgraph {i}": g for i, g in enumerate(graph.subgraphs, 1)}
    names = sorted({o.name for each in graphs.values() for o in each.operators})
    model = schema.ModelT()
    model.version = SCHEMA_VERSION
    model.description = "sotto"
    model.operatorCodes = []
    for name in names:
        number = getattr(schema.BuiltinOperator, name, None)
        if number is None:
            raise ValueError(f"the TensorFlow Lite schema has no operator '{name}'")
        code = schema.OperatorCodeT()
        code.builtinCode = number
        code.deprecatedBuiltinCode = min(number, LAST_OLD_OPERATOR)
        code.version = OPERATOR_VERSIONS.get(name, DEFAULT_VERSION)
        model.operatorCodes.append(code)
    model.buffers = [schema.BufferT()]
    model.subgraphs = [_subgraph(each, name, names, model.buffers) for name, each in graphs.items()]
    if graph.packed:
        note = schema.MetadataT()
        note.name, note.buffer = WEIGHTS, len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = np.frombuffer(PACKED.encode(), np.uint8)
        model.metadata = [note]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())
