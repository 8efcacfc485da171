"""What a recipe does to a clip before and while a network learns from it, for people to look at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from training import train
from training.audio.augment.examples import Example, examples
from training.cache import Cache
from training.errors import UserError
from training.pipeline import recordings
from training.progress import Progress
from training.recipe import FEATURE_SCALE, NetworkConfig, Recipe
from training.runtime import tf
from training.stages import Line

_NAMED_CLIPS = 3
_MASK_SEED, _TILT_SEED = (1, 5), (1, 2)
"""With which widths and slopes can be seen."""


def show(
    recipe: Recipe,
    data: Path | None,
    cache_dir: Path,
    progress: Progress,
    *,
    clip: str | None = None,
    teacher: bool = False,
    recipe_folder: Path = Path(),
    skip_unreadable: bool = False,
) -> tuple[str, tuple[Example, ...]]:
    """The clip as it is and under each change alone.

    Args:
        recipe: its augmentation is shown, at the strong end of each range.
        data: folder of recordings; None for a recipe that synthesises its speech.
        cache_dir: finished stages, those of `training.pipeline.run`.
        progress: shows what happens.
        clip: name of a clip of the training set; None takes the first of the first keyword.
        teacher: show what the first teacher hears, not the student.
        recipe_folder: where the recipe's relative paths count from.
        skip_unreadable: leave out recordings that cannot be read instead of stopping.

    Returns:
        name of the clip, and the examples.

    Raises:
        UserError: no recordings, such as cannot be used, or no such clip.
    """
    cache = Cache(cache_dir, progress)
    line = Line(recipe, cache, recipe_folder, skip_unreadable)
    clips = line.data(recordings(recipe, data, line))
    facts = json.loads((clips.folder / "facts.json").read_text())
    row = _row_of(clip, facts["train"]["names"], np.load(clips.folder / "train_targets.npy"))
    network: NetworkConfig = recipe.teachers[0] if teacher else recipe.student
    config, frontend = line.hears(network), recipe.frontend
    copies = line.augmenter(clips, line.rooms(), config)
    pcm, speaker = copies.pcm[row], int(copies.voices[row])
    found = examples(pcm, speaker, copies.around, frontend, config)
    changed = while_training(found[0].features, line.changes(network))
    return facts["train"]["names"][row], found + changed


def while_training(features: np.ndarray, changes: train.FeatureChanges) -> tuple[Example, ...]:
    """Features int8[frames, bins] under the changes that come with every step of a training."""
    batch = train.to_input(tf.constant(features[None]))
    results = (
        ("tilt", train.tilt(batch, changes.tilt, tf.constant(_TILT_SEED)), changes.tilt > 0.0),
        (
            "masks",
            train.spec_augment(batch, changes, tf.constant(_MASK_SEED)),
            changes.time_mask_frames + changes.frequency_mask_bins > 0.0,
        ),
    )
    return tuple(
        Example(title, np.rint(after.numpy()[0, ..., 0] / FEATURE_SCALE).astype(np.int8), used)
        for title, after, used in results
    )


def _row_of(clip: str | None, names: list[str], targets: np.ndarray) -> int:
    if clip is None:
        return int(np.flatnonzero(targets == 0)[0])
    if clip not in names:
        raise UserError(
            f"{clip!r} is no clip of the training set",
            f"Give a name such as {', '.join(names[:_NAMED_CLIPS])}.",
        )
    return names.index(clip)
