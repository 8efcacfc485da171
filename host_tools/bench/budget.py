"""The figures that a change must not make worse, kept in a file beside the tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host_tools.bench.build import ROOT
from host_tools.bench.measure import Figures
from host_tools.errors import SottoError
from host_tools.files import write_atomically

FILE = ROOT / "tests/regression/engine_budget.json"
TOLERANCE = 0.02
FIELDS = ("instructions", "cycles", "flash_bytes", "ram_bytes", "stack_bytes")
RENEW = "If the growth is worth it, `make bench-budget` writes the file anew."

Budget = dict[tuple[str, str], dict[str, Any]]
"""FIELDS by model and core."""


def read_budget(path: Path = FILE) -> Budget:
    """Read what `write_budget` has written.

    Raises:
        SottoError: there is no such file, or it is damaged.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {(row["model"], row["core"]): {f: row[f] for f in FIELDS} for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SottoError(f"cannot read the budget {path}: {error!r}", RENEW) from error


def write_budget(rows: Sequence[Figures], path: Path = FILE) -> None:
    """Make the present figures the budget: one line a model and core."""
    lines = [json.dumps({f: getattr(row, f) for f in ("model", "core", *FIELDS)}) for row in rows]
    write_atomically(path, ("[\n  " + ",\n  ".join(lines) + "\n]\n").encode())


def overruns(row: Figures, budget: Budget) -> list[str]:
    """What of a model on a core is more than TOLERANCE above its budget, in words.

    Raises:
        SottoError: the budget does not know them.
    """
    if (row.model, row.core) not in budget:
        raise SottoError(f"the budget has no figures of {row.model} on {row.core}", RENEW)
    held = budget[row.model, row.core]
    return [
        f"{row.model} on {row.core}: {field} grew from {held[field]:,} to {now:,}"
        for field in FIELDS
        if (now := getattr(row, field)) is not None and now > (held[field] or 0) * (1 + TOLERANCE)
    ]
