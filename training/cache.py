"""Stages whose results are kept under the hash of everything that they follow from.

A stage writes into a folder of its own that nobody else sees; when it is complete the folder is
renamed to its final name, which holds the key. An interrupted stage leaves its folder behind, so a
long one may keep checkpoints in it and continue.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from training.errors import UserError
from training.progress import Progress

KEY_CHARACTERS = 16
"""Hex digits of the key in a folder's name."""


@dataclass(frozen=True)
class Stage:
    """One finished stage."""

    name: str
    key: str
    """SHA-256, 64 hex digits."""
    folder: Path
    reused: bool
    seconds: float
    """Wall time in this run."""


class Cache:
    """Finished stages under one folder."""

    def __init__(self, root: Path, progress: Progress) -> None:
        self.root = root
        self.progress = progress
        self._stages: dict[str, Stage] = {}
        self._sources: dict[str, str] = {}

    @property
    def stages(self) -> list[Stage]:
        """Stages of this run in their order; one that was asked for twice stands once."""
        return list(self._stages.values())

    def freeze(self, *code: ModuleType) -> None:
        """Hash source texts now: an edit during a run changes files, not the loaded code."""
        for module in code:
            self._sources.setdefault(module.__name__, _source_hash(module))

    def stage(
        self,
        name: str,
        build: Callable[[Path], None],
        *,
        code: tuple[ModuleType, ...],
        inputs: Mapping[str, Any],
        after: tuple[Stage, ...] = (),
    ) -> Stage:
        """Take the stage from the cache, or run `build` on a private folder and publish that.

        Args:
            name: what people call the stage.
            build: fills the folder; it finds there what an interrupted run of it left.
            code: modules whose source text decides the result.
            inputs: values that decide the result, as JSON has them.
            after: stages whose results `build` reads.

        Raises:
            UserError: another run is working on this very stage, or the disk is full.
        """
        started_s = time.perf_counter()
        key = self._key(name, code, inputs, after)
        if key in self._stages:
            return self._stages[key]
        folder = self.root / f"{name}-{key[:KEY_CHARACTERS]}"
        reused = folder.is_dir()
        if not reused:
            self.progress.note(f"{name}: running")
            partial = self.root / "unfinished" / folder.name
            partial.mkdir(parents=True, exist_ok=True)
            with _locked(partial.with_suffix(".lock"), name):
                if not folder.is_dir():
                    _build(build, partial, name)
                    partial.rename(folder)
        seconds = time.perf_counter() - started_s
        self.progress.note(f"{name}: {'taken from the cache' if reused else f'{seconds:.0f} s'}")
        stage = Stage(name, key, folder, reused, seconds)
        self._stages[key] = stage
        return stage

    def _key(
        self,
        name: str,
        code: tuple[ModuleType, ...],
        inputs: Mapping[str, Any],
        after: tuple[Stage, ...],
    ) -> str:
        """SHA-256 over the name, the source text of the code, the inputs and the keys before."""
        self.freeze(*code)
        facts = {
            "name": name,
            "code": {module.__name__: self._sources[module.__name__] for module in code},
            "inputs": inputs,
            "after": [stage.key for stage in after],
        }
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _build(build: Callable[[Path], None], folder: Path, name: str) -> None:
    """Run `build`; NumPy's error for a full disk names neither the file nor the cause."""
    try:
        build(folder)
    except OSError as error:
        if error.filename is not None:
            raise
        raise UserError(
            f"the stage '{name}' cannot write to {folder}: {error}",
            "Check that the disk has room, then run again: finished stages are kept.",
        ) from error


def _source_hash(module: ModuleType) -> str:
    """A package counts with all of its own modules; an extension module as its binary."""
    file = Path(str(module.__file__))
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    digest = hashlib.sha256()
    for one in files:
        digest.update(one.read_bytes())
    return digest.hexdigest()


@contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """Hold the file against other processes; the system frees it when a process ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise UserError(
                f"another run is working on the stage '{name}' ({path})",
                "Wait for it, or give this run a work folder of its own.",
            ) from error
        yield
