"""A model for measuring engines, which needs no download."""

from __future__ import annotations

from collections.abc import Sequence

from training.export.graph import ArithmeticOptions, PoolOptions, SoftmaxOptions
from training.export.model_builder import PROBABILITY, RELU_OUTPUT, Layers
from training.export.packed.few_values import FORMS, with_few_values, with_zero_blocks
from training.export.reader import read_tflite
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE

_BLOCKS = 4
_CHANNELS = 64
_CLASSES = 12
_INPUT = 0.58, 83
ZERO_PERCENT = (50, 75)
"""Of the weights of `packed_models` with blocks of zeros."""
_DEVIATION = 50
"""Standard deviation of the weights, as trained ones have it: kernels may depend on their sums."""


def keyword_shapes_model(seed: int = 7) -> bytes:
    """A `.tflite` with random weights and the shapes of MLPerf Tiny's keyword model.

    That is a DS-CNN of 2.66 million multiply-accumulates on int8[49, 10] (Banbury et al., "MLPerf
    Tiny Benchmark", 2021).
    """
    b = Layers(seed)
    source = b.tensor((1, 49, 10, 1), *_INPUT)
    x = b.convolution(source, _CHANNELS, (10, 4), 2)
    for _ in range(_BLOCKS):
        x = b.convolution(b.convolution(x, _CHANNELS, 3, multiplier=1), _CHANNELS, 1)
    _, height, width, _ = b.tensors[x].shape
    pooled = b.tensor((1, 1, 1, _CHANNELS), *RELU_OUTPUT)
    pooling = PoolOptions("VALID", height, width, height, width)
    x = b.operator("AVERAGE_POOL_2D", [x], pooled, pooling)
    x = b.fully_connected(b.reshape(x, (1, _CHANNELS)), _CLASSES)
    scores = b.tensor((1, _CLASSES), *PROBABILITY)
    return write_tflite(
        b.build([source], [b.operator("SOFTMAX", [x], scores, SoftmaxOptions(1.0))])
    )


def temporal_model(
    stem: int = 32, width: int = 40, dilations: Sequence[int] = (1, 2, 4, 4), seed: int = 7
) -> bytes:
    """A `.tflite` with random weights and the shapes of a causal temporal student.

    Its 49 frames of 40 bins become 24 columns, whose mean is classified.

    Args:
        stem: channels of the first layer, which has a window for each frame.
        width: channels of the residual blocks.
        dilations: of the blocks.
    """
    b = Layers(seed, _DEVIATION)
    source = b.tensor((1, 49, 40, 1), FEATURE_SCALE)
    x = b.convolution(source, stem, (1, 40), padding="VALID")
    x = b.convolution(b.pad(x, 3), 0, (5, 1), (2, 2), multiplier=1, padding="VALID")
    x = b.convolution(x, width, 1)
    for dilation in dilations:
        past = b.pad(x, 4 * dilation)
        y = b.convolution(past, 0, (5, 1), multiplier=1, padding="VALID", dilation=(dilation, 1))
        y = b.convolution(y, width, 1, logits=True)
        activation = ArithmeticOptions("RELU")
        x = b.operator("ADD", [x, y], b.same(x, RELU_OUTPUT[0]), activation)
    scores = b.convolution(b.mean(x), _CLASSES, 1, logits=True)
    return write_tflite(b.build([source], [b.reshape(scores, (1, _CLASSES))]))


def packed_models() -> dict[str, bytes]:
    """The models above with int8 weights, and in place of them with few values or many zeros."""
    plain = {"keyword_shapes": keyword_shapes_model(), "temporal": temporal_model()}
    packed = {
        f"{name}_{form}": write_tflite(with_few_values(read_tflite(tflite), values))
        for name, tflite in plain.items()
        for form, values in FORMS.items()
    }
    sparse = {
        f"{name}_{percent}_zeros": write_tflite(
            with_zero_blocks(read_tflite(tflite), percent / 100, seed=percent)
        )
        for name, tflite in plain.items()
        for percent in ZERO_PERCENT
    }
    return plain | packed | sparse
