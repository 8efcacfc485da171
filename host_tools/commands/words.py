"""`sotto words`: from a few recordings of any word, or from none, to firmware that hears it."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_tools.commands._options import DEFAULT_GENERATED, JobsOption, JsonOption, LimitOption
from host_tools.commands._training import training_errors
from host_tools.commands.train import RUNS, OutOption, QuickOption
from host_tools.progress import TerminalProgress, print_json, result_console, talk_console

if TYPE_CHECKING:
    from training.cache import Stage
    from training.words.confusable import Neighbour
    from training.words.prepare import Prepared

EXAMPLE = 'Example: `sotto words "hey computer" --from recordings --negatives other_speech`'

CORPUS_LINK = "corpus"
_LISTED_WORDS = 24
_NAME_LETTERS = 64


def command(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words or phrases.")],
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="Recordings: a folder a word, or the one word's files [default: synthesised].",
        ),
    ] = None,
    negatives: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Speech without the words, in any folders."),
    ] = None,
    speaker_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help=r"Speaker in a file's name, e.g. '^(.+?)_\d+' [default: each file its own].",
        ),
    ] = None,
    list_confusables: Annotated[
        bool, typer.Option("--list-confusables", help="Show words that sound alike, and stop.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Prepare and write the recipe, and stop.")
    ] = False,
    rounds: Annotated[
        int,
        typer.Option(
            min=1,
            max=3,
            metavar="N",
            help="Train again on what was mistaken for a word, N - 1 times.",
        ),
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Decides who tests.")] = 1,
    quick: QuickOption = False,
    out: OutOption = DEFAULT_GENERATED,
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Stages and results [default: build/runs/<words>]."),
    ] = None,
    board: Annotated[
        list[str] | None, typer.Option("--board", "-b", metavar="NAME", help="As of `sotto run`.")
    ] = None,
    limit: LimitOption = None,
    jobs: JobsOption = None,
    json_out: JsonOption = False,
) -> None:
    """Find the words in recordings, speak what is missing, write a recipe and run it.

    Twenty recordings of a word are enough to test on some of them; with fewer, or none, the word is
    synthesised and nothing is claimed about people. What did not change is reused.
    """
    if list_confusables:
        _show_confusables(words, json_out)
        return
    progress = TerminalProgress()
    with training_errors():
        from training.words.corpus import TRAINING_FOLDER
        from training.words.prepare import prepare
        from training.words.sources import find_sources, labels_of

        labels = labels_of(words)
        sources = find_sources(labels, recordings, negatives, speaker_pattern)
        # Also the model's name in C.
        name = re.sub(r"[^A-Za-z0-9_]", "", "_".join(labels))[:_NAME_LETTERS] or "words"
        folder = work or RUNS / name
        prepared = prepare(labels, sources, name, seed, folder, progress)
    recipe = _write_recipe(folder / f"{name}.toml", prepared.recipe)
    corpus = _link(folder / CORPUS_LINK, prepared.corpus.folder) / TRAINING_FOLDER
    sheet = _write_sheet(prepared, folder)
    _show(prepared)
    if not dry_run:
        # Tables of the run are talk when one JSON document is the result.
        with redirect_stdout(sys.stderr if json_out else sys.stdout):
            corpus = _mine(prepared.corpus, recipe, corpus, folder, rounds, quick, out, progress)
            _run(recipe, corpus, folder, quick, out, board, limit, jobs)
    if json_out:
        print_json(_document(prepared, recipe, corpus, sheet))
    else:
        for line in (f"recordings: {sheet}", f"corpus: {corpus}", f"recipe: {recipe}"):
            result_console().print(line, markup=False)


def _mine(
    stage: Stage,
    recipe: Path,
    corpus: Path,
    folder: Path,
    rounds: int,
    quick: bool,
    out: Path,
    progress: TerminalProgress,
) -> Path:
    """All rounds of training but the last; returns the corpus for that one."""
    from host_tools.commands._training import train_model

    for _ in range(rounds - 1):
        train_model(
            recipe,
            data=corpus,
            work=folder,
            cache=None,
            out=out,
            quick=quick,
            skip_unreadable=False,
            progress=progress,
        )
        with training_errors():
            from training.words.corpus import TRAINING_FOLDER
            from training.words.prepare import add_mistakes

            tflite = (folder / "model.tflite").read_bytes()
            stage, clips = add_mistakes(stage, recipe, tflite, folder, progress)
        progress.note(f"{clips} stretches of other speech were mistaken and train as such")
        corpus = _link(folder / CORPUS_LINK, stage.folder) / TRAINING_FOLDER
    return corpus


def _run(
    recipe: Path,
    corpus: Path,
    folder: Path,
    quick: bool,
    out: Path,
    board: list[str] | None,
    limit: int | None,
    jobs: int | None,
) -> None:
    from host_tools.commands import run

    run.command(
        recipe,
        data=corpus,
        quick=quick,
        out=out,
        work=folder,
        board=board,
        limit=limit,
        jobs=jobs,
    )


def _write_recipe(path: Path, text: str) -> Path:
    """Write the recipe, unless the user has edited it: then it is kept, and told."""
    from host_tools.files import write_unless_edited

    fresh = write_unless_edited(path, text.encode())
    if fresh != path:
        talk_console().print(f"{path} was edited and is kept; a fresh one is {fresh}", markup=False)
    return path


def _link(link: Path, folder: Path) -> Path:
    """A name that stays for the corpus, whose folder in the cache has another after any change."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.resolve())
    fresh.replace(link)
    return link


