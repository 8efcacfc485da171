"""An exported network by the reference kernels, for a board that compares its own with them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.export import MANIFEST, c_text, c_writer, network_files, write_all
from training.export.compile import compile_model
from training.export.layers import layers_for_manifest
from training.export.regenerate import read_exported_tflite
from training.export.targets import REFERENCE, TARGETS

LAYERS_HEADER = "sotto_reference_layers.h"
"""Which layer of the reference's is which of this build's."""
_NO_LAYER = 0xFFFF


def write_reference_network(generated: Path, folder: Path) -> None:
    """Write what `firmware/compare` compiles beside the network of `generated`.

    Args:
        generated: the work of an export.
        folder: where the files go, made when missing.

    Raises:
        UserError: the folder is not the work of an export.
    """
    tflite = read_exported_tflite(generated)
    manifest = json.loads((generated / MANIFEST).read_text(encoding="utf-8"))
    name, streaming = manifest["name"], manifest["streaming"]
    model = compile_model(tflite, name=name, target=REFERENCE, streaming=streaming)
    identity = c_writer.Identity(name, manifest["model_hash"], verb="build")
    layers = layers_for_manifest(model)
    text = _layers_header(identity, layers, manifest["targets"], model.input.bytes)
    write_all({**network_files([model], identity, None), LAYERS_HEADER: text}, folder)


def _layers_header(
    identity: c_writer.Identity,
    layers: Sequence[Mapping[str, Any]],
    targets: Mapping[str, Mapping[str, Any]],
    input_bytes: int,
) -> str:
    numbers = {key: number for number, key in enumerate(_keys(layers))}
    tables = "".join(
        f"#if {target.condition}\nstatic const uint16_t sotto_reference_layers[] = {{\n"
        f"{c_text.wrap(str(numbers.get(key, _NO_LAYER)) for key in _keys(shown))},\n}};\n#endif\n"
        for target in TARGETS
        for shown in [targets[target.name]["layers"]]
    )
    macros = c_text.defines(
        [
            ("SOTTO_REFERENCE_INPUT_BYTES", str(input_bytes)),
            ("SOTTO_REFERENCE_LAYERS", str(len(layers))),
            ("SOTTO_REFERENCE_NO_LAYER", f"{_NO_LAYER}u"),
        ]
    )
    return (
        f"{identity.banner}#ifndef SOTTO_REFERENCE_LAYERS_H\n#define SOTTO_REFERENCE_LAYERS_H\n\n"
        f"#include <stdint.h>\n{identity.include_model}\n{macros}\n"
        "/* By the layers of this build's network: the reference's number of the same one. */\n"
        f"{tables}#endif\n"
    )


def _keys(layers: Sequence[Mapping[str, Any]]) -> list[Hashable]:
    """A key of each layer, by the `.tflite`; equal ones are counted, so that each is met once."""
    seen: Counter[Hashable] = Counter()
    keys: list[Hashable] = []
    for layer in layers:
        key = (layer["operator"], layer["tensor"], tuple(layer["shape"]), layer["dtype"])
        keys.append((*key, seen[key]))
        seen[key] += 1
    return keys
