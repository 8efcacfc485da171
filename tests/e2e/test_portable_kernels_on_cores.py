"""Kernels of sotto/nn_portable.h on the instructions of each kind of core that they are for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from model_builder import Layers

from host_tools.bench.cores import CORES, Core
from host_tools.bench.measure import bench
from host_tools.commands._bench_engine import compile_job
from training.export.compile import compile_model
from training.export.portable.params import DepthwiseStripsPortableParams, MatrixPortableParams
from training.export.targets import PORTABLE
from training.export.tflite_writer import write_tflite

pytestmark = pytest.mark.emulator


def strips_model() -> bytes:
    """Strips of both strides, kernels of even and odd height; results fitted and exact."""
    b = Layers(seed=12)
    source = b.tensor((1, 15, 24, 1), 1 / 16)
    x = b.convolution(source, 10, 3)
    x = b.convolution(x, 10, (2, 3), multiplier=1)
    x = b.convolution(x, 10, (5, 3), multiplier=1, logits=True)
    x = b.convolution(x, 10, (4, 3), (2, 2), multiplier=1)
    x = b.convolution(x, 10, (3, 3), (1, 2), multiplier=1, logits=True)
    return write_tflite(b.build([source], [b.convolution(b.mean(x), 5, 1, logits=True)]))


def matrices_model() -> bytes:
    """Windows of 1 to 25 groups; their number leaves all remainders of six; fitted and exact."""
    b = Layers(seed=13)
    source = b.tensor((1, 11, 9, 1), 1 / 16)
    x = b.convolution(source, 5, 3)
    for channels in (4, 9, 17, 32, 100, 6):
        x = b.convolution(x, channels, 1, logits=channels % 2 == 1)
    x = b.convolution(x, 7, 3, (2, 2))  # 6 x 5 windows
    x = b.convolution(x, 9, 2, (2, 2))  # 3 x 3
    x = b.convolution(x, 3, 2, (2, 2))  # 2 x 2
    return write_tflite(b.build([source], [b.convolution(b.mean(x), 5, 1, logits=True)]))


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m0plus", "rv32imc"])
@pytest.mark.parametrize("model", [strips_model, matrices_model], ids=lambda m: m.__name__)
def test_scores_are_those_of_tflite_micro(model: Callable[[], bytes], core: str) -> None:
    """`bench` itself compares them."""
    chosen: Core = CORES[core]
    assert bench(compile_job(model.__name__, model(), chosen.target), chosen).instructions > 0


def test_models_have_every_case() -> None:
    params = [
        call.params
        for model in (strips_model, matrices_model)
        for call in compile_model(model(), target=PORTABLE).program.calls
    ]
    strips = [p for p in params if isinstance(p, DepthwiseStripsPortableParams)]
    matrices = [p for p in params if isinstance(p, MatrixPortableParams)]
    assert {p.stride_width for p in strips} == {1, 2}
    assert {p.kernel_height % 2 for p in strips if p.stride_width == 1} == {0, 1}
    assert {p.kernel_height % 2 for p in strips if p.stride_width == 2} == {0, 1}
    assert {p.fitted for p in strips} == {p.fitted for p in matrices} == {0, 1}
    assert {p.groups % 4 for p in matrices} == {0, 1, 2, 3}
    assert min(p.groups for p in matrices) < 4 < max(p.groups for p in matrices)
    assert {p.tile_windows for p in matrices} == {1, 6}
    aside = [len(p.stream) // p.output_channels - p.groups for p in matrices]
    assert max(aside) > 3, "no group of weights is set aside"
