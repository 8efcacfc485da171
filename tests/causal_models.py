"""Random causal networks over a window, as a converter writes them: padding, then a layer."""

from __future__ import annotations

import numpy as np

from training.export.graph import ArithmeticOptions, PoolOptions
from training.export.model_builder import RELU_OUTPUT, Layers
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE

CLASSES = 5


def causal_model(seed: int, *, columns: int = 1) -> bytes:
    """A network over a window with random strides, dilations, widths and branches.

    Args:
        columns: that the front leaves of the bins; 1 for a temporal network, more for one over an
            image.
    """
    rng = np.random.default_rng(seed)
    b = Layers(seed, 50)
    frames, bins = int(rng.integers(17, 40)), int(rng.integers(3, 9)) * columns
    source = b.tensor((1, frames, bins, 1), FEATURE_SCALE)
    x = _front(b, source, rng, bins, columns)
    for _ in range(int(rng.integers(1, 4))):
        x = (_residual if rng.random() < 0.6 else _layer)(b, x, rng)
    x = _all_frames(b, x, rng)
    scores = b.convolution(x, CLASSES, (1, b.tensors[x].shape[2]), padding="VALID", logits=True)
    return write_tflite(b.build([source], [b.reshape(scores, (1, CLASSES))]))


def _front(b: Layers, source: int, rng: np.random.Generator, bins: int, columns: int) -> int:
    """The first layer: all bins at once, or some columns of them with padding on both sides."""
    stride = int(rng.integers(1, 3))
    taps = int(rng.integers(stride, 6))
    channels = int(rng.integers(4, 12))
    if columns == 1:
        x = _past(b, source, taps, stride)
        return b.convolution(x, channels, (taps, bins), (stride, 1), padding="VALID")
    x = _past(b, source, taps, stride, columns=1)
    step = bins // columns
    return b.convolution(x, channels, (taps, 3), (stride, step), padding="VALID")


def _past(
    b: Layers, source: int, taps: int, stride: int = 1, dilation: int = 1, columns: int = 0
) -> int:
    rows = (taps - 1) * dilation - (stride - 1)
    return b.pad(source, rows, columns) if rows or columns else source


def _over_time(b: Layers, x: int, rng: np.random.Generator, stride: int) -> int:
    """A convolution of each channel over time, or of all, perhaps over columns, too."""
    taps, dilation = int(rng.integers(stride, 6)), int(rng.integers(1, 4)) if stride == 1 else 1
    width, channels = b.tensors[x].shape[2:]
    side = 1 if width > 1 and rng.random() < 0.7 else 0
    past = _past(b, x, taps, stride, dilation, columns=side)
    multiplier = int(rng.random() < 0.7)
    return b.convolution(
        past,
        channels,
        (taps, 1 + 2 * side),
        (stride, 1),
        multiplier=multiplier,
        padding="VALID",
        dilation=(dilation, 1),
    )


def _layer(b: Layers, x: int, rng: np.random.Generator) -> int:
    """A layer over time, or a pool, then a pointwise one; every third has a stride."""
    stride = 2 if rng.random() < 0.3 and b.tensors[x].shape[1] > 12 else 1
    if stride == 2 and rng.random() < 0.4:
        _, rows, width, channels = b.tensors[x].shape
        name = "MAX_POOL_2D" if rng.random() < 0.5 else "AVERAGE_POOL_2D"
        quantization = b.tensors[x].quantization
        assert quantization is not None
        target = b.tensor(
            (1, rows // 2, width, channels), quantization.scales[0], quantization.zero_points[0]
        )
        x = b.operator(name, [x], target, PoolOptions("VALID", 2, 1, 2, 1))
    else:
        x = _over_time(b, x, rng, stride)
    return b.convolution(x, int(rng.integers(4, 14)), 1)


def _residual(b: Layers, x: int, rng: np.random.Generator) -> int:
    """Layers over time beside a shortcut."""
    channels = b.tensors[x].shape[3]
    y = b.convolution(_over_time(b, x, rng, 1), channels, 1, logits=True)
    if rng.random() < 0.3:
        y = b.convolution(_over_time(b, y, rng, 1), channels, 1, logits=True)
    target = b.same(x, RELU_OUTPUT[0])
    return b.operator("ADD", [x, y], target, ArithmeticOptions("RELU"))


def _all_frames(b: Layers, x: int, rng: np.random.Generator) -> int:
    """What only all frames give: a mean over them, a pool, or all as one vector."""
    _, rows, width, channels = b.tensors[x].shape
    kind = rng.random()
    if kind < 0.5:
        return b.mean(x)
    if kind < 0.8:
        quantization = b.tensors[x].quantization
        assert quantization is not None
        target = b.tensor(
            (1, 1, width, channels), quantization.scales[0], quantization.zero_points[0]
        )
        return b.operator("AVERAGE_POOL_2D", [x], target, PoolOptions("VALID", 1, 1, rows, 1))
    return b.convolution(b.reshape(x, (1, 1, 1, rows * width * channels)), 8, 1)
