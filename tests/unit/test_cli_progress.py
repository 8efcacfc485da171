"""Progress on a terminal and in a file, in the shape that training expects."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from host_tools.progress import Progress, Silent, TerminalProgress, result_console
from training.progress import Progress as TrainingProgress


def shown(*, terminal: bool) -> tuple[TerminalProgress, io.StringIO]:
    text = io.StringIO()
    return TerminalProgress(
        Console(file=text, force_terminal=terminal, width=120, highlight=False)
    ), text


def walk(progress: Progress) -> None:
    with progress.task("outer [bold]", total=2) as outer:
        outer.advance()
        with progress.task("inner", total=3) as inner:
            inner.advance(3, detail="loss 0.5")
        progress.note("between [red]")
        outer.advance()


def test_a_file_gets_plain_lines() -> None:
    progress, text = shown(terminal=False)
    walk(progress)
    assert text.getvalue() == "outer [bold] ...\ninner ...\nbetween [red]\n"


def test_a_terminal_gets_bars_and_can_be_used_again() -> None:
    progress, text = shown(terminal=True)
    walk(progress)
    walk(progress)
    for words in ("outer [bold]", "inner", "2/2", "between [red]"):
        assert words in text.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_an_error_inside_ends_the_bar(terminal: bool) -> None:
    progress, _ = shown(terminal=terminal)
    with pytest.raises(ZeroDivisionError), progress.task("task", total=1):
        raise ZeroDivisionError
    walk(progress)


def test_training_and_host_tools_mean_the_same_progress() -> None:
    def hand_over(progress: TrainingProgress) -> None:
        walk(progress)

    hand_over(Silent())
    hand_over(shown(terminal=False)[0])


def test_tables_in_a_file_are_not_cut_to_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    assert result_console().width > 150
