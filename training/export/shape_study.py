"""Networks of layers in many shapes, to tell what a product costs where a shape does not divide."""

from __future__ import annotations

from training.export.bench_model import temporal_model
from training.export.model_builder import Layers
from training.export.tflite_writer import write_tflite
from training.recipe import FEATURE_SCALE

WIDTHS = (5, 7, 10, 20)
CHANNELS = (16, 20, 32, 40, 64)
HEIGHT = 25
"""As the layers of MLPerf Tiny's keyword model."""
_DEVIATION = 50
_CLASSES = 12


def study_models() -> dict[str, bytes]:
    """A `.tflite` for each width of the maps; depthwise layers with strides; causal students."""
    models = {f"width_{width}": _blocks(width) for width in WIDTHS} | {"strides": _strides()}
    students = (16, 20, (1, 2, 4, 8)), (32, 40, (1, 2, 4, 4))
    return models | {f"temporal_{s}_{w}": temporal_model(s, w, d) for s, w, d in students}


def _blocks(width: int) -> bytes:
    """Depthwise-separable blocks over maps of one width, from few channels to many."""
    b = Layers(width, _DEVIATION)
    source = b.tensor((1, HEIGHT, width, 1), FEATURE_SCALE)
    x = b.convolution(source, CHANNELS[0], 3)
    for channels in CHANNELS:
        if channels != CHANNELS[0]:
            x = b.convolution(x, channels, 1)
        x = b.convolution(x, channels, 3, multiplier=1)
        x = b.convolution(x, channels, 1)
    return write_tflite(b.build([source], [b.fully_connected(b.mean(x), _CLASSES)]))


def _strides() -> bytes:
    """Depthwise layers that halve rows and columns of 20 x 20, and columns alone."""
    b = Layers(2, _DEVIATION)
    source = b.tensor((1, 20, 20, 1), FEATURE_SCALE)
    first = b.convolution(source, 32, 3)
    x = b.convolution(first, 0, 3, (2, 2), multiplier=1)
    x = b.convolution(x, 32, 1)
    x = b.convolution(x, 0, 3, (1, 2), multiplier=1)
    x = b.convolution(x, 32, 1)
    return write_tflite(b.build([source], [b.fully_connected(b.mean(x), _CLASSES)]))
