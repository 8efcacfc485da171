"""Board against host, clip by clip: features, scores, decision.

The host twin is the same firmware built for the host and run as a process, so board and twin are
asked over the same link and must answer with the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event, Lock
from typing import Any, Protocol

import numpy as np

from host_tools.audio import fit_length, read_clip
from host_tools.errors import Interrupted, SottoError
from host_tools.journal import Journal
from host_tools.labelled import LabelledClip
from host_tools.link.messages import BoardInfo, ClipResult
from host_tools.manifest import Manifest
from host_tools.progress import Task
from host_tools.statistics import wilson_interval
from host_tools.twin.run import Finding


class Listener(Protocol):
    """The part of `host_tools.link.device.Device` that validation uses."""

    def run_clip(self, pcm: np.ndarray) -> ClipResult:
        """Stream int16[n] and wait for the result."""

    def features(self) -> np.ndarray:
        """int8[frames, bins] of the last clip."""


@dataclass(frozen=True)
class Pair:
    """A board and the host twin that it is compared with."""

    board: Listener
    twin: Listener


@dataclass(frozen=True)
class Divergence:
    """The first place where board and host differ on a clip.

    Attributes:
        stage: "features", "checksum" (equal features, other CRC-32), "scores" or "decision".
        frame: feature frame, for the stage "features".
        bin: mel bin, for the stage "features".
        label: index of the label, for the stage "scores".
    """

    clip: str
    stage: str
    board: int
    host: int
    frame: int | None = None
    bin: int | None = None
    label: int | None = None

    def describe(self, labels: Sequence[str]) -> str:
        """One sentence that names clip, place and both values."""
        place = self.stage
        board, host = str(self.board), str(self.host)
        if self.frame is not None:
            place = f"features, frame {self.frame}, bin {self.bin}"
        elif self.label is not None:
            place = f"scores, class {labels[self.label]}"
        elif self.stage == "decision":
            board, host = labels[self.board], labels[self.host]
        return f"{self.clip}: {place}: board {board}, host {host}"


@dataclass(frozen=True)
class Outcome:
    """One validated clip; `pcm_crc32` ties it to the samples that were streamed.

    Attributes:
        features_crc32: of the features that the board computed.
        scores: int8 per class, the board's.
    """

    clip: str
    pcm_crc32: int
    label: int
    features_crc32: int
    scores: tuple[int, ...]
    decision: int
    frames: int
    ticks_frontend_sum: int
    ticks_frontend_max: int
    ticks_inference: int
    same_features: bool
    same_scores: bool
    same_decision: bool
    divergence: Divergence | None

    @staticmethod
    def from_json(fields: dict[str, Any]) -> Outcome:
        """Rebuild what `dataclasses.asdict` gave."""
        found = fields["divergence"]
        divergence = Divergence(**found) if found else None
        return Outcome(**{**fields, "scores": tuple(fields["scores"]), "divergence": divergence})


def compare_clip(pair: Pair, name: str, label: int, pcm: np.ndarray) -> Outcome:
    """Stream one clip to board and twin.

    Args:
        name: how messages call the clip.
        label: index of the true label.
        pcm: int16[clip_samples].
    """
    board = pair.board.run_clip(pcm)
    twin = pair.twin.run_clip(pcm)
    same_scores = list(board.scores) == list(twin.scores)
    divergence: Divergence | None = None
    if board.features_crc32 != twin.features_crc32:
        divergence = _feature_divergence(pair, name, board, twin)
    elif not same_scores:
        divergence = _score_divergence(name, board, twin)
    elif board.decision != twin.decision:
        divergence = Divergence(name, "decision", board.decision, twin.decision)
    return Outcome(
        clip=name,
        pcm_crc32=checksum(pcm),
        label=label,
        features_crc32=board.features_crc32,
        scores=tuple(map(int, board.scores)),
        decision=board.decision,
        frames=board.frames,
        ticks_frontend_sum=board.ticks_frontend_sum,
        ticks_frontend_max=board.ticks_frontend_max,
        ticks_inference=board.ticks_inference,
        same_features=board.features_crc32 == twin.features_crc32,
        same_scores=same_scores,
        same_decision=board.decision == twin.decision,
        divergence=divergence,
    )


def _feature_divergence(pair: Pair, name: str, board: ClipResult, twin: ClipResult) -> Divergence:
    ours, theirs = pair.board.features(), pair.twin.features()
    places = np.argwhere(ours != theirs)
    if len(places) == 0:
        return Divergence(name, "checksum", board.features_crc32, twin.features_crc32)
    frame, mel_bin = (int(index) for index in places[0])
    return Divergence(
        name,
        "features",
        int(ours[frame, mel_bin]),
        int(theirs[frame, mel_bin]),
        frame=frame,
        bin=mel_bin,
    )


def _score_divergence(name: str, board: ClipResult, twin: ClipResult) -> Divergence:
    label = next(
        i for i, (a, b) in enumerate(zip(board.scores, twin.scores, strict=True)) if a != b
    )
    return Divergence(
        name, "scores", int(board.scores[label]), int(twin.scores[label]), label=label
    )


def checksum(pcm: np.ndarray) -> int:
    """CRC-32 of int16[n] as little-endian bytes."""
    return zlib.crc32(pcm.astype("<i2").tobytes())


def load_pcm(clip: LabelledClip, manifest: Manifest) -> np.ndarray:
    """int16[clip_samples] of a clip, cut or padded as training does."""
    return fit_length(read_clip(clip.path, manifest.sample_rate_hz), manifest.clip_samples)


def run_clips(
    pairs: Sequence[Pair],
    clips: Sequence[LabelledClip],
    root: Path,
    manifest: Manifest,
    journal: Journal,
    task: Task,
    go_on: str,
    stop: Event | None = None,
) -> list[Outcome]:
    """Compare all clips, each pair on a thread of its own, in the clips' order.

    Clips that the journal holds with the same samples are not streamed again.

    Args:
        go_on: how the user goes on after a failure or Ctrl-C.
        stop: set by another thread to break off after the clips that are under way.

    Raises:
        SottoError: a device failed; the message says how many clips were done.
        Interrupted: Ctrl-C or `stop`; what was done is in the journal.
    """
    done = {entry["clip"]: Outcome.from_json(entry) for entry in journal.entries}
    queue, lock, failed = iter(enumerate(clips)), Lock(), Event()
    outcomes: dict[int, Outcome] = {}
    differing = 0

    def next_clip() -> tuple[int, LabelledClip] | None:
        with lock:
            stopped = failed.is_set() or (stop is not None and stop.is_set())
            return None if stopped else next(queue, None)

    def work(pair: Pair) -> None:
        nonlocal differing
        for index, clip in iter(next_clip, None):
            name = clip.path.relative_to(root).as_posix()
            pcm = load_pcm(clip, manifest)
            outcome = done.get(name)
            if outcome is None or outcome.pcm_crc32 != checksum(pcm):
                outcome = compare_clip(pair, name, clip.label, pcm)
                with lock:
                    journal.append(asdict(outcome))
            with lock:
                outcomes[index] = outcome
                differing += outcome.divergence is not None
                task.advance(1, f"{differing} differ from the host" if differing else "as the host")

    with ThreadPoolExecutor(len(pairs)) as pool:
        try:
            for future in as_completed([pool.submit(work, pair) for pair in pairs]):
                future.result()
        except SottoError as error:
            words = f"{error.message} {len(outcomes)} of {len(clips)} clips were done."
            raise SottoError(words, f"{error.remedy} Then {go_on}.", error.exit_code) from error
        except KeyboardInterrupt:
            raise _interrupted(len(outcomes), len(clips), go_on) from None
        finally:
            failed.set()
    if len(outcomes) < len(clips):  # `stop`
        raise _interrupted(len(outcomes), len(clips), go_on)
    return [outcomes[index] for index in sorted(outcomes)]


def _interrupted(done: int, clips: int, go_on: str) -> Interrupted:
    return Interrupted(f"interrupted after {done} of {clips} clips; {go_on}")


@dataclass(frozen=True)
class Timing:
    """Ticks of the board's own counter, over the clips that it was read for."""

    unit: str
    clips: int
    frame_mean: float
    frame_max: int
    inference_mean: float
    inference_max: int


