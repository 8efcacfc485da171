"""`make bench-engine`: figures that are measured, exact and good."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_builder import Layers, keyword_model

from host_tools.bench.build import LIBRARY, build, usage_files
from host_tools.bench.cores import CORES, Core
from host_tools.bench.disassembly import disassemble
from host_tools.bench.measure import Figures
from host_tools.bench.measure import bench as run_bench
from host_tools.bench.stack import Frames, addresses_in, read_usage
from host_tools.commands import _bench_engine
from host_tools.commands._options import Placement
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_USAGE, SottoError
from training.export.bench_model import temporal_model
from training.export.compile import compile_model
from training.export.dsp import choose
from training.export.dsp.params import (
    MATRIX_UNITS,
    AddDspParams,
    AddFittedDspParams,
    DepthwiseDspParams,
    DepthwiseFive5DspParams,
    DepthwiseFiveDspParams,
    DepthwiseRows3DspParams,
    DepthwiseRows5DspParams,
    DepthwiseRowsBy2DspParams,
    DepthwiseRowsDspParams,
    DepthwiseRowsExactDspParams,
    MatrixDspParams,
    MatrixExactDspParams,
    MatrixLongDspParams,
    MeanDspParams,
)
from training.export.graph import ArithmeticOptions, PoolOptions
from training.export.mve.params import (
    AddMveParams,
    AveragePoolMveParams,
    DepthwiseLongMveParams,
    DepthwiseMveParams,
    MatrixMveParams,
    MeanMveParams,
)
from training.export.targets import find_target
from training.export.tflite_writer import write_tflite

pytestmark = pytest.mark.emulator
LAYERED = [core for core in CORES.values() if core.name != "cortex-m4f-portable"]
M4F, M3, M55, M0PLUS = (
    CORES[n] for n in ("cortex-m4f", "cortex-m3", "cortex-m55", "cortex-m0plus")
)


def every_packed_kernel_model() -> bytes:
    """All kernels of sotto/nn_dsp.h, with odd channels and rows of all lengths modulo 6."""
    b = Layers(seed=8)
    source = b.tensor((1, 25, 23, 1), 1 / 16)
    x = b.convolution(source, 33, 3)
    x = b.convolution(x, 33, (2, 3), multiplier=1)  # 23 columns: five are left
    x = b.convolution(x, 33, 3, (2, 1), multiplier=1, logits=True)  # exact
    x = b.convolution(x, 33, 3, (1, 2), multiplier=1)  # 13 x 12, rows of stride 2
    x = b.convolution(x, 33, 3, (1, 2), multiplier=1, logits=True)
    x = b.convolution(x, 30, 1)
    x = b.convolution(x, 30, (5, 3), multiplier=1)
    down = b.convolution(x, 30, 3, multiplier=1)  # rows of stride 1, even and odd
    x = b.convolution(down, 30, 5, multiplier=1)  # not three columns
    x = b.operator("ADD", [down, x], b.same(down, 0.07), ArithmeticOptions())
    total = b.tensor(b.tensors[x].shape, 0.007, 3)
    x = b.operator("ADD", [down, x], total, ArithmeticOptions())  # does not fit
    x = b.convolution(x, 6, 3, 3)
    x = b.convolution(x, 6, 3, multiplier=1)
    return write_tflite(b.build([source], [b.convolution(b.mean(x), 5, 1, logits=True)]))


def rows_of_five_model() -> bytes:
    """Rows of five columns, windows of all lengths that one pass takes, long and exact ones."""
    b = Layers(seed=9)
    source = b.tensor((1, 9, 10, 1), 1 / 16)
    x = b.convolution(source, 6, 3, (1, 2))
    x = b.convolution(x, 6, 3, multiplier=1)
    x = b.convolution(x, 8, (5, 3), multiplier=1)
    for channels in (7, 18, 26, 34, 42, 50, 58, 66, 11):
        x = b.convolution(x, channels, 1)
    x = b.convolution(x, 9, 3)  # of 99 bytes
    return write_tflite(b.build([source], [b.convolution(b.mean(x), 5, 1, logits=True)]))


def all_row_lengths_model() -> bytes:
    """Depthwise rows of 21, 19, 17, 14, 12 and 10 columns: all lengths modulo 6."""
    b = Layers(seed=10)
    source = b.tensor((1, 15, 23, 1), 1 / 16)
    x = b.convolution(source, 15, 3)
    for _ in range(3):
        x = b.convolution(x, 15, 3, multiplier=1, padding="VALID")
    x = b.convolution(x, 17, (1, 2), padding="VALID")
    for _ in range(3):
        x = b.convolution(x, 17, 3, multiplier=1, padding="VALID")
    return write_tflite(b.build([source], [b.convolution(b.mean(x), 5, 1, logits=True)]))


def bench(model: bytes, core: Core, name: str = "tiny") -> Figures:
    return run_bench(_bench_engine.compile_job(name, model, core.target), core)


@pytest.fixture
def every_layer_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small."""
    monkeypatch.setattr(choose, "EXACT_MACS", 0)


