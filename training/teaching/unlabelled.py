"""Recordings without labels, cut into clips that only the teachers name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.audio.corpus import Clip, Corpus
from training.audio.readers import fit_length, is_audio, read_clip
from training.errors import UserError
from training.progress import Progress

LEAST_SHARE = 0.5
"""A rest of a recording that is shorter than this share of a clip is dropped."""


def find_recordings(folder: Path) -> list[Path]:
    """Audio files in a folder and in all folders below it, in the order of their paths.

    Raises:
        UserError: the folder is missing or holds no audio.
    """
    if not folder.is_dir():
        raise UserError(
            f"the folder of unlabelled recordings {folder} does not exist",
            "Give distillation.unlabelled the path of a folder; a relative path counts from the "
            "folder of the recipe.",
        )
    found = sorted(path for path in folder.rglob("*") if is_audio(path) and path.is_file())
    if not found:
        raise UserError(
            f"the folder of unlabelled recordings {folder} holds no audio",
            "Put .wav, .flac or .ogg files there, in any arrangement of folders.",
        )
    return found


def as_corpus(files: list[Path], folder: Path) -> Corpus:
    """The files as a corpus without words and labels, for its fingerprint."""
    names = [path.relative_to(folder).as_posix() for path in files]
    clips = (Clip(path, name, "", "", None) for path, name in zip(files, names, strict=True))
    return Corpus(folder, "recordings without labels", (), tuple(clips))


def cut(recording: np.ndarray, clip_samples: int) -> Iterator[np.ndarray]:
    """The clips of a recording, one after the other.

    A recording that is shorter than a clip stands in the middle of one. The rest behind the last
    whole clip is one more, likewise, where it fills `LEAST_SHARE` of a clip.

    Args:
        recording: int16[samples], at least one sample.
        clip_samples: length of a clip.

    Yields:
        int16[clip_samples].
    """
    whole = len(recording) - len(recording) % clip_samples
    for start in range(0, whole, clip_samples):
        yield recording[start : start + clip_samples]
    rest = recording[whole:]
    if whole == 0 or len(rest) >= LEAST_SHARE * clip_samples:
        yield fit_length(rest, clip_samples)


def write_clips(
    files: list[Path],
    out: Path,
    *,
    sample_rate_hz: int,
    clip_samples: int,
    skip_unreadable: bool,
    progress: Progress,
) -> np.ndarray:
    """Write the clips of all files one after the other, so that memory holds one recording only.

    Args:
        files: audio of any rate.
        out: file of int16 samples that is written.
        sample_rate_hz: of the clips.
        clip_samples: length of the clips.
        skip_unreadable: leave out what cannot be read; otherwise it is an error.
        progress: shows the files.

    Returns:
        int16[clips, clip_samples], a view of the file.

    Raises:
        UserError: a file cannot be read, or none of them can.
    """
    with out.open("wb") as sink, progress.task("reading unlabelled audio", len(files)) as task:
        for path in files:
            try:
                recording = read_clip(path, sample_rate_hz)
            except UserError:
                if not skip_unreadable:
                    raise
            else:
                for clip in cut(recording, clip_samples):
                    sink.write(clip.tobytes())
            task.advance()
    if out.stat().st_size == 0:
        raise UserError("no unlabelled recording can be read", "Check the files and their format.")
    return np.memmap(out, np.int16, "r").reshape(-1, clip_samples)
