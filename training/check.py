"""Which labels may be wrong: small networks hear the speakers that they did not learn from.

The speakers are parted into folds; for each fold, networks learn from the others and then say what
they hear. Every fold goes through the stages of the line, so its work is kept in the same cache.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training import models, train
from training.audio.corpus import Clip
from training.audio.corrections import corrections_text
from training.cache import Cache, Stage
from training.pipeline import recordings
from training.progress import Progress
from training.recipe import (
    DistillationConfig,
    QuantisationConfig,
    Recipe,
    StudentConfig,
    TeacherConfig,
)
from training.runtime import tf
from training.stages import Line
from training.teaching.sources import Source

HEARD_FILE = "heard.npy"
NETWORK = StudentConfig(
    architecture="temporal",
    width=40,
    blocks=4,
    learning_rate=5e-3,
    label_smoothing=0.05,
    averaging=0.99,
)
"""Stronger than a student for a microcontroller, and trained in a minute."""


@dataclass(frozen=True)
class Effort:
    """How much work a check is."""

    folds: int = 4
    """Parts of the speakers; 2 or more."""
    networks: int = 2
    """That learn and hear for each fold, from different first weights."""
    passes: int = 8
    """Augmented copies of every clip."""
    clips_seen: int = 150_000
    """By each network while it learns: enough to know the words, too few to learn wrong labels."""
    network: StudentConfig = NETWORK
    """What learns; `clips_seen` sets its epochs."""


@dataclass(frozen=True)
class Doubt:
    """A clip whose label may be wrong."""

    clip: str
    """Name inside the folder of recordings."""
    path: str
    speaker: str | None
    """None where the file does not tell."""
    label: str
    heard: str
    """What the networks hear."""
    heard_probability: float
    label_probability: float


@dataclass(frozen=True)
class CheckResult:
    """What a check found."""

    data: str
    """Folder of the recordings."""
    clips: int
    """That were heard; `_unknown_` is thinned as for training."""
    speakers: int
    """Known ones."""
    folds: int
    networks: int
    """For each fold."""
    agreement: float
    """Share of the clips whose label the networks hear."""
    judged: int
    """Clips that corrections name: somebody listened, so they are not listed."""
    doubts: tuple[Doubt, ...]
    """Surest first."""
    problems: tuple[str, ...]
    """Files that were left out, each with its cause."""


def check(
    recipe: Recipe,
    data: Path | None,
    cache_dir: Path,
    progress: Progress,
    *,
    recipe_folder: Path = Path(),
    skip_unreadable: bool = False,
    effort: Effort | None = None,
) -> CheckResult:
    """Let networks hear every clip of speakers whom they do not know, and list what they doubt.

    Args:
        recipe: words, front-end, augmentation and seed; its networks do not count.
        data: folder of recordings; None for a recipe that synthesises its speech.
        cache_dir: keeps every finished step, so that a second check repeats what changed only, and
            one that was broken off goes on.
        progress: shows what happens.
        recipe_folder: where the recipe's relative paths count from.
        skip_unreadable: leave out recordings that cannot be read instead of stopping.
        effort: how much work it is.

    Raises:
        UserError: no recordings, or such as cannot be used.
    """
    effort = effort or Effort()
    cache = Cache(cache_dir, progress)
    recipe = simplified(recipe, effort)
    corpus = recordings(recipe, data, Line(recipe, cache, recipe_folder))
    answers: dict[str, list[np.ndarray]] = defaultdict(list)
    problems: set[str] = set()
    with progress.task("folds of speakers", effort.folds) as task:
        for number in range(effort.folds):
            progress.note(f"fold {number + 1} of {effort.folds}")
            parted = replace(recipe.data, fold=number, folds=effort.folds)
            line = Line(replace(recipe, data=parted), cache, recipe_folder, skip_unreadable)
            clips = line.data(corpus)
            heard = _hear(line, clips, effort)
            facts = json.loads((clips.folder / "facts.json").read_text())
            problems.update(facts["problems"])
            # A speaker that had to move to fill a class stands in two folds.
            for name, one in zip(facts["test"]["names"], heard, strict=True):
                answers[name].append(one)
            task.advance()
    # Clips that were made are in no folder: nobody can have given them a wrong label.
    known = [clip for clip in corpus.clips if clip.name in answers]
    targets = np.array([corpus.labels.index(clip.label) for clip in known])
    means = np.stack([np.mean(answers[clip.name], axis=0) for clip in known])
    judged = corpus.corrections.clips
    return CheckResult(
        data=str(corpus.root),
        clips=len(known),
        speakers=len({clip.speaker for clip in known if clip.speaker}),
        folds=effort.folds,
        networks=effort.networks,
        agreement=float(np.mean(means.argmax(axis=1) == targets)),
        judged=len(judged),
        doubts=_doubts(known, corpus.labels, means, targets, judged),
        problems=tuple(sorted(problems)),
    )


def simplified(recipe: Recipe, effort: Effort) -> Recipe:
    """The recipe with the networks of a check: words, front-end and changes stay."""
    passes = min(recipe.augment.passes, effort.passes)
    return replace(
        recipe,
        augment=replace(recipe.augment, passes=passes, mix_passes=0),
        teachers=(TeacherConfig(),),
        student=effort.network,
        distillation=DistillationConfig(),
        quantisation=QuantisationConfig(),
    )


def find_doubtful(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Clips that belong to another class with at least the usual certainty of that class.

    Confident learning (Northcutt, Jiang and Chuang, 2021): a class that networks often confuse is
    heard with little certainty even where the label is right, so the mean probability of the clips
    labelled so is what another clip must reach to count as one of them. The order is by normalised
    margin: probability of the label less that of the class that is heard.

    Args:
        probabilities: float[clips, classes] of networks that did not learn from the speaker.
        targets: int[clips]: the labels.

    Returns:
        int[n]: rows, the surest first.
    """
    rows = np.arange(len(targets))
    given = probabilities[rows, targets]
    usual = np.array(
        [
            given[targets == label].mean() if np.any(targets == label) else np.inf
            for label in range(probabilities.shape[1])
        ]
    )
    heard = probabilities.argmax(axis=1)
    sureness = probabilities[rows, heard]
    doubtful = np.flatnonzero((heard != targets) & (sureness >= usual[heard]))
    return doubtful[np.argsort((given - sureness)[doubtful], kind="stable")]


