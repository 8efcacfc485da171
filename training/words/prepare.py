"""The stages before training: recordings examined, words synthesised, the corpus built."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from training import audio, features, frontend_tables, words
from training.audio.synth import synthesise
from training.cache import Cache, Stage
from training.progress import Progress
from training.recipe import SynthesisConfig, WordsConfig, load_recipe
from training.words import found
from training.words.confusable import advice, negatives, neighbours, pronounce, read_vocabulary
from training.words.corpus import (
    TRAINING_FOLDER,
    Quantities,
    add_clips,
    build_corpus,
    count_mistakes,
)
from training.words.found import Finding
from training.words.mining import mistaken_clips
from training.words.plan import FRONTEND, Plan, make_plan, recipe_text, warnings
from training.words.sources import Sources

CODE: tuple[ModuleType, ...] = (audio, features, frontend_tables, words)
FINDINGS_FILE = "findings.json"
NEAR_WORDS = 60
"""Near words of each keyword that are spoken as other speech."""
_ADVICE_WORDS = 20


@dataclass(frozen=True)
class Prepared:
    """All that a run needs, and what the user should see before it."""

    corpus: Stage
    findings: Mapping[str, Sequence[Finding]]
    plan: Plan
    recipe: str
    """Text of the recipe."""
    warnings: tuple[str, ...]


def prepare(
    labels: Sequence[str], sources: Sources, name: str, seed: int, work: Path, progress: Progress
) -> Prepared:
    """Examine, synthesise and cut; every stage is kept under `work/cache`.

    Args:
        labels: the words.
        sources: from `find_sources`.
        name: of the recipe.
        seed: decides voices, places in clips and who tests.
        work: folder of the run.
        progress: shows what happens.

    Raises:
        UserError: a word that cannot be said, or whose recordings cannot be used.
    """
    for label in labels:
        pronounce(label)
    cache = Cache(work / "cache", progress)
    examined = _examine(cache, sources, progress)
    findings = found.load(examined.folder / FINDINGS_FILE)
    plan = make_plan(labels, findings)
    vocabulary = read_vocabulary(progress)
    others = negatives(labels, vocabulary, NEAR_WORDS)
    spoken = _speak(cache, labels, others, plan, seed, progress)
    corpus = _build(cache, examined, spoken, sources, plan, seed, progress)
    hints = [h for w in labels for h in advice(w, neighbours(w, vocabulary, _ADVICE_WORDS))]
    return Prepared(
        corpus=corpus,
        findings=findings,
        plan=plan,
        recipe=recipe_text(name, labels, plan, seed),
        warnings=(*warnings(plan, len(sources.negatives)), *hints),
    )


def add_mistakes(
    corpus: Stage, recipe: Path, tflite: bytes, work: Path, progress: Progress
) -> tuple[Stage, int]:
    """The folder of a corpus again, with what a network trained on it takes for a keyword.

    Args:
        corpus: the one that the network was trained on.
        recipe: file of the recipe that it was trained by.
        tflite: the int8 network over windows.
        work: folder of the run.
        progress: shows the search.

    Returns:
        The new corpus, and how many clips were added to its training part.
    """

    def build(folder: Path) -> None:
        shutil.rmtree(folder)  # what an interrupted run added would count twice
        shutil.copytree(corpus.folder, folder)
        training = corpus.folder / TRAINING_FOLDER
        add_clips(folder, mistaken_clips(load_recipe(recipe), tflite, training, progress))

    stage = Cache(work / "cache", progress).stage(
        "words-mistakes",
        build,
        code=CODE,
        inputs={"model": hashlib.sha256(tflite).hexdigest()},
        after=(corpus,),
    )
    return stage, count_mistakes(stage.folder)


def _examine(cache: Cache, sources: Sources, progress: Progress) -> Stage:
    files = {
        label: [(str(one.path), one.speaker, *_version(one.path)) for one in rows]
        for label, rows in sources.words.items()
        if rows
    }

    def build(folder: Path) -> None:
        rate_hz = FRONTEND.sample_rate_hz
        rows = {
            label: found.examine(label, recordings, rate_hz, progress)
            for label, recordings in sources.words.items()
            if recordings
        }
        found.save(rows, folder / FINDINGS_FILE)

    return cache.stage("words-found", build, code=CODE, inputs={"files": files})


def _speak(
    cache: Cache,
    labels: Sequence[str],
    others: tuple[str, ...],
    plan: Plan,
    seed: int,
    progress: Progress,
) -> Stage:
    keywords = WordsConfig(keywords=tuple(labels), silence=False)
    config = SynthesisConfig(
        enabled=True,
        clips_per_word=plan.spoken_clips,
        speakers=plan.voices,
        unknown_words=others,
        unknown_clips=plan.spoken_unknown_clips,
    )
    facts = {
        "sample_rate_hz": FRONTEND.sample_rate_hz,
        "clip_samples": plan.clip_samples,
        "seed": seed,
    }

    def build(folder: Path) -> None:
        synthesise(keywords, config, folder / "spoken", progress=progress, **facts)

    inputs = {"words": asdict(keywords), "synthesis": asdict(config), **facts}
    return cache.stage("words-spoken", build, code=CODE, inputs=inputs)


def _build(
    cache: Cache,
    examined: Stage,
    spoken: Stage,
    sources: Sources,
    plan: Plan,
    seed: int,
    progress: Progress,
) -> Stage:
    quantities = Quantities(
        plan.clip_samples, FRONTEND.sample_rate_hz, plan.cuts_per_recording, seed
    )
    others = [(str(one.path), one.speaker, *_version(one.path)) for one in sources.negatives]
    noise = [(str(path), *_version(path)) for path in sources.noise]
    notes = warnings(plan, len(sources.negatives))

    def build(folder: Path) -> None:
        findings = found.load(examined.folder / FINDINGS_FILE)
        speech = spoken.folder / "spoken"
        build_corpus(folder, findings, sources, speech, quantities, notes, progress)

    return cache.stage(
        "words-corpus",
        build,
        code=CODE,
        inputs={
            "quantities": asdict(quantities),
            "notes": notes,
            "others": others,
            "noise": noise,
        },
        after=(examined, spoken),
    )


def _version(path: Path) -> tuple[int, int]:
    """Size and time of change: files are many, and reading them all twice would take long."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns
