"""export_model: what it writes, that it repeats itself byte for byte, and what it refuses."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import FRONTEND_SOURCES, LIB
from model_builder import keyword_model
from stream_models import recurrent_model, stateful_keyword_model, streaming_model

from training.errors import UserError
from training.export import Manifest, export_model, tflm_arena
from training.export.bench_model import temporal_model
from training.export.compile import compile_model
from training.export.layers import constants_crc32, layers_for_manifest
from training.export.reader import read_tflite
from training.export.reference import run_micro, run_reference
from training.export.regenerate import regenerate
from training.export.targets import TARGETS
from training.export.tflite_writer import write_tflite
from training.export.tflm_arena import measure_tflm_arena
from training.features import Frontend
from training.recipe import FrontendConfig

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
LABELS = [*WORDS, "_unknown_", 'b"l\\ä?']
FILES = {
    "manifest.json",
    "sotto_frontend_tables.c",
    "sotto_frontend_tables.h",
    "sotto_golden.c",
    "sotto_golden.h",
    "sotto_labels.c",
    "sotto_listener.c",
    "sotto_listener.h",
    "sotto_model.h",
    "sotto_model_aot.c",
    "sotto_model_aot_dsp.c",
    "sotto_model_aot_mve.c",
    "sotto_model_tflite.c",
    "sotto_model_tflite.h",
}


def golden_clips(count: int = 2) -> np.ndarray:
    """Tones under noise, int16[count, 16000]."""
    rng = np.random.default_rng(3)
    seconds = np.arange(16_000) / 16_000
    tones = [8_000 * np.sin(2 * np.pi * 300 * (k + 1) * seconds) for k in range(count)]
    return (np.array(tones) + rng.normal(0, 500, (count, 16_000))).round().astype(np.int16)


def export(folder: Path, **changes: object) -> Manifest:
    arguments: dict = {
        "tflite": keyword_model(),
        "name": "tiny",
        "labels": LABELS,
        "frontend": FrontendConfig(),
        "golden_pcm": golden_clips(),
        "out_dir": folder,
        **changes,
    }
    return export_model(arguments.pop("tflite"), **arguments)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "generated"
    export(folder)
    return folder


def test_same_model_same_bytes(exported: Path, tmp_path: Path) -> None:
    export(tmp_path)
    assert contents(tmp_path) == contents(exported)
    assert set(contents(exported)) == FILES


def test_manifest_describes_the_files(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    files = contents(exported)
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    config, tflite = FrontendConfig(), keyword_model()
    tables = Frontend(config).tables.to_bytes()
    identity = hashlib.sha256(tflite + tables + "\n".join(LABELS).encode()).hexdigest()
    assert manifest["model_hash"] == identity
    assert manifest["tflite_sha256"] == hashlib.sha256(tflite).hexdigest()
    assert manifest["labels"] == LABELS
    assert manifest["frontend"] == dataclasses.asdict(config)
    assert manifest["input"] == {
        "frames": 49,
        "step_frames": 49,
        "bins": 40,
        "scale": 1 / 16,
        "zero_point": 0,
    }
    assert manifest["output"]["classes"] == 12
    assert manifest["arena_bytes"] == compile_model(tflite).plan.arena_bytes
    for target in TARGETS:
        costs = compile_model(tflite, target=target)
        assert manifest["targets"][target.name] == {
            "arena_bytes": costs.plan.arena_bytes,
            "state_bytes": 0,
            "weights_bytes": costs.summary.weights_bytes,
            "constants_crc32": constants_crc32(costs.program),
            "layers": layers_for_manifest(costs),
        }
    header = (exported / "sotto_model.h").read_text()
    assert f'#define SOTTO_MODEL_HASH_HEX "{identity}"' in header
    assert f"#define SOTTO_MODEL_TFLM_ARENA_BYTES {manifest['tflm_arena_bytes']}" in header


def test_no_clock_and_a_warning_on_top(exported: Path) -> None:
    for name, content in contents(exported).items():
        if name != "manifest.json":
            lines = content.decode().splitlines()
            assert "DO NOT EDIT" in lines[0], name
            assert max(map(len, lines)) <= 300, name


SELF_TEST = r"""
#include <string.h>
#include "sotto/frontend.h"
#include "sotto/model.h"
#include "sotto_frontend_tables.h"
#include "sotto_golden.h"
#include "sotto_model_tflite.h"

static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
static _Alignas(SOTTO_FRONTEND_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_FRONTEND_WORKSPACE_BYTES];

