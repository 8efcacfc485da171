"""From an int8 `.tflite` to the C files and the manifest in generated/."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import UserError
from training.export import c_writer
from training.export.compile import CompiledModel, Streaming, compile_model
from training.export.detection import Detection, listener_numbers
from training.export.fetching import Placement
from training.export.frontend_c import frontend_sources
from training.export.layers import constants_crc32, layers_for_manifest
from training.export.listener_c import Numbers, listener_sources
from training.export.reference import run_micro, run_reference
from training.export.targets import TARGETS
from training.export.tflm import resolver_of
from training.export.tflm_arena import measure_tflm_arena
from training.export.version import ABI, TOOL_VERSION
from training.features import Frontend
from training.frontend_tables import FrontendTables, build_tables
from training.recipe import FEATURE_SCALE, FrontendConfig

__all__ = ["CompiledModel", "Manifest", "check_arguments", "compile_model", "export_model"]

GOLDEN_PCM_SAMPLES = 3_200
GOLDEN_CASES = 2
GOLDEN_CANDIDATES = 8
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """Content of manifest.json; host tools compare `model_hash` with what a board reports.

    `input` tells the frames of a clip and those of a step, fewer in a streaming model. `macs` and
    `targets` are of one step; a target's `layers` are those that a tap of `sotto/model.h` sees.
    `not_streamed` says why a model is none; empty where it is, or where nobody asked. `placement`
    tells where constants lie until they are used.
    `tflm_operators` are X of TFLite-Micro's `MicroMutableOpResolver::AddX`.
    """

    tool_version: str
    abi: int
    name: str
    model_hash: str
    tflite_sha256: str
    labels: tuple[str, ...]
    frontend: Mapping[str, Any]
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    detection: Mapping[str, Any]
    arena_bytes: int
    tflm_arena_bytes: int
    tflm_operators: tuple[str, ...]
    tflm_variables: int
    weights_bytes: int
    macs: int
    targets: Mapping[str, Mapping[str, Any]]
    streaming: Streaming
    not_streamed: str
    placement: Placement
    files: Mapping[str, str]

    def to_json(self) -> str:
        """Text of the file; the same manifest gives the same text."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def model_hash(tflite: bytes, tables: FrontendTables, labels: Sequence[str]) -> str:
    """SHA-256, in hexadecimal, of everything that decides what a board answers."""
    digest = hashlib.sha256(tflite)
    digest.update(tables.to_bytes())
    digest.update("\n".join(labels).encode())
    return digest.hexdigest()


def check_arguments(
    name: str, labels: Sequence[str], frontend: FrontendConfig, golden_pcm: np.ndarray
) -> None:
    """Refuse what no model can be exported with; a training calls it before it begins.

    Args:
        name: as for `export_model`, like the others.
        labels: one a class.
        frontend: configuration of the front-end.
        golden_pcm: int16[clips, clip_samples].

    Raises:
        UserError: the first argument that does not fit, with the remedy.
    """
    build_tables(frontend)
    clip = frontend.clip_samples
    if clip < GOLDEN_PCM_SAMPLES:
        raise UserError(
            f"front-end clip_samples is {clip}",
            f"Use at least {GOLDEN_PCM_SAMPLES}: the board's self-test takes as many.",
        )
    if not NAME_PATTERN.fullmatch(name):
        raise UserError(
            f"the model's name is {name!r}",
            "Use 1 to 64 letters, digits, '_', '-' or '.', a letter or digit first.",
        )
    odd = [label for label in labels if not label or not label.isprintable()]
    if odd or len(set(labels)) != len(labels):
        raise UserError(
            f"labels are not distinct printable words: {list(labels)}",
            "Name every class once.",
        )
    if golden_pcm.dtype != np.int16 or golden_pcm.ndim != 2 or golden_pcm.shape[1:] != (clip,):
        raise UserError(
            f"golden clips are {golden_pcm.dtype}{list(golden_pcm.shape)}",
            f"Give int16 clips of {clip} samples each.",
        )
    if len(golden_pcm) == 0:
        raise UserError("there are 0 golden clips", "Give at least one.")


