"""Whole models as generated C, built with sanitizers, against both interpreters."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from interpreters import NN_SOURCES, run_litert, run_micro
from model_builder import every_operator_model, keyword_model, split_and_join_model
from stream_models import recurrent_model, streaming_model

from training.export import c_writer
from training.export.compile import CompiledModel, compile_model
from training.export.lower import INTERNAL_OPERATORS
from training.export.operators import LOWERINGS
from training.export.reader import read_tflite
from training.export.targets import REFERENCE, TARGETS, Target
from training.export.tflite_writer import write_tflite

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("model_runner.c")
MLPERF = ROOT.parent / "shared" / "models" / "mlperf_tiny_kws_int8.tflite"
HEY_JARVIS = ROOT.parent / "shared" / "models" / "microwakeword_hey_jarvis_v2_int8.tflite"
STREAM_STEPS = 240
STREAM_CLIP = 80


def mlperf_or_keyword_model() -> bytes:
    """MLPerf Tiny's network where the models lie beside the project, else one of our own."""
    return MLPERF.read_bytes() if MLPERF.exists() else keyword_model(seed=9)


@pytest.fixture(scope="module")
def build_model(build_program: Callable[..., Path]) -> Callable[[CompiledModel, Path], Path]:
    """`build_model(model, folder)` -> program; the kernels are compiled once."""
    objects = build_program(NN_SOURCES, ["-r"])
    return lambda model, folder: _program(model, folder, build_program, objects)


def _program(
    model: CompiledModel, folder: Path, build_program: Callable[..., Path], objects: Path
) -> Path:
    identity = c_writer.Identity(model.name, "0" * 64)
    (folder / "sotto_model.h").write_text(c_writer.model_header([model], identity, None))
    (folder / "sotto_model_aot.c").write_text(c_writer.model_source(model, identity))
    sources = [RUNNER, folder / "sotto_model_aot.c", objects]
    flags = ["-I", str(folder), f"-DSOTTO_TARGET={model.target.macro}"]
    return build_program(sources, flags)


def _ours(program: Path, model: CompiledModel, inputs: np.ndarray, *clip: int) -> np.ndarray:
    """Outputs [inputs, classes] of the built program, reset after every `clip` inputs."""
    done = subprocess.run(
        [program, *map(str, clip)], input=inputs.tobytes(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, model.output.dtype).reshape(len(inputs), -1)


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
        (split_and_join_model, (run_litert, run_micro)),
    ],
    ids=["mlperf", "keyword", "every_operator", "split_and_join"],
)
def test_generated_program(
    build: Callable[[], bytes],
    interpreters: tuple[Callable, ...],
    target: Target,
    tmp_path: Path,
    build_model: Callable[[CompiledModel, Path], Path],
) -> None:
    tflite = build()
    model = compile_model(tflite, name=build.__name__, target=target)
    inputs = _inputs(model.input.shape, seed=4)
    program = build_model(model, tmp_path)
    ours = _ours(program, model, np.stack(inputs))
    rounds = [[value] for value in inputs]
    for run in interpreters:
        np.testing.assert_array_equal(ours, np.reshape(run(tflite, rounds), ours.shape))
    assert len(np.unique(ours, axis=0)) > len(inputs) // 2, "the scores hardly depend on the input"


def hey_jarvis_without_end() -> bytes:
    """microWakeWord's model up to its last convolution, whose values say more than its score."""
    graph = read_tflite(HEY_JARVIS.read_bytes())
    last = max(i for i, o in enumerate(graph.operators) if o.name == "CONV_2D")
    outputs = graph.operators[last].outputs
    return write_tflite(replace(graph, outputs=outputs, operators=graph.operators[: last + 1]))


def hey_jarvis_or_streaming_model() -> bytes:
    """microWakeWord's model where the models lie beside the project, else one of its structure."""
    return HEY_JARVIS.read_bytes() if HEY_JARVIS.exists() else streaming_model(seed=9)


def hey_jarvis_values_or_streaming_model() -> bytes:
    """The same, of which more can be seen."""
    return hey_jarvis_without_end() if HEY_JARVIS.exists() else streaming_model(seed=8)


@pytest.mark.parametrize("target", [REFERENCE, *TARGETS], ids=lambda target: target.name)
@pytest.mark.parametrize(
    ("build", "different"),
    [
        # Noise is no "hey Jarvis": its score stays 0.
        (hey_jarvis_or_streaming_model, 1),
        (hey_jarvis_values_or_streaming_model, 100),
        (streaming_model, 100),
        (recurrent_model, 100),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_states_over_a_sequence(
    build: Callable[[], bytes],
    different: int,
    target: Target,
    tmp_path: Path,
    build_model: Callable[[CompiledModel, Path], Path],
) -> None:
    """Every step depends on those before it, until a reset."""
    tflite = build()
    model = compile_model(tflite, name=build.__name__, target=target)
    rng = np.random.default_rng(6)
    noise = rng.normal(-10, 50, (STREAM_STEPS, *model.input.shape)).round()
    inputs = np.clip(noise, -128, 127).astype(np.int8)
    program = build_model(model, tmp_path)
    ours = _ours(program, model, inputs)
    rounds = [[value] for value in inputs]
    for run in (run_litert, run_micro):
        np.testing.assert_array_equal(ours, np.reshape(run(tflite, rounds), ours.shape))
    clips = _ours(program, model, inputs, STREAM_CLIP)
    expected = [
        run_micro(tflite, rounds[start : start + STREAM_CLIP])
        for start in range(0, STREAM_STEPS, STREAM_CLIP)
    ]
    np.testing.assert_array_equal(clips, np.reshape(expected, ours.shape))
    assert len(np.unique(ours, axis=0)) >= different


def test_every_operator_is_in_a_model() -> None:
    """But for RELU_N1_TO_1, which TFLite-Micro lacks: `function_cases.py` has it."""
    models = every_operator_model, split_and_join_model, streaming_model, recurrent_model
    names = {operator.name for build in models for operator in read_tflite(build()).operators}
    assert set(LOWERINGS) - INTERNAL_OPERATORS - names == {"RELU_N1_TO_1"}
