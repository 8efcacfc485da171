"""Audio files of any rate, bit depth and channel count become mono int16 clips."""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path

import numpy as np
import soundfile
import soxr

from training.errors import UserError

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg"})
"""File name endings, in lower case, that count as audio."""

MAX_CLIP_S = 1_200
"""Longest file that is read; the length that a damaged header claims must not fill the memory."""

_BLOCK_FRAMES = 1 << 16
_RECONVERT = "Convert the file again from its source, or remove it."
_SKIP = f"{_RECONVERT} To train without unreadable files, pass --skip-unreadable."

# libsndfile reads a WAV that was cut off as if it were whole and says so only in its log.
_CUT_WAV = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
# Programs that write to a pipe cannot know the size, and leave one of these in the header.
_STREAMED_WAV_BYTES = 0x7FFF_0000


def is_audio(path: Path, suffixes: Set[str] = AUDIO_SUFFIXES) -> bool:
    """Whether the name looks like audio; hidden files (`._yes.wav` of macOS archives) do not."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def read_clip(path: Path, sample_rate_hz: int) -> np.ndarray:
    """Read one audio file.

    Channels are averaged, and the rate is converted by soxr at its high quality. A mono 16-bit
    file that has the wanted rate is returned sample for sample.

    Returns:
        int16[samples], at least one sample.

    Raises:
        UserError: the file is missing, empty, damaged, cut off, too long or not audio.
    """
    try:
        samples, rate_hz = _read_mono(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(f"{path}: cannot be read as audio: {_cause(path, error)}", _SKIP) from error
    if samples.size == 0:
        raise UserError(f"{path}: holds no samples", _SKIP)
    if not np.isfinite(samples).all():
        raise UserError(f"{path}: holds samples that are not numbers (NaN or infinity)", _SKIP)
    if rate_hz != sample_rate_hz:
        samples = soxr.resample(samples, rate_hz, sample_rate_hz, quality="HQ")
        if samples.size == 0:
            raise UserError(f"{path}: is shorter than one sample at {sample_rate_hz} Hz", _SKIP)
    return to_int16(samples)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Full scale +-1.0 becomes int16, rounded to nearest and saturated."""
    return np.clip(np.rint(samples * 32_768.0), -32_768, 32_767).astype(np.int16)


def fit_length(pcm: np.ndarray, clip_samples: int) -> np.ndarray:
    """Bring a recording to `clip_samples`.

    A shorter one is padded with zeros on both sides. From a longer one comes the stretch with the
    most energy: where several stretches hold (nearly) all of it, as for one word in a long
    recording, the middle one, so that the word stands in the middle.

    Args:
        pcm: int16[samples], any length above 0.
        clip_samples: length wanted.

    Returns:
        int16[clip_samples].
    """
    if pcm.size <= clip_samples:
        before = (clip_samples - pcm.size) // 2
        return np.pad(pcm, (before, clip_samples - pcm.size - before))
    energy = np.concatenate(([0.0], np.cumsum(pcm.astype(np.float64) ** 2)))
    stretch = energy[clip_samples:] - energy[:-clip_samples]
    best = int(np.argmax(stretch))
    lower = np.flatnonzero(stretch < _NEARLY_ALL * stretch[best])
    position = int(np.searchsorted(lower, best))
    first = int(lower[position - 1]) + 1 if position > 0 else 0
    last = int(lower[position]) - 1 if position < lower.size else stretch.size - 1
    start = (first + last) // 2
    return pcm[start : start + clip_samples].copy()


_NEARLY_ALL = 0.98
"""Share of the greatest energy from which on a stretch counts as holding the whole word."""


def _read_mono(path: Path) -> tuple[np.ndarray, int]:
    """Decode block by block, so that memory follows the audio present and not the header."""
    with soundfile.SoundFile(path) as file:
        cut = _CUT_WAV.search(file.extra_info)
        if cut and int(cut[2]) < int(cut[1]) < _STREAMED_WAV_BYTES:
            raise OSError(f"cut off: {cut[2]} of {cut[1]} bytes of audio are there")
        blocks: list[np.ndarray] = []
        while (block := file.read(_BLOCK_FRAMES, dtype="float64", always_2d=True)).size:
            blocks.append(block.mean(axis=1))
            if len(blocks) * _BLOCK_FRAMES > MAX_CLIP_S * file.samplerate + _BLOCK_FRAMES:
                raise OSError(f"longer than {MAX_CLIP_S} seconds")
        return np.concatenate(blocks) if blocks else np.empty(0), file.samplerate


def _cause(path: Path, error: Exception) -> str:
    """The reason in words for the cases that libsndfile names badly."""
    if not path.exists():
        return "there is no such file"
    if path.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).removeprefix("Error : ").strip().rstrip(".")
    return str(error)
