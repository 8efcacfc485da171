"""Scores that were computed before, so that an interrupted evaluation goes on where it was."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from host_tools.files import write_atomically

_KEY_DIGITS = 32


class ScoreStore:
    """Scores by what they follow from: the program (with its model), how it runs, the audio."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def scores(
        self, program_digest: str, run: str, audio: bytes, compute: Callable[[], np.ndarray]
    ) -> tuple[np.ndarray, bool]:
        """int8[rows, classes] from the store, or computed and kept; and whether they were there.

        Args:
            program_digest: SHA-256 of the program.
            run: mode and stride.
            audio: the samples.
        """
        key = hashlib.sha256(f"{program_digest}\0{run}\0".encode())
        key.update(audio)
        path = self._folder / f"{key.hexdigest()[:_KEY_DIGITS]}.npy"
        if path.is_file():
            return np.load(path), True
        scores = compute()
        buffer = io.BytesIO()
        np.save(buffer, scores)
        write_atomically(path, buffer.getvalue())
        return scores, False