def _check_model(model: CompiledModel, labels: Sequence[str], frontend: FrontendConfig) -> None:
    """Refuse a model that the front-end cannot feed, or whose scores the firmware cannot read."""
    for end, buffer in (("input", model.input), ("output", model.output)):
        if buffer.dtype != "int8":
            raise UserError(
                f"{model.name} has {buffer.dtype} {end}; the firmware takes int8",
                "Leave out the model's last QUANTIZE, or compile it alone with `sotto compile`.",
            )
    q = model.input.quantization
    if q.scales != (FEATURE_SCALE,) or q.zero_points != (0,):
        raise UserError(
            f"{model.name} takes input of scale {', '.join(f'{x:.6g}' for x in q.scales)} and zero "
            f"point {', '.join(map(str, q.zero_points))}; features have scale {FEATURE_SCALE} and "
            "zero point 0",
            "Quantise the model with that input range, as training/compress does.",
        )
    shape = model.window_frames, model.frames_bins[1]
    wanted = frontend.frames, frontend.mel_bins
    if shape != wanted:
        raise UserError(
            f"{model.name} takes {shape[0]} x {shape[1]} features; the front-end gives "
            f"{wanted[0]} x {wanted[1]} (frames x bins)",
            "Train the model with this front-end, or give the front-end that it was trained with.",
        )
    if model.output.elements != len(labels):
        raise UserError(
            f"{model.name} has {model.output.elements} outputs, but there are {len(labels)} labels",
            "Give one label for each output.",
        )


def _golden(
    model: CompiledModel, frontend: Frontend, golden_pcm: np.ndarray, tflm_arena_bytes: int
) -> c_writer.Golden:
    """Vectors from the first clips, then from the same clips backwards.

    A case must hold for both back-ends, so those where LiteRT and TFLite-Micro differ are left out.
    """
    clips = golden_pcm[:GOLDEN_CANDIDATES]
    start = (clips.shape[1] - GOLDEN_PCM_SAMPLES) // 2
    pcm = np.ascontiguousarray(clips[0, start : start + GOLDEN_PCM_SAMPLES])
    features = frontend.batch(np.ascontiguousarray(np.concatenate([clips, clips[:, ::-1]])))
    scores = run_reference(model.tflite, features)
    alike = (scores == run_micro(model.tflite, features, tflm_arena_bytes)).all(axis=1)
    chosen = np.flatnonzero(alike)[:GOLDEN_CASES]
    if len(chosen) < GOLDEN_CASES:
        raise UserError(
            f"LiteRT and TFLite-Micro compute different scores for {model.name} on "
            f"{len(alike) - alike.sum()} of {len(alike)} golden clips",
            "End the model with CONV_2D instead of FULLY_CONNECTED, which they round differently.",
        )
    return c_writer.Golden(pcm, frontend.clip(pcm), features[chosen], scores[chosen])


def network_files(
    models: Sequence[CompiledModel], identity: c_writer.Identity, tflm_arena_bytes: int | None
) -> dict[str, str]:
    """The header and one source for each target."""
    sources = {c_writer.source_name(m.target): c_writer.model_source(m, identity) for m in models}
    return {"sotto_model.h": c_writer.model_header(models, identity, tflm_arena_bytes), **sources}


def input_of(model: CompiledModel) -> dict[str, float]:
    """Frames of a clip and of a step, and the features of each, for the manifest."""
    step_frames, bins = model.frames_bins
    shape = {"frames": model.window_frames, "step_frames": step_frames, "bins": bins}
    return shape | {"scale": FEATURE_SCALE, "zero_point": 0}


def targets_of(models: Sequence[CompiledModel]) -> dict[str, dict[str, Any]]:
    """What each target costs and computes, for the manifest."""
    return {
        model.target.name: {
            "arena_bytes": c_writer.arena_bytes(model),
            "state_bytes": model.summary.state_bytes,
            "weights_bytes": model.summary.weights_bytes,
            "constants_crc32": constants_crc32(model.program),
            "layers": layers_for_manifest(model),
        }
        for model in models
    }


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def write_files(manifest: Manifest, files: Mapping[str, str], folder: Path) -> Manifest:
    """Write `files` and the manifest that names them; returns it with their SHA-256."""
    manifest = replace(manifest, files={name: _sha256(files[name]) for name in sorted(files)})
    write_all({**files, MANIFEST: manifest.to_json()}, folder)
    return manifest


