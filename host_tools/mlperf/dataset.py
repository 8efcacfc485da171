"""Inputs of the benchmark: the format that its runner reads, and features of recordings.

A data set is a folder with `y_labels.csv`, whose rows are `file, number of classes, class`, and the
files that it names: the bytes of one input each.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from host_tools.errors import SottoError
from host_tools.files import write_atomically
from host_tools.labelled import LabelledClip
from host_tools.link.device import Device
from host_tools.manifest import Manifest
from host_tools.progress import Progress
from host_tools.validate import load_pcm

TRUTH = "y_labels.csv"
TASK = "kws01"
"""Where the runner looks, below the folder that it is given."""

_NO_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Sample:
    """One input and its class.

    Attributes:
        name: of its file.
        data: int8 features, oldest frame first.
    """

    name: str
    label: int
    data: bytes


def is_dataset(folder: Path) -> bool:
    """Whether a folder is a data set of the benchmark, and not one of recordings."""
    return (folder / TRUTH).is_file()


def read_dataset(folder: Path, input_bytes: int, classes: int) -> list[Sample]:
    """Read a data set.

    Raises:
        SottoError: a row is no row, a file is missing or has not `input_bytes`, or a class is not
            below `classes`.
    """
    samples = [
        _read_row(folder, number, row, input_bytes, classes)
        for number, row in _rows(folder / TRUTH)
    ]
    if not samples:
        raise SottoError(f"{folder / TRUTH} has no rows.", "Write one with --write-dataset.")
    return samples


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file, skipinitialspace=True), 1):
            if row:
                yield number, row


def _read_row(
    folder: Path, number: int, row: Sequence[str], input_bytes: int, classes: int
) -> Sample:
    if len(row) < 3 or not row[2].strip().isdecimal() or int(row[2]) >= classes:
        raise SottoError(
            f"{folder / TRUTH}, row {number}: {', '.join(row)}",
            f"A row is `file, number of classes, class`, the class below {classes}.",
        )
    path = folder / row[0].strip()
    if not path.is_file():
        raise SottoError(
            f"{folder / TRUTH}, row {number} names {path.name}, which is missing.",
            "Copy the inputs beside it, or write a data set with --write-dataset.",
        )
    data = path.read_bytes()
    if len(data) != input_bytes:
        raise SottoError(
            f"{path.name} has {len(data)} bytes, an input of this model has {input_bytes}.",
            "Its features are another front-end's: give --data recordings.",
        )
    return Sample(path.name, int(row[2]), data)


def samples_of(
    clips: Sequence[LabelledClip], manifest: Manifest, twin: Device, progress: Progress
) -> list[Sample]:
    """Features of recordings, computed by the firmware's own front-end on this computer."""
    samples = []
    with progress.task("Computing features", total=len(clips)) as task:
        for number, clip in enumerate(clips):
            twin.run_clip(load_pcm(clip, manifest))
            name = sample_name(number, manifest.labels[clip.label], clip.label)
            samples.append(Sample(name, clip.label, twin.features().tobytes()))
            task.advance()
    return samples


def sample_name(number: int, label: str, index: int) -> str:
    """File name as the benchmark's own inputs have it: `tst_000007_Yes_9.bin`."""
    word = _NO_NAME.sub("", label).capitalize() or "Class"
    return f"tst_{number:06d}_{word}_{index}.bin"


def write_dataset(folder: Path, samples: Iterable[Sample], classes: int) -> Path:
    """Write a data set for the official runner into `folder`/kws01; returns that folder."""
    target = folder / TASK
    rows = []
    for sample in samples:
        write_atomically(target / sample.name, sample.data)
        rows.append(f"{sample.name}, {classes}, {sample.label}\n")
    write_atomically(target / TRUTH, "".join(rows).encode())  # last: what it names is there
    return target
