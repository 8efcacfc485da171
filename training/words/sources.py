"""The recordings that a user has: files of each word, of other speech, and of noise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.audio.corpus import BACKGROUND_FOLDER
from training.audio.readers import AUDIO_SUFFIXES, is_audio
from training.errors import UserError
from training.recipe import SILENCE_LABEL, UNKNOWN_LABEL, WordsConfig

SUFFIXES = AUDIO_SUFFIXES | {".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"}
"""File name endings, in lower case, that count as recordings: what libsndfile reads."""

SPEAKER_BEFORE_NOHASH = r"^(?P<speaker>.+)_nohash_\d+"
"""How Speech Commands names its files."""
_NOISE_FOLDERS = frozenset({BACKGROUND_FOLDER, SILENCE_LABEL})
_SHOWN_NAMES = 12


@dataclass(frozen=True)
class Recording:
    """One file."""

    path: Path
    speaker: str
    """From the file's name; the whole name where no pattern tells."""


@dataclass(frozen=True)
class Sources:
    """All files that a run may use."""

    words: dict[str, tuple[Recording, ...]]
    """Recordings of each keyword, by its label; empty for a word that is only synthesised."""
    negatives: tuple[Recording, ...] = ()
    """Speech without the keywords."""
    noise: tuple[Path, ...] = ()


def label_of(word: str) -> str:
    """`Hey  Computer` as a label: `hey_computer`."""
    return "_".join(word.casefold().replace("-", " ").replace("_", " ").split())


def labels_of(words: Sequence[str]) -> tuple[str, ...]:
    """The labels of the words.

    Raises:
        UserError: a word stands twice, or is none.
    """
    labels = tuple(map(label_of, words))
    WordsConfig(keywords=labels)
    return labels


def find_sources(
    labels: Sequence[str], recordings: Path | None, negatives: Path | None, pattern: str | None
) -> Sources:
    """List the files of every word; nothing is read.

    Args:
        labels: from `labels_of`.
        recordings: a folder a word, or for a single word its files; other folders hold other
            speech.
        negatives: a folder of speech without the words, searched through all its folders.
        pattern: regular expression for file names whose group `speaker`, or first group, is the
            speaker; None: what stands before `_nohash_`, else the whole name.

    Raises:
        UserError: a folder is missing or empty, no folder is called like a word, or the pattern
            does not work.
    """
    told = _compiled(pattern)
    words: dict[str, tuple[Recording, ...]] = {label: () for label in labels}
    others: list[Path] = []
    if recordings is not None:
        folders = _folders_of_words(labels, recordings)
        for label, folder in folders.items():
            words[label] = _recordings(_audio(folder.iterdir()), told)
        _refuse_empty(words, folders)
        used = {folder.resolve() for folder in folders.values()}
        if recordings.resolve() not in used:
            below = _audio(recordings.rglob("*"))
            others += [path for path in below if path.parent.resolve() not in used]
    if negatives is not None:
        found = _audio(_existing(negatives).rglob("*"))
        if not found:
            raise UserError(f"{negatives}: holds no audio", _AUDIO_REMEDY)
        others += found
    noise = tuple(path for path in others if path.parent.name in _NOISE_FOLDERS)
    speech = [
        path
        for path in dict.fromkeys(others)
        if path.parent.name not in _NOISE_FOLDERS and not _says(path, labels)
    ]
    return Sources(words, _recordings(speech, told), noise)


_AUDIO_REMEDY = f"Give a folder with {', '.join(sorted(SUFFIXES))} files."


def _compiled(pattern: str | None) -> re.Pattern[str]:
    try:
        told = re.compile(pattern or SPEAKER_BEFORE_NOHASH)
    except re.error as error:
        raise UserError(
            f"the speaker pattern {pattern!r} is no regular expression: {error}",
            r"Give one with a group, for example '^(.+?)_\d+' for anna_3.wav.",
        ) from error
    if told.groups == 0:
        raise UserError(
            f"the speaker pattern {pattern!r} has no group",
            r"Put what names the speaker into brackets, for example '^(.+?)_\d+' for anna_3.wav.",
        )
    return told


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder", "Check the path.")
    return folder


def _folders_of_words(labels: Sequence[str], root: Path) -> dict[str, Path]:
    """The folder of each word that has one."""
    children = sorted(path for path in _existing(root).iterdir() if path.is_dir())
    named = {label_of(path.name): path for path in children}
    folders = {label: named[label] for label in labels if label in named}
    if not folders and len(labels) == 1 and _audio(root.iterdir()):
        folders = {labels[0]: root}
    if not folders:
        names = [path.name for path in children if path.name[0] != "."]
        shown = ", ".join(names[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")
        raise UserError(
            f"{root}: no folder is called {' or '.join(map(repr, labels))};"
            f" found: {shown or 'no folders'}",
            "Put the recordings of each word into a folder of its name; for a single word,"
            " --from may name the folder of its recordings.",
        )
    resolved: dict[Path, str] = {}
    for label, folder in folders.items():
        other = resolved.setdefault(folder.resolve(), label)
        if other != label:
            raise UserError(
                f"{folder}: is the folder of {other!r} as well as of {label!r}",
                "Give each word recordings of its own.",
            )
    return folders


def _refuse_empty(words: dict[str, tuple[Recording, ...]], folders: dict[str, Path]) -> None:
    for label, folder in folders.items():
        if not words[label]:
            raise UserError(
                f"{folder}: holds no audio",
                f"Record {label!r} there, or leave --from out to synthesise it. {_AUDIO_REMEDY}",
            )


def _audio(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if is_audio(path, SUFFIXES) and path.is_file())


def _recordings(paths: Iterable[Path], told: re.Pattern[str]) -> tuple[Recording, ...]:
    return tuple(Recording(path, _speaker(path, told)) for path in paths)


def _speaker(path: Path, told: re.Pattern[str]) -> str:
    match = told.search(path.name)
    if match is None:
        return path.stem
    speaker = match["speaker"] if "speaker" in told.groupindex else match[1]
    if path.parent.name == UNKNOWN_LABEL:  # its names begin with the word
        speaker = (speaker or "").rpartition("_")[2]
    return speaker or path.stem


def _says(path: Path, labels: Sequence[str]) -> bool:
    """Whether folder or name (`_unknown_/<word>_<speaker>_nohash_<n>.wav`) says a keyword."""
    if path.parent.name == UNKNOWN_LABEL:
        spoken = label_of(path.stem)
        return any(spoken.startswith(f"{label}_") for label in labels)
    return label_of(path.parent.name) in labels