def _write_sheet(prepared: Prepared, folder: Path) -> Path | None:
    from host_tools.report.contact_sheet import Row, write_sheet

    if not prepared.findings:
        return None
    rows = {
        word: [Row(**{**asdict(one), "path": Path(one.path)}) for one in findings]
        for word, findings in prepared.findings.items()
    }
    return write_sheet(rows, prepared.warnings, folder)


def _show(prepared: Prepared) -> None:
    from training.words.corpus import read_facts

    talk = talk_console()
    for word, findings in prepared.findings.items():
        used = [one for one in findings if not one.left_out]
        lengths = [one.stop_s - one.start_s for one in used]
        doubtful = sum(one.doubtful for one in used)
        talk.print(
            f"{word}: {len(used)} of {len(findings)} recordings used,"
            f" {len({one.speaker for one in used})} speakers,"
            f" the word lasts {min(lengths):.2f} to {max(lengths):.2f} s"
            + (f"; {doubtful} doubtful" if doubtful else ""),
            markup=False,
        )
        for one in findings:
            if one.left_out:
                talk.print(f"  left out: {one.path}: {one.left_out}", markup=False)
            elif one.channels > 1:
                talk.print(f"  {one.path}: {one.channels} channels, averaged", markup=False)
    for problem in read_facts(prepared.corpus.folder).problems:
        talk.print(f"other speech left out: {problem}", markup=False)
    for sentence in prepared.warnings:
        talk.print(f"warning: {sentence}", markup=False)


def _document(prepared: Prepared, recipe: Path, corpus: Path, sheet: Path | None) -> dict[str, Any]:
    from training.words.corpus import read_facts

    facts = read_facts(prepared.corpus.folder)
    return {
        "recipe": str(recipe),
        "corpus": str(corpus),
        "recordings_page": str(sheet) if sheet else None,
        "warnings": list(prepared.warnings),
        "clip_samples": prepared.plan.clip_samples,
        "clips": facts.clips,
        "other_speech_left_out": facts.problems,
        "recordings": {
            word: [
                {key: value for key, value in asdict(one).items() if key != "envelope"}
                for one in findings
            ]
            for word, findings in prepared.findings.items()
        },
    }


def _show_confusables(words: list[str], json_out: bool) -> None:
    with training_errors():
        from training.words.confusable import advice, neighbours, pronounce, read_vocabulary

        vocabulary = read_vocabulary(TerminalProgress())
        found = {word: neighbours(word, vocabulary, _LISTED_WORDS) for word in words}
        hints = {word: advice(word, near) for word, near in found.items()}
        said = {word: pronounce(word) for word in words}
    if json_out:
        print_json(
            {
                word: {
                    "phonemes": said[word],
                    "advice": hints[word],
                    "near": [asdict(one) for one in near],
                }
                for word, near in found.items()
            }
        )
        return
    for word, near in found.items():
        _print_confusables(word, "".join(said[word]), near)
        for sentence in hints[word]:
            talk_console().print(f"warning: {sentence}", markup=False)


def _print_confusables(word: str, said: str, near: tuple[Neighbour, ...]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(f"near {escape(word)} /{said}/", "said", "distance", "frequency", "", box=None)
    for one in near:
        note = "counts as the word" if one.same else ""
        table.add_row(
            escape(one.word), "".join(one.phonemes), f"{one.distance:.2f}", f"{one.zipf:.1f}", note
        )
    result_console().print(table)
