"""Random one-operator models that compute: all shapes and quantisations that an operator takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from model_builder import Builder, Layers

from training.export.graph import (
    ArithmeticOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    PoolOptions,
    ReducerOptions,
)
from training.export.lower_context import output_extent

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def zero_point(rng: np.random.Generator) -> int:
    """One in three is an extreme."""
    return int(rng.choice([-128, 127, 0, *rng.integers(-128, 128, 6)]))


def scale(rng: np.random.Generator) -> float:
    """Between 1/1000 and 1, even on the logarithm."""
    return float(10 ** rng.uniform(-3, 0))


def int8(rng: np.random.Generator, shape: tuple[int, ...], least: int = -128) -> np.ndarray:
    """Uniform values; one tensor in six holds extremes only."""
    if rng.random() < 1 / 6:
        return rng.choice([least, 127], shape).astype(np.int8)
    return rng.integers(least, 128, shape).astype(np.int8)


def _activation(rng: np.random.Generator) -> str:
    return str(rng.choice(ACTIVATIONS))


def _weights(
    rng: np.random.Generator,
    b: Builder,
    source: int,
    shape: tuple[int, ...],
    axis: int,
    per_channel: bool,
    with_bias: bool,
) -> tuple[list[int], float]:
    """Inputs of a layer with weights, and an output scale that spreads its results over int8."""
    channels = shape[axis]
    quantization = b.tensors[source].quantization
    assert quantization is not None
    source_scale = quantization.scales[0]
    scales = np.float32(10 ** rng.uniform(-3, -1, channels if per_channel else 1))
    weights = b.tensor(shape, scales, axis=axis, data=int8(rng, shape, -127))
    inputs = [source, weights]
    taps = int(np.prod(shape)) // channels
    looseness = float(rng.choice([1.0, 0.2, 5.0, 1e-3, 1e3]))
    if with_bias:
        spread = 50_000_000 if looseness > 100 else int(rng.choice([1, 1_000, 100_000]))
        bias = rng.integers(-spread, spread + 1, channels).astype(np.int32)
        inputs.append(b.tensor((channels,), np.float32(source_scale) * scales, data=bias))
    typical = source_scale * float(scales.mean()) * 74 * 74 * np.sqrt(taps) / 60
    return inputs, typical * looseness


def image(rng: np.random.Generator, greatest: int = 9) -> tuple[int, int, int, int]:
    height, width = rng.integers(1, greatest + 1, 2).tolist()
    return 1, height, width, int(rng.integers(1, 7))


def _convolution(rng: np.random.Generator, depthwise: bool, with_bias: bool = True) -> Graph:
    b = Builder()
    _, height, width, channels = image(rng)
    source = b.tensor((1, height, width, channels), scale(rng), zero_point(rng))
    padding = str(rng.choice(["SAME", "VALID"]))
    kernel, stride, dilation = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.integers(1, 3, 2)
    spans = (kernel - 1) * dilation + 1
    if padding == "VALID" and (spans[0] > height or spans[1] > width):
        kernel, spans = np.array([1, 1]), np.array([1, 1])
    out_height, _ = output_extent(padding, height, int(spans[0]), int(stride[0]))
    out_width, _ = output_extent(padding, width, int(spans[1]), int(stride[1]))
    multiplier = int(rng.integers(1, 4)) if depthwise else 0
    outputs = channels * multiplier if depthwise else int(rng.integers(1, 7))
    shape = (1, *kernel, outputs) if depthwise else (outputs, *kernel, channels)
    inputs, output_scale = _weights(
        rng,
        b,
        source,
        tuple(map(int, shape)),
        axis=3 if depthwise else 0,
        per_channel=rng.random() < 0.8,
        with_bias=with_bias,
    )
    output = b.tensor((1, out_height, out_width, outputs), output_scale, zero_point(rng))
    options = ConvOptions(
        padding, *map(int, stride), *map(int, dilation), _activation(rng), multiplier
    )
    b.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", inputs, output, options)
    return b.build([source], [output])


def conv2d(rng: np.random.Generator) -> Graph:
    """CONV_2D."""
    return _convolution(rng, depthwise=False)


def conv2d_without_bias(rng: np.random.Generator) -> Graph:
    """CONV_2D that lacks its third input."""
    return _convolution(rng, depthwise=False, with_bias=False)


def depthwise_conv2d(rng: np.random.Generator) -> Graph:
    """DEPTHWISE_CONV_2D, with or without bias."""
    return _convolution(rng, depthwise=True, with_bias=rng.random() < 0.8)


def ds_cnn_layer(rng: np.random.Generator) -> Graph:
    """A layer as keyword models have it: many channels, small factors, all four remainders."""
    b = Builder()
    depthwise = bool(rng.integers(2))
    height, width = rng.integers(1, 12, 2).tolist()
    channels, outputs = rng.integers(1, 40, 2).tolist()
    kernel, stride, dilation = (
        (1, 1, 1) if rng.random() < 0.4 and not depthwise else (3, *rng.integers(1, 3, 2).tolist())
    )
    outputs = channels if depthwise else outputs
    source = b.tensor((1, height, width, channels), 0.05, int(rng.choice([-128, 127, 3])))
    shape = (1, kernel, kernel, channels) if depthwise else (outputs, kernel, kernel, channels)
    scales = rng.uniform(0.5, 1.5, outputs) / 1_000
    weights = b.tensor(shape, scales, axis=3 if depthwise else 0, data=int8(rng, shape, -127))
    values = rng.integers(-9_000, 9_000, outputs).astype(np.int32)
    bias = b.tensor((outputs,), scales * 0.05, data=values)
    sizes = [
        output_extent("SAME", n, (kernel - 1) * dilation + 1, stride)[0] for n in (height, width)
    ]
    scale = float(10 ** rng.uniform(-2.3, -0.5)) * (0.3 if depthwise else 1)
    target = b.tensor((1, *sizes, outputs), scale, int(rng.choice([-128, 127, -20])))
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    options = ConvOptions(
        "SAME", stride, stride, dilation, dilation, activation, 1 if depthwise else 0
    )
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    b.operator(name, [source, weights, bias], target, options)
    return b.build([source], [target])


def layer_of_one_window(rng: np.random.Generator) -> Graph:
    """A step of a streaming model: pointwise, or k x 1 over its whole state."""
    b = Builder()
    rows = int(rng.integers(1, 8))
    channels, outputs = rng.integers(1, 70, 2).tolist()
    source = b.tensor((1, rows, 1, channels), 0.05, int(rng.choice([-128, 127, 3])))
    scales = rng.uniform(0.5, 1.5, outputs) / 1_000
    shape = (outputs, rows, 1, channels)
    weights = b.tensor(shape, scales, axis=0, data=int8(rng, shape, -127))
    values = rng.integers(-9_000, 9_000, outputs).astype(np.int32)
    bias = b.tensor((outputs,), scales * 0.05, data=values)
    scale = float(10 ** rng.uniform(-2.3, -0.5))
    target = b.tensor((1, 1, 1, outputs), scale, int(rng.choice([-128, 127, -20])))
    options = ConvOptions("VALID", 1, 1, activation=str(rng.choice(ACTIVATIONS)))
    b.operator("CONV_2D", [source, weights, bias], target, options)
    return b.build([source], [target])


def depthwise_in_between(rng: np.random.Generator) -> Graph:
    """A depthwise layer that may write over its input."""
    b = Layers(seed=int(rng.integers(2**31)))
    height, width, channels = rng.integers(1, 12, 3).tolist()
    source = b.tensor((1, height, width, channels), 0.05, -128)
    x = b.convolution(source, channels, 1)
    x = b.convolution(x, channels, int(rng.choice([3, 5])), multiplier=1)
    return b.build([source], [b.convolution(x, 3, 1)])


def depthwise_of_width(rng: np.random.Generator, width: int, rows: int) -> Graph:
    """A depthwise layer of three columns with ReLU, as in keyword models."""
    b = Layers(seed=int(rng.integers(2**31)))
    source = b.tensor((1, int(rng.integers(6, 10)), width, int(rng.integers(24, 30))), 0.05, -128)
    return b.build([source], [b.convolution(source, 0, (rows, 3), multiplier=1)])


def layer_of_ties(rng: np.random.Generator) -> Graph:
    """A layer with powers of two as scales: many results lie halfway between two integers."""
    b = Builder()
    depthwise = bool(rng.integers(2))
    height, width, channels, outputs = rng.integers(1, 12, 4).tolist()
    kernel = 3 if depthwise else int(rng.choice([1, 3]))
    outputs = channels if depthwise else outputs
    source = b.tensor((1, height, width, channels), 0.5, zero_point(rng))
    shape = (1, kernel, kernel, channels) if depthwise else (outputs, kernel, kernel, channels)
    data = rng.integers(-2, 3, shape).astype(np.int8)
    weights = b.tensor(shape, 0.25, axis=3 if depthwise else 0, data=data)
    values = rng.integers(-99, 99, outputs).astype(np.int32)
    bias = b.tensor((outputs,), 0.125, data=values)
    target = b.tensor((1, height, width, outputs), 2.0 ** rng.integers(-1, 3), zero_point(rng))
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    options = ConvOptions("SAME", 1, 1, depth_multiplier=int(depthwise))
    b.operator(name, [source, weights, bias], target, options)
    return b.build([source], [target])


def layer_over_time(rng: np.random.Generator) -> Graph:
    """A step of a streaming model: each channel over a column or a row of its state."""
    b = Builder()
    taps, dilation, channels = (
        int(rng.integers(low, high)) for low, high in ((1, 9), (1, 5), (4, 40))
    )
    span = (taps - 1) * dilation + 1
    column = bool(rng.integers(2))
    extents = (
        ((span, 1), (taps, 1), (dilation, 1)) if column else ((1, span), (1, taps), (1, dilation))
    )
    image, kernel, dilations = extents
    source = b.tensor((1, *image, channels), 0.05, int(rng.choice([-128, 127, 3])))
    scales = rng.uniform(0.5, 1.5, channels) / 300
    shape = (1, *kernel, channels)
    values = rng.integers(-3_000, 3_000, channels).astype(np.int32)
    inputs = [
        source,
        b.tensor(shape, scales, axis=3, data=int8(rng, shape)),
        b.tensor((channels,), scales * 0.05, data=values),
    ]
    scale = float(10 ** rng.uniform(-2.3, -0.5))
    target = b.tensor((1, 1, 1, channels), scale, int(rng.choice([-128, 127, -20])))
    options = ConvOptions("VALID", 1, 1, *dilations, str(rng.choice(ACTIVATIONS)), 1)
    b.operator("DEPTHWISE_CONV_2D", inputs, target, options)
    return b.build([source], [target])


def one_window(rng: np.random.Generator) -> Graph:
    """A layer of one output position, as streaming networks have them; some results are ties."""
    b = Builder()
    height, width, channels = (int(n) for n in (*rng.integers(1, 7, 2), rng.integers(1, 40)))
    columns, outputs = int(rng.integers(1, width + 1)), int(rng.integers(1, 23))
    ties, unsigned = rng.integers(2, size=2).tolist()
    source = b.tensor((1, height, width, channels), 0.5, -128 if unsigned else zero_point(rng))
    shape = (outputs, height, columns, channels)
    scales = np.full(outputs, 0.25) if ties else rng.uniform(0.2, 0.3, outputs)
    data = rng.integers(-2, 3, shape).astype(np.int8) if ties else int8(rng, shape, -127)
    values = rng.integers(-999, 999, outputs).astype(np.int32)
    inputs = [
        source,
        b.tensor(shape, scales, axis=0, data=data),
        b.tensor((outputs,), scales / 2, data=values),
    ]
    spread = np.sqrt(data[0].size) * (1 if ties else 50)
    output_scale = max(0.5, float(2.0 ** np.round(np.log2(spread) - rng.integers(0, 4))))
    target = b.tensor((1, 1, 1, outputs), output_scale, -128 if unsigned else zero_point(rng))
    activation = "RELU" if unsigned else _activation(rng)
    options = ConvOptions("VALID", 1, width, 1, 1, activation)
    b.operator("CONV_2D", inputs, target, options)
    return b.build([source], [target])


def _fully_connected(rng: np.random.Generator, per_channel: bool) -> Graph:
    b = Builder()
    rows, features, outputs = int(rng.integers(1, 4)), *rng.integers(1, 70, 2).tolist()
    form = str(rng.choice(["matrix", "kept dimensions", "image"]))
    leading = {"matrix": (rows,), "kept dimensions": (1, rows), "image": (rows, 1, 1)}[form]
    source = b.tensor((*leading, features), scale(rng), zero_point(rng))
    inputs, output_scale = _weights(
        rng,
        b,
        source,
        (outputs, features),
        axis=0,
        per_channel=per_channel,
        with_bias=rng.random() < 0.8,
    )
    kept = form == "kept dimensions"
    shape = (*leading, outputs) if kept else (rows, outputs)
    output = b.tensor(shape, output_scale, zero_point(rng))
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    b.operator("FULLY_CONNECTED", inputs, output, FullyConnectedOptions(activation, kept))
    return b.build([source], [output])


def fully_connected(rng: np.random.Generator) -> Graph:
    """FULLY_CONNECTED with one weight scale."""
    return _fully_connected(rng, per_channel=False)


def fully_connected_per_channel(rng: np.random.Generator) -> Graph:
    """FULLY_CONNECTED with a weight scale for each output."""
    return _fully_connected(rng, per_channel=True)


def _arithmetic(rng: np.random.Generator, name: str) -> Graph:
    b = Builder()
    shape = image(rng)
    scales = scale(rng), scale(rng)
    first, second = (b.tensor(shape, s, zero_point(rng)) for s in scales)
    typical = scales[0] * scales[1] * 100 if name == "MUL" else sum(scales)
    output_scale = typical * float(10 ** rng.uniform(-1, 1))
    output = b.tensor(shape, output_scale, zero_point(rng))
    b.operator(name, [first, second], output, ArithmeticOptions(_activation(rng)))
    return b.build([first, second], [output])


def add(rng: np.random.Generator) -> Graph:
    """ADD."""
    return _arithmetic(rng, "ADD")


def sub(rng: np.random.Generator) -> Graph:
    """SUB."""
    return _arithmetic(rng, "SUB")


def mul(rng: np.random.Generator) -> Graph:
    """MUL."""
    return _arithmetic(rng, "MUL")


def broadcast(rng: np.random.Generator) -> Graph:
    """ADD, SUB or MUL of two shapes that NumPy would broadcast; one may be constant."""
    b = Builder()
    name = str(rng.choice(["ADD", "SUB", "MUL"]))
    shape = rng.integers(1, 5, int(rng.integers(1, 5)))
    repeated = rng.random((2, len(shape))) < 0.4
    repeated[1] &= ~repeated[0]
    shapes = [tuple(np.where(r, 1, shape).tolist()) for r in repeated]
    if repeated[1].all():
        shapes[1] = shapes[1][int(rng.integers(len(shape) + 1)) :]
    scales = scale(rng), scale(rng)
    constant = int(rng.integers(3))
    inputs = []
    for position, (own, own_scale) in enumerate(zip(shapes, scales, strict=True)):
        data = int8(rng, own) if position == constant else None
        inputs.append(b.tensor(own, own_scale, zero_point(rng), data=data))
    typical = scales[0] * scales[1] * 100 if name == "MUL" else sum(scales)
    output = b.tensor(np.broadcast_shapes(*shapes), typical, zero_point(rng))
    b.operator(name, inputs, output, ArithmeticOptions(_activation(rng)))
    return b.build([i for i in inputs if b.tensors[i].data is None], [output])


def _pool(rng: np.random.Generator, name: str) -> Graph:
    b = Builder()
    shape = image(rng)
    quantization = scale(rng), zero_point(rng)
    source = b.tensor(shape, *quantization)
    padding = str(rng.choice(["SAME", "VALID"]))
    window = [int(rng.integers(1, size + 1)) for size in shape[1:3]]
    stride = rng.integers(1, 4, 2).tolist()
    sizes = [output_extent(padding, shape[1 + i], window[i], stride[i])[0] for i in range(2)]
    output = b.tensor((1, *sizes, shape[3]), *quantization)
    options = PoolOptions(padding, *stride, *window, _activation(rng))
    b.operator(name, [source], output, options)
    return b.build([source], [output])


def average_pool(rng: np.random.Generator) -> Graph:
    """AVERAGE_POOL_2D."""
    return _pool(rng, "AVERAGE_POOL_2D")


def max_pool(rng: np.random.Generator) -> Graph:
    """MAX_POOL_2D."""
    return _pool(rng, "MAX_POOL_2D")


def mean(rng: np.random.Generator) -> Graph:
    """MEAN over height and width."""
    b = Builder()
    shape = image(rng, 30)
    source_scale = scale(rng)
    source = b.tensor(shape, source_scale, zero_point(rng))
    axes = b.constant(np.array([1, 2] if rng.random() < 0.5 else [-2, -3], np.int32))
    keep = bool(rng.random() < 0.5)
    output_shape = (1, 1, 1, shape[3]) if keep else (1, shape[3])
    output_scale = source_scale * float(10 ** rng.uniform(-1.5, 0.5))
    if rng.random() < 0.2:
        output_scale = source_scale
    output = b.tensor(output_shape, output_scale, zero_point(rng))
    b.operator("MEAN", [source, axes], output, ReducerOptions(keep))
    return b.build([source], [output])


def mean_of_any_axes(rng: np.random.Generator) -> Graph:
    """MEAN of 1 to 4 dimensions over some of them."""
    b = Builder()
    shape = tuple(rng.integers(1, 7, int(rng.integers(1, 5))).tolist())
    reduced = rng.permutation(len(shape))[: int(rng.integers(1, len(shape) + 1))].tolist()
    source_scale = scale(rng)
    source = b.tensor(shape, source_scale, zero_point(rng))
    signs = rng.integers(0, 2, len(reduced)) * len(shape)
    axes = b.constant((np.array(reduced) - signs).astype(np.int32))
    keep = bool(rng.random() < 0.5)
    kept = [1 if i in reduced else n for i, n in enumerate(shape) if keep or i not in reduced]
    output = b.tensor(kept, source_scale * float(10 ** rng.uniform(-1.5, 0.5)), zero_point(rng))
    b.operator("MEAN", [source, axes], output, ReducerOptions(keep))
    return b.build([source], [output])


ALIKE: tuple[Callable[[np.random.Generator], Graph], ...] = (
    conv2d,
    depthwise_conv2d,
    add,
    sub,
    mul,
    broadcast,
    average_pool,
    max_pool,
    mean,
    mean_of_any_axes,
)
"""Operators that LiteRT and TFLite-Micro compute alike."""

FULLY_CONNECTED = (fully_connected, fully_connected_per_channel)
"""LiteRT rounds these once, TFLite-Micro twice."""
