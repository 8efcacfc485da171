"""Augmented copies of clips: the same pass of the same settings is always the same copy."""

from __future__ import annotations

import numpy as np

from training.audio.augment.draws import Draws
from training.audio.augment.hearing import hearing
from training.audio.augment.surroundings import gather
from training.audio.augment.waveform import augment
from training.recipe import AugmentConfig, FrontendConfig


class Augmenter:
    """A training set with what it is mixed with (`around`). Its methods are thread-safe.

    Args:
        pcm: int16[clips, samples] of the training set.
        voices: int64[clips]: who speaks, or `NO_SPEECH`.
        noise: int16[n]: as it was recorded.
        rooms: float32[rooms, taps]: impulse responses.
        frontend: what makes the features.
        config: ranges and probabilities.
        seed: of the recipe.
    """

    def __init__(
        self,
        pcm: np.ndarray,
        voices: np.ndarray,
        noise: np.ndarray,
        rooms: np.ndarray,
        frontend: FrontendConfig,
        config: AugmentConfig,
        seed: int,
    ) -> None:
        self.pcm, self.voices = pcm, voices
        self._config, self._seed = config, seed
        self._clip_samples, self._rate_hz = frontend.clip_samples, frontend.sample_rate_hz
        self._ears = hearing(frontend, config)
        rng = np.random.default_rng((seed, config.passes))
        self.around = gather(pcm, voices, noise, rooms, self._rate_hz, self._ears.samples, rng)

    def features(self, number: int) -> np.ndarray:
        """The training set's copy `number`, int8[clips, frames, bins]."""
        return self.features_of(self.pcm, self.voices, self._rng(number))

    def samples(self, number: int) -> np.ndarray:
        """The waveform of that copy, int16[clips, samples].

        Vocal tract and tempo are as recorded: it is the front-end that changes them.
        """
        changed, _ = self._augment(self.pcm, self.voices, self._rng(number))
        first = (changed.shape[1] - self._clip_samples) // 2
        return changed[:, first : first + self._clip_samples]

    def features_of(
        self, pcm: np.ndarray, voices: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """A copy of other clips in the same surroundings, int8[clips, frames, bins].

        Args:
            pcm: int16[clips, samples].
            voices: int64[clips]: who speaks; beyond the training set's numbers for somebody else.
            rng: source of randomness.
        """
        changed, draws = self._augment(pcm, voices, rng)
        return self._ears.features(changed, draws.vocal_tract, draws.tempo)

    def _augment(
        self, pcm: np.ndarray, voices: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, Draws]:
        samples = self._ears.samples
        return augment(pcm, voices, self.around, self._rate_hz, samples, self._config, rng)

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, number))
