"""What each part of distillation brings: the student with soft targets and one part more.

Every training of an arm is a cached stage, so a run that was broken off continues, and arms share
the features and the teachers that they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training import evaluate
from training.cache import Cache, Stage
from training.errors import UserError
from training.pipeline import recordings
from training.progress import Progress, Silent
from training.quick import quick as quick_recipe
from training.recipe import Recipe
from training.recipe_distillation import DistillationConfig
from training.stages import Line
from training.teaching.lessons import prepare, students
from training.teaching.sources import Source
from training.teaching.stages import open_teachers
from training.train import predict

SOFT_TARGETS = "soft targets"
"""The arm that the others are compared with."""
LABELS_ONLY = "labels only"
WHOLE = "the whole recipe"
TRIAL_WEIGHT = 1.0
"""Of a loss over signals that the recipe leaves out."""
TRIAL_ROUNDS = 2
TRIAL_SCHEDULE = "cosine"

_SIGNALS = {
    "features": "feature_weight",
    "attention": "attention_weight",
    "distance": "distance_weight",
    "angle": "angle_weight",
    "similarity": "similarity_weight",
}
"""Losses over signals, by the name of their arm."""


@dataclass(frozen=True)
class Arm:
    """One way of training the student."""

    name: str
    recipe: Recipe
    taught: bool = True
    """Whether there is a teacher at all."""


def arms(recipe: Recipe) -> tuple[Arm, ...]:
    """Soft targets alone, labels alone, soft targets with each part, and all that the recipe has.

    Losses and rounds are tried with the recipe's settings, or with trial ones where it leaves them
    out; clips that only teachers label and external teachers are tried where the recipe has them.
    """
    own = recipe.distillation
    default = DistillationConfig()
    plain = replace(
        default,
        temperature=own.temperature,
        soft_weight=own.soft_weight or default.soft_weight,
        decoupled_target_weight=own.decoupled_target_weight,
        decoupled_other_weight=own.decoupled_other_weight,
        unlabelled_passes=own.unlabelled_passes,
        successor=own.successor,
        mixes=False,
    )
    # Without teachers of its own a recipe has the external ones in every arm.
    alone = replace(recipe, external_teachers=()) if recipe.teachers else recipe
    base = replace(alone, distillation=plain)

    def arm(name: str, **changes: Any) -> Arm:
        return Arm(name, replace(base, distillation=replace(plain, **changes)))

    found = [
        Arm(SOFT_TARGETS, base),
        Arm(LABELS_ONLY, base, taught=False),
        arm("decoupled", soft_loss="decoupled"),
    ]
    if recipe.teachers:
        weights = {key: getattr(own, key) or TRIAL_WEIGHT for key in _SIGNALS.values()}
        found += [arm(name, **{key: weights[key]}) for name, key in _SIGNALS.items()]
        moved: dict[str, Any] = {"warm_up_share": own.warm_up_share, "final_share": own.final_share}
        moved["schedule"] = TRIAL_SCHEDULE if own.schedule == "constant" else own.schedule
        found.append(arm("features, scheduled", feature_weight=weights["feature_weight"], **moved))
    if recipe.augment.mix_passes:
        found.append(arm("mixes", mixes=True))
    if own.unlabelled:
        found.append(arm("unlabelled", unlabelled=own.unlabelled))
    if own.spoken_clips:
        found.append(arm("spoken", spoken_clips=own.spoken_clips))
    found.append(arm("rounds", rounds=max(own.rounds, TRIAL_ROUNDS)))
    if recipe.external_teachers and recipe.teachers:
        found.append(Arm("external", replace(recipe, distillation=plain)))
    whole = replace(recipe, distillation=replace(own, baseline=False))
    mixed = own.mixes and recipe.augment.mix_passes > 0
    heard = replace(whole, distillation=replace(whole.distillation, mixes=mixed))
    if all(one.recipe != heard for one in found):
        found.append(Arm(WHOLE, whole))
    return tuple(found)


def chosen_arms(recipe: Recipe, parts: Sequence[str]) -> tuple[Arm, ...]:
    """The arms with these names, and soft targets before them; all where no name is given.

    Raises:
        UserError: an arm that the recipe does not have.
    """
    every = arms(recipe)
    names = [one.name for one in every]
    for part in parts:
        if part not in names:
            raise UserError(
                f"the recipe '{recipe.name}' has no arm {part!r}",
                f"Give some of: {', '.join(names)}.",
            )
    return tuple(one for one in every if not parts or one.name in (SOFT_TARGETS, *parts))


def run(
    recipe: Recipe,
    data: Path | None,
    work_dir: Path,
    *,
    seeds: int = 1,
    parts: Sequence[str] = (),
    quick: bool = False,
    progress: Progress | None = None,
    skip_unreadable: bool = False,
    cache_dir: Path | None = None,
    recipe_folder: Path = Path(),
) -> dict[str, Any]:
    """Train every arm of a recipe with every seed, over the cache that `training.pipeline` uses.

    Args:
        recipe: what to take apart.
        data: folder of recordings; None for a recipe that synthesises its speech.
        work_dir: has `cache/`.
        seeds: students of each arm.
        parts: names of the arms wanted; all by default.
        quick: shorten the training to a few minutes each.
        progress: shows what happens.
        skip_unreadable: leave out recordings that cannot be read instead of stopping.
        cache_dir: in place of `cache/`.
        recipe_folder: where the recipe's relative paths count from.

    Returns:
        recipe, its hash, clips, seeds, and for each arm its name and `right`: how many of its
        students hear each test clip right, as float networks.

    Raises:
        UserError: as `training.pipeline.run`, or an arm that the recipe does not have.
    """
    recipe = quick_recipe(recipe) if quick else recipe
    progress = progress or Silent()
    chosen = chosen_arms(recipe, parts)
    open_teachers(recipe, recipe_folder)
    cache = Cache(cache_dir or work_dir / "cache", progress)
    line = Line(recipe, cache, recipe_folder, skip_unreadable)
    clips = line.data(recordings(recipe, data, line))
    bank = line.bank(clips, recipe.augment)
    targets = np.load(clips.folder / "test_targets.npy")
    features = np.load(bank.folder / "test.npy")
    # A round counts on from the seed of the first student: seeds of students lie apart.
    step = max(one.recipe.distillation.rounds for one in chosen)
    seed_values = [recipe.student.seed + number * step for number in range(seeds)]
    right = {one.name: np.zeros(len(targets), np.int64) for one in chosen}
    for number, seed in enumerate(seed_values):
        for place, one in enumerate(chosen):
            count = number * len(chosen) + place + 1
            total = len(chosen) * seeds
            progress.note(f"ablation: {one.name}, seed {seed} ({count} of {total})")
            student = replace(one.recipe.student, seed=seed)
            taught = Line(
                replace(one.recipe, student=student), cache, recipe_folder, skip_unreadable
            )
            stage = _student(taught, one, clips, bank)
            said = predict(taught.trained(student, stage), features)
            right[one.name] += evaluate.decide(said) == targets
    return {
        "recipe": recipe.name,
        "recipe_hash": recipe.recipe_hash,
        "clips": len(targets),
        "seeds": seed_values,
        "arms": [{"name": name, "right": counts.tolist()} for name, counts in right.items()],
    }


def _student(line: Line, arm: Arm, clips: Stage, bank: Stage) -> Stage:
    if not arm.taught:
        return line.student(clips, (Source(bank),))
    return students(line, prepare(line, clips, bank))[-1]
