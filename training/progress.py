"""How long steps report progress without knowing who shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Task(Protocol):
    """One running bar."""

    def advance(self, steps: float = 1.0, detail: str | None = None) -> None:
        """Move the bar by `steps`; `detail` replaces the text at its right."""


class Progress(Protocol):
    """Receives progress; the command line draws it with rich."""

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Task]:
        """Open a bar of `total` steps for the duration of the block."""

    def note(self, text: str) -> None:
        """Show one line of information."""


class _SilentTask:
    def advance(self, steps: float = 1.0, detail: str | None = None) -> None:
        """Show nothing."""


class Silent:
    """A `Progress` that shows nothing: for libraries and tests."""

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Task]:
        """Yield a task that shows nothing."""
        yield _SilentTask()

    def note(self, text: str) -> None:
        """Show nothing."""
