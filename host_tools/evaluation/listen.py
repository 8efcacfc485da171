"""Clips and streams through the host program: side by side, and kept for the next time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from host_tools.evaluation.conditions import Condition, clip_of
from host_tools.evaluation.noise import NoiseSource
from host_tools.evaluation.program import Program
from host_tools.evaluation.recordings import Recording
from host_tools.evaluation.store import ScoreStore
from host_tools.evaluation.streams import Renderer, Segment
from host_tools.progress import Progress

BATCH_CLIPS = 200

Part = TypeVar("Part")


@dataclass
class Work:
    """How much audio was heard, and how long that took.

    Attributes:
        audio_s: without what was found in the store.
        wall_s: of the same, all processes together, the audio's making included.
    """

    audio_s: float = 0.0
    wall_s: float = 0.0

    @property
    def times_real_time(self) -> float | None:
        """How much faster than it lasts audio was heard; None when nothing was computed."""
        return self.audio_s / self.wall_s if self.audio_s else None


@dataclass
class Computed:
    """Seconds of audio that a block has computed scores of."""

    computed_s: float = 0.0


@contextmanager
def timed_work(work: Work) -> Iterator[Computed]:
    """Count the time of a block, if anything was computed in it."""
    start, done = time.perf_counter(), Computed()
    yield done
    if done.computed_s:
        work.audio_s += done.computed_s
        work.wall_s += time.perf_counter() - start


class ClipListener(Protocol):
    """What hears single clips: the host program, or a board."""

    def clips(
        self, recordings: Sequence[Recording], condition: Condition, noises: NoiseSource
    ) -> np.ndarray:
        """int8[recordings, classes]: scores of each recording as one clip in a condition."""


class Heard(NamedTuple):
    """Scores, and the seconds of audio that were computed for them: 0 when they were known."""

    scores: np.ndarray
    computed_s: float


@dataclass
class Listener:
    """Hears audio by the program, a few processes at a time.

    Attributes:
        stride_frames: frames from one step of a stream to the next.
        jobs: processes at a time.
    """

    program: Program
    stride_frames: int
    store: ScoreStore
    jobs: int
    progress: Progress
    work: Work = field(default_factory=Work)

    def clips(
        self, recordings: Sequence[Recording], condition: Condition, noises: NoiseSource
    ) -> np.ndarray:
        """int8[recordings, classes]: scores of each recording as one clip in a condition."""
        geometry = self.program.geometry

        def hear(batch: Sequence[Recording]) -> Heard:
            pcm = np.stack(
                [
                    clip_of(
                        one,
                        condition,
                        noises,
                        clip_samples=geometry.clip_samples,
                        sample_rate_hz=geometry.sample_rate_hz,
                    )
                    for one in batch
                ]
            )
            return self._scores("clips", pcm, lambda: self.program.clips(list(pcm)))

        firsts = range(0, len(recordings), BATCH_CLIPS)
        batches = [recordings[first : first + BATCH_CLIPS] for first in firsts]
        return np.concatenate(self._side_by_side(f"Clips, {condition.name}", hear, batches))

    def segments(
        self, renderer: Renderer, segments: Sequence[Segment], condition: Condition
    ) -> list[np.ndarray]:
        """int8[steps, classes] of each stretch of a stream in a condition."""
        stride = self.stride_frames

        def hear(segment: Segment) -> Heard:
            pcm = renderer.samples(segment, condition)
            run = f"stream {stride}"
            return self._scores(run, pcm, lambda: self.program.stream([pcm], stride)[0])

        return self._side_by_side(f"Stream, {condition.name}", hear, segments)

    def _scores(self, run: str, pcm: np.ndarray, compute: Callable[[], np.ndarray]) -> Heard:
        audio_s = pcm.size / self.program.geometry.sample_rate_hz
        scores, reused = self.store.scores(self.program.digest, run, pcm.tobytes(), compute)
        return Heard(scores, 0.0 if reused else audio_s)

    def _side_by_side(
        self, title: str, hear: Callable[[Part], Heard], parts: Sequence[Part]
    ) -> list[np.ndarray]:
        results = []
        with (
            self.progress.task(title, total=len(parts)) as task,
            timed_work(self.work) as done,
            ThreadPoolExecutor(self.jobs) as pool,
        ):
            for scores, computed_s in pool.map(hear, parts):
                results.append(scores)
                done.computed_s += computed_s
                task.advance()
        return results
