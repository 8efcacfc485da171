"""The default model in generated/ is what today's exporter, front-end and kernels would write."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from interpreters import NN_SOURCES

from training.audio.readers import fit_length, read_clip
from training.export import c_writer
from training.export.compile import compile_model
from training.export.frontend_c import frontend_sources
from training.export.reference import run_micro, run_reference
from training.export.regenerate import read_exported_tflite, regenerate
from training.export.targets import TARGETS, Target
from training.features import Frontend
from training.recipe import FrontendConfig

GENERATED = Path(__file__).resolve().parents[2] / "generated"
RUNNER = Path(__file__).with_name("model_runner.c")
CLIPS = 40
MANIFEST = json.loads((GENERATED / "manifest.json").read_text())


def text(name: str) -> str:
    return (GENERATED / name).read_text()


def numbers(name: str, definition: str) -> list[int]:
    """Values between the braces behind `definition` in a generated file."""
    found = re.search(re.escape(definition) + r"[^{]*\{([^}]*)\}", text(name))
    assert found, definition
    return [int(number) for number in re.findall(r"-?\d+", found.group(1))]


def tflite() -> bytes:
    return read_exported_tflite(GENERATED)


def frontend() -> Frontend:
    return Frontend(FrontendConfig(**MANIFEST["frontend"]))


def identity() -> c_writer.Identity:
    return c_writer.Identity(MANIFEST["name"], MANIFEST["model_hash"])


def test_every_file_is_the_one_of_the_manifest() -> None:
    for name, digest in MANIFEST["files"].items():
        assert hashlib.sha256(text(name).encode()).hexdigest() == digest, name
    shipped = {path.name for path in GENERATED.iterdir() if not path.name.startswith(".")}
    assert shipped == {*MANIFEST["files"], "manifest.json", "README.md"}


def test_the_hash_is_that_of_the_parts() -> None:
    parts = tflite() + frontend().tables.to_bytes() + "\n".join(MANIFEST["labels"]).encode()
    assert hashlib.sha256(parts).hexdigest() == MANIFEST["model_hash"]


def test_the_exporter_would_print_the_same_text() -> None:
    models = [
        compile_model(tflite(), name=MANIFEST["name"], target=t, streaming="auto") for t in TARGETS
    ]
    for model in models:
        assert text(c_writer.source_name(model.target)) == c_writer.model_source(model, identity())
    header = c_writer.model_header(models, identity(), MANIFEST["tflm_arena_bytes"])
    assert text("sotto_model.h") == header
    assert text("sotto_labels.c") == c_writer.labels_source(MANIFEST["labels"], identity())
    for name, content in frontend_sources(frontend().tables, identity().banner).items():
        assert text(name) == content, name


def test_regenerating_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    shutil.copytree(GENERATED, folder)
    (folder / "sotto_model_aot_dsp.c").unlink()
    (folder / "sotto_model.h").write_text("of an older sotto")
    manifest = {k: v for k, v in MANIFEST.items() if k != "targets"}
    manifest["files"] = {k: v for k, v in manifest["files"].items() if "_dsp" not in k}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    regenerate(folder)
    for path in GENERATED.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_golden_vectors_are_right() -> None:
    pcm = np.array(numbers("sotto_golden.c", "int16_t sotto_golden_pcm["), np.int16)
    frames = numbers("sotto_golden.c", "int8_t sotto_golden_frames[")
    np.testing.assert_array_equal(frontend().clip(pcm).reshape(-1), frames)
    cases = text("sotto_golden.c").split(".features")[1:]
    assert len(cases) == 2
    for case in cases:
        features, scores = (
            np.array([int(n) for n in re.findall(r"-?\d+", part)], np.int8)
            for part in re.findall(r"\{([^{}]*)\}", case)
        )
        np.testing.assert_array_equal(run_reference(tflite(), features[np.newaxis])[0], scores)


def clips(folder: Path | None) -> np.ndarray:
    """Recordings from all over `folder`; without one, chirps under noise. int16[CLIPS, samples]."""
    samples = frontend().config.clip_samples
    paths = sorted(folder.rglob("*.wav")) + sorted(folder.rglob("*.flac")) if folder else []
    if paths:
        chosen = paths[:: max(1, len(paths) // CLIPS)][:CLIPS]
        rate_hz = frontend().config.sample_rate_hz
        return np.stack([fit_length(read_clip(path, rate_hz), samples) for path in chosen])
    rng = np.random.default_rng(6)
    phase = np.cumsum(rng.uniform(0.02, 0.4, (CLIPS, 1)) * np.linspace(0.5, 1.5, samples), axis=1)
    noise = rng.normal(0, 1, (CLIPS, samples)) * rng.uniform(10, 2_000, (CLIPS, 1))
    return (6_000 * np.sin(phase) + noise).round().astype(np.int16)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_chip_litert_and_tflm_agree_on_clips(
    target: Target, shared_data: Path | None, build_program: Callable[..., Path]
) -> None:
    features = frontend().batch(clips(shared_data))
    sources = [RUNNER, *sorted(GENERATED.glob("sotto_model_aot*.c")), *NN_SOURCES]
    flags = ["-I", str(GENERATED), f"-DSOTTO_TARGET={target.macro}"]
    program = build_program(sources, flags)
    step_frames = MANIFEST["input"]["step_frames"]
    steps = features.shape[1] // step_frames
    heard = features[:, : steps * step_frames].tobytes()
    done = subprocess.run([program, str(steps)], input=heard, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    classes = len(MANIFEST["labels"])
    ours = np.frombuffer(done.stdout, np.int8).reshape(len(features), steps, classes)[:, -1]
    np.testing.assert_array_equal(ours, run_reference(tflite(), features))
    micro = run_micro(tflite(), features, MANIFEST["tflm_arena_bytes"])
    np.testing.assert_array_equal(ours, micro)
    assert len(np.unique(ours, axis=0)) > CLIPS // 2, "the scores hardly depend on the clip"
