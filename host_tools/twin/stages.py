"""What the numbers of each stage are, so that a differing byte becomes a place and a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.errors import SottoError
from host_tools.link.twin_messages import FrontendStage, Tail
from host_tools.manifest import Layer, Manifest

FRONTEND_DTYPES = {
    FrontendStage.WINDOWED: "<i2",
    FrontendStage.SPECTRUM: "<i2",
    FrontendStage.POWER: "<u4",
    FrontendStage.MEL: "<u8",
    FrontendStage.FEATURES: "i1",
}
_TAIL_DTYPES = {
    Tail.SCORES: "i1",
    Tail.POSTERIORS: "<u2",
    Tail.AVERAGES: "<u2",
    Tail.DECISION: "u1",
}


@dataclass(frozen=True)
class Stage:
    """One stage of a step: a layer, or what comes behind the layers.

    Attributes:
        name: "layer 8", "scores", ...
        dtype: numpy's, with its byte order.
        shape: of its numbers.
        layer: None behind the layers.
        number: the layer's number on this kind of core.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    layer: Layer | None = None
    number: int | None = None


def stages_of(manifest: Manifest, kernels: str, notes: int) -> list[Stage]:
    """The stages of a step on a kind of core, in the order in which a board numbers them.

    Args:
        kernels: what the board says of itself.
        notes: how many stages it has shown; fewer than a target's where its back-end cannot look
            into the network.

    Raises:
        SottoError: the manifest has no such kind of core, or another number of layers.
    """
    target = manifest.targets.get(kernels)
    shown = notes - len(Tail)
    layers: Sequence[Layer] = target.layers if target and shown else ()
    if shown != len(layers):
        raise SottoError(
            f"the board shows {shown} layers of kind {kernels!r}, the manifest has {len(layers)}",
            f"Regenerate {manifest.path.parent} and flash the board again.",
        )
    classes = (len(manifest.labels),)
    return [
        *(
            Stage(f"layer {n}", np.dtype(one.dtype).newbyteorder("<").str, one.shape, one, n)
            for n, one in enumerate(layers)
        ),
        *(
            Stage(tail.name.lower(), _TAIL_DTYPES[tail], (2,) if tail is Tail.DECISION else classes)
            for tail in Tail
        ),
    ]


def common(board: Sequence[Stage], host: Sequence[Stage]) -> list[tuple[int, int]]:
    """Numbers of the stages that both have, in the board's order.

    Two kinds of core may split the network's work differently: layers are the same when operator,
    tensor and shape are.
    """
    numbers = {key: n for n, key in enumerate(_keys(host))}
    return [(n, numbers[key]) for n, key in enumerate(_keys(board)) if key in numbers]


def _keys(stages: Sequence[Stage]) -> list[tuple[object, ...]]:
    """A key of each stage; equal ones are counted, so that each is met once."""
    seen: Counter[tuple[object, ...]] = Counter()
    keys = []
    for stage in stages:
        one = (stage.layer.operator, stage.layer.tensor) if stage.layer else (stage.name,)
        key = (*one, stage.shape)
        keys.append((*key, seen[key]))
        seen[key] += 1
    return keys


def window_place(stage: FrontendStage, index: int, points: int) -> str:
    """What number `index` of a stage of the front-end is, by the points of its half-size FFT."""
    if stage is FrontendStage.WINDOWED:
        bits = points.bit_length() - 1
        pair = int(f"{index // 2:0{bits}b}"[::-1], 2)
        return f"sample {2 * pair + index % 2} of the window"
    if stage is FrontendStage.SPECTRUM:
        return f"bin {index // 2} of {points}, {'imaginary' if index % 2 else 'real'} part"
    if stage is FrontendStage.POWER:
        return f"bin {index} of {points}"
    return f"mel bin {index}"


def step_place(stage: Stage, index: int, labels: Sequence[str]) -> str:
    """What number `index` of a stage of a step is."""
    if stage.layer is not None:
        *others, channel = (int(n) for n in np.unravel_index(index, stage.shape))
        names = ("row", "column")[-len(others) :] if len(others) <= 2 else ()
        where = [f"{name} {n}" for name, n in zip(names, others, strict=False)]
        return ", ".join([*where, f"channel {channel}"])
    if stage.name == Tail.DECISION.name.lower():
        return ("the greatest score", "the word heard")[index]
    return f"class {labels[index]}"
