"""Speech to int8 features, computed by the firmware's own C (training._native)."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from training import _native
from training.frontend_tables import FrontendTables, build_tables
from training.recipe import FrontendConfig


def _native_frontend(tables: FrontendTables) -> _native.Frontend:
    config = tables.config
    return _native.Frontend(
        window_samples=config.window_samples,
        hop_samples=config.hop_samples,
        fft_samples=config.fft_samples,
        bins=config.mel_bins,
        window_q15=tables.window_q15,
        twiddles_q15=tables.twiddles_q15,
        split_q15=tables.split_q15,
        band_start=tables.band_start,
        rising_q15=tables.rising_q15,
        log2_q15=tables.log2_q15,
        noise_floor_log2=tables.noise_floor_log2,
        zero_log2_q15=tables.zero_log2_q15,
        steps_per_octave_q16=tables.steps_per_octave_q16,
    )


class Frontend:
    """The front-end of one configuration. Thread-safe: calls share only read-only tables.

    Args:
        config: sizes and scales.

    Raises:
        UserError: the configuration is out of range.
    """

    def __init__(self, config: FrontendConfig) -> None:
        self.config = config
        self.tables = build_tables(config)
        self._native = _native_frontend(self.tables)

    @property
    def frames(self) -> int:
        """Frames of a clip of `config.clip_samples`."""
        return self.config.frames

    @property
    def bins(self) -> int:
        """Features of a frame."""
        return self.config.mel_bins

    def frames_of(self, samples: int) -> int:
        """Frames that `samples` samples give: none before the first window is full."""
        if samples < self.config.window_samples:
            return 0
        return 1 + (samples - self.config.window_samples) // self.config.hop_samples

    def clip(self, pcm: NDArray[np.int16]) -> NDArray[np.int8]:
        """Features int8[frames, bins] of one clip int16[samples] of any length.

        Raises:
            ValueError: `pcm` is not a one-dimensional int16 array.
        """
        if pcm.ndim != 1:
            raise ValueError(f"a clip is int16[samples], not an array of shape {pcm.shape}")
        return self.batch(pcm[np.newaxis], threads=1)[0]

    def batch(self, pcm: NDArray[np.int16], threads: int | None = None) -> NDArray[np.int8]:
        """Features int8[clips, frames, bins] of clips int16[clips, samples].

        Args:
            pcm: clips of one length.
            threads: at most so many at once; None: one for each CPU.

        Raises:
            ValueError: `pcm` is not a two-dimensional int16 array.
        """
        if pcm.ndim != 2 or pcm.dtype != np.int16:
            raise ValueError(
                f"clips are int16[clips, samples], not {pcm.dtype} of shape {pcm.shape}"
            )
        clips, samples = pcm.shape
        features = np.empty((clips, self.frames_of(samples), self.bins), np.int8)
        workers = min(threads or os.cpu_count() or 1, max(clips, 1))
        edges = np.linspace(0, clips, workers + 1).astype(int)
        parts = [(a, b) for a, b in itertools.pairwise(edges) if a < b]

        def run(part: tuple[int, int]) -> None:
            begin, end = part
            rows = np.ascontiguousarray(pcm[begin:end])
            self._native.clips(rows, end - begin, features[begin:end])

        if len(parts) > 1:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(run, parts))
        elif parts:
            run(parts[0])
        return features

    def stream(self) -> Stream:
        """A new stream with no samples in it."""
        return Stream(self.tables)


class Stream:
    """The front-end fed in pieces of any length. Not thread-safe.

    Args:
        tables: from `build_tables`.
    """

    def __init__(self, tables: FrontendTables) -> None:
        self._bins = tables.config.mel_bins
        self._native = _native_frontend(tables)

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.int8]:
        """Features int8[frames, bins] of the frames that `pcm` int16[samples] completes.

        Raises:
            ValueError: `pcm` is not a contiguous int16 array.
        """
        features = np.empty((self._native.ready(pcm.size), self._bins), np.int8)
        self._native.push(pcm, features)
        return features

    def reset(self) -> None:
        """Forget all samples."""
        self._native.reset()
