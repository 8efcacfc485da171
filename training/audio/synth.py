"""Speaks a corpus with espeak-ng: for a demonstration, and for words that nobody has recorded.

The result is a folder in the layout of the Speech Commands test set. A voice (an accent with a
vocal tract) counts as a speaker. Models trained on such speech alone hear such speech: real voices
are more varied, see docs/data.md.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import shutil
import signal
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from training.audio.espeak import ACCENTS, Voice, phonemes, speak, variants
from training.audio.noise import coloured_noise, generated_silence
from training.audio.readers import fit_length, to_int16
from training.audio.word_lists import CONFUSABLE_WORDS, PLAIN_WORDS
from training.errors import UserError
from training.files import write_atomically
from training.progress import Progress
from training.recipe import SILENCE_LABEL, UNKNOWN_LABEL, SynthesisConfig, WordsConfig

SETTINGS_FILE = "synthesis.json"
_PART_SUFFIX = ".part"

# Ranges that stay intelligible; a speaker has a habit, and each clip strays from it.
_WORDS_PER_MINUTE = (120, 210)
_WORDS_PER_MINUTE_STRAY = 20
_PITCH = (30, 70)
_PITCH_STRAY = 8
_PITCH_RANGE = (30, 75)
_PITCH_RANGE_STRAY = 10

_LEVEL_DB = (-36.0, -14.0)
"""RMS of the word relative to full scale."""
_SNR_DB = (12.0, 45.0)
"""The word over the noise of its room."""
_TRIM_FRACTION = 0.01
"""Samples below this part of the peak, before and after the word, are cut off."""
_EDGE_SHARE = 0.2
"""Share of the free time that is always left before and after the word."""
_MICROPHONE_POINTS = 8
_MICROPHONE_DB = 4.0
"""Standard deviation of the frequency response at each point of a random curve."""
_DECAY_S = (0.03, 0.25)
"""Time in which the room's echo falls by 60 dB."""
_ECHO_DB = (-30.0, -8.0)
"""Energy of the echo relative to the direct sound."""
_DECAY_60_DB = 6.9
"""ln(1000): exp(-6.9) is 60 dB down in amplitude."""


@dataclass(frozen=True)
class _Folder:
    """One folder of the corpus: what one worker process makes."""

    path: Path
    texts: tuple[str, ...]
    """Words to speak in turn; empty for silence."""
    speakers: tuple[str, ...]
    clips: int
    sample_rate_hz: int
    clip_samples: int
    seed: int


def synthesise(
    words: WordsConfig,
    config: SynthesisConfig,
    out_dir: Path,
    *,
    sample_rate_hz: int,
    clip_samples: int,
    seed: int,
    progress: Progress,
) -> None:
    """Speak every keyword, other words for `_unknown_`, and make noise for `_silence_`.

    The same arguments give the same bytes. Each folder appears whole; when the run is broken off,
    the next one makes only the folders that are missing.

    Args:
        words: keywords and the classes beside them.
        config: clips a class, speakers, and other words (empty: a built-in list).
        out_dir: made when it is missing; otherwise it must come from the same settings.
        sample_rate_hz: rate of the files, which are mono and 16-bit.
        clip_samples: length of every file.
        seed: decides voices, rooms, levels and noise.
        progress: shows folders done.

    Raises:
        UserError: the folder holds something else, more speakers are wanted than there are
            voices, or espeak-ng does not work here.
    """
    speakers = choose_speakers(config.speakers, seed)
    folders = _plan(words, config, out_dir, speakers, sample_rate_hz, clip_samples, seed)
    _claim(out_dir, words, config, sample_rate_hz, clip_samples, seed)
    missing = [folder for folder in folders if not folder.path.is_dir()]
    with progress.task("speaking words", len(folders)) as task:
        task.advance(len(folders) - len(missing))
        # espeak-ng's output depends on what the process said before, so each folder gets a fresh
        # process; spawned, because a fork would copy TensorFlow's locks in an unknown state.
        with ProcessPoolExecutor(
            max_workers=max(1, min(os.cpu_count() or 1, len(missing))),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_leave_interrupts_to_the_parent,
            max_tasks_per_child=1,
        ) as pool:
            futures = {pool.submit(_make_folder, folder): folder for folder in missing}
            try:
                for future in as_completed(futures):
                    future.result()
                    task.advance(1, futures[future].path.name)
            except BrokenProcessPool as error:
                raise UserError(
                    "a speech synthesis process ended unexpectedly",
                    "Run again: finished folders are kept. Check the free memory.",
                ) from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def choose_speakers(count: int, seed: int) -> tuple[str, ...]:
    """`<accent>+<variant>` names of `count` different voices; variants repeat as late as possible.

    Raises:
        UserError: there are fewer voices than that.
    """
    names = variants()
    if count > len(names) * len(ACCENTS):
        raise UserError(
            f"{count} speakers are wanted; espeak-ng has {len(names) * len(ACCENTS)} voices",
            "Lower synthesis.speakers in the recipe.",
        )
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(names)
    accents = rng.integers(len(ACCENTS), size=len(names))
    return tuple(
        f"{ACCENTS[(accents[n % len(names)] + n // len(names)) % len(ACCENTS)]}+{variant}"
        for n, variant in enumerate(np.resize(shuffled, count))
    )


