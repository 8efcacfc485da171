"""How the recordings are changed before the model hears them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.audio import fit_length
from host_tools.evaluation.noise import Kind, NoiseSource, find_word, noise_gain, to_int16
from host_tools.evaluation.recordings import Recording

JITTER_S = 0.1
GAINS_DB = (-18.0, 6.0)
_SEED = 20_261_121


@dataclass(frozen=True)
class Condition:
    """One change; all defaults leave a recording as it is.

    Attributes:
        noise: kind of noise, or None.
        snr_db: power of the word over that of the noise.
        jitter_s: the clip moves by up to this much to either side.
        gain_db: factor of the whole recording.
    """

    noise: Kind | None = None
    snr_db: float = 0.0
    jitter_s: float = 0.0
    gain_db: float = 0.0

    @property
    def name(self) -> str:
        """For people and file names."""
        if self.noise is not None:
            return f"{self.noise} {self.snr_db:g} dB"
        if self.jitter_s:
            return f"shifted by up to {1000 * self.jitter_s:g} ms"
        return f"gain {self.gain_db:+g} dB" if self.gain_db else "clean"


CLEAN = Condition()


def noisy_conditions(kinds: Sequence[Kind], snrs_db: Sequence[float]) -> list[Condition]:
    """Every kind of noise at every ratio."""
    return [Condition(noise=kind, snr_db=snr) for kind in kinds for snr in snrs_db]


def clip_conditions(kinds: Sequence[Kind], snrs_db: Sequence[float]) -> list[Condition]:
    """What single clips are heard in: clean, shifted, quieter and louder, and noisy."""
    changed = [Condition(jitter_s=JITTER_S), *(Condition(gain_db=gain) for gain in GAINS_DB)]
    return [CLEAN, *changed, *noisy_conditions(kinds, snrs_db)]


def clip_of(
    recording: Recording,
    condition: Condition,
    noises: NoiseSource,
    *,
    clip_samples: int,
    sample_rate_hz: int,
) -> np.ndarray:
    """int16[clip_samples] that the model hears: fitted as in training, then changed.

    The same recording and condition always give the same samples. Recordings without speech get
    noise at the distance from their own loudest part, as those with speech do.
    """
    pcm = fit_length(recording.pcm, clip_samples)
    if condition == CLEAN:
        return pcm
    rng = np.random.default_rng([_SEED, recording.checksum])
    if condition.jitter_s:
        most = round(condition.jitter_s * sample_rate_hz)
        pcm = _moved(pcm, int(rng.integers(-most, most + 1)))
    changed = pcm * 10 ** (condition.gain_db / 20)
    if condition.noise is not None:
        gain = noise_gain(find_word(pcm, sample_rate_hz).power, condition.snr_db)
        changed = changed + gain * noises.make(condition.noise, clip_samples, rng)
    return to_int16(changed)


def _moved(pcm: np.ndarray, by: int) -> np.ndarray:
    """The samples `by` later (earlier when negative), zeros where none come from."""
    moved = np.zeros_like(pcm)
    if by >= 0:
        moved[by:] = pcm[: pcm.size - by]
    else:
        moved[:by] = pcm[-by:]
    return moved
