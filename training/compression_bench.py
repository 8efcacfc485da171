"""Every method of compression on one baseline, beside smaller students that were trained as such.

The rival of each method is what needs no compression at all: a narrower student with the same
teachers and epochs. All trainings are stages of the cache that `training.pipeline` uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from training import evaluate
from training.cache import Cache, Stage
from training.compress.calibrate import to_int8
from training.compress.measure import measure
from training.compress.quantise import int8_logits
from training.compress.stages import CODE, Bench, begin_trained, compress_student
from training.compress.student import load_student
from training.compression import of_recipe
from training.errors import UserError
from training.export.compile import compile_model
from training.progress import Progress, Silent
from training.quick import quick as quick_recipe
from training.recipe import Recipe, StudentConfig
from training.recipe_compress import StepConfig, Tuning, read_steps
from training.stages import Line
from training.teaching.lessons import Lessons, students

BASELINE = "int8 student"
METHODS: Mapping[str, str] = MappingProxyType(
    {
        "calibration: percentile": "calibrate method=percentile",
        "calibration: squared error": "calibrate method=mse",
        "calibration: divergence": "calibrate method=kl",
        "calibration: symmetric": "calibrate symmetric=true",
        "one scale a tensor": "calibrate per_channel=false",
        "one scale a tensor, equalised, corrected": "equalise; calibrate per_channel=false; "
        "correct_bias",
        "equalised, corrected": "equalise; correct_bias",
        **{
            f"half the channels: {measure}": f"prune share=0.5 importance={measure}"
            for measure in ("magnitude", "gradient", "taylor", "fisher", "median", "random")
        },
        "half the channels: taylor, a layer alone": "prune share=0.5 importance=taylor scope=layer",
        "half the channels: taylor, 4 rounds": "prune share=0.5 importance=taylor rounds=4",
        "half the channels: taylor, trained as long": "prune share=0.5 importance=taylor "
        "epochs={student_epochs} learning_rate={learning_rate}",
        "half the channels: after group lasso": "fine_tune group_lasso=1e-4; "
        "prune share=0.5 importance=magnitude",
        "half the weights": "prune share=0.5 granularity=weights",
        "half the blocks of 4": "prune share=0.5 granularity=blocks",
        "low rank": "low_rank energy=0.9",
        "low rank: half the weights": "low_rank budget=0.5",
        "tucker": "tensor_split energy=0.9",
        "cp": "tensor_split method=cp energy=0.9",
        "4 bits": "low_bits bits=4",
        "2 bits": "low_bits bits=2",
        "powers of two": "low_bits grid=powers_of_two bits=4",
        "16 values a tensor": "cluster values=16",
        "16 values a channel": "cluster values=16 codebook=channel",
        "branches": "branches",
        "subnetwork": "subnetwork instructions={half_instructions}",
        "pruned, low rank": "prune share=0.3 importance=taylor; low_rank energy=0.95",
        "pruned, corrected": "prune share=0.5 importance=taylor rounds=4; equalise; "
        "calibrate method=mse; correct_bias",
        "branches, pruned": "branches; prune share=0.5 importance=taylor rounds=4",
        "pruned, 4 bits": "prune share=0.3 importance=taylor; low_bits bits=4",
    }
)
"""Steps by the name of the method; `{half_instructions}` is half of what the baseline takes, and
`{student_epochs}` and `{learning_rate}` are those that it was trained with."""

RIVALS = (0.85, 0.7, 0.5, 0.35)
"""Widths of the smaller students, in parts of the baseline's."""


