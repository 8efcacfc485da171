"""The report of boards that were validated together, without the training behind their model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.diagnosis import measured_on
from host_tools.fleet import Comparison, Verdict
from host_tools.manifest import Manifest
from host_tools.report import write_facts
from host_tools.report.facts import facts_of_boards
from host_tools.validate import Validation


def write_fleet_report(
    verdicts: Sequence[Verdict],
    comparisons: Sequence[Comparison],
    manifest: Manifest,
    root: Path,
    out: Path,
) -> Path:
    """Write `report.html` and `report.json` into `out`; the path of the page."""
    boards = {
        verdict.title: _board(verdict, verdict.validation, manifest, root)
        for verdict in verdicts
        if verdict.validation is not None
    }
    failures = tuple(
        {"board": one.title, "clips": len(one.outcomes), "message": one.failure.message}
        for one in verdicts
        if one.failure is not None
    )
    model = {
        "recipe": manifest.name,
        "labels": list(manifest.labels),
        "model_hash": manifest.model_hash,
    }
    beside = tuple(asdict(one) for one in comparisons)
    return write_facts(facts_of_boards(model, boards, beside, failures), out)


def _board(
    verdict: Verdict, validation: Validation, manifest: Manifest, root: Path
) -> dict[str, Any]:
    started = verdict.subject.board
    known = started or BOARDS.get(validation.board)
    found: dict[str, Any] = {
        "kind": known.kind if known else "unknown board",
        "title": known.title if known else validation.board,
        "measured_on": measured_on(started),
        "validation": validation.to_json(),
    }
    if started is not None:  # what is linked into a board that ran already is not known
        sizes = build(started, manifest.path.parent, root, verdict.subject.firmware).sizes
        found["sizes"] = asdict(sizes)
    return found
