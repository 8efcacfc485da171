"""Clips cut around words and out of running speech, all with the same kind of edges.

A clip that ends in digital silence while others do not would be told by its edges. So what a
recording lacks before or after a clip is filled with that recording's own noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROOM_FRAME_S = 0.02
_ROOM_FRAMES = 12
"""Quietest frames of a recording, from which its noise is drawn."""
_GRAIN_S = 0.04
_MARGIN_S = 0.05
"""Between a word and the edges of its clip, where there is room."""


def cut_word(
    pcm: NDArray[np.int16],
    start: int,
    stop: int,
    clip_samples: int,
    sample_rate_hz: int,
    rng: np.random.Generator | None,
) -> NDArray[np.int16]:
    """A clip with the word inside.

    Args:
        pcm: int16[samples], the recording.
        start: first sample of the word.
        stop: sample after its last.
        clip_samples: length of the clip.
        sample_rate_hz: of both.
        rng: draws where in the clip the word stands; None: in the middle.

    Returns:
        int16[clip_samples].
    """
    free = clip_samples - (stop - start)
    before = free // 2
    margin = round(_MARGIN_S * sample_rate_hz)
    if rng is not None and free > 2 * margin:
        before = int(rng.integers(margin, free - margin, endpoint=True))
    first = start - before
    missing_before, missing_after = max(0, -first), max(0, first + clip_samples - pcm.size)
    noise_rng = rng or np.random.default_rng(start)
    filled = extend(pcm, missing_before, missing_after, sample_rate_hz, noise_rng)
    first += missing_before
    return filled[first : first + clip_samples]


def extend(
    pcm: NDArray[np.int16],
    before: int,
    after: int,
    sample_rate_hz: int,
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    """The recording with `before` and `after` more samples of its own noise around it."""
    if before == after == 0:
        return pcm
    room = _room(pcm, sample_rate_hz)
    grain = round(_GRAIN_S * sample_rate_hz)
    return np.concatenate((_noise(room, before, grain, rng), pcm, _noise(room, after, grain, rng)))


def _room(pcm: NDArray[np.int16], sample_rate_hz: int) -> NDArray[np.float64]:
    """The quietest stretches of a recording, one after the other."""
    frame = min(round(_ROOM_FRAME_S * sample_rate_hz), pcm.size)
    frames = pcm[: pcm.size // frame * frame].reshape(-1, frame).astype(np.float64)
    quietest = np.sort(np.argsort(np.sum(frames**2, axis=1), kind="stable")[:_ROOM_FRAMES])
    return frames[quietest].reshape(-1)


def _noise(
    room: NDArray[np.float64], samples: int, grain: int, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Noise of the room's spectrum and level: its stretches overlapped in random order.

    Grains at random places are unlike each other, so their powers add: the window's squares, half
    a grain apart, sum to 1.
    """
    if samples == 0:
        return np.zeros(0, np.int16)
    grain = min(grain, room.size) // 2 * 2
    if grain == 0:
        return np.zeros(samples, np.int16)
    half = grain // 2
    window = np.sin(np.pi * (np.arange(grain) + 0.5) / grain)
    count = samples // half + 2
    made = np.zeros((count + 1) * half)
    for index, first in enumerate(rng.integers(0, room.size - grain + 1, count)):
        made[index * half : index * half + grain] += window * room[first : first + grain]
    return np.rint(made[half : half + samples]).clip(-32_768, 32_767).astype(np.int16)
