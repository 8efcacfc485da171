"""Measures a recording of a board's microphone and says what to do about it.

Levels are in dBFS: 0 is a square wave of the greatest int16. Speech is told from noise by loudness
alone: the loudest tenth of all frames against the quietest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FRAME_S = 0.02
FULL_SCALE = 32_768.0
SILENT_DBFS = -100.0
LOUD_SHARE = 0.1
QUIET_SHARE = 0.1

QUIET_SPEECH_DBFS = -40.0
LOUD_SPEECH_DBFS = -12.0
LEVEL_TOLERANCE_DB = 6.0
LEAST_RATIO_DB = 15.0
CLIPPED_TOLERANCE = 1e-3
OFFSET_TOLERANCE = 1_000
BAND_TOLERANCE_DB = 6.0
LOST_TOLERANCE = 1e-3
_GROUP_BANDS = 3
"""Fewer neighbouring bands off than this are chance."""


@dataclass(frozen=True)
class Level:
    """How loud a recording is, all in dBFS.

    Attributes:
        mean_dbfs: of the whole.
        speech_dbfs: of the loudest tenth of its frames.
        noise_dbfs: of the quietest tenth.
        peak_dbfs: of the greatest sample.
        clipped: share of samples at a limit of int16.
    """

    seconds: float
    mean_dbfs: float
    speech_dbfs: float
    noise_dbfs: float
    peak_dbfs: float
    clipped: float


@dataclass(frozen=True)
class Band:
    """A mel band: its middle, and how much louder it is than in the training data.

    The mean over all bands is taken away: it is the level, and not the response.
    """

    middle_hz: float
    difference_db: float


def measure(samples: np.ndarray, rate_hz: int) -> Level:
    """Level of int16[n], n > 0."""
    length = round(FRAME_S * rate_hz)
    padded = np.pad(samples, (0, -samples.size % length)).astype(np.float64) / FULL_SCALE
    energy = np.sort(np.mean(padded.reshape(-1, length) ** 2, axis=1))
    loud = max(1, round(LOUD_SHARE * energy.size))
    quiet = max(1, round(QUIET_SHARE * energy.size))
    limits = (samples == np.iinfo(np.int16).max) | (samples == np.iinfo(np.int16).min)
    return Level(
        seconds=samples.size / rate_hz,
        mean_dbfs=_db(float(energy.mean())),
        speech_dbfs=_db(float(energy[-loud:].mean())),
        noise_dbfs=_db(float(energy[:quiet].mean())),
        peak_dbfs=_db(float(np.max(np.abs(padded))) ** 2),
        clipped=float(np.mean(limits)),
    )


def _db(energy: float) -> float:
    return max(SILENT_DBFS, 10 * float(np.log10(max(energy, 1e-20))))


def loud_spectrum(features: np.ndarray, step_db: float) -> np.ndarray:
    """float64[bins]: mean mel energies in dB of the loudest tenth of frames.

    Args:
        features: int8[frames, bins], frames > 0, of the model's front-end.
        step_db: what one step of a feature is.
    """
    loudness = features.astype(np.float64).mean(axis=1)
    loud = max(1, round(LOUD_SHARE * len(features)))
    chosen: np.ndarray = features[np.argsort(loudness)[-loud:]].astype(np.float64).mean(axis=0)
    return chosen * step_db


def compare(board_db: np.ndarray, training_db: np.ndarray, middles_hz: np.ndarray) -> list[Band]:
    """The bands of two spectra (`loud_spectrum`), without the difference in level."""
    difference = board_db - training_db
    difference = difference - difference.mean()
    return [Band(float(hz), float(db)) for hz, db in zip(middles_hz, difference, strict=True)]


def advise(
    level: Level,
    training: Level | None,
    bands: Sequence[Band],
    *,
    offset: int,
    lost: float,
) -> list[str]:
    """What a user should know and do, the gravest first; empty when all is well.

    Args:
        training: level of the training data, where it is known.
        offset: mean of the microphone's samples.
        lost: share of samples that are missing.
    """
    found = []
    if level.peak_dbfs <= SILENT_DBFS:
        return ["There is nothing but zeros: check the wiring of the microphone's data line."]
    if lost > LOST_TOLERANCE:
        found.append(
            f"{lost:.1%} of the samples are missing: words at those places are not heard. Use a "
            "faster line, or a core that is not busy for so long."
        )
    if level.clipped > CLIPPED_TOLERANCE:
        found.append(
            f"{level.clipped:.2%} of the samples are clipped: lower the gain, or speak from "
            "further away."
        )
    found += _level_advice(level, training)
    if level.speech_dbfs - level.noise_dbfs < LEAST_RATIO_DB:
        found.append(
            f"The loudest parts are only {level.speech_dbfs - level.noise_dbfs:.0f} dB above the "
            "noise: speak while recording, come closer, or look for hum and a noisy supply."
        )
    if abs(offset) > OFFSET_TOLERANCE:
        found.append(
            f"The microphone's samples have an offset of {offset} of {FULL_SCALE:.0f}. The board "
            "takes it away, but it costs headroom."
        )
    return found + _response_advice(bands)


def _level_advice(level: Level, training: Level | None) -> list[str]:
    if training is not None:
        less_db = training.speech_dbfs - level.speech_dbfs
        if abs(less_db) <= LEVEL_TOLERANCE_DB:
            return []
        word = "quieter" if less_db > 0 else "louder"
        return [
            f"Speech is {abs(less_db):.0f} dB {word} than in the training data: give "
            f"--gain-db {less_db:+.0f}, or train with copies of that loudness."
        ]
    if level.speech_dbfs < QUIET_SPEECH_DBFS:
        return [f"Speech is quiet, {level.speech_dbfs:.0f} dBFS: raise the gain (--gain-db)."]
    if level.speech_dbfs > LOUD_SPEECH_DBFS:
        return [f"Speech is loud, {level.speech_dbfs:.0f} dBFS: lower the gain (--gain-db)."]
    return []


def _response_advice(bands: Sequence[Band]) -> list[str]:
    """Runs of bands that are off in the same direction."""
    found = []
    run: list[Band] = []
    for band in [*bands, Band(0.0, 0.0)]:
        off = abs(band.difference_db) > BAND_TOLERANCE_DB
        if run and (not off or (band.difference_db > 0) != (run[0].difference_db > 0)):
            if len(run) >= _GROUP_BANDS:
                mean_db = float(np.mean([one.difference_db for one in run]))
                word = "louder" if mean_db > 0 else "quieter"
                found.append(
                    f"From {run[0].middle_hz:.0f} to {run[-1].middle_hz:.0f} Hz the microphone is "
                    f"{abs(mean_db):.0f} dB {word} than the training data: check its opening and "
                    "housing, or train with recordings of it."
                )
            run = []
        if off:
            run.append(band)
    return found
