"""Labelled folders: `<label>/<clip>.wav`, and which clips of them are validated."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.audio import UnreadableClipError, audio_files, read_clip, read_pieces
from host_tools.errors import SottoError
from host_tools.manifest import UNKNOWN_LABEL, Manifest
from host_tools.progress import Progress

# `backward_0a7c2a8d_nohash_0.wav`: in `_unknown_` the name tells the word that is spoken.
_SPOKEN_WORD = re.compile(r"^(?P<word>.+)_[^_]+_nohash_\d+\.")
_CHOICE_SEED = 20_240_229
_NAMED_PROBLEMS = 5


@dataclass(frozen=True)
class LabelledClip:
    """One audio file and the index of its label among the model's labels."""

    path: Path
    label: int


@dataclass(frozen=True)
class LabelledFolder:
    """What a folder holds for a model: its clips, sorted by path, and the folders left out."""

    root: Path
    clips: tuple[LabelledClip, ...]
    ignored_folders: tuple[str, ...]
    empty_folders: tuple[str, ...]


def scan_labelled(root: Path, labels: Sequence[str]) -> LabelledFolder:
    """List the clips of `root`.

    A folder named as a label holds that label's clips. Folders of other words count as
    `_unknown_` where the model has that class and are left out where it has not. A file of
    `_unknown_` whose name says a word of the model counts as that word. Folders that are neither
    words nor labels (`_background_noise_`, hidden ones) are left out.

    Raises:
        SottoError: `root` is no folder, or holds no clip of any label.
    """
    if not root.is_dir():
        raise SottoError(
            f"The data folder {root} does not exist.",
            "Give --data a folder of `<word>/*.wav` clips.",
        )
    names = {label: index for index, label in enumerate(labels)}
    clips: list[LabelledClip] = []
    ignored: list[str] = []
    empty: list[str] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        found = _clips_of(folder, names)
        if found is None:
            ignored.append(folder.name)
        elif not found:
            empty.append(folder.name)
        else:
            clips += found
    if not clips:
        raise SottoError(
            f"{root} holds no clips for this model's labels; "
            f"folders there: {_join(ignored + empty) or 'none'}.",
            f"Arrange the clips as `<label>/*.wav` with the labels {_join(labels)}.",
        )
    return LabelledFolder(root, tuple(clips), tuple(ignored), tuple(empty))


def _clips_of(folder: Path, names: Mapping[str, int]) -> list[LabelledClip] | None:
    """Clips of one folder; None when it is no class of the model."""
    is_word = not folder.name.startswith((".", "_"))
    label = names.get(folder.name, names.get(UNKNOWN_LABEL) if is_word else None)
    files = audio_files(folder)
    if folder.name != UNKNOWN_LABEL:
        return None if label is None else [LabelledClip(path, label) for path in files]
    labels = ((path, names.get(_spoken_word(path), label)) for path in files)
    found = [LabelledClip(path, index) for path, index in labels if index is not None]
    return None if label is None and not found else found


def _spoken_word(path: Path) -> str:
    match = _SPOKEN_WORD.match(path.name)
    return match["word"] if match else UNKNOWN_LABEL


def choose_balanced(clips: Sequence[LabelledClip], limit: int | None) -> list[LabelledClip]:
    """Take `limit` clips, the labels in turn, by a fixed seed; None takes all.

    A label that runs out leaves its turns to the others, so the result has
    `min(limit, len(clips))` clips, sorted as they came.
    """
    if limit is None or limit >= len(clips):
        return list(clips)
    rng = random.Random(_CHOICE_SEED)
    piles: dict[int, list[int]] = {}
    for position, clip in enumerate(clips):
        piles.setdefault(clip.label, []).append(position)
    for label in sorted(piles):
        rng.shuffle(piles[label])
    chosen: list[int] = []
    while len(chosen) < limit:
        for label in sorted(piles):
            if piles[label] and len(chosen) < limit:
                chosen.append(piles[label].pop())
    return [clips[position] for position in sorted(chosen)]


def usable_clips(
    root: Path,
    manifest: Manifest,
    limit: int | None,
    *,
    skip_unreadable: bool,
    progress: Progress,
) -> list[LabelledClip]:
    """Clips of a folder for a run on a board, each decoded once before any board is touched.

    Notes folders that are no words of the model, and those without clips.

    Args:
        root: of folders named after labels.
        manifest: of the model.
        limit: how many, balanced over the labels; None takes all.
        skip_unreadable: leave out what cannot be decoded.
        progress: shows the files.

    Raises:
        SottoError: as `scan_labelled` and `check_readable`.
    """
    folder = scan_labelled(root, manifest.labels)
    if folder.ignored_folders:
        progress.note(f"left out, no words of this model: {', '.join(folder.ignored_folders)}")
    for name in folder.empty_folders:
        progress.note(f"the folder {name} holds no clips")
    return check_readable(
        choose_balanced(folder.clips, limit),
        manifest.sample_rate_hz,
        skip_unreadable=skip_unreadable,
        progress=progress,
    )


def check_readable(
    clips: Sequence[LabelledClip], sample_rate_hz: int, *, skip_unreadable: bool, progress: Progress
) -> list[LabelledClip]:
    """Decode every clip once before any board is touched.

    Returns:
        The readable clips.

    Raises:
        SottoError: some cannot be decoded and `skip_unreadable` is false, or none can.
    """
    paths = [clip.path for clip in clips]
    readable = {
        path
        for path, _ in read_files(
            paths, sample_rate_hz, skip_unreadable=skip_unreadable, progress=progress
        )
    }
    return [clip for clip in clips if clip.path in readable]


def read_files(
    paths: Sequence[Path],
    sample_rate_hz: int,
    *,
    skip_unreadable: bool,
    progress: Progress,
    piece_s: float | None = None,
) -> Iterator[tuple[Path, np.ndarray]]:
    """Decode files one after the other: the readable ones, each with its int16[n].

    Args:
        piece_s: files may be of any length, and come in pieces of so many seconds; None for clips.

    Raises:
        SottoError: after the last file: some cannot be decoded and `skip_unreadable` is false, or
            none can.
    """
    good = 0
    problems: list[UnreadableClipError] = []
    with progress.task("Reading the clips", total=len(paths)) as task:
        for path in paths:
            try:
                if piece_s is None:
                    pieces = [read_clip(path, sample_rate_hz)]
                else:
                    pieces = list(read_pieces(path, sample_rate_hz, piece_s))
            except UnreadableClipError as problem:
                problems.append(problem)
            else:
                good += 1
                yield from ((path, pcm) for pcm in pieces)
            task.advance()
    if problems and not (skip_unreadable and good):
        raise _summed_up(problems)
    for skipped in problems:
        progress.note(f"skipped {skipped.message}")


def _summed_up(problems: Sequence[UnreadableClipError]) -> SottoError:
    named = [problem.message for problem in problems[:_NAMED_PROBLEMS]]
    more = len(problems) - len(named)
    lines = [f"{len(problems)} of the clips cannot be read:", *named]
    if more:
        lines.append(f"... and {more} more")
    return SottoError("\n  ".join(lines), problems[0].remedy)


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)
