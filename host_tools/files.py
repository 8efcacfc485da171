"""Files that are there whole or not at all, and locks between processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whose folder is made when missing; readers see old or new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_unless_edited(path: Path, content: bytes) -> Path:
    """Write `content` to `path`, unless somebody has edited what was written there last.

    A copy with `.written` before the suffix tells: it always gets the new content.

    Returns:
        `path`; when that was edited and is kept, the copy.
    """
    written = path.with_suffix(f".written{path.suffix}")
    edited = path.is_file() and (not written.is_file() or path.read_bytes() != written.read_bytes())
    write_atomically(written, content)
    if edited:
        return written
    write_atomically(path, content)
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let blocks with one lock file, of all processes, run one after the other.

    The file stays: whoever removes it would let a second process in beside one that waits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
