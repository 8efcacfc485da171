"""One clip under each change alone, as strong as a recipe makes it: for people to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from training.audio.augment.draws import NOTHING, Draws
from training.audio.augment.hearing import hearing, tempi, vocal_tract_scales
from training.audio.augment.mixes import mix
from training.audio.augment.surroundings import Surroundings
from training.audio.augment.waveform import apply
from training.recipe import AugmentConfig, FrontendConfig

_ECHO_FROM_S = 0.05
"""What comes later in an impulse response is echo rather than the direct sound."""
_TELEPHONE = 1
"""Row of such a response in `Surroundings.microphones`."""


@dataclass(frozen=True)
class Example:
    """A clip under one change."""

    title: str
    features: np.ndarray
    """int8[frames, bins]."""
    used: bool = True
    """Whether the recipe ever does this."""


def examples(
    pcm: np.ndarray,
    speaker: int,
    around: Surroundings,
    frontend: FrontendConfig,
    config: AugmentConfig,
) -> tuple[Example, ...]:
    """The clip as it is, then under each change of the waveform or the front-end, then in a mix.

    Args:
        pcm: int16[samples] of speech.
        speaker: who speaks, by the numbers of `around.speakers`.
        around: what there is to mix in.
        frontend: sizes and rates.
        config: ranges; each change is shown at the strong end of its own.
    """
    ears = hearing(frontend, config)

    def heard(draws: Draws) -> np.ndarray:
        changed = apply(pcm[None], around, draws, ears.samples)
        return ears.features(changed, draws.vocal_tract, draws.tempo)[0]

    plain = unchanged(config)
    found = [Example("as it is", heard(plain))]
    found += [
        Example(title, heard(draws), used)
        for title, draws, used in _changes(plain, speaker, around, frontend, config)
    ]
    other = _other_voice(speaker, around)
    if other != NOTHING:
        second = ears.features(
            apply(around.voices[other][None], around, plain, ears.samples),
            plain.vocal_tract,
            plain.tempo,
        )
        level = replace(config, mix_below_max_db=0.0, mix_after_share=0.0)
        both = mix(found[0].features[None], second, frontend, level, np.random.default_rng(0))
        found.append(Example("mix of two clips, no label", both[0], config.mix_passes > 0))
    return tuple(found)


def unchanged(config: AugmentConfig) -> Draws:
    """Draws for one clip to which nothing happens."""
    nothing, none = np.array([NOTHING]), np.zeros(1)
    return Draws(
        speed=np.ones(1),
        shift_samples=none,
        voice=nothing,
        voice_shift_samples=np.zeros(1, np.int64),
        voice_below_db=none,
        room=nothing,
        snr_db=np.array([np.inf]),
        noise_start=np.zeros(1, np.int64),
        microphone=nothing,
        clipping_db=none,
        gain_db=none,
        vocal_tract=np.flatnonzero(vocal_tract_scales(config) == 1.0),
        tempo=np.flatnonzero(tempi(config) == 1.0),
    )


def _changes(
    plain: Draws,
    speaker: int,
    around: Surroundings,
    frontend: FrontendConfig,
    config: AugmentConfig,
) -> Iterator[tuple[str, Draws, bool]]:
    """Title, draws and whether the recipe does it, of every change."""
    scales, hops = vocal_tract_scales(config), tempi(config)
    for speed in dict.fromkeys((config.speed_min, config.speed_max)):
        yield f"speed {speed:.2f}", replace(plain, speed=np.array([speed])), speed != 1.0
    for row, tempo in {0: hops[0], len(hops) - 1: hops[-1]}.items():
        yield f"tempo {tempo:.2f}", replace(plain, tempo=np.array([row])), tempo != 1.0
    for row, scale in {0: scales[0], len(scales) - 1: scales[-1]}.items():
        changed = replace(plain, vocal_tract=np.array([row]))
        yield f"vocal tract {scale:.2f}", changed, scale != 1.0
    other = _other_voice(speaker, around)
    if other != NOTHING:
        below_db = config.voice_below_min_db
        voiced = replace(plain, voice=np.array([other]), voice_below_db=np.array([below_db]))
        yield f"second voice {below_db:.0f} dB below", voiced, config.voice_probability > 0.0
    echo = around.rooms[:, round(_ECHO_FROM_S * frontend.sample_rate_hz) :]
    longest = np.array([np.argmax(np.einsum("ij,ij->i", echo, echo))])
    yield "room", replace(plain, room=longest), config.room_probability > 0.0
    yield from _noises(plain, around, config)
    through = replace(plain, microphone=np.array([_TELEPHONE]))
    yield "microphone (telephone)", through, config.microphone_probability > 0.0
    limit_db = config.clipping_max_db
    clipped = replace(plain, clipping_db=np.array([limit_db]))
    yield f"clipped {limit_db:.0f} dB below peak", clipped, config.clipping_probability > 0.0
    quiet = replace(plain, gain_db=np.array([config.gain_min_db]))
    yield f"level {config.gain_min_db:+.0f} dB", quiet, config.gain_min_db != 0.0


def _noises(
    plain: Draws, around: Surroundings, config: AugmentConfig
) -> Iterator[tuple[str, Draws, bool]]:
    kinds = (
        ("recorded noise", around.recorded, 1.0 - config.coloured_share - config.babble_share),
        ("generated noise", around.coloured, config.coloured_share),
        ("babble", around.babble, config.babble_share),
    )
    start, snr_db = 0, config.snr_min_db
    for name, noise, share in kinds:
        noisy = replace(plain, noise_start=np.array([start]), snr_db=np.array([snr_db]))
        if noise.size:
            used = config.noise_probability * share > 0.0
            yield f"{name}, SNR {snr_db:.0f} dB", noisy, used
        start += noise.size


def _other_voice(speaker: int, around: Surroundings) -> int:
    """Row of the first clip of somebody else, or NOTHING."""
    rows = around.other_voices(np.array([speaker]), np.random.default_rng(0))
    return int(rows[0])
