"""What an interrupted validation had finished, so that it can go on."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host_tools.errors import SottoError


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

    Raises:
        SottoError: another process writes this journal, so the same validation is under way.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise SottoError(
                f"this folder is being validated on this board: another process writes {path}",
                "Wait until it ends, or validate another board or folder meanwhile.",
            ) from error
        self.entries: list[dict[str, Any]] = _whole_lines(path) if resume else []
        self._file.truncate(0)
        for entry in self.entries:
            self._write(entry)

    def append(self, entry: dict[str, Any]) -> None:
        """Add a finished clip."""
        self.entries.append(entry)
        self._write(entry)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not self.entries:
            self._path.unlink(missing_ok=True)
        self._file.close()  # and with it the lock

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
        self._file.flush()


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries
