"""What is in a folder of recordings: clips with their labels and speakers.

Three layouts are recognised, all of them folders named after words:

- the full Speech Commands archive, told by its `validation_list.txt` and `testing_list.txt`;
- its canonical test set, told by its folder `_unknown_` of `<word>_<speaker>_nohash_<n>` files;
- any other `<word>/*.wav|flac|ogg`.

See docs/data.md for what each means.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.audio.corrections import NO_CORRECTIONS, Corrections
from training.audio.readers import AUDIO_SUFFIXES, is_audio
from training.errors import UserError
from training.files import write_atomically
from training.recipe import SILENCE_LABEL, UNKNOWN_LABEL, WordsConfig

BACKGROUND_FOLDER = "_background_noise_"
VALIDATION_LIST = "validation_list.txt"
TEST_LIST = "testing_list.txt"

# `0a7c2a8d_nohash_0.wav`; in `_unknown_` of the test set `backward_0a7c2a8d_nohash_0.wav.wav`.
_NAME = re.compile(r"^(?P<speaker>.+)_nohash_\d+\.")
_SHOWN_NAMES = 12


@dataclass(frozen=True)
class Clip:
    """One file of recorded speech or noise."""

    path: Path
    name: str
    """Path inside the corpus with forward slashes: the same on every machine."""
    label: str
    word: str
    """What is said, also where the label is `_unknown_`; empty when nothing tells."""
    speaker: str | None
    """Who says it; None when the file name does not tell."""


@dataclass(frozen=True)
class Corpus:
    """A scanned folder."""

    root: Path
    layout: str
    """What the folder was taken for, in words for a report."""
    labels: tuple[str, ...]
    clips: tuple[Clip, ...]
    """Every clip that has a label, ordered by name."""
    background: tuple[Path, ...] = ()
    """Long recordings of noise without speech."""
    validation_names: frozenset[str] = frozenset()
    test_names: frozenset[str] = frozenset()
    """Clips that the official lists of the archive put aside; empty without lists."""
    corrections: Corrections = NO_CORRECTIONS
    """By hand, already applied."""

    @property
    def speakers_known(self) -> bool:
        """Whether the speaker of every clip of speech is known."""
        return all(clip.speaker for clip in self.clips if clip.label != SILENCE_LABEL)

    @property
    def speakers(self) -> frozenset[str]:
        """All known speakers."""
        return frozenset(clip.speaker for clip in self.clips if clip.speaker)


def scan(root: Path, words: WordsConfig, corrections: Corrections = NO_CORRECTIONS) -> Corpus:
    """Find the clips of every class.

    Words outside the recipe become `_unknown_` when that class is on, and are left out otherwise.
    A file in `_unknown_` that says a keyword counts as that keyword. Nothing is decoded.

    Args:
        root: folder of recordings.
        words: the classes.
        corrections: what is known better than the folders tell.

    Raises:
        UserError: the folder is missing or holds no audio, a class has no clips, or corrections do
            not fit. `_silence_` may lack clips: it is then cut from background noise or generated.
    """
    folders = _word_folders(root)
    corrections.check(root, {*words.labels, *(folder.name for folder in folders)})
    clips = tuple(
        clip
        for folder in folders
        if folder.name != BACKGROUND_FOLDER
        for clip in _clips_of(folder, words, corrections)
    )
    _require_every_class(root, folders, clips, words)
    lists = [root / VALIDATION_LIST, root / TEST_LIST]
    official = all(path.is_file() for path in lists)
    validation, test = (_read_list(path) if official else frozenset() for path in lists)
    return Corpus(
        root=root,
        layout=_layout(official, folders),
        labels=words.labels,
        clips=clips,
        background=tuple(_audio_in(root / BACKGROUND_FOLDER)),
        validation_names=validation,
        test_names=test,
        corrections=corrections,
    )


def corpus_fingerprint(corpus: Corpus, cache: Path | None = None) -> str:
    """SHA-256 over the name, label and content of every file, as 64 hex digits.

    Args:
        corpus: what to fingerprint; where it lies on the disk does not matter.
        cache: JSON file that keeps the hash of each file by size and time of change, so that a
            second call reads only what changed.
    """
    known: dict[str, str] = {}
    if cache is not None and cache.is_file():
        known = _read_cache(cache)
    seen: dict[str, str] = {}
    total = hashlib.sha256()
    files = [(clip.name, clip.label, clip.path) for clip in corpus.clips]
    files += [(path.name, BACKGROUND_FOLDER, path) for path in corpus.background]
    for name, label, path in files:
        status = path.stat()
        key = f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}"
        digest = known.get(key) or hashlib.sha256(path.read_bytes()).hexdigest()
        seen[key] = digest
        split = f"{name in corpus.validation_names}:{name in corpus.test_names}"
        total.update(f"{name}\n{label}\n{split}\n{digest}\n".encode())
    if cache is not None and seen != known:
        write_atomically(cache, json.dumps(seen).encode())
    return total.hexdigest()


def _word_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise UserError(
            f"{root}: there is no such folder",
            "Give a folder of recordings with --data, or fetch one: sotto data fetch"
            " speech-commands.",
        )
    children = (path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")
    folders = sorted(children, key=lambda path: path.name)
    if not any(True for folder in folders for _ in _audio_in(folder)):
        suffixes = "|".join(sorted(suffix[1:] for suffix in AUDIO_SUFFIXES))
        raise UserError(
            f"{root}: holds no audio",
            f"Give the folder whose sub-folders are the words: <word>/*.{suffixes}.",
        )
    return folders


def _audio_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if is_audio(path))


def _clips_of(folder: Path, words: WordsConfig, corrections: Corrections) -> Iterator[Clip]:
    for path in _audio_in(folder):
        match = _NAME.match(path.name)
        speaker = match["speaker"] if match else None
        spoken = folder.name
        if folder.name == SILENCE_LABEL:
            spoken, speaker = "", None
        elif folder.name == UNKNOWN_LABEL:
            spoken, _, speaker = (speaker or "").rpartition("_")
        name = f"{folder.name}/{path.name}"
        label = _label(folder.name, spoken, words)
        if correction := corrections.clips.get(name):
            if correction.word is None:
                continue
            spoken = "" if correction.word.startswith("_") else correction.word
            label = _label(correction.word, spoken, words)
        if label is not None:
            yield Clip(path, name, label, spoken, speaker or None)


def _label(folder: str, spoken: str, words: WordsConfig) -> str | None:
    if folder == SILENCE_LABEL:
        return SILENCE_LABEL if words.silence else None
    if spoken in words.keywords:
        return spoken
    return UNKNOWN_LABEL if words.unknown else None


def _require_every_class(
    root: Path, folders: Sequence[Path], clips: Sequence[Clip], words: WordsConfig
) -> None:
    present = {clip.label for clip in clips}
    missing = [word for word in words.keywords if word not in present]
    if missing:
        names = [folder.name for folder in folders]
        shown = ", ".join(names[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")
        raise UserError(
            f"{root}: no clips for {', '.join(map(repr, missing))}; folders found: {shown}",
            "Record or synthesise them, one folder a word, or take the words out of the recipe.",
        )
    if words.unknown and UNKNOWN_LABEL not in present:
        raise UserError(
            f"{root}: no clips for {UNKNOWN_LABEL!r}: every folder is a keyword",
            "Add folders of other words, or set words.unknown = false in the recipe.",
        )


def _read_list(path: Path) -> frozenset[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as a list of clips: {error}",
            "Take the list from the archive again, or remove both lists to split by speaker.",
        ) from error
    return frozenset(line.strip() for line in lines if line.strip())


def _layout(official: bool, folders: Sequence[Path]) -> str:
    if official:
        return "Speech Commands archive"
    counts = Counter(folder.name for folder in folders)
    if counts[UNKNOWN_LABEL] and counts[SILENCE_LABEL]:
        return "Speech Commands test set"
    return "folders of words"


def _read_cache(cache: Path) -> dict[str, str]:
    """A cache that cannot be read is worth nothing, so it is built anew."""
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
