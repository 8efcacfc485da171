"""Whole models as generated C, built with sanitizers, against both interpreters."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from interpreters import NN_SOURCES, run_litert, run_micro
from model_builder import every_operator_model, keyword_model

from training.export import c_writer
from training.export.compile import CompiledModel, compile_model
from training.export.lower_operators import LOWERINGS
from training.export.reader import read_tflite
from training.export.targets import TARGETS, Target

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("model_runner.c")
MLPERF = ROOT.parent / "shared" / "models" / "mlperf_tiny_kws_int8.tflite"
UNUSED_ARENA = 16


def mlperf_or_keyword_model() -> bytes:
    """MLPerf Tiny's network where the models lie beside the project, else one of our own."""
    return MLPERF.read_bytes() if MLPERF.exists() else keyword_model(seed=9)


def _program(model: CompiledModel, folder: Path, build_program: Callable[..., Path]) -> Path:
    identity = c_writer.Identity(model.name, "0" * 64)
    (folder / "sotto_model.h").write_text(c_writer.model_header([model], identity, UNUSED_ARENA))
    (folder / "sotto_model_aot.c").write_text(c_writer.model_source(model, identity))
    sources = [RUNNER, folder / "sotto_model_aot.c", *NN_SOURCES]
    flags = ["-I", str(folder), f"-DSOTTO_TARGET={model.target.macro}"]
    return build_program(sources, flags)


def _inputs(shape: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Extremes, uniform bytes, and noise of several strengths around the zero point."""
    rng = np.random.default_rng(seed)
    inputs = [np.full(shape, value, np.int8) for value in (-128, 0, 127)]
    inputs += [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(20)]
    for strength in (2, 8, 30, 60, 100):
        noise = rng.normal(0, strength, (4, *shape)).round()
        inputs += list(np.clip(noise, -128, 127).astype(np.int8))
    return inputs


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize(
    ("build", "interpreters"),
    [
        (mlperf_or_keyword_model, (run_litert, run_micro)),
        (keyword_model, (run_litert, run_micro)),
        # Its FULLY_CONNECTED meets ties, which LiteRT rounds differently (see test_kernels).
        (every_operator_model, (run_micro,)),
    ],
    ids=["mlperf", "keyword", "every_operator"],
)
def test_generated_program(
    build: Callable[[], bytes],
    interpreters: tuple[Callable, ...],
    target: Target,
    tmp_path: Path,
    build_program: Callable[..., Path],
) -> None:
    tflite = build()
    model = compile_model(tflite, name=build.__name__, target=target)
    inputs = _inputs(model.input.shape, seed=4)
    program = _program(model, tmp_path, build_program)
    done = subprocess.run(
        [program], input=np.stack(inputs).tobytes(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    ours = np.frombuffer(done.stdout, np.int8).reshape(len(inputs), -1)
    rounds = [[value] for value in inputs]
    for run in interpreters:
        np.testing.assert_array_equal(ours, np.reshape(run(tflite, rounds), ours.shape))
    assert len(np.unique(ours, axis=0)) > len(inputs) // 2, "the scores hardly depend on the input"


def test_every_operator_is_in_the_model() -> None:
    names = {operator.name for operator in read_tflite(every_operator_model()).operators}
    assert set(LOWERINGS) <= names
