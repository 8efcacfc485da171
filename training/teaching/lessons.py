"""From a bank of clips to a taught student: teachers, what they say, and rounds of students."""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.cache import Stage
from training.recipe import NetworkConfig
from training.stages import Line
from training.teaching.sources import Source
from training.teaching.stages import external_logits, signals, unlabelled_banks


@dataclass(frozen=True)
class Lessons:
    """What a recipe's students learn from.

    Attributes:
        data: stage with the clips.
        teachers: own ones.
        sources: copies of the training set, then of clips without labels, each with what all
            teachers say and, where a loss asks for it, what the first own one shows.
    """

    data: Stage
    teachers: tuple[Stage, ...]
    sources: tuple[Source, ...]


def prepare(line: Line, data: Stage, bank: Stage) -> Lessons:
    """Train the teachers and ask them about everything."""
    recipe = line.recipe
    teachers = tuple(line.teacher(config, data) for config in recipe.teachers)
    sources = []
    for one in (bank, *unlabelled_banks(line, data)):
        prefix = _prefix(one, bank)
        own = [
            line.logits(config, one, stage, prefix)
            for config, stage in zip(recipe.teachers, teachers, strict=True)
        ]
        foreign = [
            external_logits(line, config, data, one, prefix) for config in recipe.external_teachers
        ]
        inside = recipe.distillation.looks_inside
        shown = signals(line, teachers[0], one, bank, prefix) if inside else None
        sources.append(Source(one, (*own, *foreign), shown))
    return Lessons(data, teachers, tuple(sources))


def students(line: Line, lessons: Lessons) -> tuple[Stage, ...]:
    """The student of each round; the last one is the result.

    In round n > 1 the student of the round before joins the teachers, or replaces them (born-again
    networks, Furlanello et al. 2018). Signals stay those of the first teacher.
    """
    recipe, sources = line.recipe, lessons.sources
    found: list[Stage] = []
    for number in range(recipe.distillation.rounds):
        config = round_config(recipe.student, number)
        if number:
            sources = tuple(succeeded(line, one, sources[0].bank, found[-1]) for one in sources)
        found.append(line.student(lessons.data, sources, config, number))
    return tuple(found)


def round_config(config: NetworkConfig, number: int) -> NetworkConfig:
    """The student of round `number`, counted from 0: the same network from other weights."""
    return replace(config, seed=config.seed + number)


def succeeded(line: Line, source: Source, main: Stage, student: Stage) -> Source:
    """The source with a student among its teachers, or in their place."""
    heard = line.logits(line.recipe.student, source.bank, student, _prefix(source.bank, main))
    joins = line.recipe.distillation.successor == "joins"
    return replace(source, taught=(*source.taught, heard) if joins else (heard,))


def _prefix(bank: Stage, main: Stage) -> str:
    """Of a stage's name: tells the banks apart for the reader of the report."""
    return "" if bank is main else f"{bank.name.removesuffix('-features')}-"
