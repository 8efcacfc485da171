"""How the command line talks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich import progress as rich_progress
from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_FILE_COLUMNS = 200


class Task(Protocol):
    """One running bar."""

    def advance(self, steps: float = 1.0, detail: str | None = None) -> None:
        """Move the bar by `steps`; `detail` replaces the text at its right."""


class Progress(Protocol):
    """Receives progress of a long step; the same shape as `training.progress.Progress`."""

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Task]:
        """Open a bar of `total` steps for the duration of the block."""

    @contextmanager
    def rows(self, descriptions: Sequence[str], total: float) -> Iterator[list[Task]]:
        """Open a bar for each of several tasks at once; all stay until the block ends."""

    def note(self, text: str) -> None:
        """Show one line of information."""


def result_console() -> Console:
    """Console of a command's result (stdout); a file or a pipe gets tables in full width."""
    width = None if sys.stdout.isatty() else _FILE_COLUMNS
    return Console(highlight=False, soft_wrap=True, width=width)


def talk_console() -> Console:
    """Console of progress, notes and errors (stderr)."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Write a result for machines: one JSON document on stdout."""
    print(json.dumps(value, indent=2))


class _RateColumn(ProgressColumn):
    """Steps a second, of the whole task so far."""

    def render(self, task: rich_progress.Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s", style="progress.data.speed")


class _BarTask:
    def __init__(self, bars: rich_progress.Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, steps: float = 1.0, detail: str | None = None) -> None:
        if detail is None:
            self._bars.advance(self._task, steps)
        else:
            self._bars.update(self._task, advance=steps, detail=detail)


class TerminalProgress:
    """Bars on a terminal; plain lines at start and end where stderr is a file or a pipe."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or talk_console()
        self._bars: rich_progress.Progress | None = None

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Task]:
        """Draw a bar; nested tasks share one live display."""
        with self.rows([description], total) as (row,):
            yield row

    @contextmanager
    def rows(self, descriptions: Sequence[str], total: float) -> Iterator[list[Task]]:
        """Draw a live table with a row for each description."""
        if not self._console.is_terminal:
            for description in descriptions:
                self._console.print(f"{description} ...", markup=False)
            yield [NoBar() for _ in descriptions]
            return
        outermost = self._bars is None
        bars = self._bars or self._new_bars()
        if outermost:
            self._bars = bars
            bars.start()
        tasks = [bars.add_task(text, total=total, detail="") for text in descriptions]
        try:
            yield [_BarTask(bars, task) for task in tasks]
        finally:
            if outermost:
                bars.stop()
                self._bars = None
            else:
                for task in tasks:
                    bars.remove_task(task)

    def note(self, text: str) -> None:
        """Print one line, above the bars when some are drawn."""
        console = self._bars.console if self._bars else self._console
        console.print(text, markup=False)

    def _new_bars(self) -> rich_progress.Progress:
        return rich_progress.Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            _RateColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=self._console,
        )


class NoBar:
    """A `Task` that shows nothing."""

    def advance(self, steps: float = 1.0, detail: str | None = None) -> None:
        """Draw nothing: the output is no terminal."""


class Silent:
    """A `Progress` that shows nothing: for libraries and tests."""

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Task]:
        """Yield a task that shows nothing."""
        yield NoBar()

    @contextmanager
    def rows(self, descriptions: Sequence[str], total: float) -> Iterator[list[Task]]:
        """Yield tasks that show nothing."""
        yield [NoBar() for _ in descriptions]

    def note(self, text: str) -> None:
        """Show nothing."""
