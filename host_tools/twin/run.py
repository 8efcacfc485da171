"""Clips through board and twin: what is found, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from host_tools.build import DEFAULT_BACKEND
from host_tools.link.messages import BoardInfo, SelfTest, SelfTestStage
from host_tools.link.twin_messages import BuildFact, Health
from host_tools.manifest import Layer
from host_tools.progress import Progress
from host_tools.twin.compare import Bench, Difference, Numbers, compare
from host_tools.twin.guess import Guess, guess
from host_tools.twin.timing import Timing


@dataclass(frozen=True)
class Clip:
    """A clip and what messages call it; `pcm` is int16[n]."""

    name: str
    pcm: np.ndarray


@dataclass(frozen=True)
class Finding:
    """A clip on which board and twin part.

    Attributes:
        guess: for the first such clip; None for later ones.
        numbers: of the stage in which they part.
    """

    clip: str
    difference: Difference
    guess: Guess | None
    numbers: Numbers | None

    def describe(self) -> str:
        """One sentence."""
        return f"{self.clip}: {self.difference.describe()}"

    def to_json(self) -> dict[str, Any]:
        """For documents; without the numbers."""
        return {
            "clip": self.clip,
            "difference": asdict(self.difference),
            "guess": asdict(self.guess) if self.guess else None,
        }


@dataclass(frozen=True)
class Examination:
    """What the clips have told of a board."""

    device: BoardInfo
    health: Health
    clips: int
    findings: tuple[Finding, ...]
    timing: Timing | None = None

    @property
    def identical(self) -> bool:
        """Board and twin computed the same bytes at every stage of every clip."""
        return not self.findings

    @property
    def unseen(self) -> str:
        """What of the network was not compared, and why; empty when everything was."""
        if self.device.backend == DEFAULT_BACKEND:
            return ""
        return (
            f"{self.device.backend} runs the network and does not show its layers: of it the "
            "scores and the decision of whole clips were compared, no layer, posterior or average; "
            "of the front-end every stage was"
        )

    @property
    def complaint(self) -> str:
        """What the board says against itself, also where no clip shows it; empty when nothing."""
        test, guards = self.health.self_test, self.health.guards
        broken = f"memory was overwritten: {guards!r}" if guards else ""
        failed = test.stage not in (SelfTestStage.PASSED, SelfTestStage.NOT_RUN)
        return test.describe() if failed else broken

    def to_json(self) -> dict[str, Any]:
        """The document that `sotto twin --json` prints."""
        return {
            "board": self.device.board,
            "model_hash": self.device.model_hash,
            "clips": self.clips,
            "identical": self.identical,
            "complaint": self.complaint,
            "unseen": self.unseen,
            "findings": [finding.to_json() for finding in self.findings],
            "health": health_json(self.health),
            "timing": asdict(self.timing) if self.timing else None,
        }


def health_json(health: Health) -> dict[str, Any]:
    """Health with names in place of numbers."""
    fields = asdict(health)
    del fields["self_test"]
    return fields | {
        "reset_cause": health.reset_cause.name.lower(),
        "guards": [str(one.name).lower() for one in health.guards],
        "build": [str(one.name).lower() for one in health.build],
        "self_test_at_start": health.self_test.describe(),
        "tables_crc32": f"{health.tables_crc32:08x}",
        "constants_crc32": f"{health.constants_crc32:08x}",
    }


def describe_self_test(test: SelfTest, health: Health, layers: Sequence[Layer]) -> str:
    """One sentence, with the name of the layer where `layers` of the board's network are known."""
    text = test.describe()
    if test.passed and BuildFact.COMPARES_KERNELS in health.build:
        return f"{text}, and every layer is what the reference kernels give"
    if test.stage is SelfTestStage.KERNEL and test.layer < len(layers):
        layer = layers[test.layer]
        return f"{text} ({layer.operator} by the kernel {layer.kernel}, {layer.tensor})"
    return text


def find(bench: Bench, clip: Clip, *, why: bool = True) -> Finding | None:
    """Compare one clip; with a guess at the cause when asked `why`."""
    parting = compare(bench, clip.pcm)
    if parting is None:
        return None
    cause = guess(bench, clip.pcm, parting) if why else None
    return Finding(clip.name, parting.difference, cause, parting.numbers)


def examine(bench: Bench, clips: Sequence[Clip], progress: Progress) -> list[Finding]:
    """Compare all clips; the first that differs gets a guess."""
    findings: list[Finding] = []
    with progress.task("Comparing stage by stage", total=len(clips)) as task:
        for clip in clips:
            found = find(bench, clip, why=not findings)
            if found is not None:
                findings.append(found)
            task.advance()
    return findings
