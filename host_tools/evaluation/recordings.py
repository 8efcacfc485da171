"""Recordings with what is said in them and by whom, and their two halves."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.audio import AUDIO_SUFFIXES, audio_files, audio_files_below
from host_tools.errors import SottoError
from host_tools.labelled import choose_balanced, read_files, scan_labelled
from host_tools.manifest import Manifest
from host_tools.progress import Progress

NEGATIVE = -1
"""Label of a recording that holds no word of the model and need not be a clip of any class."""

BACKGROUND_FOLDER = "_background_noise_"

PIECE_S = 200.0
"""Long negatives are cut into pieces of this length, which all belong to the half of their file."""

HALVES = ("chosen on", "reported on")
"""Settings are chosen on the speakers of the first and reported on those of the second."""

_HALVES_SEED = "sotto evaluate halves"

# `0a7c2a8d_nohash_0.wav`, in `_unknown_` with the word before it: `bed_0a7c2a8d_nohash_0.wav`;
# `sotto run` writes another word's folder as `bed-0a7c2a8d_nohash_0.wav`.
_SPEAKER = re.compile(r"^(?P<speaker>.+)_nohash_\d+")
_WORD_BEFORE = re.compile(r"^[^_-]+[_-](?=[^_-])")


@dataclass(frozen=True)
class Recording:
    """One file, decoded, or a piece of a long one.

    Attributes:
        name: its path below the folder that was given.
        label: index of the model's class, or NEGATIVE.
        speaker: as the file name tells; None where it does not.
        pcm: int16[n].
    """

    name: str
    label: int
    speaker: str | None
    pcm: np.ndarray

    @property
    def half(self) -> int:
        """0 or 1; all recordings of a speaker are in one half. Without a speaker: by file."""
        unit = f"speaker:{self.speaker}" if self.speaker else f"file:{self.name}"
        return hashlib.sha256(f"{_HALVES_SEED}:{unit}".encode()).digest()[0] & 1

    @property
    def checksum(self) -> int:
        """CRC-32 of the samples."""
        return zlib.crc32(self.pcm.tobytes())


def speaker_of(name: str, *, word_before: bool) -> str | None:
    """Who speaks, by the file name.

    Args:
        word_before: the name begins with the word, as in `_unknown_`.
    """
    match = _SPEAKER.match(name)
    if match is None:
        return None
    speaker = match["speaker"]
    return _WORD_BEFORE.sub("", speaker, count=1) if word_before else speaker


def load_labelled(
    root: Path,
    manifest: Manifest,
    *,
    limit: int | None,
    skip_unreadable: bool,
    progress: Progress,
) -> list[Recording]:
    """Decode the labelled recordings of a folder, whole.

    Folders of other words are negatives where the model has no class for them, and so is
    `_background_noise_`.

    Raises:
        SottoError: the folder is missing or empty, or files cannot be read.
    """
    folder = scan_labelled(root, manifest.labels)
    chosen = choose_balanced(folder.clips, limit)
    labels = {clip.path: clip.label for clip in chosen}
    for name in folder.ignored_folders:
        if not name.startswith((".", "_")) or name == BACKGROUND_FOLDER:
            labels |= dict.fromkeys(audio_files(root / name), NEGATIVE)
    return _read(root, labels, manifest, skip_unreadable=skip_unreadable, progress=progress)


def load_negatives(
    roots: Sequence[Path], manifest: Manifest, *, skip_unreadable: bool, progress: Progress
) -> list[Recording]:
    """Decode all audio below folders that hold no word of the model.

    Subfolders named as a word of the model are left out.

    Raises:
        SottoError: a folder is missing or holds no audio, or files cannot be read.
    """
    found: list[Recording] = []
    words = {label for label in manifest.labels if not label.startswith("_")}
    for root in roots:
        if not root.is_dir():
            raise SottoError(
                f"The folder of negatives {root} does not exist.",
                "Give --negatives a folder of recordings without the words.",
            )
        labels = {
            path: NEGATIVE
            for path in audio_files_below(root)
            if not words & set(path.relative_to(root).parent.parts)
        }
        if not labels:
            raise SottoError(
                f"The folder of negatives {root} holds no audio outside the folders of the words.",
                f"Put recordings there ({', '.join(sorted(AUDIO_SUFFIXES))}), long or short.",
            )
        found += _read(
            root,
            labels,
            manifest,
            skip_unreadable=skip_unreadable,
            progress=progress,
            piece_s=PIECE_S,
        )
    return found


def _read(
    root: Path,
    labels: dict[Path, int],
    manifest: Manifest,
    *,
    skip_unreadable: bool,
    progress: Progress,
    piece_s: float | None = None,
) -> list[Recording]:
    read = read_files(
        list(labels),
        manifest.sample_rate_hz,
        skip_unreadable=skip_unreadable,
        progress=progress,
        piece_s=piece_s,
    )
    return [
        Recording(
            name=path.relative_to(root).as_posix(),
            label=labels[path],
            speaker=_speaker(path),
            pcm=pcm,
        )
        for path, pcm in read
    ]


def _speaker(path: Path) -> str | None:
    return speaker_of(path.name, word_before=path.parent.name.startswith("_"))
