"""Ctrl-C at a known moment of a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from training.progress import Silent, Task


class Breaks(Silent):
    """Breaks a run off after some epochs, as Ctrl-C would."""

    def __init__(self, epochs: int) -> None:
        self.left: float = epochs

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Task]:
        yield self

    def advance(self, steps: float = 1.0, detail: str | None = None) -> None:
        self.left -= steps
        if self.left <= 0:
            raise KeyboardInterrupt
