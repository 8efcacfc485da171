"""Networks whose layers have many shapes: what the cost of a kernel is measured on (`costs.py`).

They are small, so that a traced run takes seconds. Their weights are random, most distributed as
those of trained networks, since some kernels set great weights aside.
"""

from __future__ import annotations

import numpy as np

from training.export.graph import (
    ArithmeticOptions,
    ConcatenationOptions,
    Graph,
    PoolOptions,
    SoftmaxOptions,
)
from training.export.model_builder import (
    PROBABILITY,
    RELU_OUTPUT,
    Layers,
    StreamLayers,
)
from training.export.packed.few_values import FORMS, with_few_values, with_zero_blocks
from training.export.reader import read_tflite
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE

ON_A_GRID = ("probe_single", "probe_stream")
"""Probes whose layers of one window multiply by codes where their weights are on a grid."""
PACKED_FORMS = ("4_bits", "2_bits", "own_codebooks")
"""Those whose kernels differ: every other codebook takes as long as a grid."""
ZERO_SHARE = 0.75
"""Of the weights of the probe for kernels that leave out zeros."""
TRAINED_DEVIATION = 36.0
"""Of weights, in steps of int8, as in trained networks: what some kernels take depends on it."""


def probes() -> dict[str, bytes]:
    """Every probe network by name, as `.tflite`."""
    plain = {
        "probe_narrow": _convolutions((24, 20, 1), (8, 12, 16, 20), seed=1),
        "probe_wide": _convolutions((8, 6, 16), (24, 40, 64, 96), seed=2),
        "probe_pointwise": _pointwise(),
        "probe_five": _five_columns(),
        "probe_strides": _strides(),
        "probe_odd": _convolutions((13, 11, 3), (9, 15, 27, 50), seed=3),
        "probe_single": _single_windows(),
        "probe_stream": _stream(),
        "probe_long": _long_windows(),
        "probe_elementwise": _elementwise(),
    }
    return {
        **plain,
        **{
            f"{name}_4_bits": write_tflite(
                with_few_values(read_tflite(plain[name]), FORMS["4_bits"])
            )
            for name in ON_A_GRID
        },
        **{
            f"probe_packed_{form}": write_tflite(with_few_values(_mixing_layers(), FORMS[form]))
            for form in PACKED_FORMS
        },
        "probe_zeros": write_tflite(with_zero_blocks(_mixing_layers(), ZERO_SHARE, seed=1)),
    }


def fallback_probes() -> dict[str, bytes]:
    """Those for the kernels that every core falls back to, which are slow: few and small."""
    chosen = ("probe_five", "probe_single", "probe_stream", "probe_elementwise")
    return {name: tflite for name, tflite in probes().items() if name in chosen}


def _convolutions(source: tuple[int, int, int], channels: tuple[int, ...], seed: int) -> bytes:
    """Every kind of convolution over ever more channels, and a classifier."""
    b = Layers(seed, TRAINED_DEVIATION if seed % 2 else None)
    first = b.tensor((1, *source), FEATURE_SCALE)
    x = b.convolution(first, channels[0], (7, 3), (2, 1))
    for number, count in enumerate(channels):
        x = b.convolution(x, 0, 3, multiplier=1)
        x = b.convolution(x, count, 1)
        x = b.convolution(x, 0, (5, 3) if number % 2 else 5, multiplier=1)
    x = b.convolution(x, channels[0], 3)
    x = b.convolution(x, 0, 3, 2, multiplier=1)
    x = b.fully_connected(b.mean(x), 4 * channels[0])
    x = b.fully_connected(x, 10)
    x = b.operator("SOFTMAX", [x], b.tensor((1, 10), *PROBABILITY), SoftmaxOptions(1.0))
    return write_tflite(b.build([first], [x]))


def _pointwise() -> bytes:
    """The layers that most keyword networks spend their time in, from few channels to many."""
    b = Layers(7, TRAINED_DEVIATION)
    first = b.tensor((1, 12, 11, 1), FEATURE_SCALE)
    x = b.convolution(first, 32, (10, 4))
    for channels in (64, 64, 48, 24):
        x = b.convolution(x, 0, 3, multiplier=1)
        x = b.convolution(x, channels, 1)
    return write_tflite(b.build([first], [b.fully_connected(_average(b, x), 12)]))


def _five_columns() -> bytes:
    """Rows of five columns, which spectrograms of forty bins end in."""
    b = Layers(8, TRAINED_DEVIATION)
    first = b.tensor((1, 14, 5, 1), FEATURE_SCALE)
    x = b.convolution(first, 12, 3)
    for channels in (20, 36, 64):
        for rows in (3, 5):
            x = b.convolution(x, 0, (rows, 3), multiplier=1)
        x = b.convolution(x, channels, 1)
    return write_tflite(b.build([first], [b.fully_connected(_average(b, x), 7)]))


def _strides() -> bytes:
    """Depthwise layers that halve the columns, or both."""
    b = Layers(9, TRAINED_DEVIATION)
    first = b.tensor((1, 18, 32, 1), FEATURE_SCALE)
    x = b.convolution(first, 16, 3)
    for channels, stride in ((24, (1, 2)), (32, (2, 2)), (20, (1, 2))):
        x = b.convolution(x, 0, (5, 3), stride, multiplier=1)
        x = b.convolution(x, channels, 1)
        x = b.convolution(x, 0, 3, multiplier=1)
    return write_tflite(b.build([first], [b.fully_connected(b.mean(x), 5)]))


