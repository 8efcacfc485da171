"""One function an operator: checked quantisation and shapes -> kernel parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from training.export.lower_context import Context, Lowered
from training.export.operators.elementwise import add, mul, sub
from training.export.operators.functions import (
    hard_swish,
    leaky_relu,
    logistic,
    quantize,
    relu,
    softmax,
    tanh,
)
from training.export.operators.moving import (
    assign_variable,
    concatenation,
    pad,
    read_variable,
    split,
    split_v,
    stream,
    strided_slice,
)
from training.export.operators.reductions import mean
from training.export.operators.weighted import conv2d, depthwise_conv2d, fully_connected
from training.export.operators.windows import average_pool, max_pool

LOWERINGS: dict[str, Callable[[Context], Sequence[Lowered]]] = {
    "CONV_2D": conv2d,
    "DEPTHWISE_CONV_2D": depthwise_conv2d,
    "FULLY_CONNECTED": fully_connected,
    "ADD": add,
    "SUB": sub,
    "MUL": mul,
    "AVERAGE_POOL_2D": average_pool,
    "MAX_POOL_2D": max_pool,
    "MEAN": mean,
    "SOFTMAX": softmax,
    "LOGISTIC": logistic,
    "QUANTIZE": quantize,
    "RELU": relu,
    "RELU6": relu,
    "RELU_N1_TO_1": relu,
    "LEAKY_RELU": leaky_relu,
    "HARD_SWISH": hard_swish,
    "TANH": tanh,
    "PAD": pad,
    "PADV2": pad,
    "CONCATENATION": concatenation,
    "STRIDED_SLICE": strided_slice,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "READ_VARIABLE": read_variable,
    "ASSIGN_VARIABLE": assign_variable,
    "STREAM": stream,
}
"""Operator name -> kernels. A new operator is one function in this package and one kernel in C."""
