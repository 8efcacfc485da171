"""A causal network that takes one hop of frames a step gives the scores of its window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from causal_models import causal_model
from interpreters import NN_SOURCES, Kernels, run_litert

from training.compress.quantise import convert_calibrated
from training.export.bench_model import temporal_model
from training.export.compile import CompiledModel, compile_model
from training.export.model_builder import Layers
from training.export.targets import REFERENCE, TARGETS, Target
from training.export.tflite_writer import write_tflite
from training.models import spectro_temporal
from training.recipe import FEATURE_SCALE
from training.runtime import keras

CLIPS = 3
NETWORKS = 60
SEEDS_OF_TARGETS = 8


@pytest.fixture(scope="module")
def kernels(build_shared: Callable) -> Kernels:
    return Kernels(build_shared(NN_SOURCES))


def _clips(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Noise of several strengths, int8[CLIPS, *shape]."""
    rng = np.random.default_rng(seed)
    strengths = np.linspace(20, 90, CLIPS).reshape(-1, *(1 for _ in shape))
    return np.clip((rng.normal(0, 1, (CLIPS, *shape)) * strengths).round(), -128, 127).astype(
        np.int8
    )


def _steps(model: CompiledModel, clip: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The whole hops of a clip."""
    hop = model.frames_bins[0]
    for step in range(model.steps):
        yield [clip[:, step * hop : (step + 1) * hop]]


def _streamed(kernels: Kernels, model: CompiledModel, clips: np.ndarray) -> np.ndarray:
    """Scores after the last step of every clip; each begins with the initial states."""
    last = [kernels.run(model.program, list(_steps(model, c)), model.plan)[-1] for c in clips]
    return np.stack(last)


def _compare(kernels: Kernels, tflite: bytes, target: Target, seed: int) -> np.ndarray:
    window = compile_model(tflite)
    model = compile_model(tflite, target=target, streaming="always")
    assert model.summary.state_bytes > 0
    assert model.frames_bins[0] < model.window_frames == window.frames_bins[0]
    clips = _clips(window.input.shape, seed)
    expected = np.stack(run_litert(tflite, [[clip] for clip in clips]))
    ours = _streamed(kernels, model, clips)
    np.testing.assert_array_equal(ours.reshape(expected.shape), expected)
    return expected


@pytest.mark.parametrize("columns", [1, 3])
def test_random_causal_networks(kernels: Kernels, columns: int) -> None:
    different = 0
    for seed in range(NETWORKS // columns):
        tflite = causal_model(seed, columns=columns)
        scores = _compare(kernels, tflite, REFERENCE, seed)
        different += len(np.unique(scores.reshape(CLIPS, -1), axis=0)) > 1
    assert different > 0.9 * NETWORKS / columns, "the scores hardly depend on the input"


def convolutions_over_one_axis(seed: int) -> bytes:
    """As Keras's Conv1D with causal padding is converted: over images of one row."""
    b = Layers(seed, 50)
    frames, bins = 31, 10
    source = b.tensor((1, frames, bins), FEATURE_SCALE)
    x, rows, channels = source, frames, bins
    for taps, stride, dilation, wider in ((3, 1, 1, 12), (4, 2, 1, 9), (3, 1, 3, 8)):
        past = (taps - 1) * dilation - (stride - 1)
        quantization = b.tensors[x].quantization
        assert quantization is not None
        scale, zero_point = quantization.scales[0], quantization.zero_points[0]
        borders = b.constant(np.array([[0, 0], [past, 0], [0, 0]], np.int32))
        padded = b.tensor((1, past + rows, channels), scale, zero_point)
        x = b.operator("PAD", [x, borders], padded)
        x = b.reshape(x, (1, 1, past + rows, channels))
        x = b.convolution(x, wider, (1, taps), (1, stride), padding="VALID", dilation=(1, dilation))
        rows, channels = b.tensors[x].shape[2:]
        x = b.reshape(x, (1, rows, channels))
    x = b.mean(b.reshape(x, (1, rows, 1, channels)))
    scores = b.convolution(x, 5, 1, logits=True)
    return write_tflite(b.build([source], [b.reshape(scores, (1, 5))]))


def over_time_and_frequency(seed: int) -> bytes:
    """The shipped students' network over both axes, untrained but for its normalisation."""
    keras.utils.set_random_seed(seed)
    frames, bins = 31, 20
    model = spectro_temporal.build(frames=frames, bins=bins, classes=5, width=20, blocks=2)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (weight.shape for weight in layer.get_weights())
            drawn = rng.uniform(0.7, 1.3, gamma), rng.normal(0, 0.2, beta), rng.normal(0, 0.2, mean)
            layer.set_weights([*drawn, rng.uniform(0.5, 1.5, variance)])
    return convert_calibrated(model, _clips((frames, bins), seed))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_convolutions_over_time_and_frequency(kernels: Kernels, target: Target) -> None:
    scores = _compare(kernels, over_time_and_frequency(3), target, seed=3)
    assert len(np.unique(scores.reshape(CLIPS, -1), axis=0)) > 1


def test_convolutions_over_one_axis(kernels: Kernels) -> None:
    for target in (REFERENCE, *TARGETS):
        _compare(kernels, convolutions_over_one_axis(2), target, seed=1)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_kernels_of_every_target(kernels: Kernels, target: Target) -> None:
    for seed in range(SEEDS_OF_TARGETS):
        _compare(kernels, causal_model(seed, columns=1 + 2 * (seed % 2)), target, seed)
    for stem, width in ((32, 40), (18, 22), (7, 13)):
        _compare(kernels, temporal_model(stem, width), target, seed=stem)
