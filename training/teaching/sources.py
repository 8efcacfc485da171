"""What a training reads: copies of clips, and what teachers say and show about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.cache import Stage
from training.distill import Signals
from training.progress import Progress
from training.teaching.answers import asked, mean_logits, write_passes
from training.train import Passes, TrainingSet

COPIES_FILE, MIXES_FILE = "train.npy", "mixes.npy"
LOGITS_FILE, MIX_LOGITS_FILE = "logits.npy", "mix_logits.npy"
EMBEDDING_FILE, ATTENTION_FILE = "embedding.npy", "attention.npy"
MIX_PREFIX = "mix_"


@dataclass(frozen=True)
class Source:
    """A bank of copies with its teachers.

    Attributes:
        bank: has `train.npy` or `mixes.npy` or both, int8[passes, clips, frames, bins].
        taught: what each teacher says about them: `logits.npy`, `mix_logits.npy`.
        signals: what the first own teacher shows; None where no loss asks for it.
    """

    bank: Stage
    taught: tuple[Stage, ...] = ()
    signals: Stage | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All that is read."""
        shown = () if self.signals is None else (self.signals,)
        return (self.bank, *self.taught, *shown)


def stages_of(sources: Sequence[Source]) -> tuple[Stage, ...]:
    """Every stage that the sources read."""
    return tuple(stage for one in sources for stage in one.stages)


def training_set(data: Stage, sources: Sequence[Source], mixes: bool) -> TrainingSet:
    """Put the sources together.

    Args:
        data: stage with the labels.
        sources: the first has the labelled copies; all of them may have copies without labels,
            which are seen in turn, those of the first source first.
        mixes: whether the unlabelled copies of the first source are used as well.
    """
    first = sources[0]
    unlabelled = [
        one
        for one in (sources if mixes else sources[1:])
        if one.taught and has_passes(one.bank.folder / MIXES_FILE)
    ]
    return TrainingSet(
        np.load(first.bank.folder / COPIES_FILE, mmap_mode="r"),
        np.load(data.folder / "train_targets.npy"),
        _said(first.taught, LOGITS_FILE) if first.taught else None,
        _joined([_passes(one.bank, MIXES_FILE) for one in unlabelled]),
        _joined([_said(one.taught, MIX_LOGITS_FILE) for one in unlabelled]),
        _signals([first], ""),
        _signals(unlabelled, MIX_PREFIX),
    )


def write_logits(
    folder: Path,
    bank: Stage,
    hear: Callable[[np.ndarray], np.ndarray],
    classes: int,
    progress: Progress,
    name: str,
) -> None:
    """What a teacher says of every copy and, where the bank has some, of every mix.

    Args:
        folder: gets `logits.npy` and `mix_logits.npy`, float16[passes, clips, classes].
        bank: stage with the copies.
        hear: gives float32[clips, classes] of int8[clips, frames, bins].
        classes: logits of a clip.
        progress: shows the passes.
        name: of the teacher.
    """
    for source, file in ((COPIES_FILE, LOGITS_FILE), (MIXES_FILE, MIX_LOGITS_FILE)):
        if not has_passes(bank.folder / source):
            continue
        copies = np.load(bank.folder / source, mmap_mode="r")
        write_passes(
            folder,
            {file: (copies.shape[1], classes)},
            len(copies),
            asked(copies, lambda clips: (hear(clips),)),
            progress,
            f"logits of {name}",
        )


def has_passes(path: Path) -> bool:
    """Whether an array file is there and not empty."""
    return path.is_file() and len(np.load(path, mmap_mode="r")) > 0


def _said(taught: Sequence[Stage], name: str) -> np.ndarray:
    """float32[passes, clips, classes]: the mean of what the teachers say."""
    arrays = [_passes(stage, name) for stage in taught]
    return np.stack([mean_logits(one_pass) for one_pass in zip(*arrays, strict=True)])


def _signals(sources: Sequence[Source], prefix: str) -> Signals | None:
    shown = [one.signals for one in sources if one.signals is not None]
    if not shown:
        return None
    return Signals(
        *(
            _joined([_passes(stage, prefix + name) for stage in shown])
            for name in (EMBEDDING_FILE, ATTENTION_FILE)
        )
    )


def _passes(stage: Stage, name: str) -> np.ndarray:
    return np.asarray(np.load(stage.folder / name, mmap_mode="r"))


def _joined(arrays: list[np.ndarray]) -> Passes | None:
    """The passes of all arrays, one after the other; None without arrays."""
    if not arrays:
        return None
    return arrays[0] if len(arrays) == 1 else [one for array in arrays for one in array]