def timing(outcomes: Sequence[Outcome], unit: str) -> Timing:
    """Sum up the counters of at least one outcome."""
    frames = sum(outcome.frames for outcome in outcomes)
    return Timing(
        unit=unit,
        clips=len(outcomes),
        frame_mean=sum(outcome.ticks_frontend_sum for outcome in outcomes) / frames,
        frame_max=max(outcome.ticks_frontend_max for outcome in outcomes),
        inference_mean=sum(outcome.ticks_inference for outcome in outcomes) / len(outcomes),
        inference_max=max(outcome.ticks_inference for outcome in outcomes),
    )


@dataclass(frozen=True)
class Validation:
    """The figures of one validation.

    Attributes:
        confusion: counts[true label][decision of the board].
        device: what the board said of itself when the last clip was done.
        finding: the first divergence, stage by stage; None where the clip, sent anew, is equal.
    """

    board: str
    model_hash: str
    labels: tuple[str, ...]
    clips: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    identical_features: int
    identical_scores: int
    identical_decisions: int
    confusion: tuple[tuple[int, ...], ...]
    timing: Timing
    first_divergence: Divergence | None
    device: BoardInfo
    finding: Finding | None = None

    @property
    def identical(self) -> bool:
        """Board and host gave the same bytes at every stage of every clip."""
        same = (self.identical_features, self.identical_scores, self.identical_decisions)
        return self.first_divergence is None and all(count == self.clips for count in same)

    def to_json(self) -> dict[str, Any]:
        """The document that `sotto validate --json` prints."""
        fields = asdict(replace(self, finding=None))
        fields["finding"] = self.finding.to_json() if self.finding else None
        unit = self.timing.unit.replace(" ", "_")
        fields[f"{unit}_per_frame"] = self.timing.frame_mean
        fields[f"{unit}_per_inference"] = self.timing.inference_mean
        return fields


def sum_up(
    outcomes: Sequence[Outcome],
    measured: Timing,
    device: BoardInfo,
    manifest: Manifest,
    finding: Finding | None = None,
) -> Validation:
    """Figures of at least one outcome."""
    size = len(manifest.labels)
    counts = np.zeros((size, size), dtype=np.int64)
    for outcome in outcomes:
        counts[outcome.label, outcome.decision] += 1
    hits = int(np.trace(counts))
    low, high = wilson_interval(hits, len(outcomes))
    return Validation(
        board=device.board,
        model_hash=manifest.model_hash,
        labels=manifest.labels,
        clips=len(outcomes),
        accuracy=hits / len(outcomes),
        accuracy_low=low,
        accuracy_high=high,
        identical_features=sum(outcome.same_features for outcome in outcomes),
        identical_scores=sum(outcome.same_scores for outcome in outcomes),
        identical_decisions=sum(outcome.same_decision for outcome in outcomes),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        timing=measured,
        first_divergence=next((o.divergence for o in outcomes if o.divergence), None),
        device=device,
        finding=finding,
    )
