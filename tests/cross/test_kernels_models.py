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

from host_tools.commands._bench_engine import STORAGE_READER
from training.export import c_writer
from training.export.bench_model import temporal_model
from training.export.compile import CompiledModel, compile_model
from training.export.fetching import PLACEMENTS, Fetching, Placement
from training.export.layers import constants, constants_crc32
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
    (folder / "storage.c").write_text(STORAGE_READER if _in_storage(model) else "int unused;\n")
    (folder / "sotto_model.h").write_text(c_writer.model_header([model], identity, None))
    (folder / "sotto_model_aot.c").write_text(c_writer.model_source(model, identity))
    sources = [RUNNER, folder / "sotto_model_aot.c", folder / "storage.c", objects]
    flags = ["-I", str(folder), f"-DSOTTO_TARGET={model.target.macro}"]
    return build_program(sources, flags)


def _in_storage(model: CompiledModel) -> bool:
    return model.program.fetching is not None and model.program.fetching.code is None


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


def few_values_model() -> bytes:
    """A network over time whose weights are of 15 values, as `low_bits` makes them."""
    graph = read_tflite(temporal_model())
    tensors = [
        replace(tensor, data=np.rint(tensor.data / 18.2).astype(np.int8))
        if tensor.data is not None and tensor.dtype == "int8"
        else tensor
        for tensor in graph.tensors
    ]
    return write_tflite(replace(graph, tensors=tuple(tensors)))


@pytest.mark.parametrize(
    ("placement", "target"), list(zip(PLACEMENTS[1:], TARGETS, strict=True)), ids=str
)
def test_fetched_constants_give_the_same_bytes(
    placement: Placement,
    target: Target,
    tmp_path: Path,
    build_model: Callable[[CompiledModel, Path], Path],
) -> None:
    tflite = few_values_model()
    plain = compile_model(tflite, target=target)
    model = compile_model(tflite, target=target, placement=placement)
    inputs = np.stack(_inputs(model.input.shape, seed=7))
    ours = _ours(build_model(model, tmp_path), model, inputs)
    expected = run_micro(tflite, [[value] for value in inputs])
    np.testing.assert_array_equal(ours, np.reshape(expected, ours.shape))
    flash, ram = model.summary.weights_bytes, model.plan.arena_bytes
    assert flash < (0.75 if placement != "storage" else 0.1) * plain.summary.weights_bytes
    assert flash == sum(one.values.nbytes for one in constants(model.program))
    assert constants_crc32(model.program) != constants_crc32(plain.program)
    more = ram - plain.plan.arena_bytes
    assert (more > 0.9 * plain.summary.weights_bytes) == (placement == "huffman")


def emptied_model() -> bytes:
    """A network over time that lost channels, with scales for them as the converter leaves them."""
    graph = read_tflite(temporal_model())
    tensors = list(graph.tensors)
    for operator in graph.operators:
        if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            continue
        _, weights, bias = (tensors[index] for index in operator.inputs)
        assert weights.data is not None
        assert bias.data is not None
        assert weights.quantization is not None
        assert bias.quantization is not None
        empty = np.arange(bias.data.size) % 5 == 1
        shape = [1] * weights.data.ndim
        shape[weights.quantization.axis] = -1
        fine = np.where(empty, 2.0**-18, 1.0)
        for index, tensor, data in (
            (operator.inputs[1], weights, np.where(empty.reshape(shape), 0, weights.data)),
            (operator.inputs[2], bias, np.where(empty, 2**30 - bias.data, bias.data)),
        ):
            scales = tuple(float(s) for s in np.array(tensor.quantization.scales) * fine)
            tensors[index] = replace(
                tensor,
                data=data.astype(tensor.data.dtype),
                quantization=replace(tensor.quantization, scales=scales),
            )
    return write_tflite(replace(graph, tensors=tuple(tensors)))


def _on_reference_kernels(model: CompiledModel) -> list[int]:
    """Convolutions, by the positions of their calls."""
    return [
        position
        for position, call in enumerate(model.program.calls)
        if call.params.kernel in ("conv2d", "depthwise_conv2d")
    ]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_channels_without_weights_keep_the_faster_kernels(
    target: Target, tmp_path: Path, build_model: Callable[[CompiledModel, Path], Path]
) -> None:
    tflite = emptied_model()
    model = compile_model(tflite, target=target)
    plain = compile_model(temporal_model(), target=target)
    assert _on_reference_kernels(model) == _on_reference_kernels(plain)
    inputs = np.stack(_inputs(model.input.shape, seed=8))
    ours = _ours(build_model(model, tmp_path), model, inputs)
    for run in (run_litert, run_micro):
        expected = run(tflite, [[value] for value in inputs])
        np.testing.assert_array_equal(ours, np.reshape(expected, ours.shape))
    assert len(np.unique(ours, axis=0)) > len(inputs) // 2


def _damaged(model: CompiledModel) -> CompiledModel:
    """The last block of constants ends a byte too early."""
    fetching = model.program.fetching
    assert fetching is not None
    *others, last = fetching.blocks
    blocks = (*others, replace(last, stored=last.stored[:-1]))
    return replace(model, program=replace(model.program, fetching=Fetching(blocks, fetching.code)))


@pytest.mark.parametrize("placement", PLACEMENTS[1:])
def test_constants_that_cannot_be_fetched_end_the_inference(
    placement: Placement, tmp_path: Path, build_model: Callable[[CompiledModel, Path], Path]
) -> None:
    model = compile_model(few_values_model(), target=TARGETS[0], placement=placement)
    program = build_model(_damaged(model), tmp_path)
    silence = np.zeros(model.input.shape, np.int8)
    done = subprocess.run([program], input=silence.tobytes(), capture_output=True, check=False)
    assert done.returncode > 0


def test_constants_that_would_not_shrink_stay(tmp_path: Path) -> None:
    """int8 weights as they are trained fill nearly all of their eight bits."""
    noise = np.random.default_rng(1).integers(-128, 128, 40_000).astype(np.int8)
    graph = read_tflite(keyword_model())
    tensors = tuple(
        replace(tensor, data=noise[: tensor.data.size].reshape(tensor.data.shape))
        if tensor.data is not None and tensor.dtype == "int8"
        else tensor
        for tensor in graph.tensors
    )
    tflite = write_tflite(replace(graph, tensors=tensors))
    coded = compile_model(tflite, placement="huffman")
    assert coded.summary.weights_bytes <= compile_model(tflite).summary.weights_bytes


def test_every_operator_is_in_a_model() -> None:
    """But for RELU_N1_TO_1, which TFLite-Micro lacks: `function_cases.py` has it."""
    models = every_operator_model, split_and_join_model, streaming_model, recurrent_model
    names = {operator.name for build in models for operator in read_tflite(build()).operators}
    assert set(LOWERINGS) - INTERNAL_OPERATORS - names == {"RELU_N1_TO_1"}
