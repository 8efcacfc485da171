"""The stages before training: recordings examined, words synthesised, the corpus built."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from training import audio, features, frontend_tables, words
from training.audio.synth import synthesise
from training.cache import Cache, Stage
from training.files import write_atomically
from training.progress import Progress
from training.recipe import SynthesisConfig, WordsConfig
from training.words import found
from training.words.confusable import advice, negatives, neighbours, pronounce, read_vocabulary
from training.words.corpus import Quantities, add_clips, build_corpus
from training.words.found import Finding
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


def with_mistaken(
    corpus: Stage, clips: NDArray[np.int16], work: Path, origin: str, progress: Progress
) -> Stage:
    """A corpus with clips added to its training part.

    Args:
        corpus: the one that the network was trained on.
        clips: int16[clips, clip_samples] on which it fired and should not.
        work: folder of the run.
        origin: names the network, for the cache.
        progress: shows the writing.
    """

    def build(folder: Path) -> None:
        for path in sorted(corpus.folder.rglob("*")):
            target = folder / path.relative_to(corpus.folder)
            if path.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                write_atomically(target, path.read_bytes())
        add_clips(folder, clips, FRONTEND.sample_rate_hz)

    cache = Cache(work / "cache", progress)
    return cache.stage("words-second", build, code=CODE, inputs={"of": origin}, after=(corpus,))


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

    def build(folder: Path) -> None:
        findings = found.load(examined.folder / FINDINGS_FILE)
        build_corpus(folder, findings, sources, spoken.folder / "spoken", quantities, progress)

    return cache.stage(
        "words-corpus",
        build,
        code=CODE,
        inputs={"quantities": asdict(quantities), "others": others, "noise": noise},
        after=(examined, spoken),
    )


def _version(path: Path) -> tuple[int, int]:
    """Size and time of change: files are many, and reading them all twice would take long."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def findings_json(findings: Mapping[str, Sequence[Finding]]) -> str:
    """What was found, for machines."""
    return json.dumps({label: [asdict(f) for f in rows] for label, rows in findings.items()})
