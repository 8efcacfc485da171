"""What an interrupted validation had finished, so that it can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any


def journal_path(folder: Path, parts: Sequence[str]) -> Path:
    """Name of the journal of one validation.

    Args:
        folder: where journals lie.
        parts: everything that the results depend on: model, firmware, board, data.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return folder / f"{digest[:16]}.jsonl"


class Journal:
    """One JSON object a line, each flushed when its clip is done; a torn last line is dropped.

    A context manager: a run that completes removes the file, one that breaks off keeps it.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self.entries: list[dict[str, Any]] = _whole_lines(path) if resume else []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        for entry in self.entries:
            self._write(entry)

    def append(self, entry: dict[str, Any]) -> None:
        """Add a finished clip."""
        self.entries.append(entry)
        self._write(entry)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None or not self.entries:
            self._path.unlink(missing_ok=True)

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
        self._file.flush()


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries
