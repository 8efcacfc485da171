"""Print how many one-second clips one core changes in a second of its time, for each change."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from training.audio.augment.draws import NOTHING, Draws, draw
from training.audio.augment.hearing import hearing
from training.audio.augment.mixes import mix
from training.audio.augment.rooms import simulate_rooms
from training.audio.augment.surroundings import gather
from training.audio.augment.waveform import apply
from training.recipe import AugmentConfig, FrontendConfig

CLIPS, RATE_HZ, ROUNDS = 256, 16_000, 5


def main() -> None:
    """Measure each change alone, applied to every clip, and the recipe's defaults together."""
    rng = np.random.default_rng(0)
    config, plain = AugmentConfig(), AugmentConfig(tempo_min=1.0, tempo_max=1.0)
    every = replace(
        config,
        voice_probability=1.0,
        room_probability=1.0,
        noise_probability=1.0,
        microphone_probability=1.0,
        clipping_probability=1.0,
    )
    pcm = rng.integers(-20_000, 20_000, (CLIPS, RATE_HZ), dtype=np.int16)
    speakers = np.arange(CLIPS)
    ears = hearing(FrontendConfig(), config)
    rooms = simulate_rooms(8, RATE_HZ, rng)
    around = gather(pcm, speakers, pcm[:60].reshape(-1), rooms, RATE_HZ, ears.samples, rng)
    drawn = draw(speakers, ears.samples, RATE_HZ, around, every, rng)
    usual = draw(speakers, ears.samples, RATE_HZ, around, config, rng)
    nothing = replace(
        drawn,
        voice=np.full(CLIPS, NOTHING),
        room=np.full(CLIPS, NOTHING),
        snr_db=np.full(CLIPS, np.inf),
        microphone=np.full(CLIPS, NOTHING),
        clipping_db=np.zeros(CLIPS),
    )
    heard = apply(pcm, around, drawn, ears.samples)
    own = hearing(FrontendConfig(), plain)
    bank = ears.features(heard, drawn.vocal_tract, drawn.tempo)

    def waveform(draws: Draws) -> float:
        return _clips_per_second(lambda: apply(pcm, around, draws, ears.samples))

    figures = {
        "speed, shift, gain": waveform(nothing),
        "the same and a second voice": waveform(replace(nothing, voice=drawn.voice)),
        "the same and a room": waveform(replace(nothing, room=drawn.room)),
        "the same and noise": waveform(replace(nothing, snr_db=drawn.snr_db)),
        "the same and a microphone": waveform(replace(nothing, microphone=drawn.microphone)),
        "the same and clipping": waveform(replace(nothing, clipping_db=drawn.clipping_db)),
        "all of the waveform, by default": waveform(usual),
        "features, drawn vocal tracts": _clips_per_second(
            lambda: own.features(pcm, drawn.vocal_tract, np.zeros(CLIPS, np.int64))
        ),
        "features, drawn tempi too": _clips_per_second(
            lambda: ears.features(heard, drawn.vocal_tract, drawn.tempo)
        ),
        "mixes of features": _clips_per_second(
            lambda: mix(bank, bank[::-1], FrontendConfig(), config, np.random.default_rng(0))
        ),
    }
    for name, value in figures.items():
        print(f"{name:34} {value:8,.0f} clips per second of one core")


def _clips_per_second(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return CLIPS / min(seconds)


if __name__ == "__main__":
    main()
