"""The bench's figures in docs and README.md: written by a command, compared by a test."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from host_tools.bench.baselines import FRONTEND
from host_tools.bench.build import ROOT
from host_tools.bench.measure import Figures, Layer
from host_tools.files import write_atomically

DOCUMENT = ROOT / "docs/bench.md"
README = ROOT / "README.md"
MODELS = ROOT / "docs/models.md"
SHIPPED = "shipped"
TITLES = {
    FRONTEND: "front-end, a frame",
    SHIPPED: "shipped model",
    "microwakeword_hey_jarvis_v2_int8": "microWakeWord `hey_jarvis` v2",
    "mlperf_tiny_kws_int8": "MLPerf Tiny's keyword model",
}
"""What the tables call a model; those of other models are not kept."""
FIELDS = ("instructions", "cycles", "flash_bytes", "ram_bytes", "stack_bytes")
RATIOS = ("instructions", "cycles", "flash", "ram", "stack")
BY_LAYER = "mlperf_tiny_kws_int8", "cortex-m4f"
"""The model and core whose layers are shown."""
LAYERS_HEAD = "| layer | multiply-accumulates | instructions | each | cycles | each |"
FLASH_SENTENCE = re.compile(r"Its flash in bytes: [^.]*\.")
WIDTH = 120
TEXT_CORE = "cortex-m4f"
"""The core that sentences tell of."""
README_LINE = re.compile(r"^\| one inference [^|]*\| [\d,]+ instructions \|$", re.MULTILINE)
STEP_SENTENCE = re.compile(r"On an emulated Cortex-M4F a step of the shipped model [^.]*\.")


def _row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def figures_row(model: str, core: str, figures: Mapping[str, int | None]) -> str:
    """A row of the first table.

    Args:
        model: a name of TITLES.
        figures: FIELDS.
    """
    return _row(TITLES[model], core, *(_count(figures[name]) for name in FIELDS))


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _ratios_row(row: Figures) -> str | None:
    ratios = [getattr(row, f"ratio_{name}") for name in RATIOS]
    if not any(ratios):
        return None
    cells = ("" if ratio is None else f"{ratio:.3f}" for ratio in ratios)
    return _row(TITLES[row.model], row.core, *cells)


def _layer_row(layer: Layer) -> str:
    def each(value: int | None) -> str:
        return f"{value / layer.macs:.3f}" if layer.macs and value is not None else ""

    counts = [layer.instructions, layer.cycles]
    pairs = [cell for value in counts for cell in (_count(value), each(value))]
    return _row(f"{layer.operator} {layer.shapes}", f"{layer.macs:,}", *pairs)


def _replace_row(text: str, row: str, numbers: str) -> str:
    """The row of the same model and core whose first figure is of the form `numbers`."""
    title, core = row.split(" | ")[:2]
    start = re.escape(f"{title} | {core} | ")
    return re.sub(rf"^{start}{numbers} \|.*$", lambda _: row, text, flags=re.MULTILINE)


def update(text: str, rows: Iterable[Figures]) -> str:
    """docs/bench.md with the rows of these models and cores; what it does not show stays out."""
    for row in rows:
        if row.model not in TITLES:
            continue
        text = _replace_row(text, figures_row(row.model, row.core, vars(row)), r"[\d,]+")
        if ratios := _ratios_row(row):
            text = _replace_row(text, ratios, r"\d+\.\d+")
        if (row.model, row.core) == BY_LAYER:
            head, _, rest = text.partition(LAYERS_HEAD)
            rule, *old = rest.lstrip("\n").split("\n")
            after = "\n".join(old[next(i for i, line in enumerate(old) if not line) :])
            layers = "\n".join(_layer_row(layer) for layer in row.layers)
            parts = ", ".join(f"{part.name} {part.flash_bytes:,}" for part in row.parts)
            sentence = textwrap.fill(f"Its flash in bytes: {parts}.", WIDTH, break_on_hyphens=False)
            after = FLASH_SENTENCE.sub(sentence, after)
            text = f"{head}{LAYERS_HEAD}\n{rule}\n{layers}\n{after}"
    return text


def readme_line(macs: int, instructions: int) -> str:
    """README's row on the shipped model."""
    return f"| one inference ({macs:,} MACs) | {instructions:,} instructions |"


def second_of_audio(
    frontend: int, step: int, step_frames: int, frames_per_s: float
) -> tuple[float, float]:
    """Instructions of front-end and network on a second of audio.

    Args:
        frontend: instructions of a frame.
        step: of an inference, which takes `step_frames`.
        frames_per_s: of the front-end.
    """
    return frames_per_s * frontend, frames_per_s / step_frames * step


def step_sentence(
    frontend: int, figures: Mapping[str, Any], step_frames: int, frames_per_s: float
) -> str:
    """What docs/models.md says of the shipped model; arguments of `second_of_audio`."""
    parts = second_of_audio(frontend, figures["instructions"], step_frames, frames_per_s)
    return textwrap.fill(
        "On an emulated Cortex-M4F a step of the shipped model takes "
        f"{figures['instructions']:,} instructions ({figures['cycles']:,} cycles, estimated), a "
        f"second of audio {parts[1]:,.0f}; the front-end takes {parts[0]:,.0f} beside it: together "
        f"{sum(parts):,.0f} instructions a second.",
        WIDTH,
        break_on_hyphens=False,
    )


def write(rows: Sequence[Figures], frames_per_s: float) -> list[Path]:
    """Put measured figures into the documents; names those that were written."""
    texts = {DOCUMENT: update(DOCUMENT.read_text(encoding="utf-8"), rows)}
    told = {row.model: row for row in rows if row.core == TEXT_CORE}
    if shipped := told.get(SHIPPED):
        line = readme_line(shipped.macs, shipped.instructions)
        texts[README] = README_LINE.sub(line, README.read_text(encoding="utf-8"))
        if shipped.step_frames and (frontend := told.get(FRONTEND)):
            sentence = step_sentence(
                frontend.instructions, vars(shipped), shipped.step_frames, frames_per_s
            )
            texts[MODELS] = STEP_SENTENCE.sub(sentence, MODELS.read_text(encoding="utf-8"))
    for path, text in texts.items():
        write_atomically(path, text.encode())
    return [*texts]
