"""Clips through boards on the link: the same conditions, heard by the chip."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np

from host_tools.evaluation.conditions import Condition, clip_of
from host_tools.evaluation.listen import Work, timed_work
from host_tools.evaluation.noise import NoiseSource
from host_tools.evaluation.recordings import Recording
from host_tools.evaluation.relisten import borrowed
from host_tools.evaluation.store import ScoreStore
from host_tools.manifest import Manifest
from host_tools.progress import Progress
from host_tools.validate import Listener as Device


@dataclass
class BoardListener:
    """Hears clips by boards that run the same firmware, each a clip at a time.

    Attributes:
        firmware: what tells one firmware from another.
    """

    devices: Sequence[Device]
    firmware: str
    manifest: Manifest
    store: ScoreStore
    progress: Progress
    work: Work = field(default_factory=Work)

    def clips(
        self, recordings: Sequence[Recording], condition: Condition, noises: NoiseSource
    ) -> np.ndarray:
        """int8[recordings, classes]: scores of each recording as one clip in a condition."""
        manifest = self.manifest
        free: SimpleQueue[Device] = SimpleQueue()
        for device in self.devices:
            free.put(device)

        def hear(recording: Recording) -> tuple[np.ndarray, bool]:
            pcm = clip_of(
                recording,
                condition,
                noises,
                clip_samples=manifest.clip_samples,
                sample_rate_hz=manifest.sample_rate_hz,
            )

            def compute() -> np.ndarray:
                with borrowed(free) as device:
                    return np.array([device.run_clip(pcm).scores], np.int8)

            return self.store.scores(self.firmware, "clip on a board", pcm.tobytes(), compute)

        rows = []
        with (
            self.progress.task(f"Clips, {condition.name}", total=len(recordings)) as task,
            timed_work(self.work) as heard,
            ThreadPoolExecutor(len(self.devices)) as pool,
        ):
            for scores, reused in pool.map(hear, recordings):
                rows.append(scores)
                heard.computed_s += 0 if reused else manifest.clip_samples / manifest.sample_rate_hz
                task.advance()
        return np.concatenate(rows)