@pytest.mark.usefixtures("every_layer_packed")
@pytest.mark.parametrize("core", [M4F, replace(M3, target="dsp")], ids=lambda core: core.name)
@pytest.mark.parametrize(
    "model", [every_packed_kernel_model(), rows_of_five_model(), all_row_lengths_model()]
)
def test_every_packed_kernel_on_the_instructions_themselves(model: bytes, core: Core) -> None:
    assert bench(model, core).instructions > 0


def test_rows_have_all_lengths() -> None:
    program = compile_model(all_row_lengths_model(), target=find_target("dsp")).program
    rows = [c.params for c in program.calls if isinstance(c.params, DepthwiseRows3DspParams)]
    assert {params.output_width % 6 for params in rows} == set(range(6))


@pytest.mark.usefixtures("every_layer_packed")
def test_models_have_every_packed_kernel() -> None:
    calls = [
        call
        for model in (every_packed_kernel_model(), rows_of_five_model())
        for call in compile_model(model, target=find_target("dsp")).program.calls
    ]
    assert {type(call.params) for call in calls} >= {
        MatrixDspParams,
        MatrixLongDspParams,
        MatrixExactDspParams,
        DepthwiseDspParams,
        DepthwiseFiveDspParams,
        DepthwiseFive5DspParams,
        DepthwiseRowsDspParams,
        DepthwiseRows3DspParams,
        DepthwiseRows5DspParams,
        DepthwiseRowsBy2DspParams,
        DepthwiseRowsExactDspParams,
        AddDspParams,
        AddFittedDspParams,
        MeanDspParams,
    }
    strides = {c.params.stride_width for c in calls if hasattr(c.params, "plane_pairs")}
    assert strides == {1, 2}
    exact = (c.params for c in calls if isinstance(c.params, DepthwiseRowsExactDspParams))
    assert {params.stride_width for params in exact} == {1, 2}
    lengths = {c.params.units for c in calls if type(c.params) is MatrixDspParams}
    assert lengths == set(range(1, MATRIX_UNITS + 1))


def vector_kernels_model(seed: int) -> bytes:
    """Layers for the kernels of sotto/nn_mve.h in random sizes."""
    rng = np.random.default_rng(seed)
    b = Layers(seed)
    height, width, *outputs = (int(n) for n in rng.integers(5, 30, 8))
    x = source = b.tensor((1, height, width, 1), 1 / 16)
    x = b.convolution(x, outputs[0], int(rng.integers(1, 6)), int(rng.integers(1, 3)))
    for before, channels, kernel in zip(outputs, outputs[1:5], (3, 5, 7, 2), strict=False):
        x = b.convolution(x, before, kernel, int(rng.integers(1, 3)), multiplier=1)
        x = b.convolution(x, channels, int(rng.integers(1, 3)), logits=bool(rng.integers(2)))
    y = b.convolution(x, outputs[4], 3, logits=True)
    x = b.operator("ADD", [x, y], b.same(x, 0.07), ArithmeticOptions())
    x = b.operator("AVERAGE_POOL_2D", [x], b.same(x), PoolOptions("SAME", 1, 1, 2, 3, "NONE"))
    x = b.convolution(b.mean(x), outputs[5], 1, logits=True)
    return write_tflite(b.build([source], [x]))


@pytest.mark.parametrize("seed", range(4))
def test_every_vector_kernel_on_the_instructions_themselves(seed: int) -> None:
    model = vector_kernels_model(seed)
    calls = compile_model(model, target=find_target("mve")).program.calls
    kinds = {MatrixMveParams, DepthwiseMveParams, DepthwiseLongMveParams, AddMveParams}
    assert {type(call.params) for call in calls} == kinds | {AveragePoolMveParams, MeanMveParams}
    weighted = [
        c.params for c in calls if isinstance(c.params, MatrixMveParams | DepthwiseMveParams)
    ]
    assert {params.ties_away for params in weighted} == {0, 1}
    assert bench(model, M55).instructions > 0


def test_packed_kernels_take_a_fraction_of_the_instructions() -> None:
    """`bench` itself compares the scores with TFLite-Micro's."""
    packed = bench(keyword_model(), M4F)
    reference = bench(keyword_model(), replace(M4F, target="reference"))
    assert packed.instructions < reference.instructions / 4
    assert packed.instructions == bench(keyword_model(), M4F).instructions
    assert packed.ratio_instructions is None


def test_wrong_scores_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bench_engine, "bench_input", lambda count: bytes(np.full(count, 9, "u1")))
    with pytest.raises(SottoError, match="tiny on cortex-m3 computes"):
        bench(keyword_model(), M3)


@pytest.mark.parametrize("core", LAYERED, ids=lambda core: core.name)
def test_every_layer_is_measured(core: Core) -> None:
    """The counter of the port agrees with the trace, and the layers add up to the whole."""
    job = _bench_engine.compile_job("tiny", keyword_model(), core.target)
    figures = run_bench(job, core)
    assert [layer.operator for layer in figures.layers] == [call.operator for call in job.calls]
    assert sum(layer.instructions for layer in figures.layers) == figures.instructions
    assert 0 < figures.stack_painted_bytes <= figures.stack_bytes
    assert figures.macs == sum(layer.macs for layer in figures.layers) > 0
    if core.timing:
        assert sum(layer.cycles for layer in figures.layers) == figures.cycles
        assert figures.cycles > figures.instructions


