"""What several verbs print of what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from host_tools.progress import result_console

if TYPE_CHECKING:
    from host_tools.twin.run import Finding


def show_finding(finding: Finding) -> None:
    """Print where a board and its twin part, and what may be the cause."""
    console = result_console()
    console.print(f"  {finding.describe()}", markup=False, style="bold red")
    if finding.guess is not None:
        console.print(f"  guess: {finding.guess.cause}", markup=False, style="bold")
        console.print(f"  because {finding.guess.evidence}", markup=False)
        console.print(f"  next step: {finding.guess.remedy}", markup=False)