def other_words(keywords: tuple[str, ...], wanted: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Words for `_unknown_`: those wanted or a built-in list, without keywords and homophones."""
    taken = {phonemes(_text(keyword)) for keyword in keywords}
    candidates = wanted or (*CONFUSABLE_WORDS, *PLAIN_WORDS)
    return tuple(word for word in candidates if phonemes(_text(word)) not in taken)


def _plan(
    words: WordsConfig,
    config: SynthesisConfig,
    out_dir: Path,
    speakers: tuple[str, ...],
    sample_rate_hz: int,
    clip_samples: int,
    seed: int,
) -> list[_Folder]:
    def folder(name: str, texts: tuple[str, ...], clips: int = 0) -> _Folder:
        return _Folder(
            path=out_dir / name,
            texts=texts,
            speakers=speakers,
            clips=clips or config.clips_per_word,
            sample_rate_hz=sample_rate_hz,
            clip_samples=clip_samples,
            seed=seed,
        )

    folders = [folder(keyword, (keyword,)) for keyword in words.keywords]
    if words.unknown:
        others = other_words(words.keywords, config.unknown_words)
        if not others:
            raise UserError(
                "synthesis.unknown_words holds only keywords or words that sound the same",
                "Give other words, or leave the list empty for the built-in one.",
            )
        folders.append(folder(UNKNOWN_LABEL, others, config.unknown_clips))
    if words.silence:
        folders.append(folder(SILENCE_LABEL, ()))
    return folders


def _claim(
    out_dir: Path,
    words: WordsConfig,
    config: SynthesisConfig,
    sample_rate_hz: int,
    clip_samples: int,
    seed: int,
) -> None:
    """Mark the folder as made from these settings, or refuse it."""
    settings = json.dumps(
        {
            "words": asdict(words),
            "synthesis": asdict(config),
            "sample_rate_hz": sample_rate_hz,
            "clip_samples": clip_samples,
            "seed": seed,
        },
        indent=1,
        sort_keys=True,
    ).encode()
    mark = out_dir / SETTINGS_FILE
    if mark.is_file():
        if mark.read_bytes() != settings:
            raise UserError(
                f"{out_dir}: holds speech made with other settings",
                "Choose another folder, or remove this one.",
            )
    elif out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise UserError(
            f"{out_dir}: is not empty and was not made by speech synthesis",
            "Choose a new folder.",
        )
    else:
        write_atomically(mark, settings)


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of the terminal; only the parent acts on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_folder(folder: _Folder) -> None:
    """Runs in a fresh process: write all clips of one folder, then give it its name."""
    part = folder.path.with_name(f".{folder.path.name}{_PART_SUFFIX}")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    for number in range(folder.clips):
        name, pcm = _make_clip(folder, number)
        content = io.BytesIO()
        soundfile.write(content, pcm, folder.sample_rate_hz, format="WAV", subtype="PCM_16")
        (part / name).write_bytes(content.getvalue())
    part.replace(folder.path)


def _make_clip(folder: _Folder, number: int) -> tuple[str, np.ndarray]:
    """File name and int16[clip_samples] of one clip."""
    rng = np.random.default_rng((folder.seed, zlib.crc32(folder.path.name.encode()), number))
    if not folder.texts:
        return f"{number}.wav", generated_silence(1, folder.clip_samples, rng)[0]
    speaker = folder.speakers[number % len(folder.speakers)]
    take = number // len(folder.speakers)
    if folder.path.name == UNKNOWN_LABEL:
        # Steps through words and speakers at once, and starts elsewhere in every round.
        word = folder.texts[(number + take) % len(folder.texts)]
        name = f"{word}_{speaker}_nohash_{take}.wav"
    else:
        word = folder.texts[0]
        name = f"{speaker}_nohash_{take}.wav"
    speech, rate_hz = speak(_text(word), _voice(speaker, folder.seed, rng))
    speech = soxr.resample(speech.astype(np.float32), rate_hz, folder.sample_rate_hz)
    return name, _in_a_room(speech, folder.sample_rate_hz, folder.clip_samples, rng)


def _voice(speaker: str, seed: int, rng: np.random.Generator) -> Voice:
    """The speaker's habits, strayed from a little."""
    accent, variant = speaker.split("+")
    habit = np.random.default_rng((seed, zlib.crc32(speaker.encode())))

    def around(bounds: tuple[int, int], stray: int) -> int:
        return int(habit.integers(*bounds, endpoint=True) + rng.integers(-stray, stray + 1))

    return Voice(
        accent=accent,
        variant=variant,
        words_per_minute=around(_WORDS_PER_MINUTE, _WORDS_PER_MINUTE_STRAY),
        pitch=around(_PITCH, _PITCH_STRAY),
        pitch_range=around(_PITCH_RANGE, _PITCH_RANGE_STRAY),
    )


def _in_a_room(
    speech: np.ndarray, sample_rate_hz: int, clip_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Speech as a microphone in a room records it, somewhere in a clip.

    Args:
        speech: float32[samples], any level.
        sample_rate_hz: of the speech.
        clip_samples: length wanted.
        rng: source of randomness.

    Returns:
        int16[clip_samples].
    """
    loud = np.flatnonzero(np.abs(speech) > _TRIM_FRACTION * np.abs(speech).max())
    word = speech[loud[0] : loud[-1] + 1]
    response = _room_response(sample_rate_hz, rng)
    size = 1 << (word.size + response.size).bit_length()
    spectrum = np.fft.rfft(word, size) * np.fft.rfft(response, size)
    spectrum *= _microphone_curve(spectrum.size, rng)
    heard = np.fft.irfft(spectrum, size)[: word.size + response.size]
    heard /= np.sqrt(np.mean(heard[: word.size] ** 2))
    clip = np.zeros(clip_samples)
    room = clip_samples - word.size
    if room > 0:
        start = int(room * rng.uniform(_EDGE_SHARE, 1.0 - _EDGE_SHARE))
        tail = heard[: clip_samples - start]
        clip[start : start + tail.size] = tail
    else:
        clip[:] = fit_length(heard[: word.size], clip_samples)
    slope = rng.uniform(0.0, 2.0, 1)
    noise = coloured_noise(1, clip_samples, slope, rng)[0]
    clip += noise * 10.0 ** (-rng.uniform(*_SNR_DB) / 20.0)
    return to_int16(clip * 10.0 ** (rng.uniform(*_LEVEL_DB) / 20.0))


def _room_response(sample_rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """float64[n]: the direct sound, then noise that dies away (Moorer, 1979)."""
    decay_s = rng.uniform(*_DECAY_S)
    samples = int(decay_s * sample_rate_hz)
    envelope = np.exp(-_DECAY_60_DB * np.arange(samples) / samples)
    response = rng.standard_normal(samples) * envelope
    echo = 10.0 ** (rng.uniform(*_ECHO_DB) / 20.0)
    response *= echo / np.sqrt(np.sum(response**2))
    response[0] = 1.0
    return response


def _microphone_curve(bins: int, rng: np.random.Generator) -> np.ndarray:
    """float64[bins]: a smooth random frequency response."""
    points_db = rng.normal(0.0, _MICROPHONE_DB, _MICROPHONE_POINTS)
    places = np.linspace(0.0, bins - 1.0, _MICROPHONE_POINTS)
    return 10.0 ** (np.interp(np.arange(bins), places, points_db) / 20.0)


def _text(word: str) -> str:
    """What is said for a word that is also the name of a folder."""
    return word.replace("_", " ")