@pytest.mark.parametrize("core", [M4F, M0PLUS], ids=lambda core: core.name)
def test_stack_is_followed_as_the_compiler_accounts_for_it(core: Core, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    job = _bench_engine.compile_job("tiny", keyword_model(), core.target)
    for name, text in job.sources.items():
        (tmp_path / "model" / name).write_text(text)
    elf = build(core, "engine.c", tmp_path)
    program = disassemble(elf, core.toolchain.prefix)
    usage, library = read_usage(usage_files(core, tmp_path))
    followed = {name: Frames(program, {}, ()).own(name) for name in program.functions}
    sources = "".join(path.read_text() for path in (LIBRARY / "src").rglob("*.c"))
    naked = set(re.findall(r"__attribute__\(\(naked\)\) \w+ (\w+)\(", sources))
    assert naked & library & followed.keys()
    # Armv6-M adds a register to the stack pointer for a frame that no immediate holds
    compiled = usage.keys() & followed.keys() - naked - {"bench_probe_stack"}
    assert len(compiled) > 10
    assert {name: usage[name] for name in compiled} == {name: followed[name] for name in compiled}
    # a call through a pointer, as in main, may enter the functions whose address is stored
    assert addresses_in(elf, program, core.toolchain.prefix) >= {"cortex_m_reset", "port_write"}


def test_frontend_is_measured_by_function_and_stage() -> None:
    """`bench` itself compares the features with those of training."""
    figures = run_bench(_bench_engine.frontend_job(), M4F)
    assert sum(layer.instructions for layer in figures.layers) == figures.instructions
    functions = [layer.function for layer in figures.layers]
    assert functions[0] == "sotto_frontend_push"
    assert {"sotto_fft", "sotto_power"} <= set(functions)
    assert sum(figures.stages.values()) == figures.instructions
    expected = {"samples", "window", "FFT", "power", "mel", "logarithm", "C library"}
    assert set(figures.stages) == expected
    assert figures.stages["mel"] > figures.stages["logarithm"] > 500


def test_report_holds_what_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.tflite").write_bytes(keyword_model())
    out = tmp_path / "bench" / "engine.json"
    asked = ["--model", "tiny", "--core", "cortex-m4f", "--core", "cortex-m3", "--layers"]
    assert _bench_engine.main([*asked, "--out", str(out), "--models", str(tmp_path)]) == 0
    rows = json.loads(out.read_text())
    assert [(row["model"], row["core"]) for row in rows] == [
        ("tiny", "cortex-m4f"),
        ("tiny", "cortex-m3"),
    ]
    table = capsys.readouterr().out
    for row in rows:
        assert min(row[k] for k in ("instructions", "flash_bytes", "ram_bytes", "stack_bytes")) > 0
        assert row["flash_bytes"] == sum(part["flash_bytes"] for part in row["parts"])
        assert f"{row['instructions']:,} instructions" in table
        assert all(f"{layer['instructions']:,} instructions" in table for layer in row["layers"])


def test_unknown_names_are_errors_that_list_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert _bench_engine.main(["--core", "cortex-m99"]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert "there is no core 'cortex-m99'" in said
    assert "cortex-m4f, " in said


def test_what_cannot_be_compiled_is_left_out_and_nothing_left_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"no model")
    asked = ["--model", "broken", "--core", "cortex-m4f", "--models", str(tmp_path)]
    assert _bench_engine.main(asked) == EXIT_CHECK_FAILED
    said = capsys.readouterr().err
    assert "left out on cortex-m4f: broken" in said
    assert "error: nothing was benched" in said


def test_a_folder_of_models_that_is_missing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    missing = ["--models", "/no/such/folder", "--core", "cortex-m4f", "--model", "frontend"]
    assert _bench_engine.main([*missing, "--json"]) == 0
    out, err = capsys.readouterr()
    assert "no folder /no/such/folder" in err
    assert [row["model"] for row in json.loads(out)] == ["frontend"]


def test_a_core_without_compiler_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(
        CORES, "cortex-m3", replace(M3, toolchain=replace(M3.toolchain, prefix="nowhere-"))
    )
    assert _bench_engine.main(["--core", "cortex-m3"]) == EXIT_CHECK_FAILED
    said = capsys.readouterr().err
    assert "cortex-m3 is left out: nowhere-gcc is not on PATH" in said
    assert "error: nothing was benched" in said


@pytest.mark.parametrize("placement", ["huffman", "huffman-layers", "storage"])
def test_constants_that_are_fetched_give_the_scores_of_tflite_micro(placement: Placement) -> None:
    """`run_bench` itself compares them."""
    figures = run_bench(
        _bench_engine.job_for("temporal", temporal_model(), M4F.target, placement), M4F
    )
    fetched = [layer for layer in figures.layers if layer.operator == "FETCH"]
    assert bool(fetched) == (placement != "huffman")
    assert {layer.function for layer in fetched} <= {"sotto_huffman_decode", "sotto_storage_read"}
