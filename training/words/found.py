"""Every recording of a word read, judged and searched, before anything is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from training.audio.espeak import ACCENTS, Voice, speak, variants
from training.audio.readers import read_clip, to_int16
from training.errors import UserError
from training.progress import Progress
from training.words.locate import Located, locate
from training.words.sources import Recording

LONGEST_RECORDING_S = 20.0
"""A recording says the word once; a longer one is something else."""
_SHORTEST_WORD_S = 0.1
_OVERLOAD_LEVEL = 32_700
_OVERLOAD_SHARE = 0.02
"""Of the word's samples at full scale: the shape of the sound is lost."""
_READERS = 2
_TEMPLATE_VOICES = 8
_TEMPLATE_WORDS_PER_MINUTE = (130, 160, 190)
_TEMPLATE_PAUSE_S = 0.3
_ENVELOPE_POINTS = 120


@dataclass(frozen=True)
class Finding:
    """One recording of a word."""

    path: str
    speaker: str
    seconds: float
    """Length of the recording; 0 where it cannot be read."""
    channels: int
    start_s: float
    stop_s: float
    """Where the word stands; both 0 where it was left out."""
    doubtful: bool
    """It resembles the other recordings little: listen to it."""
    left_out: str
    """Why it is not used; empty where it is."""
    envelope: tuple[int, ...]
    """Peaks along the recording in percent of full scale, for a picture."""


def examine(
    label: str, recordings: Sequence[Recording], sample_rate_hz: int, progress: Progress
) -> list[Finding]:
    """Read all recordings of a word and find the word in each.

    Files that cannot be read, hold no speech, are overloaded, are too long or equal another one
    are left out with the reason.

    Raises:
        UserError: none of them is left.
    """
    with progress.task(f"finding {label!r}", len(recordings)) as task:
        with ThreadPoolExecutor(_READERS) as pool:
            read = []
            for one in pool.map(lambda r: _read(r, sample_rate_hz), recordings):
                read.append(one)
                task.advance()
        _refuse_copies(read)
        usable = [one for one in read if not one.problem]
        spoken = _spoken(label, sample_rate_hz) if usable else []
        places = locate([one.pcm for one in usable], spoken, sample_rate_hz) if usable else []
    place_of = {id(one): place for one, place in zip(usable, places, strict=True)}
    findings = [_finding(one, place_of.get(id(one)), sample_rate_hz) for one in read]
    if all(one.left_out for one in findings):
        first = findings[0]
        raise UserError(
            f"none of the {len(findings)} recordings of {label!r} can be used;"
            f" {first.path}: {first.left_out}",
            "Listen to them, and record the word again: one utterance a file, close to the"
            " microphone.",
        )
    return findings


def save(findings: dict[str, list[Finding]], path: Path) -> None:
    """Write what was found, by label."""
    content = {label: [asdict(one) for one in rows] for label, rows in findings.items()}
    path.write_text(json.dumps(content), encoding="utf-8")


def load(path: Path) -> dict[str, list[Finding]]:
    """Read what `save` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        label: [Finding(**{**row, "envelope": tuple(row["envelope"])}) for row in rows]
        for label, rows in content.items()
    }


@dataclass
class _Read:
    recording: Recording
    pcm: NDArray[np.int16]
    channels: int = 0
    problem: str = ""


def _read(recording: Recording, sample_rate_hz: int) -> _Read:
    nothing = np.zeros(0, np.int16)
    try:
        pcm = read_clip(recording.path, sample_rate_hz)
        channels = int(soundfile.info(recording.path).channels)
    except UserError as error:
        return _Read(recording, nothing, problem=error.message.removeprefix(f"{recording.path}: "))
    result = _Read(recording, pcm, channels)
    if pcm.size > LONGEST_RECORDING_S * sample_rate_hz:
        result.problem = (
            f"is {pcm.size / sample_rate_hz:.0f} s long: give one utterance a file,"
            f" {LONGEST_RECORDING_S:.0f} s at most"
        )
    elif pcm.size < _SHORTEST_WORD_S * sample_rate_hz:
        result.problem = f"is only {1_000 * pcm.size / sample_rate_hz:.0f} ms long"
    elif not pcm.any():
        result.problem = "is digital silence"
    return result


def _refuse_copies(read: Sequence[_Read]) -> None:
    """The same sound in two files could stand on both sides of the split."""
    names: dict[str, str] = {}
    for one in read:
        if one.problem:
            continue
        digest = hashlib.sha256(one.pcm.tobytes()).hexdigest()
        other = names.setdefault(digest, one.recording.path.name)
        if other != one.recording.path.name:
            one.problem = f"sounds exactly as {other}"


def _spoken(label: str, sample_rate_hz: int) -> list[NDArray[np.int16]]:
    """The word by a few unlike voices; none where espeak-ng cannot say it."""
    names = variants()
    spoken = []
    for index in range(_TEMPLATE_VOICES):
        speed = _TEMPLATE_WORDS_PER_MINUTE[index % len(_TEMPLATE_WORDS_PER_MINUTE)]
        variant = names[index * len(names) // _TEMPLATE_VOICES]
        voice = Voice(ACCENTS[index % len(ACCENTS)], variant, speed, pitch=50, pitch_range=50)
        try:
            speech, rate_hz = speak(label.replace("_", " "), voice)
        except UserError:
            return []
        samples = soxr.resample(speech.astype(np.float64) / 32_768.0, rate_hz, sample_rate_hz)
        spoken.append(np.pad(to_int16(samples), round(_TEMPLATE_PAUSE_S * sample_rate_hz)))
    return spoken


def _finding(one: _Read, place: Located | None, sample_rate_hz: int) -> Finding:
    problem = one.problem
    if not problem and place is None:
        problem = "no speech stands out of its noise"
    if place is not None:
        word = np.abs(one.pcm[place.start : place.stop].astype(np.int32))
        if np.mean(word >= _OVERLOAD_LEVEL) > _OVERLOAD_SHARE:
            problem = f"is overloaded: {100 * np.mean(word >= _OVERLOAD_LEVEL):.0f} % at full scale"
        elif place.stop - place.start < _SHORTEST_WORD_S * sample_rate_hz:
            problem = "holds only a click"
    used = place is not None and not problem
    return Finding(
        path=str(one.recording.path),
        speaker=one.recording.speaker,
        seconds=round(one.pcm.size / sample_rate_hz, 3),
        channels=one.channels,
        start_s=round(place.start / sample_rate_hz, 3) if place and used else 0.0,
        stop_s=round(place.stop / sample_rate_hz, 3) if place and used else 0.0,
        doubtful=bool(place and used and place.doubtful),
        left_out=problem,
        envelope=_envelope(one.pcm),
    )


def _envelope(pcm: NDArray[np.int16]) -> tuple[int, ...]:
    if pcm.size < _ENVELOPE_POINTS:
        return ()
    rows = np.abs(pcm[: pcm.size // _ENVELOPE_POINTS * _ENVELOPE_POINTS].astype(np.int32))
    peaks = rows.reshape(_ENVELOPE_POINTS, -1).max(axis=1)
    return tuple(np.rint(100.0 * peaks / 32_768.0).astype(int).tolist())