static int frames_differ(void) {
  sotto_frontend frontend;
  const sotto_frontend_tables *tables = &sotto_frontend_default_tables;
  int status = sotto_frontend_init(&frontend, tables, workspace, sizeof workspace);
  size_t at = 0;
  int frames = 0;
  while (status >= 0 && at < SOTTO_GOLDEN_PCM_SAMPLES) {
    int8_t frame[SOTTO_MODEL_BINS];
    size_t consumed = 0;
    const int16_t *samples = sotto_golden_pcm + at;
    const size_t count = SOTTO_GOLDEN_PCM_SAMPLES - at;
    status = sotto_frontend_push(&frontend, samples, count, &consumed, frame);
    at += consumed;
    if (status != 1) continue;
    const int8_t *golden = sotto_golden_frames + frames++ * SOTTO_MODEL_BINS;
    if (memcmp(frame, golden, sizeof frame) != 0) return 1;
  }
  return frames != SOTTO_GOLDEN_FRAMES;
}

int main(void) {
  if (frames_differ()) return 8;
  if (sotto_model_init(arena, sizeof arena) != SOTTO_OK) return 1;
  for (int i = 0; i < SOTTO_GOLDEN_CASES; i++) {
    int8_t scores[SOTTO_MODEL_CLASSES];
    const sotto_golden_case *golden = &sotto_golden_cases[i];
    if (sotto_model_reset(arena, sizeof arena) != SOTTO_OK) return 9;
    if (sotto_model_invoke(arena, sizeof arena, golden->features, scores) != SOTTO_OK) return 2;
    if (memcmp(scores, golden->scores, sizeof scores) != 0) return 3;
  }
  if (strcmp(sotto_labels[11], "b\"l\\\303\244\?") != 0) return 4;
  if (sotto_model_tflite_bytes != sizeof sotto_model_tflite) return 5;
  if (memcmp(sotto_model_tflite + 4, "TFL3", 4) != 0) return 6;
  return SOTTO_GOLDEN_FRAMES == 9 && SOTTO_GOLDEN_PCM_SAMPLES == 3200 ? 0 : 7;
}
"""


@pytest.mark.parametrize("build", [keyword_model, stateful_keyword_model])
def test_golden_vectors_hold_on_the_chip(
    build: Callable[[], bytes], tmp_path: Path, build_program: Callable[..., Path]
) -> None:
    """All generated files in one program, warnings as errors, under sanitizers."""
    exported = tmp_path / "generated"
    export(exported, tflite=build())
    main = tmp_path / "main.c"
    main.write_text(SELF_TEST)
    library = [*sorted((LIB / "src").glob("nn*/*.c")), *FRONTEND_SOURCES]
    sources = [main, *sorted(exported.glob("*.c")), *library]
    program = build_program(sources, ["-I", str(exported)])
    done = subprocess.run([program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_another_abi_does_not_compile(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "sotto").mkdir()
    (tmp_path / "sotto" / "abi.h").write_text("#define SOTTO_ABI 999\n")
    folders = ["-I", tmp_path, "-I", LIB / "include", "-I", exported]
    command = ["gcc", "-std=c11", "-fsyntax-only", *folders, exported / "sotto_model_aot.c"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "#error" in done.stderr
    assert "Regenerate" in done.stderr


@pytest.mark.parametrize(
    "source",
    [
        "sotto_model_aot.c",
        "sotto_model_aot_dsp.c",
        "sotto_model_aot_mve.c",
        "sotto_labels.c",
        "sotto_golden.c",
    ],
)
def test_files_of_two_models_do_not_compile_together(
    exported: Path, tmp_path: Path, source: str
) -> None:
    """A folder mixed by hand: its header was written for another model of the same shape."""
    header = (exported / "sotto_model.h").read_text()
    other = re.sub(r"(SOTTO_MODEL_HASH_32) 0x\w+", r"\1 0x01234567u", header)
    assert other != header
    for file in exported.glob("*.[ch]"):
        (tmp_path / file.name).write_text(file.read_text())
    folders = ["-I", tmp_path, "-I", LIB / "include"]
    command = ["gcc", "-std=c11", "-fsyntax-only", *folders, tmp_path / source]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    (tmp_path / "sotto_model.h").write_text(other)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "another model" in done.stderr


def test_interrupted_export_leaves_the_old_files(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path)
    before = contents(tmp_path)
    write = Path.write_text

    def interrupted(self: Path, *args: object, **kwargs: object) -> int:
        if self.name == "sotto_model_tflite.h":
            raise KeyboardInterrupt
        return write(self, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path, tflite=keyword_model(seed=2))
    assert contents(tmp_path) == before


def test_manifest_changes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped between two moves, every file is whole and the manifest still the old one."""
    export(tmp_path)
    before = contents(tmp_path)
    replace, moved = Path.replace, []

    def interrupted(self: Path, target: Path) -> Path:
        if len(moved) == 5:
            raise KeyboardInterrupt
        moved.append(self.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path, tflite=keyword_model(seed=2))
    after = contents(tmp_path)
    assert set(after) == FILES
    assert after["manifest.json"] == before["manifest.json"]
    assert {name for name in FILES if after[name] != before[name]} <= set(moved)