def run(
    recipe: Recipe,
    data: Path | None,
    work_dir: Path,
    *,
    only: Sequence[str] = (),
    epochs: int | None = None,
    quick: bool = False,
    progress: Progress | None = None,
    cache_dir: Path | None = None,
    recipe_folder: Path = Path(),
    student_epochs: int | None = None,
) -> dict[str, Any]:
    """Measure the baseline, its rivals and every method.

    Args:
        recipe: of the baseline.
        data: folder of recordings; None for a recipe that synthesises its speech.
        work_dir: has `cache/`.
        only: names of the methods wanted; all by default. Rivals are always there.
        epochs: of every fine-tuning, in place of the default.
        quick: shorten the training to a few minutes each.
        progress: shows what happens.
        cache_dir: in place of `cache/`.
        recipe_folder: where the recipe's relative paths count from.
        student_epochs: of baseline and rivals alike, in place of the recipe's.

    Returns:
        recipe, its hash, and the rows: name, steps, figures, what they need, and the rival.
        Accuracy is that of the clips held back from training, of validation and test together:
        few decisions were made by the former, and twice the clips tell methods apart better.
        `heard` has a 1 for each of them that is heard right, in the order of all rows.

    Raises:
        UserError: a method that there is not, or as `training.compression.run`.
    """
    for name in only:
        if name not in METHODS:
            raise UserError(f"there is no method {name!r}", f"Give some of: {', '.join(METHODS)}.")
    recipe = quick_recipe(recipe) if quick else recipe
    if student_epochs is not None:
        recipe = replace(recipe, student=replace(recipe.student, epochs=student_epochs))
    progress = progress or Silent()
    cache = Cache(cache_dir or work_dir / "cache", progress)
    cache.freeze(*CODE)
    line = Line(recipe, cache, recipe_folder)
    bench, start = of_recipe(line, data)
    rows = [{"name": BASELINE, "kind": "baseline", "steps": "", **_measured(bench, start)}]
    baseline = rows[0]["figures"]
    rows += _rivals(bench, progress)
    wanted = [name for name in METHODS if not only or name in only]
    for number, name in enumerate(wanted, start=1):
        progress.note(f"method {number} of {len(wanted)}: {name}")
        rows.append(_row(name, bench, start, baseline, epochs))
    smaller = [row for row in rows if row["kind"] != "method" and "figures" in row]
    for row in rows:
        if row["kind"] == "method" and "figures" in row:
            row["rival"] = rival_of(row["figures"], smaller)
    return {"recipe": recipe.name, "recipe_hash": recipe.recipe_hash, "rows": rows}


def narrower(student: StudentConfig, share: float) -> StudentConfig:
    """The student with that part of its width, in multiples of four channels."""

    def part(channels: int) -> int:
        return max(4, 4 * round(share * channels / 4))

    stem = part(student.stem_width) if student.stem_width else 0
    return replace(student, width=part(student.width), stem_width=stem)


def rival_of(figures: Mapping[str, Any], smaller: Sequence[Mapping[str, Any]]) -> str | None:
    """The most accurate trained student that takes no more flash; None where all take more."""
    fits = [row for row in smaller if row["figures"]["flash_bytes"] <= figures["flash_bytes"]]
    best = max(fits, key=lambda row: row["figures"]["right"], default=None)
    return None if best is None else str(best["name"])


def tuned(steps: Sequence[StepConfig], epochs: int | None) -> tuple[StepConfig, ...]:
    """The steps with other epochs of fine-tuning."""
    if epochs is None:
        return tuple(steps)
    return tuple(
        replace(step, epochs=epochs) if isinstance(step, Tuning) else step for step in steps
    )


def _rivals(bench: Bench, progress: Progress) -> Iterator[dict[str, Any]]:
    student = bench.line.recipe.student
    narrow = dict.fromkeys(narrower(student, share) for share in RIVALS)
    for config in narrow:
        progress.note(f"rival: a student of width {config.width}")
        smaller = Line(
            replace(bench.line.recipe, student=config), bench.line.cache, bench.line.folder
        )
        there = replace(bench, line=smaller)
        stage = students(smaller, Lessons(bench.data, (), bench.sources))[-1]
        yield {
            "name": f"student of width {config.width}",
            "kind": "rival",
            "steps": "",
            **_measured(there, begin_trained(there, stage)),
        }


def _row(
    name: str, bench: Bench, start: Stage, baseline: Mapping[str, Any], epochs: int | None
) -> dict[str, Any]:
    """One method; one that the network gives no hold to says why, in the place of figures."""
    half = (baseline["instructions"] or 0) // 2
    student = bench.line.recipe.student
    text = METHODS[name].format(
        half_instructions=half,
        student_epochs=student.epochs,
        learning_rate=student.learning_rate,
    )
    row: dict[str, Any] = {"name": name, "kind": "method", "steps": text, "needs": ""}
    try:
        last = compress_student(bench, start, tuned(read_steps(text), epochs))[-1]
    except UserError as error:
        return row | {"failed": error.message}
    return row | _measured(bench, last)


def _measured(bench: Bench, stage: Stage) -> dict[str, Any]:
    """Figures by today's kernels, which may be newer than the stage."""
    student, context = load_student(stage.folder), bench.context(stage.folder)
    tflite = to_int8(student, context)
    figures = asdict(measure(student, context, tflite))
    heard = np.concatenate(
        [
            evaluate.decide(int8_logits(tflite, clips.features)) == clips.labels
            for clips in (context.validation, context.test)
        ]
    )
    reached = evaluate.accuracy(heard, np.ones_like(heard))
    coded = compile_model(tflite, target=context.core.target, streaming="auto", placement="huffman")
    figures |= asdict(reached) | {
        "accuracy": reached.value,
        "coded_flash_bytes": coded.summary.weights_bytes,
        "coded_ram_bytes": coded.plan.arena_bytes + coded.input.bytes + coded.output.bytes,
    }
    return {
        "needs": student.needs,
        "figures": figures,
        "heard": "".join(str(int(one)) for one in heard),
    }
