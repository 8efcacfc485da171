"""Small int8 models with state, of the structure that streaming keyword models are converted to."""

from __future__ import annotations

import numpy as np

from training.export.graph import ArithmeticOptions
from training.export.model_builder import LOGITS, PROBABILITY, StreamLayers
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE

FEATURES = 0.1, -128
"""Scale and zero point of the input of `streaming_model`."""
FRAMES, BINS = 3, 16


def streaming_model(seed: int = 1) -> bytes:
    """A few new frames a step, windows of several lengths, and a score as uint8."""
    b = StreamLayers(seed)
    source = b.tensor((1, FRAMES, BINS), *FEATURES)
    x = b.reshape(source, (1, FRAMES, 1, BINS))
    x = b.convolution(b.window(x, 5, initial=-128), 8, (5, 1), (3, 1), padding="VALID")
    for rows, channels in ((5, 12), (9, 10), (4, 10)):
        x = b.convolution(b.window(x, rows), 0, (rows, 1), multiplier=1, padding="VALID")
        x = b.convolution(x, channels, 1)
    x = b.window(x, 5)
    x = b.reshape(x, (1, b.tensors[x].elements))
    x = b.operator("LOGISTIC", [b.fully_connected(x, 4)], b.tensor((1, 4), *PROBABILITY))
    scores = b.tensor((1, 4), 1 / 256, dtype="uint8")
    return write_tflite(b.graph([source], [b.operator("QUANTIZE", [x], scores)]))


def stateful_keyword_model(classes: int = 12, seed: int = 5) -> bytes:
    """A keyword model that a front-end feeds, whose scores depend on the clip before."""
    b = StreamLayers(seed)
    source = b.tensor((1, 49, 40, 1), FEATURE_SCALE)
    x = b.window(b.convolution(source, 8, 5, 4), 20)
    scores = b.convolution(b.mean(x), classes, 1, logits=True)
    return write_tflite(b.graph([source], [b.reshape(scores, (1, classes))]))


def recurrent_model(seed: int = 2) -> bytes:
    """A state read, changed and read again, and one that the output depends on a step later."""
    b = StreamLayers(seed)
    shape = (1, 6)
    source = b.tensor(shape, 0.05)
    total = b.variable(b.rng.integers(-20, 20, shape).astype(np.int8), *LOGITS)
    last = b.variable(np.zeros(shape, np.int8), 0.05, 0)
    before = b.read(total, shape, *LOGITS)
    faded = b.operator(
        "MUL",
        [before, b.tensor((1, 6), 0.007, data=np.full((1, 6), 100, np.int8))],
        b.tensor(shape, *LOGITS),
        ArithmeticOptions(),
    )
    after = b.operator("ADD", [faded, source], b.tensor(shape, *LOGITS), ArithmeticOptions())
    b.assign(total, after)
    again = b.read(total, shape, *LOGITS)
    delayed = b.read(last, shape, 0.05, 0)
    b.assign(last, source)
    change = b.operator("ADD", [again, before], b.tensor(shape, 0.1), ArithmeticOptions())
    result = b.operator("ADD", [change, delayed], b.tensor(shape, 0.1), ArithmeticOptions())
    return write_tflite(b.graph([source], [result]))
