"""Hard negatives: stretches of running speech without the words, on which a network fires.

A second round of training hears them as what they are, as in the detection of objects (Felzenszwalb
and others, 2010, section 4.4). Only speech of the training set is searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from training.audio.corpus import TEST_LIST, VALIDATION_LIST
from training.audio.readers import read_clip
from training.features import Frontend
from training.progress import Progress
from training.recipe import UNKNOWN_LABEL, Recipe
from training.words.corpus import OTHER_SPEECH
from training.words.places import TRAIN

STEP_S = 0.1
"""From one searched window to the next."""
FIRING = 0.3
"""Probability of a keyword from which on a window is a mistake: below any useful threshold."""
MOST_CLIPS = 600
_BATCH_WINDOWS = 512


def mistaken_clips(
    recipe: Recipe, tflite: bytes, training: Path, progress: Progress
) -> NDArray[np.int16]:
    """Search the other speech of a corpus's training part.

    Args:
        recipe: whose front-end and labels the network has.
        tflite: the int8 network over windows.
        training: the folder that it was trained on.
        progress: shows the search.

    Returns:
        int16[clips, clip_samples], worst first, no two of them overlapping by more than half.
    """
    judge = _Judge(recipe, tflite)
    samples = recipe.frontend.clip_samples
    step = round(STEP_S * recipe.frontend.sample_rate_hz)
    found: list[tuple[float, NDArray[np.int16]]] = []
    streams = list(_streams(training, recipe.frontend.sample_rate_hz))
    with progress.task("searching for mistakes", sum(stream.size for stream in streams)) as task:
        for stream in streams:
            starts = np.arange(0, max(0, stream.size - samples + 1), step)
            batches = np.split(starts, range(_BATCH_WINDOWS, starts.size, _BATCH_WINDOWS))
            firing = np.concatenate([judge.firing(stream, batch) for batch in batches])
            for index in _peaks(firing, samples // (2 * step)):
                start = starts[index]
                found.append((float(firing[index]), stream[start : start + samples]))
            task.advance(stream.size)
    found.sort(key=lambda one: -one[0])
    clips = [clip for _, clip in found[:MOST_CLIPS]]
    return np.stack(clips) if clips else np.zeros((0, samples), np.int16)


def _streams(training: Path, sample_rate_hz: int) -> Iterator[NDArray[np.int16]]:
    """Running speech as it was, and synthesised words one after the other."""
    held = set()
    for name in (VALIDATION_LIST, TEST_LIST):
        held |= set((training / name).read_text(encoding="utf-8").splitlines())
    paths = sorted(
        path
        for path in (training / UNKNOWN_LABEL).glob("*.wav")
        if f"{UNKNOWN_LABEL}/{path.name}" not in held
    )
    windows = [path for path in paths if path.name.startswith(f"{OTHER_SPEECH}_{TRAIN}_")]
    # Each window begins in the middle of the one before it.
    windows.sort(key=lambda path: int(path.stem.rpartition("_")[2]))
    halves = [read_clip(path, sample_rate_hz) for path in windows]
    if halves:
        yield np.concatenate([clip[: clip.size // 2] for clip in halves])
    spoken = [
        read_clip(path, sample_rate_hz) for path in paths if not path.name.startswith(OTHER_SPEECH)
    ]
    if spoken:
        yield np.concatenate(spoken)


class _Judge:
    """The network over windows, by LiteRT's fast kernels: a bit more or less changes no choice."""

    def __init__(self, recipe: Recipe, tflite: bytes) -> None:
        self._frontend = Frontend(recipe.frontend)
        self._samples = recipe.frontend.clip_samples
        self._keywords = len(recipe.words.keywords)
        self._interpreter = Interpreter(model_content=tflite)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]

    def firing(self, stream: NDArray[np.int16], starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability of the likeliest keyword in the windows that begin at `starts`."""
        if starts.size == 0:
            return np.zeros(0)
        windows = np.lib.stride_tricks.sliding_window_view(stream, self._samples)[starts]
        features = self._frontend.batch(np.ascontiguousarray(windows), threads=1)
        scale, _ = self._output["quantization"]
        logits = scale * np.stack([self._scores(one) for one in features]).astype(np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray(shares[:, : self._keywords].max(axis=1))

    def _scores(self, features: NDArray[np.int8]) -> NDArray[np.int8]:
        self._interpreter.set_tensor(self._input["index"], features.reshape(self._input["shape"]))
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output["index"])[0])


def _peaks(firing: NDArray[np.float64], apart: int) -> list[int]:
    """Windows that fire, the worst first, each at least `apart` from the others."""
    chosen: list[int] = []
    for index in np.argsort(-firing, kind="stable"):
        if firing[index] < FIRING:
            break
        if all(abs(index - other) >= apart for other in chosen):
            chosen.append(int(index))
    return chosen
