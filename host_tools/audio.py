"""Audio files as the 16-bit samples that a board hears.

`training.audio` reads files on its side of the law that host tools never import training; a
cross test holds both to the same samples and the same refusals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from host_tools.errors import SottoError

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg"})
"""File name endings, in lower case, that count as audio."""

MAX_CLIP_S = 1_200
"""Longest file that is read: a damaged header must not fill the memory."""

_BLOCK_FRAMES = 1 << 16
_INT16_STEPS = 32_768.0
# libsndfile reads a WAV that was cut off as if it were whole and says so only in its log.
_CUT_WAV = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
# Programs that write to a pipe cannot know the size, and leave one of these in the header.
_STREAMED_WAV_BYTES = 0x7FFF_0000
_NEARLY_ALL_ENERGY = 0.98


class UnreadableClipError(SottoError):
    """An audio file that is damaged, cut off, empty, too long or no audio."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}",
            "Mend or remove the file, or give --skip-unreadable to go on without it.",
        )


def audio_files(folder: Path) -> list[Path]:
    """Audio files directly in a folder, sorted; hidden ones (`._yes.wav`) are left out."""
    return _audible(folder.iterdir())


def audio_files_below(folder: Path) -> list[Path]:
    """The same of a folder and all below it."""
    return _audible(folder.rglob("*"))


def _audible(paths: Iterable[Path]) -> list[Path]:
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
    )


def read_clip(path: Path, sample_rate_hz: int) -> np.ndarray:
    """Decode a file of any rate, depth and channel count.

    Channels are averaged, and another rate is converted by soxr at its high quality. A mono
    16-bit file of the wanted rate comes back sample for sample.

    Args:
        path: WAV, FLAC or OGG file.
        sample_rate_hz: rate of the result.

    Returns:
        int16[n], n > 0.

    Raises:
        UnreadableClipError: the file is missing, damaged, cut off, empty, too long or no audio.
    """
    with _opened(path) as file:
        samples = _read_mono(file, path, MAX_CLIP_S * file.samplerate + 1)
        if samples.size > MAX_CLIP_S * file.samplerate:
            raise UnreadableClipError(path, f"is longer than {MAX_CLIP_S} seconds")
        return _converted(samples, file.samplerate, sample_rate_hz, path)


def read_pieces(path: Path, sample_rate_hz: int, piece_s: float) -> Iterator[np.ndarray]:
    """Decode a file of any length as `read_clip` does, a piece at a time.

    Args:
        piece_s: length of each piece but the last; a rate is converted within each.

    Yields:
        int16[n], n > 0.

    Raises:
        UnreadableClipError: as `read_clip`, but for the length; later pieces may be what is wrong.
    """
    with _opened(path) as file:
        most_frames = max(1, round(piece_s * file.samplerate))
        samples = _read_mono(file, path, most_frames)
        while True:
            yield _converted(samples, file.samplerate, sample_rate_hz, path)
            if samples.size < most_frames:
                return
            samples = _read_mono(file, path, most_frames)
            if samples.size == 0:
                return


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    try:
        with soundfile.SoundFile(path) as file:
            cut = _CUT_WAV.search(file.extra_info)
            if cut and int(cut[2]) < int(cut[1]) < _STREAMED_WAV_BYTES:
                raise UnreadableClipError(
                    path, f"is cut off: {cut[2]} of {cut[1]} bytes of audio are there"
                )
            yield file
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        raise UnreadableClipError(path, f"cannot be read as audio: {reason}") from error
    except OSError as error:
        raise UnreadableClipError(path, f"cannot be read: {error.strerror}") from error


def _read_mono(file: soundfile.SoundFile, path: Path, most_frames: int) -> np.ndarray:
    """float64[n], n <= most_frames, decoded in blocks: memory follows the audio present."""
    blocks = [np.empty(0)]
    left = most_frames
    while left and (block := _block(file, min(left, _BLOCK_FRAMES))).size:
        blocks.append(block.mean(axis=1))
        left -= len(block)
    samples = np.concatenate(blocks)
    if not np.isfinite(samples).all():
        raise UnreadableClipError(path, "holds samples that are not numbers (NaN or infinity)")
    return samples


def _block(file: soundfile.SoundFile, frames: int) -> np.ndarray:
    block: np.ndarray = file.read(frames, dtype="float64", always_2d=True)
    return block


def _converted(samples: np.ndarray, rate_hz: int, wanted_hz: int, path: Path) -> np.ndarray:
    """int16[n] at the wanted rate of float64 samples of another."""
    if samples.size and rate_hz != wanted_hz:
        samples = soxr.resample(samples, rate_hz, wanted_hz, quality="HQ")
    if samples.size == 0:
        raise UnreadableClipError(path, "holds no samples")
    steps = np.rint(samples * _INT16_STEPS)
    return np.clip(steps, -_INT16_STEPS, _INT16_STEPS - 1).astype(np.int16)


def fit_length(pcm: np.ndarray, clip_samples: int) -> np.ndarray:
    """Bring a recording to the length that the model hears.

    A shorter one is padded with zeros on both sides. A longer one is cut to the stretch with the
    most energy; where several stretches hold nearly all of it, to the middle one of these.

    Args:
        pcm: int16[n], n > 0.
        clip_samples: length wanted.

    Returns:
        int16[clip_samples].
    """
    if pcm.size <= clip_samples:
        before = (clip_samples - pcm.size) // 2
        return np.pad(pcm, (before, clip_samples - pcm.size - before))
    start = _loudest_start(pcm, clip_samples)
    return pcm[start : start + clip_samples].copy()


def _loudest_start(pcm: np.ndarray, clip_samples: int) -> int:
    """Middle of the run of start positions, around the best one, with nearly all its energy."""
    energy = np.concatenate(([0.0], np.cumsum(pcm.astype(np.float64) ** 2)))
    stretch = energy[clip_samples:] - energy[:-clip_samples]
    best = int(np.argmax(stretch))
    lower = np.flatnonzero(stretch < _NEARLY_ALL_ENERGY * stretch[best])
    position = int(np.searchsorted(lower, best))
    first = int(lower[position - 1]) + 1 if position > 0 else 0
    last = int(lower[position]) - 1 if position < lower.size else stretch.size - 1
    return (first + last) // 2
