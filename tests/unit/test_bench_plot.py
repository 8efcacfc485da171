"""The picture of the bench's figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from host_tools.bench.baselines import BASELINES, MLPERF
from host_tools.bench.measure import Figures, Layer
from host_tools.bench.plot import theirs_by_layer, write_plots

THEIRS = BASELINES[MLPERF, "cortex-m4f"]


def layer(macs: int, operator: str = "CONV_2D") -> Layer:
    return Layer(operator, "", "kernel", macs, 1000 + macs // 2, None)


def row(*layers: Layer) -> Figures:
    return Figures(
        model=MLPERF,
        core="cortex-m4f",
        target="dsp",
        macs=2_656_768,
        instructions=2_200_000,
        cycles=None,
        flash_bytes=34_000,
        ram_bytes=9_800,
        stack_bytes=250,
        stack_painted_bytes=250,
        ratio_instructions=0.286,
        ratio_cycles=None,
        ratio_flash=0.32,
        ratio_ram=0.41,
        ratio_stack=0.2,
        layers=layers,
        parts=(),
    )


def test_layers_are_matched_by_their_multiplications() -> None:
    depthwise, pointwise = 72_000, 512_000
    separate = row(layer(0, "PAD"), layer(320_000), layer(depthwise), layer(pointwise), layer(768))
    assert theirs_by_layer(separate) == [None, 1_118_000, 561_000, 1_069_000, None]


def test_a_layer_of_ours_may_be_several_of_theirs() -> None:
    joined = row(layer(320_000), layer(72_000 + 512_000), layer(72_000 + 512_000))
    assert theirs_by_layer(joined) == [1_118_000, 1_630_000, 1_630_000]


def test_the_picture_is_written_as_svg_and_png(tmp_path: Path) -> None:
    mine = row(layer(320_000), layer(768, "FULLY_CONNECTED"))
    other = replace(mine, model="other", core="cortex-m3", ratio_instructions=None)
    svg, png = write_plots([mine, other], tmp_path / "bench" / "engine.json")
    assert svg.read_text().lstrip().startswith("<?xml")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in svg.parent.iterdir()} == {"engine.svg", "engine.png"}
