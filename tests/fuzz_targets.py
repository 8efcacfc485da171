"""The fuzz targets: their programs, and the inputs that are kept of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from conftest import ROOT
from firmware_build import build_around, write_fake_generated

FOLDER = ROOT / "tests" / "fuzz"
TARGETS = tuple(sorted(path.stem for path in FOLDER.glob("*.c") if path.stem != "replay"))

OF_THE_FIRMWARE = ("messages",)
"""Targets that are a port, and take the firmware beside the library."""


def build_target(
    name: str, folder: Path, extra: Sequence[Path], compiler: Sequence[str] | None = None
) -> Path:
    """Build a target around the fake model.

    Args:
        name: of TARGETS.
        folder: gets everything.
        extra: sources beside it, such as `replay.c`.
        compiler: and its flags, in place of gcc with sanitizers.
    """
    generated = folder / "generated"
    write_fake_generated(generated)
    sources = [FOLDER / f"{name}.c", *extra]
    if name in OF_THE_FIRMWARE:
        parts = (ROOT / "firmware" / "src").glob("*.c")
        sources += [path for path in parts if path.name != "main.c"]
    if compiler is None:
        return build_around(generated, sources, folder / name)
    return build_around(generated, sources, folder / name, compiler)


def read_corpus(name: str) -> list[bytes]:
    """Inputs that once reached something new, one in base64 a line."""
    return [base64.b64decode(line) for line in _file(name).read_text().split()]


def write_corpus(name: str, inputs: Sequence[bytes]) -> None:
    """Keep these inputs, the shortest first."""
    ordered = sorted(set(inputs), key=lambda one: (len(one), one))
    _file(name).write_text("".join(f"{base64.b64encode(one).decode()}\n" for one in ordered))


def unpack(name: str, folder: Path) -> list[Path]:
    """The corpus as a file an input."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, content in enumerate(read_corpus(name)):
        paths.append(folder / f"{number:04d}")
        paths[-1].write_bytes(content)
    return paths


def _file(name: str) -> Path:
    return FOLDER / "corpus" / f"{name}.txt"
