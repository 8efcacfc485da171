"""What keeps a network from being a stream is named: operator, tensor and reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from model_builder import keyword_model
from stream_models import streaming_model

from training.errors import UserError
from training.export.bench_model import temporal_model
from training.export.compile import compile_model
from training.export.graph import ArithmeticOptions, Graph, PoolOptions
from training.export.model_builder import Layers
from training.export.passes import simplify
from training.export.passes.follow_time import Time, follow_time
from training.export.passes.stream import stream
from training.export.targets import REFERENCE
from training.recipe import FEATURE_SCALE

FRAMES, BINS = 24, 4


def _network(build: Callable[[Layers, int], int]) -> Graph:
    """`build(layers, source)` over 24 frames of four bins."""
    b = Layers(3)
    source = b.tensor((1, FRAMES, BINS, 1), FEATURE_SCALE)
    return simplify(b.build([source], [build(b, source)]))


def _causal(b: Layers, x: int, taps: int = 3, stride: int = 1) -> int:
    past = b.pad(x, taps - stride)
    return b.convolution(past, 6, (taps, b.tensors[x].shape[2]), (stride, 1), padding="VALID")


def _gated_by_all_frames(b: Layers, x: int) -> int:
    x = _causal(b, x)
    y = b.operator("MUL", [x, b.mean(x)], b.same(x), ArithmeticOptions())
    return b.mean(y)


def _constant_over_time(b: Layers, x: int) -> int:
    x = _causal(b, x)
    shape = b.tensors[x].shape
    constant = b.tensor(shape, 0.05, data=np.arange(np.prod(shape)).reshape(shape).astype(np.int8))
    return b.mean(b.operator("ADD", [x, constant], b.same(x), ArithmeticOptions()))


def _average_over_padding(b: Layers, x: int) -> int:
    x = _causal(b, x)
    pooled = b.tensor(b.tensors[x].shape, *(0.05, -128))
    return b.mean(b.operator("AVERAGE_POOL_2D", [x], pooled, PoolOptions("SAME", 1, 1, 2, 1)))


def _flat_first(b: Layers, x: int) -> int:
    return b.convolution(b.reshape(x, (1, 1, 1, FRAMES * BINS)), 5, 1)


def _frames_left_over(b: Layers, x: int) -> int:
    """A hop of five frames leaves four of 24, which the mean of the other branch takes."""
    slow = b.mean(_causal(b, x, taps=5, stride=5))
    fast = b.mean(_causal(b, x))
    return b.operator("ADD", [slow, fast], b.same(slow), ArithmeticOptions())


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda b, x: b.mean(b.convolution(x, 6, (3, BINS))), "looks 1 rows ahead"),
        (lambda b, x: b.mean(b.convolution(x, 6, (3, BINS), padding="VALID")), "looks 2 rows"),
        (_gated_by_all_frames, r"MUL .*'t\d+' is known only behind the whole window"),
        (_constant_over_time, "ADD .* constant differs from frame to frame"),
        (_average_over_padding, "AVERAGE_POOL_2D .* looks 1 rows ahead"),
        (_flat_first, "CONV_2D .* its input needs the whole window"),
        (_causal, "output has a row for every few frames"),
        (_frames_left_over, "MEAN .* takes 24 rows, of which whole hops of 5 frames give 20"),
        (lambda b, x: b.mean(b.pad(_causal(b, x), 2)), "PAD .* no convolution behind it"),
        (lambda b, x: b.mean(_causal(b, b.pad(x, 2))), "PAD .* pads time|pads 2 rows more"),
    ],
)
def test_the_first_reason_is_named(build: Callable[[Layers, int], int], words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        stream(_network(build))
    assert "--stream" in refused.value.remedy


def test_a_network_with_states_of_its_own_stays_as_it_is() -> None:
    with pytest.raises(UserError, match="keeps a state already"):
        compile_model(streaming_model(), streaming="always")
    model = compile_model(streaming_model(), streaming="auto")
    assert "keeps a state already" in model.not_streamed
    assert model.steps == 1


def test_auto_leaves_a_network_that_looks_ahead_over_its_window() -> None:
    model = compile_model(keyword_model(), streaming="auto")
    assert "rows ahead" in model.not_streamed
    assert (model.frames_bins, model.window_frames, model.steps) == ((49, 40), 49, 1)
    assert compile_model(keyword_model()).not_streamed == ""


def test_states_are_what_layers_look_back_at() -> None:
    """Of a temporal student: three rows for a hop of two, four dilations of four rows, 24 maps."""
    model = compile_model(temporal_model(8, 12), target=REFERENCE, streaming="always")
    assert (model.frames_bins, model.window_frames, model.steps) == ((2, 40), 49, 24)
    rows = [model.program.buffers[state].shape[1:] for state in model.program.states]
    assert rows == [(5, 1, 8), (5, 1, 12), (9, 1, 12), (17, 1, 12), (17, 1, 12), (24, 1, 12)]
    window = compile_model(temporal_model(8, 12), target=REFERENCE)
    assert model.summary.weights_bytes == window.summary.weights_bytes
    classifier, last_frame = 12 * 12, 40 * 8  # computed once in a window; read by nobody
    steps = 24 * (model.program.macs - classifier)
    assert steps + classifier + last_frame == window.program.macs


def test_time_is_followed_through_views_and_strides() -> None:
    def build(b: Layers, x: int) -> int:
        return b.mean(_causal(b, b.reshape(x, (1, FRAMES, 1, BINS)), taps=4, stride=2))

    graph = _network(build)
    times = follow_time(graph)
    assert times[graph.inputs[0]] == Time(1, 1)
    last = next(o for o in graph.operators if o.name == "CONV_2D")
    assert times[last.outputs[0]] == Time(1, 2)
    assert graph.outputs[0] not in times
    assert stream(graph).hop_frames == 2
