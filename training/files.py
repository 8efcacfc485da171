"""Files that appear whole or not at all, and array files that have their room on the disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`; whoever looks sees the old file or the new one, never a part.

    The folder is made when it is missing. The file gets the permissions of a newly made one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes files that only their owner may read.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def new_array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.memmap:
    """A `.npy` file of zeros as an array whose elements are written through.

    Raises:
        OSError: the disk has no room. Later, writing to the map would kill the process instead.
    """
    array: np.memmap = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