def write_all(files: Mapping[str, str], out_dir: Path) -> None:
    """Write beside the old files first, then move each: an interruption leaves whole files.

    The manifest is moved last, so that until then it describes the old files.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out_dir) as temporary:
        for name, content in files.items():
            (Path(temporary) / name).write_text(content, encoding="utf-8", newline="\n")
        for name in sorted(files, key=lambda n: (n == MANIFEST, n)):
            (Path(temporary) / name).replace(out_dir / name)


def export_model(
    tflite: bytes,
    *,
    name: str,
    labels: Sequence[str],
    frontend: FrontendConfig,
    golden_pcm: np.ndarray,
    out_dir: Path,
    streaming: Streaming = "auto",
    detection: Detection | None = None,
    placement: Placement = "flash",
) -> Manifest:
    """Write every generated file of a keyword model; the same arguments give the same bytes.

    Args:
        tflite: int8 model, input [1, frames, bins(, 1)] of scale FEATURE_SCALE and zero point 0.
        name: letters, digits, '_', '-', '.'.
        labels: one a class, in the order of the outputs.
        frontend: configuration that the model was trained with.
        golden_pcm: int16[clips >= 1, clip_samples]; the first two become the board's self-test.
        out_dir: folder to write to, made when missing.
        streaming: whether the C takes one hop of frames a step or the whole window; `auto` asks
            for steps where the model is causal.
        detection: default settings of the firmware [default: those of `DetectionConfig`].
        placement: where constants lie until they are used; TFLite-Micro keeps its own in flash.

    Raises:
        UserError: an argument or the model does not fit, with the remedy. Nothing is written then.
    """
    check_arguments(name, labels, frontend, golden_pcm)
    models = [
        compile_model(tflite, name=name, target=target, streaming=streaming, placement=placement)
        for target in TARGETS
    ]
    model = models[0]
    _check_model(model, labels, frontend)
    features = Frontend(frontend)
    tflm_arena_bytes = measure_tflm_arena(tflite, compile_model(tflite, name=name).program, name)
    resolver = resolver_of(tflite, name)
    identity = c_writer.Identity(name, model_hash(tflite, features.tables, labels))
    detection = detection or Detection()
    numbers = Numbers(
        *(
            listener_numbers(detection, frontend, frames, labels)
            for frames in (model.frames_bins[0], model.window_frames)
        )
    )
    files = {
        **network_files(models, identity, tflm_arena_bytes),
        "sotto_labels.c": c_writer.labels_source(labels, identity),
        **c_writer.tflite_sources(tflite, identity),
        **c_writer.golden_sources(_golden(model, features, golden_pcm, tflm_arena_bytes), identity),
        **frontend_sources(features.tables, identity.banner),
        **listener_sources(model, identity, numbers),
    }
    manifest = Manifest(
        tool_version=TOOL_VERSION,
        abi=ABI,
        name=name,
        model_hash=identity.model_hash,
        tflite_sha256=hashlib.sha256(tflite).hexdigest(),
        labels=tuple(labels),
        frontend=asdict(frontend),
        input=input_of(model),
        output={
            "classes": model.output.elements,
            "scale": model.output.quantization.scales[0],
            "zero_point": model.output.quantization.zero_points[0],
        },
        detection=detection.to_json(),
        arena_bytes=c_writer.arena_bytes(model),
        tflm_arena_bytes=tflm_arena_bytes,
        tflm_operators=resolver.operators,
        tflm_variables=resolver.variables,
        weights_bytes=model.summary.weights_bytes,
        macs=model.summary.macs,
        targets=targets_of(models),
        streaming=streaming,
        not_streamed=model.not_streamed,
        placement=placement,
        files={},
    )
    return write_files(manifest, files, out_dir)
