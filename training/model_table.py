"""What students cost, as the table of docs/models.md: `python -m training.model_table`.

With `.tflite` files it tells theirs, and the accuracy from the `results.json` beside each, which
`sotto run` writes. Without, it builds the students of the recipes that ship, untrained: weights
count only in flash, where packings depend on them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.errors import UserError
from training.export.compile import CompiledModel, compile_model
from training.export.program import Program
from training.export.targets import REFERENCE, TARGETS
from training.recipe import FrontendConfig, Recipe, load_recipe, shipped_recipes
from training.results import RESULTS_FILE

EXAMPLE = "example: python -m training.model_table build/runs/commands12/model.tflite"
EXAMPLE_CLIPS = 20

UNKNOWN = "-"


@dataclass(frozen=True)
class Row:
    """One network.

    Attributes:
        name: of the model.
        parameters: weights and biases.
        window_macs: multiply-accumulates of a whole window.
        second_macs: of a second of audio, where it is a stream; None otherwise.
        state_bytes: kept between steps.
        flash_bytes: weights and all constants by target.
        accuracy: share of test clips, and how it was found; None where nothing says.
    """

    name: str
    parameters: int
    window_macs: int
    second_macs: int | None
    state_bytes: int
    flash_bytes: dict[str, int]
    accuracy: str | None = None


def parameters_of(program: Program) -> int:
    """Weights and biases of a program of reference kernels."""
    total = 0
    for call in program.calls:
        for name in ("weights", "bias"):
            values = getattr(call.params, name, None)
            total += 0 if values is None else values.size
    return total


def row_of(name: str, tflite: bytes, frontend: FrontendConfig, accuracy: str | None = None) -> Row:
    """Compile a model for every target, as steps where it is causal.

    Raises:
        UserError: sotto cannot compile it.
    """
    window = compile_model(tflite, name=name, target=REFERENCE)
    targets: dict[str, CompiledModel] = {
        target.name: compile_model(tflite, name=name, target=target, streaming="auto")
        for target in TARGETS
    }
    step = next(iter(targets.values()))
    second = None
    if step.summary.state_bytes > 0:
        frames = frontend.sample_rate_hz / frontend.hop_samples
        second = round(step.summary.macs * frames / step.frames_bins[0])
    return Row(
        name=name,
        parameters=parameters_of(window.program),
        window_macs=window.summary.macs,
        second_macs=second,
        state_bytes=step.summary.state_bytes,
        flash_bytes={target: model.summary.weights_bytes for target, model in targets.items()},
        accuracy=accuracy,
    )


def untrained(recipe: Recipe) -> bytes:
    """The student of a recipe with random weights, as an int8 `.tflite`."""
    from training import models
    from training.compress.quantise import convert_calibrated

    frontend = recipe.frontend
    classes = len(recipe.words.labels)
    model = models.build(recipe.student, frontend, classes, recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    noise = rng.normal(0, 40, (EXAMPLE_CLIPS, frontend.frames, frontend.mel_bins)).round()
    return convert_calibrated(model, np.clip(noise, -128, 127).astype(np.int8))


def _of_a_run(tflite: Path) -> tuple[str, str | None]:
    """Name of a model, and its accuracy with interval and clips where its run's results tell it."""
    path = tflite.with_name(RESULTS_FILE)
    if not path.is_file():
        return tflite.stem, None
    results = json.loads(path.read_text(encoding="utf-8"))
    *_, deployed = results["models"]
    low, high = 100 * deployed["low"], 100 * deployed["high"]
    percent = f"{100 * deployed['accuracy']:.1f} % ({low:.1f} to {high:.1f})"
    return results["recipe"], f"{percent} of {deployed['clips']:,} clips"


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    targets = [target.name for target in TARGETS]
    heads = ["network", "parameters", "MACs a window", "MACs a second", "state"]
    heads += [f"flash, {name}" for name in targets] + ["accuracy, int8"]
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        second = UNKNOWN if row.second_macs is None else f"{row.second_macs:,}"
        sizes = [f"{row.flash_bytes[name]:,}" for name in targets]
        facts = [f"{row.parameters:,}", f"{row.window_macs:,}", second, f"{row.state_bytes:,}"]
        lines.append([row.name, *facts, *sizes, row.accuracy or UNKNOWN])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rows_for(files: Sequence[Path]) -> list[Row]:
    """Of the files, or of the recipes that ship.

    Raises:
        UserError: a file is missing or does not compile.
    """
    if not files:
        recipes = {name: load_recipe(path) for name, path in shipped_recipes().items()}
        return [row_of(n, untrained(recipe), recipe.frontend) for n, recipe in recipes.items()]
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise UserError(f"{missing} is no file", "Name .tflite files.")
    frontend = FrontendConfig()
    rows = []
    for path in files:
        name, accuracy = _of_a_run(path)
        rows.append(row_of(name, path.read_bytes(), frontend, accuracy))
    return rows


def main(arguments: Sequence[str]) -> int:
    """Print the table of the models named, or of the recipes."""
    parser = argparse.ArgumentParser(
        prog="python -m training.model_table",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="*", type=Path, help=".tflite files")
    try:
        print(table(rows_for(parser.parse_args(arguments).models)), end="")
    except UserError as error:
        print(f"error: {error.message}\n  next: {error.remedy}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
