"""Records a board's microphone in pieces: an interrupted recording goes on where it stopped."""

from __future__ import annotations

import io
import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from host_tools.errors import SottoError
from host_tools.files import write_atomically
from host_tools.link.capture import Capture
from host_tools.progress import Task

PIECE_S = 10.0
POLL_S = 0.03
"""Between two questions for samples, of which the board keeps half a second."""


@dataclass(frozen=True)
class Losses:
    """Samples that are missing in a recording, and what the board said of the others.

    Attributes:
        on_board: the board computed too long to take them.
        on_link: the host, or the line, was too slow to fetch them.
        at_limit: of those recorded, samples at a limit of int16.
        offset: mean that the board took away, of the piece where it was greatest.
    """

    on_board: int = 0
    on_link: int = 0
    at_limit: int = 0
    offset: int = 0

    def __add__(self, other: Losses) -> Losses:
        return Losses(
            self.on_board + other.on_board,
            self.on_link + other.on_link,
            self.at_limit + other.at_limit,
            max(self.offset, other.offset, key=abs),
        )


@dataclass(frozen=True, eq=False)
class Recording:
    """int16[n] samples at `rate_hz`, and what is missing between them."""

    samples: np.ndarray
    rate_hz: int
    losses: Losses


class PieceFolder:
    """The pieces of one recording, `OUT.wav.pieces/`, until it is whole.

    Args:
        out: the WAV file that they will be.
    """

    def __init__(self, out: Path, rate_hz: int) -> None:
        self._out = out
        self.rate_hz = rate_hz
        self._folder = out.with_name(f"{out.name}.pieces")
        self._lengths = [self._read(path)[0].size for path in self._paths()]

    @property
    def samples(self) -> int:
        """How many are recorded."""
        return sum(self._lengths)

    def add(self, samples: np.ndarray, losses: Losses) -> None:
        """Keep the next piece."""
        path = self._folder / f"{len(self._lengths):05d}.wav"
        write_atomically(path.with_suffix(".json"), json.dumps(asdict(losses)).encode())
        write_atomically(path, _wav(samples, self.rate_hz))
        self._lengths.append(samples.size)

    def join(self) -> Recording:
        """Write the WAV file and remove the pieces."""
        pieces = [self._read(path) for path in self._paths()]
        samples = np.concatenate([piece for piece, _ in pieces])
        losses = sum((one for _, one in pieces), Losses())
        write_atomically(self._out, _wav(samples, self.rate_hz))
        shutil.rmtree(self._folder)
        return Recording(samples, self.rate_hz, losses)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.wav")) if self._folder.is_dir() else []

    def _read(self, path: Path) -> tuple[np.ndarray, Losses]:
        try:
            samples, rate_hz = soundfile.read(path, dtype="int16")
            losses = Losses(**json.loads(path.with_suffix(".json").read_text()))
        except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
            raise SottoError(
                f"{path}, a piece of an interrupted recording, cannot be read: {error}",
                f"Remove {self._folder} to begin again.",
            ) from error
        if rate_hz != self.rate_hz:
            raise SottoError(
                f"{path} has {rate_hz} samples a second, the board {self.rate_hz}",
                f"Remove {self._folder} to begin again.",
            )
        return samples, losses


def record(capture: Capture, folder: PieceFolder, wanted_samples: int, task: Task) -> None:
    """Record until the folder has `wanted_samples`; what has come is kept when it is interrupted.

    Args:
        capture: begun; its counters begin with it.
    """
    before = Losses()
    piece: list[np.ndarray] = []

    def keep() -> None:
        nonlocal before
        if piece:
            counters = capture.counters
            now = Losses(
                counters.lost_on_board, counters.lost_on_link, counters.at_limit, counters.offset
            )
            fresh = Losses(
                now.on_board - before.on_board,
                now.on_link - before.on_link,
                now.at_limit - before.at_limit,
                now.offset,
            )
            folder.add(np.concatenate(piece), fresh)
            before = now
            piece.clear()

    have = folder.samples
    piece_samples = 0
    try:
        while have < wanted_samples:
            block = capture.samples()[: wanted_samples - have]
            capture.words()  # brings the counters up to date
            if not block.size:
                time.sleep(POLL_S)
                continue
            piece.append(block)
            have += block.size
            piece_samples += block.size
            task.advance(block.size)
            if piece_samples >= PIECE_S * folder.rate_hz:
                keep()
                piece_samples = 0
    finally:
        keep()


def _wav(samples: np.ndarray, rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