def doubtful_clips_text(result: CheckResult) -> str:
    """A file of corrections that leaves out every doubtful clip, for people to edit."""
    heading = (
        f"Clips of {result.data} whose label networks doubt, the surest first.",
        "Listen to each. The label is right: remove the line, or write -> and the label behind it,",
        "and no check lists the clip again. The clip says another word of the folder: write -> and",
        "that word behind it. A line that stays as it is leaves its clip out.",
        "Then name this file in the recipe: corrections in section [data].",
    )
    return corrections_text(
        heading,
        (
            (
                one.clip,
                f"{one.label}: heard as {one.heard}, {one.heard_probability:.1%}"
                f" against {one.label_probability:.1%}",
            )
            for one in result.doubts
        ),
    )


def _hear(line: Line, clips: Stage, effort: Effort) -> np.ndarray:
    """float64[test clips, classes]: mean probabilities by the networks of a fold."""
    learned = len(np.load(clips.folder / "train_targets.npy", mmap_mode="r"))
    epochs = math.ceil(effort.clips_seen / learned)
    bank = line.bank(clips, line.recipe.augment)
    heard = []
    for number in range(effort.networks):
        config = replace(effort.network, epochs=epochs, seed=effort.network.seed + number)
        own = Line(replace(line.recipe, student=config), line.cache)
        network = own.student(clips, (Source(bank),))
        heard.append(np.load(_answers(own, bank, network).folder / HEARD_FILE))
    return np.mean(heard, axis=0)


def _answers(line: Line, bank: Stage, network: Stage) -> Stage:
    """`heard.npy` float64[test clips, classes]: probabilities by one network."""

    def build(folder: Path) -> None:
        model = line.trained(line.recipe.student, network)
        logits = train.predict(model, np.load(bank.folder / "test.npy")).astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        np.save(folder / HEARD_FILE, odds / odds.sum(axis=1, keepdims=True))

    return line.cache.stage(
        "heard",
        build,
        code=(models, train),
        inputs={"tensorflow": tf.__version__},
        after=(bank, network),
    )


def _doubts(
    clips: Sequence[Clip],
    labels: Sequence[str],
    probabilities: np.ndarray,
    targets: np.ndarray,
    judged: Mapping[str, object],
) -> tuple[Doubt, ...]:
    return tuple(
        Doubt(
            clip=clips[row].name,
            path=str(clips[row].path),
            speaker=clips[row].speaker,
            label=clips[row].label,
            heard=labels[int(probabilities[row].argmax())],
            heard_probability=float(probabilities[row].max()),
            label_probability=float(probabilities[row, targets[row]]),
        )
        for row in find_doubtful(probabilities, targets)
        if clips[row].name not in judged
    )
