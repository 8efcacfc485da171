"""What `generated/` holds: the manifest that export wrote beside the C files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from host_tools.errors import SottoError

UNKNOWN_LABEL = "_unknown_"
SILENCE_LABEL = "_silence_"


@dataclass(frozen=True)
class Layer:
    """One layer of the network as a kind of core computes it.

    Attributes:
        tensor: name of its output in the `.tflite`.
        shape: of what the kernel writes, without the batch.
        dtype: numpy's name of its type.
    """

    tensor: str
    operator: str
    kernel: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Target:
    """The network as one kind of core gets it.

    Attributes:
        constants_crc32: over its constant arrays, as `Health` reports it.
        layers: those that a trace shows, in their order.
    """

    constants_crc32: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Manifest:
    """The facts of a generated model that host tools need."""

    path: Path
    name: str
    model_hash: str
    labels: tuple[str, ...]
    sample_rate_hz: int
    clip_samples: int
    hop_samples: int
    step_log2: float
    frames: int
    bins: int
    arena_bytes: int
    weights_bytes: int
    macs: int
    step_frames: int = 1
    targets: Mapping[str, Target] = field(default_factory=dict)
    streaming: Literal["never", "auto", "always"] = "auto"


def load_manifest(generated: Path) -> Manifest:
    """Read `generated/manifest.json`.

    Raises:
        SottoError: there is none, or it is not what this version of sotto writes.
    """
    path = generated / "manifest.json"
    remedy = (
        "Run `sotto run RECIPE` or `sotto export MODEL.tflite` to write the folder, "
        "or name another with --generated."
    )
    if not path.is_file():
        raise SottoError(f"{path} is missing: {generated} holds no generated model.", remedy)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(
            path=path,
            name=fields["name"],
            model_hash=fields["model_hash"],
            labels=tuple(fields["labels"]),
            sample_rate_hz=fields["frontend"]["sample_rate_hz"],
            clip_samples=fields["frontend"]["clip_samples"],
            hop_samples=fields["frontend"]["hop_samples"],
            step_log2=fields["frontend"]["step_log2"],
            frames=fields["input"]["frames"],
            bins=fields["input"]["bins"],
            arena_bytes=fields["arena_bytes"],
            weights_bytes=fields["weights_bytes"],
            macs=fields["macs"],
            step_frames=fields["input"].get("step_frames", 1),
            targets={name: _target(one) for name, one in fields.get("targets", {}).items()},
            streaming=fields["streaming"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SottoError(f"{path} is damaged or of another version ({error!r}).", remedy) from error


def _target(fields: dict[str, Any]) -> Target:
    layers = (
        Layer(one["tensor"], one["operator"], one["kernel"], tuple(one["shape"]), one["dtype"])
        for one in fields["layers"]
    )
    return Target(fields["constants_crc32"], tuple(layers))