def _requantised(scale: float, zero_point: int) -> bytes:
    graph = read_tflite(keyword_model())
    tensors = list(graph.tensors)
    tensor = tensors[graph.inputs[0]]
    assert tensor.quantization is not None
    quantization = dataclasses.replace(
        tensor.quantization, scales=(scale,), zero_points=(zero_point,)
    )
    tensors[graph.inputs[0]] = dataclasses.replace(tensor, quantization=quantization)
    return write_tflite(dataclasses.replace(graph, tensors=tuple(tensors)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tflite": _requantised(0.05, 0)}, "scale"),
        ({"tflite": _requantised(1 / 16, 1)}, "zero point"),
        ({"tflite": keyword_model(frames=48)}, "48 x 40"),
        ({"tflite": keyword_model(bins=39)}, "49 x 39"),
        ({"tflite": keyword_model(classes=11)}, "11 outputs"),
        ({"tflite": b"no model"}, "no TensorFlow Lite model"),
        ({"labels": ["yes"] * 12}, "distinct"),
        ({"labels": [*LABELS[:11], ""]}, "distinct"),
        ({"name": "a/b"}, "a/b"),
        ({"golden_pcm": golden_clips()[:, :8_000]}, "8000"),
        ({"golden_pcm": golden_clips().astype(np.float32)}, "float32"),
        ({"golden_pcm": golden_clips()[:0]}, "0 golden clips"),
    ],
)
def test_refusals(tmp_path: Path, changes: dict, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        export(tmp_path, **changes)
    assert caught.value.remedy
    assert contents(tmp_path) == {}


def test_scores_that_the_firmware_cannot_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has uint8 output; the firmware takes int8"):
        export(tmp_path, tflite=streaming_model())
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("run", [run_reference, partial(run_micro, arena_bytes=100_000)])
def test_references_begin_each_clip_without_a_past(run: Callable) -> None:
    tflite = recurrent_model()
    clips = np.random.default_rng(2).integers(-128, 128, (3, 1, 6)).astype(np.int8)
    alone = [run(tflite, clips[i : i + 1])[0] for i in range(3)]
    np.testing.assert_array_equal(run(tflite, clips), alone)
    same = run(tflite, np.repeat(clips[:1], 2, axis=0))
    np.testing.assert_array_equal(same[0], same[1])


def test_one_clip_is_enough(tmp_path: Path) -> None:
    export(tmp_path, golden_pcm=golden_clips(1))
    assert "#define SOTTO_GOLDEN_CASES 2" in (tmp_path / "sotto_golden.h").read_text()


def test_a_causal_model_is_exported_as_its_steps(tmp_path: Path) -> None:
    """The golden cases stay whole clips, which the board's self-test goes through step by step."""
    manifest = export(tmp_path, tflite=temporal_model(8, 12))
    assert (manifest.input["frames"], manifest.input["step_frames"]) == (49, 2)
    assert (manifest.streaming, manifest.not_streamed) == ("auto", "")
    assert min(costs["state_bytes"] for costs in manifest.targets.values()) > 0
    header = (tmp_path / "sotto_model.h").read_text()
    for macro, value in (("FRAMES", 2), ("WINDOW_FRAMES", 49), ("STEPS", 24), ("INPUT_BYTES", 80)):
        assert f"#define SOTTO_MODEL_{macro} {value}\n" in header
    written = contents(tmp_path)
    regenerate(tmp_path)
    assert contents(tmp_path) == written


def test_a_model_that_looks_ahead_says_why_it_is_no_stream(tmp_path: Path) -> None:
    manifest = export(tmp_path, tflite=keyword_model())
    assert re.search(r"\(DEPTHWISE_CONV_2D -> .* it looks 1 rows ahead", manifest.not_streamed)
    with pytest.raises(UserError, match="cannot be streamed"):
        export(tmp_path, tflite=keyword_model(), streaming="always")


def test_tflm_arena_is_enough_and_measured() -> None:
    tflite = keyword_model()
    program = compile_model(tflite).program
    arena_bytes = measure_tflm_arena(tflite, program, "tiny")
    features = np.random.default_rng(1).integers(-128, 128, (3, 49, 40, 1)).astype(np.int8)
    micro = run_micro(tflite, features, arena_bytes)
    np.testing.assert_array_equal(micro, run_reference(tflite, features))
    with pytest.raises(RuntimeError):
        run_micro(tflite, features, arena_bytes // 2)


def test_tflm_arena_of_a_model_that_tflm_refuses() -> None:
    tflite = keyword_model()
    with pytest.raises(UserError, match="TFLite-Micro refuses tiny"):
        measure_tflm_arena(tflite[: len(tflite) // 2], compile_model(tflite).program, "tiny")


def test_tflm_arena_of_a_model_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm_arena, "CHILD_TIMEOUT_S", 0.001)
    tflite = keyword_model()
    with pytest.raises(UserError, match="did not run tiny once") as caught:
        measure_tflm_arena(tflite, compile_model(tflite).program, "tiny")
    assert "smaller model" in caught.value.remedy