def _average(b: Layers, source: int) -> int:
    """AVERAGE_POOL_2D over all rows and columns."""
    _, height, width, channels = b.tensors[source].shape
    pooled = b.tensor((1, 1, 1, channels), *RELU_OUTPUT)
    options = PoolOptions("VALID", height, width, height, width)
    return b.operator("AVERAGE_POOL_2D", [source], pooled, options)


def _single_windows() -> bytes:
    """Layers of one column, as streaming networks have them."""
    b = Layers(4, TRAINED_DEVIATION)
    first = b.tensor((1, 9, 1, 24), FEATURE_SCALE)
    x = b.convolution(first, 30, (9, 1), padding="VALID")
    for channels in (60, 96, 32, 20):
        x = b.convolution(x, channels, 1, logits=True)
        x = b.convolution(x, 0, 1, multiplier=1)
    for outputs in (40, 1):
        x = b.fully_connected(x, outputs)
    x = b.operator("LOGISTIC", [x], b.tensor((1, 1), *PROBABILITY))
    return write_tflite(b.build([first], [x]))


def _long_windows() -> bytes:
    """Windows of many bytes, several of them a layer, with activations and without."""
    b = Layers(11, TRAINED_DEVIATION)
    first = b.tensor((1, 19, 9, 12), FEATURE_SCALE)
    x = b.convolution(first, 6, 3, 2)
    for channels, rows, logits in ((9, 5, False), (14, 3, True), (8, 5, True), (16, 3, False)):
        x = b.convolution(x, channels, (rows, 3), logits=logits)
    for channels, logits in ((7, False), (20, True), (4, False)):
        x = b.convolution(x, channels, (3, 2), logits=logits, padding="VALID")
    return write_tflite(b.build([first], [b.fully_connected(b.mean(x), 5)]))


def _mixing_layers() -> Graph:
    """Layers whose weights may be packed, over many windows and over one."""
    b = Layers(12, TRAINED_DEVIATION)
    first = b.tensor((1, 6, 2, 12), FEATURE_SCALE)
    x = b.convolution(first, 24, 3)
    for channels in (32, 60, 40):
        x = b.convolution(x, channels, 1)
    for channels in (36, 20):
        x = b.convolution(x, channels, 1, logits=True)
    x = b.mean(x)
    for channels in (48, 15, 16):
        x = b.convolution(x, channels, 1, logits=True)
    return b.build([first], [x])


def _stream() -> bytes:
    """Windows that are kept between inferences, from short to long."""
    b = StreamLayers(6, TRAINED_DEVIATION)
    first = b.tensor((1, 2, 1, 24), FEATURE_SCALE)
    x = b.convolution(b.window(first, 6), 20, (6, 1), padding="VALID")
    for rows, channels in ((5, 24), (15, 56), (24, 30)):
        x = b.convolution(b.window(x, rows), 0, (rows, 1), multiplier=1, padding="VALID")
        x = b.convolution(x, channels, 1)
    for kernel, dilation in (((4, 1), (4, 1)), ((2, 1), (8, 1))):  # no tap reads some rows
        rows = (kernel[0] - 1) * dilation[0] + 1
        past = b.window(x, rows)
        x = b.convolution(past, 0, kernel, multiplier=1, padding="VALID", dilation=dilation)
    x = b.window(x, 4)
    x = b.fully_connected(b.reshape(x, (1, b.tensors[x].elements)), 2)
    return write_tflite(b.graph([first], [x]))


def _elementwise() -> bytes:
    """Operators without weights, at three sizes each."""
    b = Layers(5)
    first = b.tensor((1, 20, 16, 12), FEATURE_SCALE)
    x = b.convolution(first, 12, 1)
    for stride in (2, 2, 1):
        x = _one_of_each(b, x)
        _, height, width, channels = b.tensors[x].shape
        halved = b.tensor((1, -(-height // stride), -(-width // stride), channels), *RELU_OUTPUT)
        x = b.operator("MAX_POOL_2D", [x], halved, PoolOptions("SAME", stride, stride, 3, 3))
        pooled = b.tensor((1, *b.tensors[x].shape[1:]), *RELU_OUTPUT)
        x = b.operator("AVERAGE_POOL_2D", [x], pooled, PoolOptions("SAME", 1, 1, 2, 2))
    x = b.mean(x)
    x = b.operator("SOFTMAX", [x], b.tensor(b.tensors[x].shape, *PROBABILITY), SoftmaxOptions(1.0))
    return write_tflite(b.build([first], [x]))


def _one_of_each(b: Layers, source: int) -> int:
    x = b.operator("ADD", [source, source], b.same(source, 0.09), ArithmeticOptions())
    x = b.operator("MUL", [x, source], b.same(x, 0.05), ArithmeticOptions())
    x = b.operator("LOGISTIC", [x], b.tensor(b.tensors[x].shape, *PROBABILITY))
    x = b.operator("QUANTIZE", [x], b.tensor(b.tensors[x].shape, *RELU_OUTPUT))
    _, height, width, channels = b.tensors[x].shape
    borders = b.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    wider = b.tensor((1, height + 2, width + 2, channels), *RELU_OUTPUT)
    x = b.operator("PAD", [x, borders], wider)
    twice = b.tensor((1, height + 2, width + 2, 2 * channels), *RELU_OUTPUT)
    return b.operator("CONCATENATION", [x, x], twice, ConcatenationOptions(axis=3))
