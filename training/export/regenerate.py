"""Writes an exported folder's code anew, with today's compiler: `python -m` with the folder.

The model, its labels, its front-end's numbers and its golden vectors stay as they are, and so does
its hash.
For folders written by an older sotto.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from training.errors import UserError
from training.export import (
    MANIFEST,
    Manifest,
    c_writer,
    input_of,
    network_files,
    targets_of,
    write_files,
)
from training.export.compile import compile_model
from training.export.detection import Detection, listener_numbers, read_detection
from training.export.frontend_c import frontend_sources
from training.export.listener_c import Numbers, listener_sources
from training.export.targets import TARGETS
from training.export.tflm import resolver_of
from training.export.version import ABI
from training.frontend_tables import build_tables
from training.recipe import FrontendConfig

TFLITE_SOURCE = "sotto_model_tflite.c"
GOLDEN_HEADER = "sotto_golden.h"
FORMER_GOLDEN_FEATURES = "int8_t features[SOTTO_MODEL_INPUT_BYTES];"
"""What the golden header said when a step was always a whole clip."""


def read_exported_tflite(folder: Path) -> bytes:
    """The `.tflite` that an export wrote as a C array.

    Raises:
        UserError: the folder holds none, or it is damaged.
    """
    path = folder / TFLITE_SOURCE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"\bsotto_model_tflite\[[^{]*\{([^}]*)\}", text)
    if found is None:
        raise UserError(f"{path} holds no model", "Give a folder that `sotto export` wrote.")
    try:
        return bytes(int(number) for number in found.group(1).split(",") if number.strip())
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}", "Run `sotto export` again.") from error


def regenerate(folder: Path, detection: Detection | None = None) -> Manifest:
    """Compile the model of `folder` for every target and replace what follows from that.

    Args:
        folder: the work of an export.
        detection: other default settings of the firmware [default: those of the manifest].

    Raises:
        UserError: the folder is not the work of an export, or the model does not compile.
    """
    tflite = read_exported_tflite(folder)
    old = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    streaming = old.get("streaming", "auto")
    placement = old.get("placement", "flash")
    models = [
        compile_model(
            tflite, name=old["name"], target=target, streaming=streaming, placement=placement
        )
        for target in TARGETS
    ]
    identity = c_writer.Identity(old["name"], old["model_hash"])
    network = network_files(models, identity, old["tflm_arena_bytes"])
    frontend = FrontendConfig(**old["frontend"])
    detection = detection or read_detection(
        old.get("detection", {}), old["labels"], str(folder / MANIFEST)
    )
    numbers = Numbers(
        *(
            listener_numbers(detection, frontend, frames, old["labels"])
            for frames in (models[0].frames_bins[0], models[0].window_frames)
        )
    )
    kept = {name: (folder / name).read_text(encoding="utf-8") for name in old["files"]}
    golden = kept[GOLDEN_HEADER].replace(FORMER_GOLDEN_FEATURES, c_writer.GOLDEN_FEATURES)
    files = {
        **kept,
        GOLDEN_HEADER: golden,
        **frontend_sources(build_tables(frontend), identity.banner),
        **network,
        **c_writer.tflite_sources(tflite, identity),
        **listener_sources(models[0], identity, numbers),
    }
    resolver = resolver_of(tflite, old["name"])
    fields = old | {
        "tflm_operators": resolver.operators,
        "tflm_variables": resolver.variables,
        "abi": ABI,
        "streaming": streaming,
        "not_streamed": models[0].not_streamed,
        "placement": placement,
        "input": input_of(models[0]),
        "detection": detection.to_json(),
        "arena_bytes": c_writer.arena_bytes(models[0]),
        "weights_bytes": models[0].summary.weights_bytes,
        "macs": models[0].summary.macs,
        "targets": targets_of(models),
    }
    return write_files(Manifest(**fields), files, folder)


def main(arguments: Sequence[str]) -> int:
    """Regenerate each folder named."""
    for folder in arguments:
        manifest = regenerate(Path(folder))
        print(f"{folder}: model {manifest.model_hash}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
